"""The template `network-service`: its own tests, conformance, and servers that mean harm."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import lao
from lao.errors import LaoError, PermissionDenied, PluginError, PluginTimeout
from tests.host.test_http_peers import peer, request_of, saying
from tests.templates.made import Made, languages, make, passed

Load = Callable[..., lao.Plugin]
QUICK = {"retry_delay_s": 0.01, "requests_per_second": 1000.0, "burst": 1000}
INPUT = '{"path": "/items", "dry_run": true}'


@pytest.fixture(scope="module", params=languages("network-service", first="cpp"))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    language = str(request.param)
    return make("network-service", language, tmp_path_factory.mktemp(language) / "rest client")


@pytest.fixture(params=["process", "none"])
def load(request: pytest.FixtureRequest, made: Made) -> Iterator[Load]:
    with lao.Host() as host:

        def load_plugin(port: int, **settings: Any) -> lao.Plugin:
            config = {"base_url": f"http://127.0.0.1:{port}", **QUICK, **settings}
            return host.load(
                made.project.directory,
                isolation=request.param,
                grant=["network_access", "private_addresses"],
                config=config,
            )

        yield load_plugin


def test_its_own_tests_and_conformance(made: Made) -> None:
    found = passed(made, lambda _: lao.Json({"path": "/", "dry_run": True}))
    names = [check.name for check in found.checks if check.outcome == "passed"]
    assert "300 instances made and ended" in names
    assert {name for name in names if name.endswith("cancel")} == {
        "request: cancel",
        "list: cancel",
        "pages: cancel",
    }
    assert found.output["dry_run"] is True
    assert found.output["url"] == "https://api.example.org/"


# --- Servers that mean harm ---

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DEEP = b"[" * 10000 + b"]" * 10000


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "cannot fetch"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot fetch"),
        (b"\x00\xff" * 5000, "cannot fetch"),
        (OK + b"Content-Length: 10\r\n\r\n[1", "cannot fetch"),
        (OK + b"Content-Length: -5\r\n\r\n", "cannot fetch"),
        (OK + b"Content-Length: ten\r\n\r\n[1,2,3,4]", "cannot fetch"),
        (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[1]", "cannot fetch"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "cannot fetch"),
        (OK + b"Content-Length: 2\r\n\r\n[1, 2, 3]", "not JSON at line 1"),
        (OK + b'\r\n{"a": \xff}', "not JSON"),
        (OK + b'\r\n"\\ud800"', "not JSON at line 1"),
        (OK + b"\r\n[1,]", "not JSON at line 1 column 4"),
        (OK + b"\r\n[01]", "not JSON at line 1"),
        (OK + b"\r\nNaN", "not JSON at line 1 column 1"),
        (OK + b"\r\n" + DEEP, "not JSON at line 1 column 12[89]"),
        (OK + b"X: " + b"x" * 40000 + b"\r\n\r\n[]", "too long"),
        (b"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n", "redirects more than 5 times"),
        (b"HTTP/1.1 500 \x1b[31m\r\n\r\n\x1b[31mred\nalert\x07", r"answered 500: .?\[31mred alert"),
    ],
)
def test_what_it_says(load: Load, answer: bytes, said: str) -> None:
    with peer(saying(answer)) as port:
        plugin = load(port, max_attempts=1)
        with pytest.raises(PluginError, match=said) as failure:
            plugin({"path": "/"})
    assert "\x1b" not in str(failure.value)


def test_huge_answers_are_cut_off_and_not_asked_for_again(load: Load) -> None:
    connections = []

    def endless(connection: socket.socket) -> None:
        connections.append(1)
        saying(OK + b"\r\n[", endless=b"1," * 32768)(connection)

    with peer(endless) as port, pytest.raises(PluginError, match="too large"):
        load(port)({"path": "/"})
    assert len(connections) == 1


def test_slow_drips_end_in_time(load: Load) -> None:
    def drip(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(OK + b"\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.02)

    with peer(drip) as port:
        plugin = load(port, timeout_s=0.3, max_attempts=2)
        began = time.monotonic()
        with pytest.raises(PluginTimeout, match=r"did not answer in time.*attempt 2"):
            plugin({"path": "/"})
        assert 0.6 <= time.monotonic() - began < 3


def test_a_server_that_hangs_up_is_asked_again(load: Load) -> None:
    connections: list[int] = []

    def moody(connection: socket.socket) -> None:
        connections.append(1)
        if len(connections) < 3:
            return  # without reading: the client sees a reset
        saying(OK + b"Content-Length: 4\r\n\r\n[42]")(connection)

    with peer(moody) as port:
        plugin = load(port)
        answer = plugin({"path": "/"})
        assert (answer["body"], answer["attempts"]) == ([42], 3)
        connections.clear()
        with pytest.raises(PluginError, match="cannot fetch"):
            plugin({"path": "/", "method": "POST", "body": 1})
        assert len(connections) == 1  # nobody knows what became of it


@pytest.mark.parametrize(
    "location",
    ["http://192.0.2.1/", "http://localhost.evil.example/", "file:///etc/passwd", "gopher://127.0.0.1/"],
)
def test_redirects_lead_nowhere_else(load: Load, location: str) -> None:
    answer = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n".encode()
    with peer(saying(answer)) as port, pytest.raises(PermissionDenied):
        load(port)({"path": "/"})


def test_secrets_do_not_follow_a_redirect(load: Load) -> None:
    heads: list[bytes] = []

    def listen(connection: socket.socket) -> None:
        heads.append(request_of(connection))
        connection.sendall(OK + b"Content-Length: 2\r\n\r\n[]")

    secrets: list[dict[str, Any]] = [
        {"auth": "bearer", "token": "tell-nobody"},
        {"auth": "basic", "username": "me", "password": "tell-nobody"},
        {"auth": "api_key", "api_key": "tell-nobody"},
        {"auth": "api_key", "api_key": "tell-nobody", "api_key_name": "X-Shade"},
        {"auth": "api_key", "api_key": "tell-nobody", "api_key_name": "shade", "api_key_in": "query"},
    ]
    with peer(listen) as other:
        away = f"HTTP/1.1 307 Away\r\nLocation: http://127.0.0.1:{other}/\r\n\r\n".encode()
        with peer(saying(away)) as port:
            for settings in secrets:
                answer = load(port, **settings)({"path": "/"})
                assert answer["url"] == f"http://127.0.0.1:{other}/"
    assert len(heads) == len(secrets)
    for head in heads:
        assert b"nobody" not in head
        assert b"authorization" not in head.lower()
        assert b"shade" not in head.lower()


def test_an_endless_list_ends(load: Load) -> None:
    pages = 0

    def serve(connection: socket.socket) -> None:
        nonlocal pages
        request_of(connection)
        pages += 1
        body = b"[" + b",".join([b'"' + b"x" * 1000 + b'"'] * 1000) + b"]"
        link = f"Link: </?page={pages}>; rel=next\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        connection.sendall(OK + link + body)

    with peer(serve) as port:
        plugin = load(port)
        whole = plugin.call("list", {"path": "/"}, max_pages=3)
        assert (whole["pages"], whole["count"], whole["complete"]) == (3, 3000, False)
        with pytest.raises(LaoError, match=r"64 MiB|requests in a second"):
            plugin.call("list", {"path": "/"})


def test_calls_at_the_same_time_share_one_rate(load: Load) -> None:
    times: list[float] = []

    def serve(connection: socket.socket) -> None:
        request_of(connection)
        times.append(time.monotonic())
        connection.sendall(OK + b"Content-Length: 2\r\n\r\n[]")

    with peer(serve) as port:
        plugin = load(port, requests_per_second=20, burst=1)
        threads = [threading.Thread(target=plugin, args=({"path": "/"},)) for _ in range(6)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(times) == 6
    assert max(times) - began >= 0.24  # the first one at once, then one each 50 ms
