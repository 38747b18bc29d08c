"""Where on the network somebody else's word may lead: addresses of the public internet, checked before connecting.

A page, a redirect or a plugin can name addresses that only this machine reaches. So hosts are resolved here, what they
resolve to is checked, and the connection goes to the address that was checked: a name that resolves differently a
moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from lao.errors import LaoError

if TYPE_CHECKING:
    import httpx

__all__ = ["REDIRECTS", "is_public", "literal_of", "origin_of", "resolve", "without_credentials"]

REDIRECTS = (301, 302, 303, 307, 308)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also when it is wrapped in an IPv6 one."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if wrapped is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
    return ip.is_global and not ip.is_multicast


def without_credentials(address: str) -> str:
    """The address without a user name, password, query or fragment: what may be shown and recorded."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port: what may share secrets."""
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def literal_of(host: str) -> str | None:
    """The IP address that `host` is, or None for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of a host, not checked yet.

    Raises:
        LaoError: It has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LaoError(f"the host `{host}` cannot be resolved: {reason[:1].lower()}{reason[1:]}") from None
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
