"""lao.http/1: the host fetches for a plugin, whose own sockets stay forbidden.

Each hop of a request is checked by itself: the scheme, the host against what was granted, every address that the host
resolves to, and the rate. The connection goes to the address that was checked, through no proxy (which would resolve
the name once more, out of sight), and none is kept for the next request.
"""

from __future__ import annotations

import functools
import logging
import math
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from lao.errors import Cancelled, LaoError, PermissionDenied, PluginTimeout, ResourceLimitExceeded
from lao.host.services.http_request import (
    LARGEST_HEADERS,
    Hosts,
    address_of,
    checked_headers,
    checked_method,
    checked_names,
    checked_seconds,
    checked_url,
    following_url,
    for_another_origin,
)
from lao.public_web import REDIRECTS, is_public, origin_of, resolve

if TYPE_CHECKING:
    import httpcore
    import httpx

__all__ = ["DEFAULT_RATE", "LARGEST_REQUEST", "LARGEST_RESPONSE", "HttpBroker"]

DEFAULT_RATE = 10.0  # requests per second, where nothing was said
LARGEST_REQUEST = LARGEST_RESPONSE = 16 << 20  # bytes of a body
DEFAULT_TIMEOUT_S = 30.0
Register = Callable[[Callable[[], object]], AbstractContextManager[None]]

_MOST_REDIRECTS = 5
_MOST_AT_ONCE = 16


_requests_of_plugins = threading.local()


class _OfOthers(logging.Filter):
    """Takes out what the library logs of plugins' requests: headers that a server sends may be, or repeat, secrets."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_requests_of_plugins, "here", False)


@functools.cache
def _filter_logs() -> None:
    for part in ("connection", "http11"):
        logging.getLogger(f"httpcore.{part}").addFilter(_OfOthers())


@contextmanager
def _unlogged() -> Iterator[None]:
    _filter_logs()
    _requests_of_plugins.here = True
    try:
        yield
    finally:
        _requests_of_plugins.here = False


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
            hosts: `host`, `host:port` or `*.domain` that may be reached; empty for any. Ports that belong to other
                protocols are reached only where they are named.
            requests_per_second: Requests in the long run, redirects included; as many at once, but at least one.
                None for 10.
            private_addresses: Loopback, private, link-local and other addresses that are not public, too.
            max_bytes: Of a response's body.
            timeout_s: Seconds for one request, redirects included, where the plugin wants no less.
        """
        self._hosts = Hosts(hosts)
        self._rate = requests_per_second if requests_per_second is not None else DEFAULT_RATE
        self._private = private_addresses
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._open = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._lock = threading.Lock()
        self._tokens = self._burst
        self._filled_at = time.monotonic()

    @property
    def _burst(self) -> float:
        return max(1.0, self._rate)

    def fetch(
        self, request: Mapping[str, Any], body: bytes | None = None, register: Register | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """Sends one request and follows up to 5 redirects.

        Args:
            request: `url`; `method` (default GET); `headers` (text by name); `timeout_s`; `redirects` (False: a
                redirect is the answer); `secret_headers` (names of those that no other origin gets, besides those that
                look like it).
            body: What is sent along, or None.
            register: Gets a function that ends the request; its result is a context that lasts as long as it takes.

        Returns:
            `status`, `headers` (by lower-case name; repeated ones joined with `, `) and `url` of the answer, without
            credentials; and its body, as it was sent.

        Raises:
            InvalidInput: The request is not valid.
            PermissionDenied: The host was not granted, or leads to an address that is not public.
            ResourceLimitExceeded: Too many requests in a second or at once, or too large a body.
            PluginTimeout: It took too long.
            Cancelled: It was ended.
            LaoError: The server cannot be reached, or speaks no HTTP.
        """
        url = checked_url(request.get("url"))
        method = checked_method(request.get("method", "GET"))
        headers = checked_headers(request.get("headers", {}))
        seconds = checked_seconds(request.get("timeout_s"), self._timeout_s)
        follow = request.get("redirects", True)
        secret = checked_names(request.get("secret_headers", []))
        if body is not None and len(body) > LARGEST_REQUEST:
            raise ResourceLimitExceeded(
                "the body of a request is too large",
                limit="network_request_bytes",
                used=len(body),
                allowed=LARGEST_REQUEST,
            )
        if not self._open.acquire(blocking=False):
            raise ResourceLimitExceeded(
                f"{_MOST_AT_ONCE} network requests of the plugin are under way",
                limit="network_requests_at_once",
                used=_MOST_AT_ONCE + 1,
                allowed=_MOST_AT_ONCE,
                hint="wait for one of them",
            )
        try:
            return self._exchange(url, method, headers, secret, body, seconds, follow is not False, register)
        finally:
            self._open.release()

    @_unlogged()
    def _exchange(
        self,
        url: httpx.URL,
        method: str,
        headers: dict[str, str],
        secret: frozenset[str],
        body: bytes | None,
        seconds: float,
        follow: bool,
        register: Register | None,
    ) -> tuple[dict[str, Any], bytes]:
        import httpcore

        from lao.host.services.guarded_network import GuardedNetwork

        network = GuardedNetwork(self._addresses, time.monotonic() + seconds)
        ending = nullcontext() if register is None else register(network.stop)
        try:
            with (
                ending,
                httpcore.ConnectionPool(
                    ssl_context=_tls(),
                    max_keepalive_connections=0,
                    network_backend=network,
                ) as pool,
            ):
                for _ in range(_MOST_REDIRECTS + 1):
                    self._take_token()
                    self._hosts.check(url)
                    response = pool.handle_request(_request(method, url, headers, body))
                    try:
                        fields = _fields(response, url)
                        if response.status not in REDIRECTS or "location" not in fields or not follow:
                            facts = {"status": response.status, "headers": fields, "url": address_of(url)}
                            return facts, self._receive(response, url)
                    finally:
                        response.close()
                    before, url = url, following_url(fields["location"], url)
                    if origin_of(before) != origin_of(url):
                        headers = for_another_origin(headers, secret)
                    if response.status == 303 or (response.status in (301, 302) and method == "POST"):
                        method, body = ("HEAD" if method == "HEAD" else "GET"), None
                        headers = {
                            name: value for name, value in headers.items() if not name.startswith("content-")
                        }
        except httpcore.TimeoutException:
            raise PluginTimeout(f"{_shown(url)} did not answer in time", timeout_s=seconds) from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            if network.stopped:
                raise Cancelled(f"the request to {_shown(url)} was ended") from None
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

    def _addresses(self, host: str, port: int, timeout_s: float) -> list[str]:
        """Where to connect; every address is one that may be reached."""
        addresses = resolve(host, port, timeout_s)
        for address in addresses:
            if not self._private and not is_public(address):
                raise PermissionDenied(
                    f"`{host}` leads to {address}, which is not a public address",
                    causes=["the grant `private_addresses` would allow it"],
                )
        return addresses

    def _receive(self, response: httpcore.Response, url: httpx.URL) -> bytes:
        body = bytearray()  # not a list: a server can make millions of parts of it
        for part in response.iter_stream():
            body += part
            if len(body) > self._max_bytes:
                raise ResourceLimitExceeded(
                    f"the answer of {_shown(url)} is too large",
                    limit="network_response_bytes",
                    used=len(body),
                    allowed=self._max_bytes,
                )
        return bytes(body)


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


# --- What comes back ---


def _fields(response: httpcore.Response, url: httpx.URL) -> dict[str, str]:
    fields: dict[str, str] = {}
    size = 0
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        size += len(name) + len(value)
        if size > LARGEST_HEADERS:
            raise LaoError(f"the headers of {_shown(url)} are too long")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _shown(url: httpx.URL) -> str:
    return f"`{address_of(url)}`"


def _agent() -> str:
    from lao.model.versions import LAO_VERSION

    return f"lao/{LAO_VERSION}"


@functools.cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes milliseconds."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)
