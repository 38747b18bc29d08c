"""Connections that go only to addresses that were checked, and that end at one time, however slowly bytes come."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

__all__ = ["guarded"]

Addresses = Callable[[str, int, float], list[str]]
"""(host, port, seconds) -> the IP addresses to connect to, all of them checked. Raises what refuses them, and
TimeoutError."""

_LEAST_S = 1.0  # for one address, where a host has many


def guarded(addresses: Addresses, until: float) -> httpcore.NetworkBackend:
    """A network in which names lead only to `addresses`, and everything ends at `until` (of `time.monotonic`)."""
    return _Network(addresses, until)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time is over")
    return left


class _Network(httpcore.NetworkBackend):
    def __init__(self, addresses: Addresses, until: float) -> None:
        self._real = httpcore.SyncBackend()
        self._addresses = addresses
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = self._addresses(host, port, _left(self._until))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from None
        for number, address in enumerate(addresses):
            # One that does not answer leaves time for the others.
            share = max(_LEAST_S, _left(self._until) / (len(addresses) - number))
            seconds = min(share, _left(self._until))
            try:
                stream = self._real.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == addresses[-1]:
                    raise
            else:
                return _Stream(stream, self._until)
        raise httpcore.ConnectError(f"the host {host} has no address")


class _Stream(httpcore.NetworkStream):
    def __init__(self, real: httpcore.NetworkStream, until: float) -> None:
        self._real = real
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._real.read(max_bytes, _left(self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # By itself: httpcore gives each part that is taken the whole time, and the server decides how small they are.
        connection = self._real.get_extra_info("socket")
        rest = memoryview(buffer)
        try:
            while rest:
                connection.settimeout(_left(self._until))
                rest = rest[connection.send(rest) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._real.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._real.start_tls(ssl_context, server_hostname, _left(self._until)), self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._real.get_extra_info(info)
