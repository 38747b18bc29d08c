"""What a plugin may ask of the host's HTTP, checked before anything is sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lao.errors import InvalidInput, LaoError, PermissionDenied
from lao.public_web import literal_of, origin_of, without_credentials

if TYPE_CHECKING:
    import httpx

__all__ = [
    "LARGEST_HEADERS",
    "Hosts",
    "address_of",
    "checked_headers",
    "checked_method",
    "checked_names",
    "checked_seconds",
    "checked_url",
    "following_url",
    "for_another_origin",
]

LARGEST_HEADERS = 32768  # characters in all of them
_LARGEST_URL = 8192
_MOST_HEADERS = 64
_LONGEST_TIMEOUT_S = 300.0

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# What resolvers and certificates know: no escapes, no backslashes, nothing that one reader takes for another host.
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
# They decide where a request goes, where it ends, or belong to one connection: the host's own.
_OWN_HEADERS = frozenset(
    "host content-length transfer-encoding connection upgrade te trailer expect keep-alive http2-settings "
    "accept-encoding".split()
)
_SECRET_HEADER = re.compile(
    r"auth|cookie|token|secret|session|passw|credential|signature|api-?key|access-?key"
)
# Where something else than HTTP listens, which might take a body for commands (as the browsers have it).
_FOREIGN_PORTS = frozenset(
    (
        1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
        110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530,
        531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190,
        5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, 11211,
    )
)  # fmt: skip


class Hosts:
    """The hosts that were granted."""

    def __init__(self, granted: Iterable[str]) -> None:
        """
        Args:
            granted: `host`, `host:port` or `*.domain`; none for any host.
        """
        self._rules = tuple(_rule_of(one) for one in granted)

    def check(self, url: httpx.URL) -> None:
        """
        Raises:
            PermissionDenied: It leads to a host that was not granted, or to a port where no HTTP is spoken and that
                was not granted by its number.
        """
        host, port = _host_of(url), origin_of(url)[2]
        ports = [wanted for name, wanted in self._rules if _matches(name, host) and wanted in (None, port)]
        if self._rules and not ports:
            raise PermissionDenied(f"the host `{url.host}` was not granted", causes=[address_of(url)])
        if port in _FOREIGN_PORTS and port not in ports:
            raise PermissionDenied(
                f"port {port} of `{url.host}` was not granted",
                causes=["something else than HTTP listens there"],
                hint=f"grant `{url.host}:{port}` if it is meant",
            )


def _rule_of(granted: str) -> tuple[str, int | None]:
    head, colon, tail = granted.rpartition(":")
    has_port = bool(colon) and tail.isascii() and tail.isdigit() and (":" not in head or head.endswith("]"))
    name, port = (head, int(tail)) if has_port else (granted, None)
    star, name = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    return star + _ascii(name.strip("[]")), port


def _matches(name: str, host: str) -> bool:
    if name.startswith("*."):
        return host.endswith(name[1:]) and len(host) > len(name) - 1 and literal_of(host) is None
    return host == name


def _ascii(name: str) -> str:
    """A name or an address, as it is compared."""
    import httpx

    literal = literal_of(name)
    if literal is not None:
        return literal
    if not name.isascii():
        try:
            name = httpx.URL(scheme="http", host=name).raw_host.decode("ascii")
        except (httpx.InvalidURL, ValueError):
            return ""  # no host is called so
    return name.lower().rstrip(".")


def _host_of(url: httpx.URL) -> str:
    return _ascii(url.raw_host.decode("ascii"))


# --- Addresses ---


def checked_url(text: Any) -> httpx.URL:
    """The address of a first request.

    Raises:
        InvalidInput: It is none, or has credentials in it.
        PermissionDenied: It is not http or https.
    """
    import httpx

    if not isinstance(text, str) or len(text) > _LARGEST_URL:
        raise InvalidInput(f"a request has a `url`, a text of at most {_LARGEST_URL} characters")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidInput("the `url` is not an address", causes=[str(error)]) from None
    _check(url)
    authority = re.match(r"[^/?#]*//([^/?#]*)", text)
    if url.userinfo or authority is None or "@" in authority[1]:  # also an empty one, which httpx drops
        raise InvalidInput("the `url` has credentials in it", hint="send an `Authorization` header")
    return url.copy_with(fragment=None)


def _check(url: httpx.URL) -> None:
    if url.scheme not in ("http", "https"):
        raise PermissionDenied(f"only http and https are fetched, not `{url.scheme}:`")
    host = url.raw_host.decode("ascii")
    if not host:
        raise InvalidInput("the `url` names no host")
    if "%" in host or (literal_of(host) is None and (len(host) > 253 or not _NAME.fullmatch(host))):
        raise InvalidInput("the `url` names a host that cannot be")
    try:
        url.host  # noqa: B018 - it is decoded here, which some names are not made for
    except ValueError:
        raise InvalidInput("the `url` names a host that cannot be") from None
    if url.port is not None and not 1 <= url.port <= 65535:
        raise InvalidInput("the `url` has a port that cannot be")


def following_url(location: str, url: httpx.URL) -> httpx.URL:
    """Where a redirect leads, without credentials.

    Raises:
        InvalidInput: To what is no address.
        PermissionDenied: To what is not http or https, or from https to http.
        LaoError: To what is no address at all.
    """
    import httpx

    try:
        following = url.join(location)
    except (httpx.InvalidURL, ValueError):
        raise LaoError(f"`{address_of(url)}` redirects to what is not an address") from None
    following = following.copy_with(userinfo=b"", fragment=None)
    _check(following)
    if url.scheme == "https" and following.scheme == "http":
        raise PermissionDenied(f"`{address_of(url)}` redirects from https to http")
    return following


def address_of(url: httpx.URL) -> str:
    """What may be shown of it, and recorded."""
    return without_credentials(str(url))


# --- The rest ---


def checked_method(method: Any) -> str:
    """In capitals.

    Raises:
        InvalidInput: It is not one that is sent.
    """
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise InvalidInput(f"the method is one of {', '.join(sorted(_METHODS))}")
    return method.upper()


def checked_headers(headers: Any) -> dict[str, str]:
    """By lower-case name.

    Raises:
        InvalidInput: They are none, too many or too long, or one is the host's own.
    """
    if not isinstance(headers, dict) or len(headers) > _MOST_HEADERS:
        raise InvalidInput(f"`headers` are at most {_MOST_HEADERS} texts by name")
    checked: dict[str, str] = {}
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidInput("a header is not a text by name")
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise InvalidInput("a header is not valid")
        lower = name.lower()
        if lower in _OWN_HEADERS or lower.startswith("proxy-"):
            raise InvalidInput(f"the header `{name}` is the host's own")
        if lower in checked:
            raise InvalidInput(f"the header `{name}` is there twice")
        checked[lower] = value.strip(" \t")
    if sum(len(name) + len(value) for name, value in checked.items()) > LARGEST_HEADERS:
        raise InvalidInput("the headers are too long")
    return checked


def checked_names(names: Any) -> frozenset[str]:
    """Names of headers, in lower case.

    Raises:
        InvalidInput: They are none.
    """
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInput("`secret_headers` is a list of names")
    return frozenset(name.lower() for name in names)


def for_another_origin(headers: dict[str, str], secret: frozenset[str] = frozenset()) -> dict[str, str]:
    """The headers without those that look like secrets, or are said to be some: they were meant for the first origin
    alone."""
    return {
        name: value
        for name, value in headers.items()
        if name not in secret and not _SECRET_HEADER.search(name)
    }


def checked_seconds(wanted: Any, most: float) -> float:
    """How long a request may take: what the plugin wants, but at most `most`.

    Raises:
        InvalidInput: It is no such number.
    """
    if wanted is None:
        return most
    if (
        isinstance(wanted, bool)
        or not isinstance(wanted, (int, float))
        or not 0 < wanted <= _LONGEST_TIMEOUT_S
    ):
        raise InvalidInput(f"`timeout_s` is a number above 0, up to {_LONGEST_TIMEOUT_S:g}")
    return min(float(wanted), most)
