"""Cases 63 to 70: plugins that reach for the network by themselves. Servers that really listen here hear nothing."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from lao.model.rights import Rights
from tests.hostile.stage import Stage

# With every permission there is: only the host's broker reaches the network, never the plugin itself.
GRANTED = Rights(permissions=frozenset({"network_access", "write_files"}), file_access=("./",))


def attack(stage: Stage, text: str = "") -> dict[str, Any]:
    """The plugin's report; its worker still serves, and is the same."""
    with stage.load(rights=GRANTED) as plugin:
        report: dict[str, Any] = plugin.call("attack", text)
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 0
    return report


def assert_denied(report: dict[str, Any]) -> None:
    """Each attempt; the sandbox answers before the kernel looks at an argument."""
    assert report
    assert set(report.values()) == {"EPERM"}, report


@contextlib.contextmanager
def listening(family: int, kind: int, address: Any) -> Iterator[Any]:
    """A server that must not be reached; gives its address."""
    with socket.socket(family, kind) as server:
        server.bind(address)
        if kind != socket.SOCK_DGRAM:
            server.listen()
        server.setblocking(False)
        yield server.getsockname()
        with pytest.raises(BlockingIOError):
            server.recv(1) if kind == socket.SOCK_DGRAM else server.accept()


def test_63_tcp(stage: Stage) -> None:
    with listening(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)) as (_, port):
        assert_denied(attack(stage, str(port)))


def test_64_udp_and_names(stage: Stage) -> None:
    with listening(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)) as (_, port):
        report = attack(stage, str(port))
    assert report.pop("resolved") == 0
    assert_denied(report)


def test_65_raw_sockets(stage: Stage) -> None:
    assert_denied(attack(stage))


def test_66_sockets_of_other_families(stage: Stage) -> None:
    assert_denied(attack(stage))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_67_sockets_by_abstract_name(stage: Stage, kind: int) -> None:
    name = f"lao-hostile-{stage.sibling_pid}"
    with listening(socket.AF_UNIX, kind, f"\0{name}"):
        assert_denied(attack(stage, name))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_68_sockets_by_path(stage: Stage, kind: int) -> None:
    """In its own directory even, where it may write."""
    (stage.scratch / "data").mkdir()
    path = str(stage.scratch / "data" / "service")
    with listening(socket.AF_UNIX, kind, path):
        assert_denied(attack(stage, path))


def test_69_tcp_fast_open(stage: Stage) -> None:
    with listening(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)) as (_, port):
        assert_denied(attack(stage, str(port)))


def test_70_multipath_tcp(stage: Stage) -> None:
    assert_denied(attack(stage))
