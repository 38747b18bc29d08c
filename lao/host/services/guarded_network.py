"""Connections that go only to addresses that were checked, and that end at one time, however slowly bytes come."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
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
_SLICE_S = 0.05  # how late it is heard, while it connects, that it was stopped


class GuardedNetwork(httpcore.NetworkBackend):
    """A network in which names lead only to checked addresses, and all ends at one time, or when it is stopped."""

    def __init__(self, addresses: Addresses, until: float) -> None:
        """
        Args:
            addresses: Where names lead.
            until: When everything ends, of `time.monotonic`.
        """
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
                    # Not that of an SSLSocket, which takes its state away while another thread reads.
                    socket.socket.shutdown(self._open, socket.SHUT_RDWR)

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
                connection = self._connect(address, port, time.monotonic() + seconds)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == addresses[-1]:
                    raise
            else:
                return _Stream(connection, self)
        raise httpcore.ConnectError(f"the host {host} has no address")

    def _connect(self, address: str, port: int, until: float) -> socket.socket:
        """By itself: a connect of the library's hears nothing until its time is over."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            failure = connection.connect_ex((address, port))
            if failure in (errno.EINPROGRESS, errno.EWOULDBLOCK):
                self._wait_until_writable(connection, until)
                failure = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failure:
                raise httpcore.ConnectError(os.strerror(failure))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            raise httpcore.ConnectError(error.strerror or str(error)) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _wait_until_writable(self, connection: socket.socket, until: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_WRITE)
            while not selector.select(_SLICE_S):
                self.left()
                if time.monotonic() > until:
                    raise httpcore.ConnectTimeout("it does not answer")


class _Stream(httpcore.NetworkStream):
    def __init__(self, connection: socket.socket, network: GuardedNetwork) -> None:
        self._connection = connection
        self._network = network
        network.watch(connection)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._connection.settimeout(self._network.left())
            return self._connection.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        try:
            while rest:  # what is left of the whole time for each part: the server decides how small they are
                self._connection.settimeout(self._network.left())
                rest = rest[self._connection.send(rest) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._connection.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        connection = self._connection
        try:
            connection = ssl_context.wrap_socket(
                connection, server_hostname=server_hostname, do_handshake_on_connect=False
            )
            secured = _Stream(connection, self._network)  # so that it can be stopped in its handshake
            connection.settimeout(self._network.left())
            connection.do_handshake()
        except TimeoutError as error:
            connection.close()
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            connection.close()
            raise httpcore.ConnectError(str(error)) from error
        except BaseException:
            connection.close()
            raise
        return secured

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "socket":
                return self._connection
            case "ssl_object" if isinstance(self._connection, ssl.SSLSocket):
                return self._connection
        return None
