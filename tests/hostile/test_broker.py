"""Cases 71 and 72: plugins that have the host reach what it must not, or too often."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from lao.model.rights import Rights
from tests.hostile.stage import Stage
from tests.install.server import content, redirect, serving

GRANTED = Rights(permissions=frozenset({"network_access"}))
DENIED = 8  # LAO_PERMISSION_DENIED


@contextlib.contextmanager
def resolving(table: dict[str, list[str]]) -> Iterator[None]:
    """Names that resolve to these addresses, one after the other; the last one stays."""
    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        if host in table:
            answers = table[host]
            host = answers.pop(0) if len(answers) > 1 else answers[0]
        return real(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        yield


def attack(stage: Stage, url: str, rights: Rights = GRANTED) -> dict[str, Any]:
    with stage.load(rights=rights) as plugin:
        report: dict[str, Any] = plugin.call("attack", json.dumps({"url": url, "timeout_s": 5}))
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 0
    return report


def assert_refused(stage: Stage, report: dict[str, Any]) -> None:
    assert (report["status"], report["bytes"]) == (DENIED, 0), report
    assert "public address" in report["error"]
    assert stage.host.events.count("permission_denied") >= 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "100.64.0.1",
        "2130706433",
        "0x7f.1",
        "127.1",
    ],
)
def test_71_a_private_address(stage: Stage, host: str) -> None:
    with serving() as site:
        site.answers["/"] = content(b"secret")
        port = site.address.rsplit(":", 1)[1]
        report = attack(stage, f"http://{host}:{port}/")
        assert report["status"] != 0
        assert report["bytes"] == 0
        assert site.requests == []


def test_71_a_name_that_leads_to_one(stage: Stage) -> None:
    with serving() as site, resolving({"inside.example.org": ["127.0.0.1"]}):
        port = site.address.rsplit(":", 1)[1]
        assert_refused(stage, attack(stage, f"http://inside.example.org:{port}/"))
        assert site.requests == []


def test_71_a_name_that_leads_to_one_the_second_time(stage: Stage) -> None:
    """What was checked is what is connected to: nobody asks a second time. TEST-NET leads nowhere."""
    with serving() as site, resolving({"turns.example.org": ["192.0.2.1", "127.0.0.1"]}):
        port = site.address.rsplit(":", 1)[1]
        report = attack(stage, f"http://turns.example.org:{port}/")
        assert report["status"] != 0
        assert site.requests == []


def test_71_a_redirect_to_one(stage: Stage) -> None:
    """The first hop is granted by name and address; where it leads was not."""
    with serving() as site:
        site.answers["/"] = redirect("http://169.254.169.254/latest/meta-data/")
        rights = Rights(
            permissions=frozenset({"network_access"}), hosts=("127.0.0.1",), private_addresses=True
        )
        report = attack(stage, f"{site.address}/", rights)
        assert report["status"] == DENIED, report
        assert len(site.requests) == 1


def test_71_without_the_permission_there_is_no_such_service(stage: Stage) -> None:
    assert attack(stage, "http://example.org/", Rights()) == {"service": "absent"}


def test_72_a_burst(stage: Stage) -> None:
    rights = Rights(
        permissions=frozenset({"network_access"}), private_addresses=True, requests_per_second=0.001
    )
    with serving() as site:
        site.answers["/"] = content(b"x")
        with stage.load(rights=rights) as plugin:
            report = plugin.call("attack", f"{site.address}/")
            stage.assert_serves(plugin)
        assert report == {"fetched": 1, "limited": 99, "other": 0}
        assert len(site.requests) == 1
