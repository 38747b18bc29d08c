"""The host's HTTP for plugins: who may be reached, how often, how much, for how long, and what a server may do."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpcore
import pytest

import lao
from lao.errors import (
    InvalidInput,
    LaoError,
    PermissionDenied,
    PluginError,
    PluginTimeout,
    ResourceLimitExceeded,
)
from lao.host.services import guarded_network, http
from lao.host.services.http import HttpBroker
from tests.host.test_services import write_project
from tests.install.server import Site, content, cut, redirect, serving, unannounced
from tests.install.test_https import certificate

__all__ = ["certificate"]  # the fixture


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as made:
        yield made


def broker(**options: Any) -> HttpBroker:
    options.setdefault("private_addresses", True)
    options.setdefault("requests_per_second", 1000)
    return HttpBroker(**options)


def echo(request: BaseHTTPRequestHandler) -> None:
    """Tells what was asked."""
    size = int(request.headers.get("Content-Length") or 0)
    said = {
        "method": request.command,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "body": request.rfile.read(size).decode("latin-1"),
    }
    content(json.dumps(said).encode())(request)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names resolve to; an entry is used up, but for the last."""
    table: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        if host in table:
            answers = table[host]
            host = answers.pop(0) if len(answers) > 1 else answers[0]
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return table


# --- What is sent and what comes back ---


def test_a_request_and_its_answer(site: Site) -> None:
    site.answers["/a"] = echo
    request = {
        "url": f"{site.address}/a",
        "method": "post",
        "headers": {"X-One": "1", "accept": "text/plain"},
    }
    response, body = broker().fetch(request, b"\x00sent\xff")
    said = json.loads(body)
    assert response["status"] == 200
    assert response["headers"]["content-length"] == str(len(body))
    assert response["url"] == f"{site.address}/a"
    assert (said["method"], said["body"]) == ("POST", "\x00sent\xff")
    assert said["headers"]["x-one"] == "1"
    assert said["headers"]["host"] == site.address.removeprefix("http://")
    assert said["headers"]["user-agent"].startswith("lao/")


def test_errors_of_the_server_are_answers(site: Site) -> None:
    response, _ = broker().fetch({"url": f"{site.address}/missing"})
    assert response["status"] == 404


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"url": 1},
        {"url": "nonsense"},
        {"url": "http://"},
        {"url": "http://user:secret@localhost/"},
        {"url": "http://localhost/", "method": "CONNECT"},
        {"url": "http://localhost/", "method": "GET / HTTP/1.1\r\nX: y"},
        {"url": "http://localhost/", "headers": {"X": "a\r\nY: b"}},
        {"url": "http://localhost/", "headers": {"X\r\nY": "b"}},
        {"url": "http://localhost/", "headers": {"": "b"}},
        {"url": "http://localhost/", "headers": {"X": 1}},
        {"url": "http://localhost/", "headers": []},
        {"url": "http://localhost/", "headers": {"Host": "other"}},
        {"url": "http://localhost/", "headers": {"content-length": "5"}},
        {"url": "http://localhost/", "headers": {"Transfer-Encoding": "chunked"}},
        {"url": "http://localhost/", "headers": {f"x-{number}": "" for number in range(65)}},
        {"url": "http://localhost/", "headers": {"x": "a" * 40000}},
        {"url": "http://localhost/", "timeout_s": 0},
        {"url": "http://localhost/", "timeout_s": float("nan")},
        {"url": "http://localhost/", "timeout_s": True},
        {"url": "http://localhost/", "secret_headers": "x-key"},
        {"url": "http://localhost/", "secret_headers": [1]},
    ],
)
def test_a_request_that_is_none_is_refused_and_not_sent(request_: dict[str, Any]) -> None:
    with pytest.raises((InvalidInput, PermissionDenied)):
        broker().fetch(request_)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://localhost/", "gopher://localhost/", "unix:/run/x"]
)
def test_only_http_is_spoken(url: str) -> None:
    with pytest.raises((PermissionDenied, InvalidInput)):
        broker().fetch({"url": url})


def test_an_answer_of_any_size_is_bounded(site: Site) -> None:
    site.answers["/announced"] = content(bytes(3000))
    site.answers["/unannounced"] = unannounced(bytes(300000))
    site.answers["/fits"] = content(bytes(2000))
    for path in ("/announced", "/unannounced"):
        with pytest.raises(ResourceLimitExceeded) as caught:
            broker(max_bytes=2000).fetch({"url": site.address + path})
        assert (caught.value.limit, caught.value.allowed) == ("network_response_bytes", 2000)
    assert broker(max_bytes=2000).fetch({"url": f"{site.address}/fits"})[1] == bytes(2000)


def test_a_compressed_bomb_is_not_unpacked(site: Site) -> None:
    import gzip

    def bomb(request: BaseHTTPRequestHandler) -> None:
        data = gzip.compress(bytes(50 << 20))
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    site.answers["/bomb"] = bomb
    response, body = broker(max_bytes=1 << 20).fetch({"url": f"{site.address}/bomb"})
    assert response["headers"]["content-encoding"] == "gzip"
    assert len(body) < 1 << 20


def test_an_answer_that_is_cut_off_is_an_error(site: Site) -> None:
    site.answers["/cut"] = cut(bytes(5000), sent=100)
    with pytest.raises(LaoError, match="cannot fetch"):
        broker().fetch({"url": f"{site.address}/cut"})


def drip(request: BaseHTTPRequestHandler) -> None:
    """A header that never ends, a byte at a time."""
    try:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(600):
            request.wfile.write(b"x")
            request.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass


def drip_body(request: BaseHTTPRequestHandler) -> None:
    try:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(600):
            request.wfile.write(b"x")
            request.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass


@pytest.mark.parametrize("answer", [drip, drip_body])
def test_a_server_that_takes_its_time_is_left(
    site: Site, answer: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    site.answers["/slow"] = answer
    began = time.monotonic()
    with pytest.raises(PluginTimeout):
        broker().fetch({"url": f"{site.address}/slow", "timeout_s": 0.5})
    assert time.monotonic() - began < 15


def test_the_plugin_cannot_ask_for_more_time_than_there_is(site: Site) -> None:
    site.answers["/slow"] = drip
    with pytest.raises(PluginTimeout):
        broker(timeout_s=0.5).fetch({"url": f"{site.address}/slow", "timeout_s": 300})


# --- Who may be reached ---


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8081/",
        "http://localhost:8081/",
        "http://[::1]:8081/",
        "http://0.0.0.0:8081/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://[::ffff:127.0.0.1]:8081/",
        "http://[64:ff9b::7f00:1]/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://224.0.0.1/",
    ],
)
def test_addresses_that_are_not_public_are_refused(url: str) -> None:
    with pytest.raises((PermissionDenied, InvalidInput)) as caught:
        HttpBroker().fetch({"url": url})
    assert "public" in str(caught.value) or isinstance(caught.value, InvalidInput)


def test_a_name_that_leads_to_a_private_address_is_refused(site: Site, names: dict[str, list[str]]) -> None:
    names["evil.example.org"] = ["127.0.0.1"]
    port = site.address.rsplit(":", 1)[1]
    for hosts in ((), ("evil.example.org",), ("*.example.org",), ("127.0.0.1",)):
        with pytest.raises(PermissionDenied):
            HttpBroker(hosts=hosts).fetch({"url": f"http://evil.example.org:{port}/"})
    assert site.requests == []


def test_a_name_that_resolves_differently_a_moment_later_changes_nothing(
    site: Site, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names["turns.example.org"] = ["93.184.215.14", "127.0.0.1"]
    port = site.address.rsplit(":", 1)[1]
    connected: list[str] = []

    def connect(self: Any, address: str, port: int, until: float) -> Any:
        connected.append(address)
        raise httpcore.ConnectError("not in a test")

    monkeypatch.setattr(guarded_network.GuardedNetwork, "_connect", connect)
    with pytest.raises(LaoError, match="not in a test"):
        HttpBroker().fetch({"url": f"http://turns.example.org:{port}/"})
    assert connected == ["93.184.215.14"]
    assert site.requests == []


@pytest.mark.parametrize(
    ("hosts", "host", "granted"),
    [
        ((), "any.example.org", True),
        (("api.example.org",), "api.example.org", True),
        (("api.example.org",), "API.Example.ORG", True),
        (("api.example.org",), "api.example.org.", True),
        (("api.example.org",), "example.org", False),
        (("api.example.org",), "api.example.org.evil.com", False),
        (("api.example.org",), "evil-api.example.org", False),
        (("*.example.org",), "api.example.org", True),
        (("*.example.org",), "a.b.example.org", True),
        (("*.example.org",), "example.org", False),
        (("*.example.org",), "evilexample.org", False),
        (("*.example.org",), ".example.org", False),
        (("api.example.org:PORT",), "api.example.org", True),
        (("api.example.org:1",), "api.example.org", False),
        (("*.example.org:PORT",), "api.example.org", True),
    ],
)
def test_only_granted_hosts_are_asked(
    site: Site, names: dict[str, list[str]], hosts: tuple[str, ...], host: str, granted: bool
) -> None:
    names[host] = names[host.lower()] = ["127.0.0.1"]
    site.answers["/"] = content(b"reached")
    port = site.address.rsplit(":", 1)[1]
    asked = broker(hosts=[one.replace("PORT", port) for one in hosts])
    if granted:
        assert asked.fetch({"url": f"http://{host}:{port}/"})[1] == b"reached"
    else:
        with pytest.raises((PermissionDenied, InvalidInput)):
            asked.fetch({"url": f"http://{host}:{port}/"})
        assert site.requests == []


# --- Redirects ---


def test_redirects_are_followed_and_counted(site: Site) -> None:
    for number in range(5):
        site.answers[f"/{number}"] = redirect(f"/{number + 1}")
    site.answers["/5"] = content(b"arrived")
    response, body = broker().fetch({"url": f"{site.address}/0"})
    assert body == b"arrived"
    assert response["url"] == f"{site.address}/5"
    site.answers["/5"] = redirect("/6")
    with pytest.raises(LaoError, match="more than 5"):
        broker().fetch({"url": f"{site.address}/0"})
    response, _ = broker().fetch({"url": f"{site.address}/0", "redirects": False})
    assert (response["status"], response["headers"]["location"]) == (302, "/1")


@pytest.mark.parametrize(
    "location",
    ["http://other.example.org/", "file:///etc/passwd", "http://10.0.0.1/", "//other.example.org/"],
)
def test_a_redirect_is_checked_like_the_first_address(
    site: Site, names: dict[str, list[str]], location: str
) -> None:
    names["api.example.org"] = ["127.0.0.1"]
    port = site.address.rsplit(":", 1)[1]
    site.answers["/"] = redirect(location)
    with pytest.raises(PermissionDenied):
        broker(hosts=["api.example.org"]).fetch({"url": f"http://api.example.org:{port}/"})
    assert len(site.requests) == 1


def test_a_public_host_that_redirects_to_a_private_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first hop counts as public here; the second must not."""
    checked = iter([True, False])
    monkeypatch.setattr(http, "is_public", lambda address: next(checked))
    site.answers["/"] = redirect("/inside")
    site.answers["/inside"] = content(b"secret")
    with pytest.raises(PermissionDenied, match="not a public address"):
        HttpBroker().fetch({"url": f"{site.address}/"})
    assert [path for path, _ in site.requests] == ["/"]


def test_secrets_stay_with_the_origin(site: Site) -> None:
    with serving() as other:
        site.answers["/"] = redirect(f"{other.address}/")
        other.answers["/"] = echo
        headers = {"Authorization": "Bearer secret", "Cookie": "a=b", "X-Shade": "secret", "X-Kept": "yes"}
        request = {"url": f"{site.address}/", "headers": headers, "secret_headers": ["x-SHADE"]}
        _, body = broker().fetch(request)
        sent = json.loads(body)["headers"]
        assert not {"authorization", "cookie", "x-shade"} & sent.keys()
        assert sent["x-kept"] == "yes"
        assert site.requests[0][1]["x-shade"] == "secret"


@pytest.mark.parametrize(
    ("status", "method", "kept"), [(303, "GET", ""), (302, "GET", ""), (307, "POST", "data")]
)
def test_what_a_redirect_makes_of_a_body(site: Site, status: int, method: str, kept: str) -> None:
    site.answers["/"] = redirect("/next", status)
    site.answers["/next"] = echo
    _, body = broker().fetch({"url": f"{site.address}/", "method": "POST"}, b"data")
    said = json.loads(body)
    assert (said["method"], said["body"]) == (method, kept)


# --- How often ---


SELDOM = 0.01  # requests per second: one at once, and no other during a test


def test_a_burst_is_refused_not_delayed(site: Site) -> None:
    site.answers["/"] = content(b"x")
    asked = broker(requests_per_second=SELDOM)
    asked.fetch({"url": f"{site.address}/"})
    for _ in range(5):
        with pytest.raises(ResourceLimitExceeded) as caught:
            asked.fetch({"url": f"{site.address}/"})
        assert (caught.value.limit, caught.value.allowed) == ("max_network_requests_per_second", SELDOM)
    assert len(site.requests) == 1
    asked._filled_at -= 1000  # as if so many seconds had passed
    assert asked.fetch({"url": f"{site.address}/"})[1] == b"x"
    with pytest.raises(ResourceLimitExceeded):
        asked.fetch({"url": f"{site.address}/"})


def test_a_refused_host_costs_no_answer_but_counts(site: Site) -> None:
    asked = broker(requests_per_second=SELDOM, hosts=["api.example.org"])
    with pytest.raises(PermissionDenied):
        asked.fetch({"url": f"{site.address}/"})
    with pytest.raises(ResourceLimitExceeded):
        asked.fetch({"url": f"{site.address}/"})


def test_redirects_count_as_requests(site: Site) -> None:
    site.answers["/"] = redirect("/")
    with pytest.raises(ResourceLimitExceeded):
        broker(requests_per_second=SELDOM).fetch({"url": f"{site.address}/"})
    assert len(site.requests) == 1


def test_the_rate_is_that_of_all_threads(site: Site) -> None:
    site.answers["/"] = content(b"x")
    asked = broker(requests_per_second=SELDOM)
    refused: list[int] = []

    def ask() -> None:
        try:
            asked.fetch({"url": f"{site.address}/"})
        except ResourceLimitExceeded:
            refused.append(1)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(site.requests), len(refused)) == (1, 11)


# --- Encrypted ---


def test_a_certificate_is_checked_against_the_name(
    certificate: tuple[Path, Path], names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    names["plugins.example.org"] = names["other.example.org"] = ["127.0.0.1"]
    with serving(context) as site:
        site.answers["/"] = content(b"encrypted")
        port = site.address.rsplit(":", 1)[1]
        with pytest.raises(LaoError, match=r"(?i)certificate"):
            broker().fetch({"url": f"https://plugins.example.org:{port}/"})
        monkeypatch.setattr(http, "_tls", lambda: trusting)
        assert broker().fetch({"url": f"https://plugins.example.org:{port}/"})[1] == b"encrypted"
        with pytest.raises(LaoError, match=r"(?i)mismatch|not valid"):
            broker().fetch({"url": f"https://other.example.org:{port}/"})


def test_no_proxy_of_the_host_is_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.answers["/"] = content(b"direct")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    assert broker().fetch({"url": f"{site.address}/"})[1] == b"direct"


def test_what_is_said_is_not_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    site.answers["/"] = redirect(f"{site.address}/next?key=hidden")
    site.answers["/next?key=hidden"] = echo
    broker().fetch({"url": f"{site.address}/", "headers": {"Authorization": "hidden"}})
    assert "hidden" in str(site.requests)
    assert "httpcore" not in caplog.text
    with httpcore.ConnectionPool() as pool:  # that of others is
        pool.request("GET", f"{site.address}/")
    assert "httpcore" in caplog.text


# --- From a plugin ---


def test_a_plugin_fetches(host: lao.Host, isolation: str, tmp_path: Path, site: Site) -> None:
    site.answers["/a"] = echo
    plugin = host.load(
        write_project(tmp_path, "services", ["network_access"]), isolation=isolation, grant=["network_access"]
    )
    request = json.dumps({"url": f"{site.address}/a", "method": "POST"})
    with pytest.raises(PermissionDenied, match="not a public address"):
        plugin.call("fetch", request=request)
    assert site.requests == []
    services = plugin._loaded.counter.services
    services.rights = type(services.rights)(
        permissions=frozenset({"network_access"}), private_addresses=True, requests_per_second=SELDOM
    )
    answer = plugin.call("fetch", request=request, body=b"sent")
    assert answer["head"]["status"] == 200
    assert json.loads(answer["body"])["body"] == "sent"
    with pytest.raises(InvalidInput, match="has a `url`"):
        plugin.call("fetch", request='{"url": 1}')
    with pytest.raises(InvalidInput, match="JSON"):
        plugin.call("fetch", request="{")
    with pytest.raises(PluginError, match="network requests in a second"):
        plugin.call("fetch", request=request)
    assert host.events.count("permission_denied", plugin="services") == 1


def test_private_addresses_are_granted_for_one_load_by_their_word(
    site: Site, tmp_path: Path, host: lao.Host, isolation: str
) -> None:
    site.answers["/"] = content(b"inside")
    project = write_project(tmp_path, "services", ["network_access"])

    def fetched(*grant: str) -> Any:
        with host.load(project, isolation=isolation, grant=grant) as plugin:
            return plugin.call("fetch", request=json.dumps({"url": f"{site.address}/"}))

    with pytest.raises(PermissionDenied, match="not a public address"):
        fetched("network_access")
    assert "inside" in str(fetched("network_access", "private_addresses"))
    with pytest.raises(PermissionDenied, match="needs permissions"):
        fetched("private_addresses")
    with pytest.raises(InvalidInput, match="there is no permission `private_address`"):
        fetched("network_access", "private_address")
