"""Connections that go only to addresses that were checked, and that end at one time, however slowly bytes come."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

__all__ = ["GuardedNetwork"]

Addresses = Callable[[str, int, float], list[str]]
"""(host, port, seconds) -> the IP addresses to connect to, all of them checked. Raises what refuses them, and
TimeoutError."""

_LEAST_S = 1.0  # for one address, where a host has many


class GuardedNetwork(httpcore.NetworkBackend):
    """A network in which names lead only to checked addresses, and all ends at one time, or when it is stopped."""

    def __init__(self, addresses: Addresses, until: float) -> None:
        """
        Args:
            addresses: Where names lead.
            until: When everything ends, of `time.monotonic`.
        """
        self._real = httpcore.SyncBackend()
        self._addresses = addresses
        self._until = until
        self._lock = threading.Lock()
        self._open: socket.socket | None = None
        self.stopped = False

    def stop(self) -> None:
        """Ends what is under way, at the latest when the next connection is made. Any thread."""
        with self._lock:
            self.stopped = True
            if self._open is not None:
                with contextlib.suppress(OSError):  # it is closed, or was never connected
                    self._open.shutdown(socket.SHUT_RDWR)

    def left(self) -> float:
        """Seconds that there are. Raises httpcore.ReadTimeout when there are none, httpcore.ReadError once stopped."""
        if self.stopped:
            raise httpcore.ReadError("it was stopped")
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return left

    def watch(self, connection: socket.socket) -> None:
        """The connection that `stop` ends from now on."""
        with self._lock:
            self._open = connection
        self.left()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = self._addresses(host, port, self.left())
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from None
        for number, address in enumerate(addresses):
            # One that does not answer leaves time for the others.
            share = max(_LEAST_S, self.left() / (len(addresses) - number))
            seconds = min(share, self.left())
            try:
                stream = self._real.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == addresses[-1]:
                    raise
            else:
                return _Stream(stream, self)
        raise httpcore.ConnectError(f"the host {host} has no address")


class _Stream(httpcore.NetworkStream):
    def __init__(self, real: httpcore.NetworkStream, network: GuardedNetwork) -> None:
        self._real = real
        self._network = network
        network.watch(real.get_extra_info("socket"))

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._real.read(max_bytes, self._network.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # By itself: httpcore gives each part that is taken the whole time, and the server decides how small they are.
        connection = self._real.get_extra_info("socket")
        rest = memoryview(buffer)
        try:
            while rest:
                connection.settimeout(self._network.left())
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
        return _Stream(
            self._real.start_tls(ssl_context, server_hostname, self._network.left()), self._network
        )

    def get_extra_info(self, info: str) -> Any:
        return self._real.get_extra_info(info)
