"""lao.http/1: the host fetches for a plugin, whose own sockets stay forbidden.

Each hop of a request is checked by itself: the scheme, the host against what was granted, every address that the host
resolves to, and the rate. The connection goes to the address that was checked, through no proxy (which would resolve
the name once more, out of sight), and none is kept for the next request.
"""

from __future__ import annotations

import functools
import math
import re
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lao.errors import InvalidInput, LaoError, PermissionDenied, PluginTimeout, ResourceLimitExceeded
from lao.public_web import REDIRECTS, is_public, origin_of, resolve, without_credentials

if TYPE_CHECKING:
    import httpcore
    import httpx

__all__ = ["DEFAULT_RATE", "LARGEST_RESPONSE", "HttpBroker"]

DEFAULT_RATE = 10.0  # requests per second, where nothing was said
LARGEST_RESPONSE = 16 << 20  # bytes
DEFAULT_TIMEOUT_S = 30.0
_LONGEST_TIMEOUT_S = 300.0

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_MOST_REDIRECTS = 5
_MOST_HEADERS = 64
_LARGEST_HEADERS = 32768  # characters in all of them
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# They decide where a request goes and where it ends: the host's own.
_OWN_HEADERS = frozenset(
    "host content-length transfer-encoding connection upgrade te trailer expect keep-alive proxy-authorization "
    "proxy-connection accept-encoding".split()
)
_SECRET_HEADERS = frozenset({"authorization", "cookie"})


class HttpBroker:
    """Fetches for one plugin. Any thread; the rate is that of all its threads together."""

    def __init__(
        self,
        hosts: Iterable[str] = (),
        requests_per_second: float | None = None,
        private_addresses: bool = False,
        max_bytes: int = LARGEST_RESPONSE,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """
        Args:
            hosts: `host`, `host:port` or `*.domain` that may be reached; empty for any.
            requests_per_second: Requests in the long run, redirects included; as many at once, but at least one.
                None for 10.
            private_addresses: Loopback, private, link-local and other addresses that are not public, too.
            max_bytes: Of a response's body.
            timeout_s: Seconds for one request, redirects included, where the plugin wants no less.
        """
        self._hosts = tuple(host.lower() for host in hosts)
        self._rate = requests_per_second if requests_per_second is not None else DEFAULT_RATE
        self._private = private_addresses
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._tokens = self._burst
        self._filled_at = time.monotonic()

    @property
    def _burst(self) -> float:
        return max(1.0, self._rate)

    def fetch(self, request: Mapping[str, Any], body: bytes | None = None) -> tuple[dict[str, Any], bytes]:
        """Sends one request and follows up to 5 redirects.

        Args:
            request: `url`; `method` (default GET); `headers` (text by name); `timeout_s`; `redirects` (False: a
                redirect is the answer).
            body: What is sent along, or None.

        Returns:
            `status`, `headers` (by lower-case name; repeated ones joined with `, `) and `url` of the answer, without
            credentials; and its body, as it was sent.

        Raises:
            InvalidInput: The request is not valid.
            PermissionDenied: The host was not granted, or leads to an address that is not public.
            ResourceLimitExceeded: Too many requests in a second, or too large an answer.
            PluginTimeout: It took too long.
            LaoError: The server cannot be reached.
        """
        import httpcore

        from lao.host.services.guarded_network import guarded

        url = _url(request.get("url"))
        method = _method(request.get("method", "GET"))
        headers = _headers(request.get("headers", {}))
        follow = request.get("redirects", True)
        seconds = _seconds(request.get("timeout_s"), self._timeout_s)
        until = time.monotonic() + seconds
        try:
            with httpcore.ConnectionPool(
                ssl_context=_tls(),
                max_keepalive_connections=0,
                network_backend=guarded(self._addresses, until),
            ) as pool:
                for _ in range(_MOST_REDIRECTS + 1):
                    self._take_token()
                    if not self._is_granted(url):
                        raise PermissionDenied(f"the host `{url.host}` was not granted", causes=[_shown(url)])
                    response = pool.handle_request(_request(method, url, headers, body))
                    try:
                        fields = _fields(response, url)
                        if response.status not in REDIRECTS or "location" not in fields or not follow:
                            facts = {"status": response.status, "headers": fields, "url": _address(url)}
                            return facts, self._receive(response, url)
                    finally:
                        response.close()
                    before, url = url, _next(fields["location"], url)
                    if origin_of(before) != origin_of(url):
                        headers = {
                            name: value for name, value in headers.items() if name not in _SECRET_HEADERS
                        }
                    if response.status == 303 or (response.status in (301, 302) and method == "POST"):
                        method, body = ("HEAD" if method == "HEAD" else "GET"), None
        except httpcore.TimeoutException:
            raise PluginTimeout(f"{_shown(url)} did not answer in time", timeout_s=seconds) from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise LaoError(
                f"cannot fetch {_shown(url)}", causes=[str(error) or type(error).__name__]
            ) from None
        raise LaoError(
            f"cannot fetch {_shown(url)}", causes=[f"it redirects more than {_MOST_REDIRECTS} times"]
        )

    # --- Where and how often ---

    def _take_token(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            if self._tokens < 1.0:
                raise ResourceLimitExceeded(
                    f"more than {self._rate:g} network requests in a second",
                    limit="max_network_requests_per_second",
                    used=math.floor(self._rate) + 1,
                    allowed=self._rate,
                    hint="try again later",
                )
            self._tokens -= 1.0

    def _addresses(self, host: str, port: int) -> list[str]:
        """Where to connect; every address is one that may be reached."""
        addresses = resolve(host, port)
        for address in addresses:
            if not self._private and not is_public(address):
                raise PermissionDenied(f"`{host}` leads to {address}, which is not a public address")
        return addresses

    def _is_granted(self, url: httpx.URL) -> bool:
        host = url.host.lower().rstrip(".")
        port = origin_of(url)[2]
        for granted in self._hosts:
            name, _, wanted_port = granted.rpartition(":") if _has_port(granted) else (granted, "", "")
            name = name.strip("[]")
            if wanted_port and wanted_port != str(port):
                continue
            if host == name or (
                name.startswith("*.") and host.endswith(name[1:]) and len(host) > len(name) - 1
            ):
                return True
        return not self._hosts

    def _receive(self, response: httpcore.Response, url: httpx.URL) -> bytes:
        parts, size = [], 0
        for part in response.iter_stream():
            size += len(part)
            if size > self._max_bytes:
                raise ResourceLimitExceeded(
                    f"the answer of {_shown(url)} is too large",
                    limit="network_response_bytes",
                    used=size,
                    allowed=self._max_bytes,
                )
            parts.append(part)
        return b"".join(parts)


def _request(method: str, url: httpx.URL, headers: dict[str, str], body: bytes | None) -> httpcore.Request:
    import httpcore

    own = {"host": url.netloc.decode("ascii"), "accept-encoding": "identity", "user-agent": _agent()}
    fields = {**own, **headers}
    if body is not None:
        fields["content-length"] = str(len(body))
    elif method in ("POST", "PUT", "PATCH"):
        fields["content-length"] = "0"
    target = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=origin_of(url)[2], target=url.raw_path
    )
    encoded = [(name.encode("ascii"), value.encode("latin-1")) for name, value in fields.items()]
    return httpcore.Request(method, target, headers=encoded, content=body)


# --- What a plugin asks for ---


def _url(text: Any) -> httpx.URL:
    import httpx

    if not isinstance(text, str) or len(text) > 8192:
        raise InvalidInput("a request has a `url`, a text of at most 8192 characters")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidInput("the `url` is not an address", causes=[str(error)]) from None
    _check_url(url)
    if url.userinfo:
        raise InvalidInput("the `url` has credentials in it", hint="send an `Authorization` header")
    return url


def _check_url(url: httpx.URL) -> None:
    if url.scheme not in ("http", "https"):
        raise PermissionDenied(f"only http and https are fetched, not `{url.scheme}:`")
    if not url.host:
        raise InvalidInput("the `url` names no host")


def _method(method: Any) -> str:
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise InvalidInput(f"the method is one of {', '.join(sorted(_METHODS))}")
    return method.upper()


def _headers(headers: Any) -> dict[str, str]:
    if not isinstance(headers, dict) or len(headers) > _MOST_HEADERS:
        raise InvalidInput(f"`headers` are at most {_MOST_HEADERS} texts by name")
    checked: dict[str, str] = {}
    for name, value in headers.items():
        if (
            not _HEADER_NAME.fullmatch(name)
            or not isinstance(value, str)
            or not _HEADER_VALUE.fullmatch(value)
        ):
            raise InvalidInput("a header is not valid")
        if name.lower() in _OWN_HEADERS:
            raise InvalidInput(f"the header `{name}` is the host's own")
        checked[name.lower()] = value.strip()
    if sum(len(name) + len(value) for name, value in checked.items()) > _LARGEST_HEADERS:
        raise InvalidInput("the headers are too long")
    return checked


def _seconds(wanted: Any, most: float) -> float:
    if wanted is None:
        return most
    if (
        isinstance(wanted, bool)
        or not isinstance(wanted, (int, float))
        or not 0 < wanted <= _LONGEST_TIMEOUT_S
    ):
        raise InvalidInput(f"`timeout_s` is a number above 0, up to {_LONGEST_TIMEOUT_S:g}")
    return min(float(wanted), most)


# --- What comes back ---


def _next(location: str, url: httpx.URL) -> httpx.URL:
    import httpx

    try:
        following = url.join(location)
    except (httpx.InvalidURL, ValueError):
        raise LaoError(f"{_shown(url)} redirects to what is not an address") from None
    _check_url(following)
    if url.scheme == "https" and following.scheme == "http":
        raise PermissionDenied(f"{_shown(url)} redirects from https to http")
    return following.copy_with(userinfo=b"", fragment=None)


def _fields(response: httpcore.Response, url: httpx.URL) -> dict[str, str]:
    fields: dict[str, str] = {}
    size = 0
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        size += len(name) + len(value)
        if size > _LARGEST_HEADERS:
            raise LaoError(f"the headers of {_shown(url)} are too long")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _address(url: httpx.URL) -> str:
    return without_credentials(str(url))


def _shown(url: httpx.URL) -> str:
    return f"`{_address(url)}`"


def _has_port(granted: str) -> bool:
    head, colon, tail = granted.rpartition(":")
    return bool(colon) and tail.isdigit() and (":" not in head or head.endswith("]"))


def _agent() -> str:
    from lao.model.versions import LAO_VERSION

    return f"lao/{LAO_VERSION}"


@functools.cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes milliseconds."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)
