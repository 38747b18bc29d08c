"""Fetches one file from an address: hashed while it arrives, capped, and never from a place that was not
meant (see `lao.public_web`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lao.errors import InvalidInput, LaoError, PermissionDenied, VerificationError
from lao.public_web import REDIRECTS, is_public, literal_of, origin_of, resolve, without_credentials

if TYPE_CHECKING:
    import httpx

__all__ = ["LARGEST_DOWNLOAD", "Download", "fetch"]

LARGEST_DOWNLOAD = 1 << 30
"""Bytes that a download may have."""

_MOST_REDIRECTS = 10
_CONNECT_TIMEOUT_S = 15.0
_READ_TIMEOUT_S = 30.0
_LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Download:
    """A file that has arrived whole.

    Attributes:
        file: Where it is.
        address: Where it came from in the end, without credentials.
        sha256: Of its content.
        size: Bytes.
    """

    file: Path
    address: str
    sha256: str
    size: int


def fetch(
    address: str,
    into: Path,
    *,
    allow_private: bool = False,
    limit: int = LARGEST_DOWNLOAD,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> Download:
    """Fetches `address` into the file `into`.

    Loopback, private, link-local and other addresses that are not public are refused, unless the address
    names one literally (`http://127.0.0.1:8000/x.so`, `localhost`) or `allow_private` is set. A redirect
    never leads to one, except back to the very origin that was asked for. At most 10 redirects are followed,
    none from https to http, and credentials in the address are not sent to another origin.

    Args:
        address: An http or https address.
        into: The file to write; on an error it may be left half written.
        allow_private: Let the host of `address` resolve to an address that is not public.
        limit: Most bytes to take.
        on_progress: Called with the bytes that came and the announced total (None when it was not announced).

    Raises:
        InvalidInput: The address is not an http or https address.
        PermissionDenied: It, or a redirect, leads to a place that is not public.
        VerificationError: It is larger than `limit`, or was cut off.
        LaoError: The server cannot be reached or does not have it.
    """
    import httpx

    first = _parsed(address)
    url = first
    timeout = httpx.Timeout(_READ_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)
    deadline = time.monotonic() + _LONGEST_S
    try:
        with httpx.Client(timeout=timeout, follow_redirects=False, headers=_headers()) as client:
            for _ in range(_MOST_REDIRECTS + 1):
                response = _send(client, _requests(client, url, first, allow_private))
                try:
                    if response.status_code not in REDIRECTS:
                        return _receive(response, url, into, limit, deadline, on_progress)
                    url = _next(response, url)
                finally:
                    response.close()
    except httpx.HTTPError as error:
        raise _network_error(url, error) from None
    raise LaoError(
        f"cannot fetch `{without_credentials(address)}`", causes=["it redirects more than 10 times"]
    )


def _headers() -> dict[str, str]:
    from lao.model.versions import LAO_VERSION

    # identity: what is hashed is what the publisher hashed.
    return {"Accept-Encoding": "identity", "User-Agent": f"lao/{LAO_VERSION}", "Accept": "*/*"}


def _parsed(address: str) -> httpx.URL:
    import httpx

    try:
        url = httpx.URL(address)
        named = bool(url.host)  # decoded here, which some names are not made for
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidInput(f"`{address}` is not an address", causes=[str(error)]) from None
    if url.scheme not in ("http", "https"):
        raise InvalidInput(
            f"cannot install from `{url.scheme}:` addresses",
            causes=["only http and https addresses are fetched"],
            hint="give a local file by its path",
        )
    if not named:
        raise InvalidInput(f"`{address}` is not an address", causes=["it names no host"])
    return url


def _next(response: httpx.Response, url: httpx.URL) -> httpx.URL:
    """Where a redirect leads."""
    import httpx

    location = response.headers.get("location", "")
    shown = without_credentials(str(url))
    if not location:
        raise LaoError(f"cannot fetch `{shown}`", causes=["it redirects to nowhere"])
    try:
        following = url.join(location)
        following.host  # noqa: B018 - decoded here
    except (httpx.InvalidURL, ValueError):
        raise LaoError(f"cannot fetch `{shown}`", causes=["it redirects to what is not an address"]) from None
    if following.scheme not in ("http", "https"):
        raise PermissionDenied(
            f"cannot fetch `{shown}`", causes=[f"it redirects to a `{following.scheme}:` address"]
        )
    if url.scheme == "https" and following.scheme == "http":
        raise PermissionDenied(f"cannot fetch `{shown}`", causes=["it redirects from https to http"])
    if origin_of(following) != origin_of(url):
        following = following.copy_with(userinfo=b"")
    return following


def _send(client: httpx.Client, requests: list[httpx.Request]) -> httpx.Response:
    """Sends the first request that finds a listener; they are the same but for the address of the host."""
    import httpx

    for request in requests[:-1]:
        try:
            return client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            continue
    return client.send(requests[-1], stream=True)


def _requests(
    client: httpx.Client, url: httpx.URL, first: httpx.URL, allow_private: bool
) -> list[httpx.Request]:
    """The request for `url`, once for each checked address of its host."""
    same_origin = origin_of(url) == origin_of(first)
    literal = literal_of(url.host) is not None or url.host == "localhost"
    allowed = same_origin and (literal or allow_private)
    if _uses_proxy(url):
        # The proxy resolves the name; only what is written in the address can be checked.
        if literal and not allowed:
            raise _refusal(url, url.host, redirected=not same_origin)
        return [client.build_request("GET", url)]
    host = url.netloc.decode("ascii")
    extensions = {"sni_hostname": url.host} if literal_of(url.host) is None else {}
    return [
        client.build_request(
            "GET", url.copy_with(host=address), headers={"Host": host}, extensions=extensions
        )
        for address in _resolve(url, allowed, redirected=not same_origin)
    ]


def _resolve(url: httpx.URL, allowed: bool, *, redirected: bool) -> list[str]:
    """The addresses of the URL's host, all of them checked."""
    try:
        addresses = resolve(*origin_of(url)[1:])
    except LaoError as error:
        raise LaoError(f"cannot fetch `{without_credentials(str(url))}`", causes=[error.message]) from None
    if not allowed:
        for address in addresses:
            if not is_public(address):
                raise _refusal(url, address, redirected=redirected)
    return addresses


def _refusal(url: httpx.URL, address: str, *, redirected: bool) -> PermissionDenied:
    hint = "if this server in your own network is meant, add `--allow-private`"
    return PermissionDenied(
        f"cannot fetch `{without_credentials(str(url))}`",
        causes=[f"`{url.host}` leads to {address}, which is not a public address"],
        hint=None if redirected else hint,
    )


def _receive(
    response: httpx.Response,
    url: httpx.URL,
    into: Path,
    limit: int,
    deadline: float,
    on_progress: Callable[[int, int | None], None] | None,
) -> Download:
    shown = without_credentials(str(url))
    if response.status_code != 200:
        raise LaoError(
            f"cannot fetch `{shown}`",
            causes=[f"the server answered {response.status_code} {response.reason_phrase}".rstrip()],
        )
    announced = response.headers.get("content-length", "")
    total = int(announced) if announced.isascii() and announced.isdigit() else None
    digest, size = hashlib.sha256(), 0
    if total is not None and total > limit:
        raise _too_large(shown, limit)
    with into.open("wb") as stream:
        for chunk in response.iter_raw(1 << 16):
            size += len(chunk)
            if size > limit:
                raise _too_large(shown, limit)
            if time.monotonic() > deadline:
                raise LaoError(f"cannot fetch `{shown}`", causes=["it did not end within an hour"])
            digest.update(chunk)
            stream.write(chunk)
            if on_progress is not None:
                on_progress(len(chunk), total)
    if total is not None and size != total:
        raise VerificationError(f"`{shown}` was cut off", causes=[f"{size} of {total} bytes came"])
    if size == 0:
        raise VerificationError(f"`{shown}` is empty")
    return Download(into, shown, digest.hexdigest(), size)


def _too_large(shown: str, limit: int) -> VerificationError:
    return VerificationError(f"`{shown}` is too large", causes=[f"a download may have {limit} bytes"])


def _network_error(url: httpx.URL, error: Exception) -> LaoError:
    import httpx

    shown = without_credentials(str(url))
    if isinstance(error, httpx.RemoteProtocolError):
        return VerificationError(f"`{shown}` was cut off", causes=["the server closed the connection early"])
    if isinstance(error, httpx.TimeoutException):
        reason = "the server did not answer in time"
    else:
        text = str(error) or type(error).__name__
        reason = text[:1].lower() + text[1:]
    return LaoError(f"cannot fetch `{shown}`", causes=[reason])


def _uses_proxy(url: httpx.URL) -> bool:
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    return bool(proxies.get(url.scheme) or proxies.get("all")) and not proxy_bypass(url.host)
