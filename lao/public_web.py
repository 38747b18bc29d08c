"""Where on the network somebody else's word may lead: addresses of the public internet, checked before connecting.

A page, a redirect or a plugin can name addresses that only this machine reaches. So hosts are resolved here, what they
resolve to is checked, and the connection goes to the address that was checked: a name that resolves differently a
moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING

from lao.errors import LaoError

if TYPE_CHECKING:
    import httpx

__all__ = ["REDIRECTS", "is_public", "literal_of", "origin_of", "resolve", "without_credentials"]

REDIRECTS = (301, 302, 303, 307, 308)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also when it is wrapped in an IPv6 one."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and ip not in _RELAYS
    wrapped = _wrapped(ip)
    if any(not is_public(str(inner)) for inner in wrapped):
        return False
    # What the registries give out; most of the rest counts as global to `ipaddress` without leading anywhere public.
    assigned = ip in _UNICAST and ip not in _DOCUMENTATION and (ip.is_global or ip in _TEREDO)
    return assigned or bool(wrapped)


_RELAYS = ipaddress.ip_network("192.88.99.0/24")  # into IPv6, by a neighbour
_UNICAST = ipaddress.ip_network("2000::/3")
_DOCUMENTATION = ipaddress.ip_network("3fff::/20")
_TEREDO = ipaddress.ip_network("2001::/32")
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)


def _wrapped(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that a packet to this address may end up at."""
    if ip.ipv4_mapped is not None:
        return [ip.ipv4_mapped]
    if ip.sixtofour is not None:
        return [ip.sixtofour]
    if ip.teredo is not None:
        return list(ip.teredo)
    if ip in _TRANSLATED or int(ip) >> 32 & 0xFFFFFFFF in _ISATAP:
        return [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)]
    return []


def without_credentials(address: str) -> str:
    """The address without a user name, password, query or fragment: what may be shown and recorded."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port: what may share secrets."""
    return url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)


def literal_of(host: str) -> str | None:
    """The IP address that `host` is, or None for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def resolve(host: str, port: int, timeout_s: float | None = None) -> list[str]:
    """The IP addresses of a host, not checked yet.

    Args:
        host: A name or an IP address.
        port: For which of them.
        timeout_s: Seconds; None for as long as the system takes.

    Raises:
        LaoError: It has none.
        TimeoutError: They did not come in time.
    """
    if timeout_s is None or literal_of(host) is not None:
        return _resolve(host, port)
    # The system's resolver cannot be interrupted: it is left behind, and few are left behind at once.
    until = time.monotonic() + timeout_s
    if not _resolving.acquire(timeout=max(0.0, timeout_s)):
        raise TimeoutError(f"the host `{host}` was not resolved in time")
    answer: queue.SimpleQueue[list[str] | LaoError] = queue.SimpleQueue()
    thread = threading.Thread(
        target=_resolve_into, args=(answer, host, port), name="lao-resolve", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:
        _resolving.release()
        raise LaoError(f"the host `{host}` cannot be resolved: there are too many threads") from None
    try:
        found = answer.get(timeout=max(0.0, until - time.monotonic()))
    except queue.Empty:
        raise TimeoutError(f"the host `{host}` was not resolved in time") from None
    if isinstance(found, LaoError):
        raise found
    return found


_resolving = threading.BoundedSemaphore(16)


def _resolve_into(answer: queue.SimpleQueue[list[str] | LaoError], host: str, port: int) -> None:
    try:
        answer.put(_resolve(host, port))
    except LaoError as error:
        answer.put(error)
    finally:
        _resolving.release()


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LaoError(f"the host `{host}` cannot be resolved: {reason[:1].lower()}{reason[1:]}") from None
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
