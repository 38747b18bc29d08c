"""Frames of the service socket: bytes of a worker, which may be hostile, to questions, and replies to bytes.

Pure. The same numbers stand in native/ipc/service_frame.h and native/core/services.h.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from lao.errors import ProtocolViolation
from lao.host.services.service import Service
from lao.model.kinds import Kind

__all__ = [
    "HEAD_BYTES",
    "KINDS",
    "LARGEST_BODY",
    "LARGEST_HEADER",
    "SERVICES",
    "FrameReader",
    "Question",
    "Reply",
    "encode_reply",
]

LARGEST_HEADER = 65536
LARGEST_BODY = 16 << 20

_HEAD = struct.Struct("=6I")
HEAD_BYTES = _HEAD.size
# Plain dictionaries: making a member of an enumeration from its number takes a microsecond.
SERVICES = {int(service): service for service in Service}
KINDS = {int(kind): kind for kind in Kind}


class Question(NamedTuple):
    """What a plugin asks.

    Attributes:
        id: By which the worker knows the answer; 0: nobody waits for one.
        service: Which service is asked.
        kind: Of the body.
        header: JSON, not parsed yet.
        body: Bytes.
    """

    id: int
    service: Service
    kind: Kind
    header: bytes
    body: bytes


class Reply(NamedTuple):
    """What it is answered.

    Attributes:
        status: A code of the status list; 0 for success.
        kind: Of the body.
        header: JSON, or the reason of a failure as text.
        body: Bytes.
        descriptor: An open file that goes to the plugin, or -1. Whoever holds the reply closes it.
    """

    status: int = 0
    kind: Kind = Kind.NONE
    header: bytes = b""
    body: bytes = b""
    descriptor: int = -1


def encode_reply(id: int, reply: Reply) -> bytes:
    """The frame of a reply; its descriptor has to be sent along with the first byte."""
    size = len(reply.header) + len(reply.body)
    head = _HEAD.pack(size, id, reply.status, reply.kind, len(reply.header), int(reply.descriptor >= 0))
    return b"".join((head, reply.header, reply.body))


class FrameReader:
    """Takes bytes as they come and gives whole questions. Holds what has arrived of one frame and no more than that:
    a size that is only claimed costs nothing.

    Example:
        >>> reader = FrameReader()
        >>> reader.feed(_HEAD.pack(2, 7, Service.SCRATCH, 0, 2, 0) + b"{}")
        >>> reader.next().header, reader.next()
        (b'{}', None)
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._at = 0

    @property
    def waiting(self) -> int:
        """Bytes that have arrived and are in no question yet."""
        return len(self._bytes) - self._at

    def feed(self, data: bytes) -> None:
        """Adds what has arrived."""
        self._bytes += data

    def next(self) -> Question | None:
        """The next question that is whole, each once; None when more bytes are needed.

        Raises:
            ProtocolViolation: The bytes are no frame. Nothing behind them can be read any more.
        """
        if self.waiting >= HEAD_BYTES:
            size, id, service, kind, header_size, reserved = _HEAD.unpack_from(self._bytes, self._at)
            _check(size, id, service, kind, header_size, reserved)
            if self.waiting >= HEAD_BYTES + size:
                middle = self._at + HEAD_BYTES + header_size
                end = self._at + HEAD_BYTES + size
                header = bytes(self._bytes[self._at + HEAD_BYTES : middle])
                body = bytes(self._bytes[middle:end])
                self._at = end
                return Question(id, SERVICES[service], KINDS[kind], header, body)
        if self._at:
            del self._bytes[: self._at]
            self._at = 0
        return None


def _check(size: int, id: int, service: int, kind: int, header_size: int, reserved: int) -> None:
    if service not in SERVICES:
        raise ProtocolViolation(f"its worker asked for the service {service}, which there is not")
    if kind not in KINDS:
        raise ProtocolViolation(f"its worker asked with a value of the kind {kind}, which there is not")
    if header_size > min(size, LARGEST_HEADER) or size - header_size > LARGEST_BODY:
        raise ProtocolViolation(
            f"its worker asked with {size} bytes, {header_size} of them header; "
            f"{LARGEST_HEADER} and {LARGEST_BODY} are the most"
        )
    if reserved != 0:
        raise ProtocolViolation("its worker asked with a head that nobody understands")
    if id == 0 and service != Service.PROGRESS:
        raise ProtocolViolation("its worker asked something without waiting for the answer")
