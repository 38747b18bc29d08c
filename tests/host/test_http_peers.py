"""Servers that mean harm to the host that fetches from them: each by the bytes that it sends, or does not take."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpcore
import pytest

import lao
from lao import public_web
from lao.errors import (
    Cancelled,
    InvalidInput,
    LaoError,
    PermissionDenied,
    PluginTimeout,
    ResourceLimitExceeded,
)
from lao.host.services import guarded_network, http
from lao.host.services.http import HttpBroker
from tests.host.test_http_broker import broker, certificate, echo, names, site
from tests.host.test_services import write_project
from tests.install.server import Site, content, redirect, serving

__all__ = ["certificate", "names", "site"]  # fixtures

Serve = Callable[[socket.socket], None]


@contextmanager
def peer(serve: Serve) -> Iterator[int]:
    """A server that does `serve` with each connection, and closes it; its port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            serve(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
            threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive(), "the host holds on to a connection"


def request_of(connection: socket.socket) -> bytes:
    """The request's head."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(65536)
        if not data:
            raise OSError("no request came")
        head += data
    return head


def saying(*answers: bytes, endless: bytes = b"") -> Serve:
    """Takes the request, says this, and then `endless` for as long as somebody listens."""

    def serve(connection: socket.socket) -> None:
        request_of(connection)
        for answer in answers:
            connection.sendall(answer)
        while endless:
            connection.sendall(endless)

    return serve


# --- What they say ---


@pytest.mark.parametrize(
    ("serve", "error"),
    [
        (saying(b""), LaoError),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), LaoError),
        (saying(b"\x00\xff" * 5000), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n"), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\nX y: a\r\n\r\n"), LaoError),
        (saying(b"HTTP/1.1 999999 OK\r\n\r\n"), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\n", endless=b"X: y\r\n" * 100), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\nX: ", endless=b"x" * 4096), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40000 + b"\r\nContent-Length: 0\r\n\r\n"), LaoError),
        (saying(b"", endless=b"x" * 4096), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\n\r\n", endless=bytes(4096)), ResourceLimitExceeded),
        (
            saying(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", endless=b"1000\r\n" + bytes(4096) + b"\r\n"
            ),
            ResourceLimitExceeded,
        ),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", endless=b"x" * 4096), LaoError),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", endless=b"X: y\r\n" * 100), LaoError),
        (saying(b"HTTP/1.1 302 Found\r\nLocation: http://a\\b/\r\n\r\n"), LaoError),
        (saying(b"HTTP/1.1 302 Found\r\nLocation: http://[/\r\n\r\n"), LaoError),
        (saying(b"HTTP/1.1 302 Found\r\nLocation: " + b"/x" * 30000 + b"\r\n\r\n"), LaoError),
        (saying(b"HTTP/1.1 302 Found\r\nLocation: http:\r\n\r\n"), LaoError),
        (saying(b"HTTP/1.1 302 Found\r\nLocation: http://localhost:0/\r\n\r\n"), LaoError),
        (saying(b"HTTP/1.1 302 Found\r\nLocation: http://localhost:25/\r\n\r\n"), PermissionDenied),
        (saying(b"HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\n\r\n"), PermissionDenied),
    ],
)  # fmt: skip
def test_an_answer_that_is_none(serve: Serve, error: type[LaoError]) -> None:
    with peer(serve) as port, pytest.raises(error):
        broker(max_bytes=1 << 20).fetch({"url": f"http://127.0.0.1:{port}/", "timeout_s": 20})


def test_informational_answers_do_not_go_on_for_ever() -> None:
    with peer(saying(endless=b"HTTP/1.1 103 Early Hints\r\n\r\n")) as port:
        began = time.monotonic()
        with pytest.raises(PluginTimeout):
            broker().fetch({"url": f"http://127.0.0.1:{port}/", "timeout_s": 0.5})
        assert time.monotonic() - began < 15


def test_no_other_protocol_is_switched_to() -> None:
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    with peer(saying(upgrade, endless=b"frame")) as port, pytest.raises(LaoError, match="cannot fetch"):
        broker().fetch({"url": f"http://127.0.0.1:{port}/"})


def test_a_body_in_tiny_parts_takes_no_more_memory_than_it_has() -> None:
    import tracemalloc

    with peer(
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 50000, b"0\r\n\r\n")
    ) as port:
        tracemalloc.start()
        try:
            _, body = broker().fetch({"url": f"http://127.0.0.1:{port}/"})
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert body == b"x" * 50000
    assert peak < 3 << 20


def test_a_second_answer_is_not_taken_for_that_of_the_next_request() -> None:
    served: list[bytes] = []

    def twice(connection: socket.socket) -> None:
        served.append(request_of(connection))
        answer = b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n"
        if len(served) > 1:
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue"
        connection.sendall(answer + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")

    with peer(twice) as port:
        assert broker().fetch({"url": f"http://127.0.0.1:{port}/"})[1] == b"true"
    assert len(served) == 2


# --- What they do not do ---


def test_a_server_that_takes_the_body_slowly_is_left() -> None:
    """Each part that it takes must not begin the time anew."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    taken = 0

    def sip() -> None:
        nonlocal taken
        with theirs:
            while data := theirs.recv(2048):
                taken += len(data)
                time.sleep(0.02)

    sipping = threading.Thread(target=sip)
    sipping.start()
    stream = guarded_network._Stream(
        ours, guarded_network.GuardedNetwork(lambda *_: [], time.monotonic() + 0.5)
    )
    with pytest.raises(httpcore.TimeoutException):
        stream.write(bytes(1 << 20))
    stream.close()
    sipping.join()
    assert 0 < taken < 1 << 20


def test_a_server_that_takes_nothing_is_left() -> None:
    with peer(lambda connection: time.sleep(2)) as port, pytest.raises(PluginTimeout):
        broker().fetch(
            {"url": f"http://127.0.0.1:{port}/", "method": "POST", "timeout_s": 0.5}, bytes(16 << 20)
        )


def test_a_server_that_does_not_answer_the_handshake_is_left() -> None:
    with peer(lambda connection: time.sleep(3)) as port, pytest.raises(PluginTimeout):
        broker().fetch({"url": f"https://127.0.0.1:{port}/", "timeout_s": 0.3})


def test_a_name_that_takes_its_time_to_resolve_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    real = socket.getaddrinfo

    def hang(host: Any, *arguments: Any, **options: Any) -> Any:
        release.wait(60)
        return real("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        began = time.monotonic()
        with pytest.raises(PluginTimeout):
            broker().fetch({"url": "http://slow.example.org/", "timeout_s": 0.3})
        assert time.monotonic() - began < 15
        # However often it is asked, only so many threads wait for the resolver.
        before = sum(thread.name == "lao-resolve" for thread in threading.enumerate())
        for _ in range(20):
            with pytest.raises(PluginTimeout):
                broker().fetch({"url": "http://slow.example.org/", "timeout_s": 0.01})
        waiting = sum(thread.name == "lao-resolve" for thread in threading.enumerate())
        assert before == 1
        assert waiting <= 16
    finally:
        release.set()
    deadline = time.monotonic() + 20
    while any(thread.name == "lao-resolve" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for _ in range(16):  # all places are free again
        assert public_web._resolving.acquire(timeout=5)
    for _ in range(16):
        public_web._resolving.release()


def test_an_address_that_does_not_listen_leaves_time_for_the_next(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.answers["/"] = content(b"reached")
    port = int(site.address.rsplit(":", 1)[1])
    monkeypatch.setattr(
        http, "resolve", lambda host, port, timeout_s: ["127.0.0.2", "127.0.0.3", "127.0.0.1"]
    )
    assert broker().fetch({"url": f"http://many.example.org:{port}/"})[1] == b"reached"
    tried: list[float] = []

    def silent(self: Any, address: str, port: int, until: float) -> Any:
        tried.append(until - time.monotonic())
        raise httpcore.ConnectTimeout

    monkeypatch.setattr(guarded_network.GuardedNetwork, "_connect", silent)
    with pytest.raises(PluginTimeout):
        broker().fetch({"url": f"http://many.example.org:{port}/", "timeout_s": 30})
    assert len(tried) == 3
    assert tried[0] <= 10
    assert tried[1] <= 15
    assert tried[2] <= 30


@contextmanager
def deaf() -> Iterator[int]:
    """A port that takes no connection and refuses none: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        try:
            yield port
        finally:
            for one in waiting:
                one.close()


def test_an_address_that_takes_no_connection_is_left_in_time() -> None:
    with deaf() as port:
        began = time.monotonic()
        with pytest.raises(PluginTimeout):
            broker(timeout_s=0.4).fetch({"url": f"http://127.0.0.1:{port}/"})
        assert 0.4 <= time.monotonic() - began < 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_connecting_and_the_handshake_can_be_ended(scheme: str) -> None:
    @contextmanager
    def register(stop: Callable[[], object]) -> Iterator[None]:
        timer = threading.Timer(0.3, stop)
        timer.start()
        yield
        timer.join()

    server = deaf() if scheme == "http" else peer(lambda connection: time.sleep(3))
    with server as port:
        began = time.monotonic()
        with pytest.raises(Cancelled, match="was ended"):
            broker(timeout_s=200).fetch({"url": f"{scheme}://127.0.0.1:{port}/"}, None, register)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"]
)
def test_a_request_can_be_ended(start: bytes) -> None:
    arrived, ended = threading.Event(), threading.Event()
    stops: list[Callable[[], object]] = []

    def hold(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(start)
        arrived.set()
        connection.settimeout(60)
        if connection.recv(1) == b"":
            ended.set()

    @contextmanager
    def register(stop: Callable[[], object]) -> Iterator[None]:
        stops.append(stop)
        try:
            yield
        finally:
            stops.append(lambda: None)

    def stop_it() -> None:
        assert arrived.wait(30)
        stops[0]()

    with peer(hold) as port:
        stopping = threading.Thread(target=stop_it)
        stopping.start()
        with pytest.raises(Cancelled, match="was ended"):
            broker(timeout_s=200).fetch({"url": f"http://127.0.0.1:{port}/"}, None, register)
        stopping.join()
        assert ended.wait(30)
    assert len(stops) == 2


def test_a_request_that_was_ended_before_it_began_is_not_sent(site: Site) -> None:
    @contextmanager
    def register(stop: Callable[[], object]) -> Iterator[None]:
        stop()
        yield

    with pytest.raises(Cancelled):
        broker().fetch({"url": f"{site.address}/"}, None, register)
    assert site.requests == []


def test_a_request_ends_with_the_worker_that_wanted_it(host: lao.Host, tmp_path: Path) -> None:
    ended = threading.Event()

    def hold(connection: socket.socket) -> None:
        request_of(connection)
        connection.settimeout(60)
        if connection.recv(1) == b"":
            ended.set()

    plugin = host.load(
        write_project(tmp_path, "services", ["network_access"]),
        isolation="process",
        grant=["network_access"],
        timeout=1.0,
    )
    services = plugin._loaded.counter.services
    services.rights = replace(services.rights, private_addresses=True)
    with peer(hold) as port:
        with pytest.raises(PluginTimeout):
            plugin.call("fetch", request=json.dumps({"url": f"http://127.0.0.1:{port}/", "timeout_s": 300}))
        assert ended.wait(20)  # the host's own limit is 30 s


# --- Where they lead ---


def test_one_address_of_several_that_is_not_public_refuses_all(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "resolve", lambda host, port, timeout_s: ["93.184.215.14", "127.0.0.1"])
    with pytest.raises(PermissionDenied, match="not a public address"):
        HttpBroker().fetch({"url": "http://both.example.org/"})


def test_each_hop_resolves_and_is_checked_anew(
    site: Site, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public for the first request and leads inside for the one it redirects to itself."""
    monkeypatch.setattr(http, "is_public", lambda address: address == "127.0.0.1")
    names["turns.example.org"] = ["127.0.0.1", "10.0.0.1"]
    port = site.address.rsplit(":", 1)[1]
    site.answers["/"] = redirect("/inside")
    site.answers["/inside"] = content(b"secret")
    with pytest.raises(PermissionDenied, match=r"10\.0\.0\.1, which is not a public address"):
        HttpBroker(requests_per_second=100).fetch({"url": f"http://turns.example.org:{port}/"})
    assert [path for path, _ in site.requests] == ["/"]


def test_https_does_not_become_http(
    site: Site, certificate: tuple[Path, Path], names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    monkeypatch.setattr(http, "_tls", lambda: trusting)
    names["plugins.example.org"] = ["127.0.0.1"]
    site.answers["/"] = content(b"plain")
    with serving(context) as secure:
        port = secure.address.rsplit(":", 1)[1]
        secure.answers["/"] = redirect(f"{site.address}/")
        with pytest.raises(PermissionDenied, match="from https to http"):
            broker().fetch({"url": f"https://plugins.example.org:{port}/"})
    assert site.requests == []


def test_secrets_do_not_come_back_with_a_detour(site: Site) -> None:
    with serving() as other:
        site.answers["/"] = redirect(f"{other.address}/")
        other.answers["/"] = redirect(f"{site.address}/end")
        site.answers["/end"] = echo
        _, body = broker().fetch(
            {"url": f"{site.address}/", "headers": {"X-Api-Key": "secret", "X-Kept": "yes"}}
        )
        assert "x-api-key" in site.requests[0][1]
        assert "x-api-key" not in other.requests[0][1]
        assert b"secret" not in body
        assert b"x-kept" in body


def test_nothing_is_remembered_between_requests(site: Site) -> None:
    def with_cookie(request: Any) -> None:
        request.send_response(200)
        request.send_header("Set-Cookie", "a=b")
        request.send_header("Content-Length", "0")
        request.end_headers()

    site.answers["/"] = with_cookie
    asked = broker()
    for _ in range(2):
        asked.fetch({"url": f"{site.address}/"})
    assert "cookie" not in {name.lower() for name in site.requests[1][1]}


def test_credentials_of_the_hosts_user_are_not_used(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login ada password secret\nmachine 127.0.0.1 login ada password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    site.answers["/"] = content(b"x")
    broker().fetch({"url": f"{site.address}/"})
    assert "authorization" not in {name.lower() for name in site.requests[0][1]}


def test_certificates_of_the_environment_are_not_trusted(
    certificate: tuple[Path, Path], names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    http._tls.cache_clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    names["plugins.example.org"] = ["127.0.0.1"]
    with serving(context) as secure, pytest.raises(LaoError, match=r"(?i)certificate"):
        broker().fetch({"url": f"https://plugins.example.org:{secure.address.rsplit(':', 1)[1]}/"})
    http._tls.cache_clear()


# --- How much ---


def test_too_large_a_body_is_not_sent(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST_REQUEST", 100)
    site.answers["/"] = echo
    with pytest.raises(ResourceLimitExceeded) as caught:
        broker().fetch({"url": f"{site.address}/", "method": "POST"}, bytes(101))
    assert (caught.value.limit, caught.value.used, caught.value.allowed) == (
        "network_request_bytes",
        101,
        100,
    )
    assert site.requests == []
    broker().fetch({"url": f"{site.address}/", "method": "POST"}, bytes(100))
    assert len(site.requests) == 1


def test_few_are_under_way_at_once() -> None:
    arrived, release = threading.Semaphore(0), threading.Event()

    def hold(connection: socket.socket) -> None:
        request_of(connection)
        arrived.release()
        release.wait(60)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with peer(hold) as port:
        asked = broker()
        request = {"url": f"http://127.0.0.1:{port}/"}
        threads = [threading.Thread(target=asked.fetch, args=(request,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert arrived.acquire(timeout=30)
        with pytest.raises(ResourceLimitExceeded) as caught:
            asked.fetch(request)
        assert caught.value.limit == "network_requests_at_once"
        release.set()
        for thread in threads:
            thread.join()
        assert asked.fetch(request)[0]["status"] == 200


def test_no_descriptor_is_left_open(site: Site) -> None:
    site.answers["/ok"] = content(b"x")
    site.answers["/loop"] = redirect("/loop")
    asked = broker(max_bytes=10)

    def all_kinds() -> None:
        asked.fetch({"url": f"{site.address}/ok"})
        with pytest.raises(LaoError):
            asked.fetch({"url": f"{site.address}/loop"})
        with (
            peer(saying(b"HTTP/1.1 200 OK\r\n\r\n", bytes(100))) as port,
            pytest.raises(ResourceLimitExceeded),
        ):
            asked.fetch({"url": f"http://127.0.0.1:{port}/"})
        with peer(saying(b"junk\r\n\r\n")) as port, pytest.raises(LaoError):
            asked.fetch({"url": f"http://127.0.0.1:{port}/"})
        with pytest.raises(InvalidInput):
            asked.fetch({"url": "http://a b/"})

    def open_now() -> int:
        deadline = time.monotonic() + 5
        while (count := len(os.listdir("/proc/self/fd"))) > before and time.monotonic() < deadline:
            time.sleep(0.01)  # the server's ends close in threads of their own
        return count

    all_kinds()
    before = 0
    before = open_now()
    for _ in range(5):
        all_kinds()
    assert open_now() <= before
