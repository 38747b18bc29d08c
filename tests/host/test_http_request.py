"""What a plugin may ask of the host's HTTP: whatever it writes, one request is sent to a host that was granted."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lao.errors import InvalidInput, LaoError, PermissionDenied
from lao.host.services import http
from lao.host.services.http_request import (
    Hosts,
    checked_headers,
    checked_method,
    checked_seconds,
    checked_url,
    following_url,
    for_another_origin,
)
from lao.public_web import is_public, origin_of

GOOD = "api.example.org"
TRICKS = (
    "http://", "https://", "//", "/", "\\", "@", ":", "?", "#", "%", "%00", "%0d%0a", "%2e", "%40", "%2f", "\r\n",
    "\n", "\0", "\t", " ", ".", "..", "[", "]", "::1", "::ffff:", "127.0.0.1", "0x7f.1", "2130706433", "0177.1", GOOD,
    "evil.com", ".evil.com", "80", ":80", ":0", ":99999", "user", "user:pass@", "HTTP/1.1", "X: y", "\u3002", "\uff0e",
    "\uff0f", "\u2044", "\uff20", "\u212a", "\xdf", "\xad", "\u200b", "\u202e", "\ud800", "xn--", "%E3%80%82", "file:",
    "gopher:", "*", ";",
)  # fmt: skip

texts = st.lists(st.sampled_from(TRICKS) | st.text(max_size=3), max_size=8).map("".join)
addresses = texts | texts.map(lambda rest: f"http://{rest}") | texts.map(lambda rest: f"http://{GOOD}{rest}")


def sent(method: str, url: Any, headers: dict[str, str], body: bytes | None) -> bytes:
    """The bytes that go to the server."""
    request = http._request(method, url, headers, body)
    client = h11.Connection(h11.CLIENT)
    head = client.send(h11.Request(method=request.method, target=request.url.target, headers=request.headers))
    assert head is not None
    rest = b"" if body is None else client.send(h11.Data(data=body)) or b""
    return head + rest + (client.send(h11.EndOfMessage()) or b"")


def received(wire: bytes) -> tuple[h11.Request, bytes]:
    """What a server makes of them: one request, and nothing after it."""
    server = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    server.receive_data(wire)
    request, body = server.next_event(), b""
    assert isinstance(request, h11.Request)
    while isinstance(event := server.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert server.trailing_data == (b"", False)
    return request, body


# --- Addresses ---


@given(addresses)
@example("http://api.example.org\\@evil.com/")
@example("http://api.example.org\\.evil.com/")
@example("http://evil.com#@api.example.org/")
@example("http://evil.com?@api.example.org/")
@example("http://api.example.org%00.evil.com/")
@example("http://api.example.org%2f.evil.com/")
@example("http://api.example.org:80@evil.com/")
@example("http://api.example.org\u3002evil.com/")
@example("http://\uff41pi.example.org/")
@example("http:///api.example.org")
@example("http:api.example.org")
@example("//api.example.org")
@example("http://api.example.org:\u0661/")
@example("http://api.example.org:+80/")
@example("http://api.example.org:8_0/")
@settings(max_examples=600, deadline=None)
def test_what_is_sent_goes_where_it_was_granted(text: str) -> None:
    try:
        url = checked_url(text)
        Hosts([GOOD, f"*.{GOOD}"]).check(url)
    except (InvalidInput, PermissionDenied):
        return
    connected = url.raw_host.decode("ascii")
    assert connected.rstrip(".") == GOOD or connected.rstrip(".").endswith(f".{GOOD}")
    # Another reader of addresses sees the same host in what was written, or none.
    assert (urlsplit(text.strip()).hostname or "").replace("\u3002", ".").replace("\uff0e", ".").rstrip(
        "."
    ).casefold() == connected.rstrip(".").casefold() or not text.isascii()
    request, _ = received(sent("GET", url, {}, None))
    fields = dict(request.headers)
    assert fields[b"host"].split(b":")[0] == url.raw_host
    assert request.target.startswith(b"/")
    assert re.fullmatch(rb"[\x21-\x7e]+", request.target)


@given(addresses)
@settings(max_examples=600, deadline=None)
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        url = checked_url(text)
    except (InvalidInput, PermissionDenied):
        return
    assert url.scheme in ("http", "https")
    assert not url.userinfo
    assert 1 <= origin_of(url)[2] <= 65535
    assert re.fullmatch(r"[a-z0-9_.:-]+", url.raw_host.decode("ascii"))
    received(sent("POST", url, {}, b"body"))


@given(addresses, st.sampled_from(["http", "https"]))
@example("//evil.com", "https")
@example("http://api.example.org/", "https")
@example("/\\evil.com", "http")
@example("http:/evil.com", "http")
@example("https:evil.com", "http")
@settings(max_examples=600, deadline=None)
def test_any_redirect_leads_to_an_address_or_is_refused(location: str, scheme: str) -> None:
    try:
        url = following_url(location, checked_url(f"{scheme}://{GOOD}/a/b?c"))
    except LaoError:
        return
    assert url.scheme == "https" or (url.scheme == "http" and scheme == "http")
    assert not url.userinfo
    assert re.fullmatch(r"[a-z0-9_.:-]+", url.raw_host.decode("ascii"))
    request, _ = received(sent("GET", url, {}, None))
    assert re.fullmatch(rb"[\x21-\x7e]+", request.target)


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:0/", "http://a%20b/", "http://a%00b/", "http://%31%32%37.0.0.1/", "http://a\\b/", "http://-a/",
        "http://a..b/", "http://.a/", "http://*.a/", f"http://{'a' * 64}.org/", f"http://{'a.' * 140}org/", "http://a;b/",
        "http://[::1%25eth0]/", "http://@localhost/", "http://:@localhost/", "http://localhost/" + "a" * 9000, b"http://a/",
        None,
    ],
)  # fmt: skip
def test_hosts_that_cannot_be_are_refused(text: Any) -> None:
    with pytest.raises(InvalidInput):
        checked_url(text)


@pytest.mark.parametrize(
    ("granted", "text", "allowed"),
    [
        ("b\xfccher.example", "http://b\xfccher.example/", True),
        ("b\xfccher.example", "http://xn--bcher-kva.example/", True),
        ("xn--bcher-kva.example", "http://B\xdcCHER.example/", True),
        ("*.b\xfccher.example", "http://www.xn--bcher-kva.example/", True),
        ("API.example.org", "http://api.EXAMPLE.org./", True),
        ("[::1]:8080", "http://[::1]:8080/", True),
        ("[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080/", True),
        ("[::1]:8080", "http://[::1]:8081/", False),
        ("[2606:4700::1]", "http://[2606:4700:0::1]/", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/", True),
        ("127.0.0.1", "http://2130706433/", False),
        ("*.0.0.1", "http://127.0.0.1/", False),
        ("api.example.org:443", "https://api.example.org/", True),
        ("api.example.org:443", "http://api.example.org/", False),
        ("api.example.org:80", "http://api.example.org/", True),
        ("*", "http://api.example.org/", False),
        ("", "http://api.example.org/", False),
        ("api.example.org", "http://api.example.org:25/", False),
        ("api.example.org:25", "http://api.example.org:25/", True),
        ("*.example.org", "http://api.example.org:6379/", False),
    ],
)
def test_grants(granted: str, text: str, allowed: bool) -> None:
    if allowed:
        Hosts([granted]).check(checked_url(text))
    else:
        with pytest.raises(PermissionDenied, match="was not granted"):
            Hosts([granted]).check(checked_url(text))


def test_ports_of_other_protocols_are_not_reached_by_chance() -> None:
    Hosts([]).check(checked_url("http://any.example.org:8080/"))
    for port in (22, 25, 587, 6379, 11211):
        with pytest.raises(PermissionDenied, match=f"port {port}"):
            Hosts([]).check(checked_url(f"http://any.example.org:{port}/"))


# --- Headers and the rest ---

header_texts = st.text(max_size=12) | st.lists(
    st.sampled_from(["\r\n", "\n", "\r", "\0", ":", " ", "\t", "X: y", "a", "Host", "\x85", "\u2028", "\x0b", "\x7f",
    "\xff", "\u0130"]),
    max_size=5,
).map("".join)  # fmt: skip
names = header_texts | st.sampled_from(
    ["Host", "hOST", "Content-Length", "Transfer-Encoding", "TE", "Connection", "Upgrade",
    "Proxy-Authorization", "proxy-x"]
)  # fmt: skip


@given(st.dictionaries(names, header_texts, max_size=5), st.none() | st.binary(max_size=40))
@settings(max_examples=800, deadline=None)
def test_any_headers_are_sent_as_they_are_or_refused(headers: dict[str, str], body: bytes | None) -> None:
    try:
        checked = checked_headers(headers)
    except InvalidInput:
        return
    url = checked_url(f"http://{GOOD}/path")
    request, came = received(sent("POST", url, checked, body))
    fields = [(name.decode(), value.decode("latin-1")) for name, value in request.headers]
    assert came == (body or b"")
    assert dict(fields)["host"] == GOOD
    assert len({name for name, _ in fields}) == len(fields)
    own = {"host", "content-length", "accept-encoding"}
    expected = {name.lower(): value.strip(" \t") for name, value in headers.items()}
    expected.setdefault("user-agent", http._agent())
    assert {name: value for name, value in fields if name not in own} == expected
    assert not own & {name.lower() for name in headers}


@pytest.mark.parametrize(
    "name",
    ["Host", "CONTENT-LENGTH", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Connection", "Keep-Alive", "Expect",
     "Proxy-Connection", "Proxy-Authorization", "HTTP2-Settings", "Accept-Encoding"],
)  # fmt: skip
def test_headers_of_the_connection_are_the_hosts_own(name: str) -> None:
    with pytest.raises(InvalidInput, match="the host's own"):
        checked_headers({name: "x"})


@pytest.mark.parametrize("headers", [{"X": "1", "x": "2"}, {1: "a"}, {"a": None}, "X: y", None])
def test_headers_that_are_none(headers: Any) -> None:
    with pytest.raises(InvalidInput):
        checked_headers(headers)


def test_secrets_are_told_by_their_names() -> None:
    secret = [
        "authorization",
        "cookie",
        "x-api-key",
        "apikey",
        "x-auth-token",
        "x-amz-security-token",
        "session-id",
        "x-secret",
    ]
    plain = ["accept", "content-type", "x-request-id", "range", "if-none-match", "idempotency-key"]
    assert for_another_origin(dict.fromkeys(secret + plain, "x")).keys() == set(plain)


@given(st.text(max_size=10) | st.none() | st.integers())
@example("get")
@example("GET\r\n")
@example("CONNECT")
@example("TRACE")
@example("GET /")
@example("\uff27ET")
@example("opt\u0131ons")
@settings(deadline=None)
def test_any_method_is_known_or_refused(method: Any) -> None:
    try:
        assert checked_method(method) in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    except InvalidInput:
        assert not isinstance(method, str) or method != "get"


@given(st.floats() | st.integers() | st.text() | st.booleans() | st.lists(st.none()))
@settings(deadline=None)
def test_any_time_is_within_what_there_is_or_refused(seconds: Any) -> None:
    try:
        assert 0 < checked_seconds(seconds, 5.0) <= 5.0
    except InvalidInput:
        assert isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= 300


# --- Addresses of the public internet ---


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("::7f00:1", False),  # IPv4-compatible
        ("::8.8.8.8", False),
        ("::ffff:0:7f00:1", False),  # IPv4-translated
        ("fec0::1", False),  # site-local
        ("64:ff9b:1::a00:1", False),  # NAT64 of a network's own
        ("64:ff9b::8.8.8.8", True),
        ("64:ff9b::10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:808:808::1", True),
        ("2002:a9fe:a9fe::1", False),
        ("2001:0:808:808::f7f7:f7f7", True),  # Teredo: server and client 8.8.8.8
        ("2001:0:808:808::80ff:fffe", False),  # client 127.0.0.1
        ("2001:0:7f00:1::f7f7:f7f7", False),
        ("2620:0:ccc::5efe:a00:1", False),  # ISATAP
        ("192.88.99.1", False),
        ("3fff::1", False),
        ("5f00::1", False),
        ("ff0e::1", False),
        ("::", False),
        ("100::1", False),
        ("4000::1", False),
        ("2606:4700::1111", True),
        ("2a00:1450:4001:829::200e", True),
    ],
)  # fmt: skip
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


@given(st.ip_addresses(v=4))
@settings(max_examples=500, deadline=None)
def test_no_wrapping_makes_an_address_public(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    wrappings = [
        0xFFFF << 32 | number,
        0x64FF9B << 96 | number,
        0x2002 << 112 | number << 80 | 1,
        0x20010000 << 96 | 0x08080808 << 64 | (number ^ 0xFFFFFFFF),
        0x20010000 << 96 | number << 64 | 0xF7F7F7F7,
        0x26064700 << 96 | 0x5EFE << 32 | number,
    ]
    for wrapped in wrappings:
        assert is_public(str(ipaddress.IPv6Address(wrapped))) is is_public(str(inner)), hex(wrapped)
    for never in (number, 0xFFFF << 48 | number, 0x64FF9B0001 << 88 | number):
        assert not is_public(str(ipaddress.IPv6Address(never)))


@given(st.ip_addresses(v=6))
@settings(deadline=None)
def test_only_what_is_given_out_is_public(address: ipaddress.IPv6Address) -> None:
    if is_public(str(address)):
        assert int(address) >> 125 == 1 or int(address) >> 96 == 0x64FF9B or int(address) >> 32 == 0xFFFF
