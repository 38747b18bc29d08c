"""What the readers of the three binary formats share: a bounds-checked view of the bytes, and what they
report.

The readers see untrusted files. Every access goes through `View.read`, which refuses to leave the file;
counts and sizes in a file only ever bound loops, together with the caps here.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lao.errors import LaoError

__all__ = [
    "MAX_NAME",
    "MAX_SYMBOLS",
    "BinaryError",
    "Export",
    "StringTable",
    "Truncated",
    "VersionNeed",
    "View",
]

MAX_SYMBOLS = 1_000_000  # more than any real library exports
MAX_NAME = 16_384  # bytes of one symbol or library name; mangled C++ names reach some thousands
_MAX_STRINGS = 64 << 20  # bytes of a string table
_MAX_NAMES = 256 << 20  # bytes of all names together, since many symbols may name one long string


class BinaryError(LaoError):
    """The bytes are not what their format demands. The message completes "`x` is not a shared library:
    ..."."""


class Truncated(BinaryError):
    """The file ends before what its headers announce."""


@dataclass(frozen=True, slots=True)
class Export:
    """A symbol that a library exports.

    Attributes:
        kind: `"func"` or `"object"` (data, also thread-local).
        size: Bytes of it as the file says; 0 when the format does not say.
        value: Its virtual address.
    """

    kind: str
    size: int
    value: int = 0


@dataclass(frozen=True, slots=True)
class VersionNeed:
    """A symbol version that a library needs from another, such as GLIBC_2.34 from libc.so.6.

    Attributes:
        library: Name of the other library, as in its NEEDED entry.
        version: Name of the version.
        weak: The loader does not insist on it (VER_FLG_WEAK).
        symbols: Names of the strong symbols bound to it.
        weak_symbols: Names of the weak symbols bound to it.
        flags_offset: Where in the file its 16-bit flags are.
    """

    library: str
    version: str
    weak: bool
    symbols: tuple[str, ...]
    weak_symbols: tuple[str, ...]
    flags_offset: int


class View:
    """Random access to a file's bytes that never leaves them.

    Args:
        read: Gives up to `size` bytes at an offset.
        size: Bytes of the file.
        big_endian: How `unpack` reads numbers.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: int, *, big_endian: bool = False) -> None:
        self._read = read
        self.size = size
        self.order = ">" if big_endian else "<"

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview, *, big_endian: bool = False) -> View:
        """A view of bytes in memory."""
        memory = memoryview(data)
        return cls(
            lambda offset, size: bytes(memory[offset : offset + size]), len(memory), big_endian=big_endian
        )

    @classmethod
    def of_file(cls, descriptor: int) -> View:
        """A view of an open file. It reads piecewise rather than by mmap: a file that shrinks meanwhile then
        is an error and not a SIGBUS."""
        size = os.fstat(descriptor).st_size
        if hasattr(os, "pread"):
            return cls(lambda offset, count: os.pread(descriptor, count, offset), size)

        def seek_and_read(offset: int, count: int) -> bytes:
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.read(descriptor, count)

        return cls(seek_and_read, size)

    def part(self, offset: int, size: int, *, big_endian: bool) -> View:
        """The view of a part, e.g. of one architecture in a fat binary."""
        if offset + size > self.size:
            raise Truncated(f"it is truncated at {self.size} bytes, and {offset + size} are announced")
        return View(lambda at, count: self._read(offset + at, count), size, big_endian=big_endian)

    def read(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes.

        Raises:
            Truncated: They are not all inside the file.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise Truncated(f"it is truncated at {self.size} bytes, or has a wrong offset")
        data = self._read(offset, size) if size else b""
        if len(data) != size:
            raise Truncated(f"it became shorter than {self.size} bytes while it was read")
        return data

    def unpack(self, offset: int, layout: str) -> tuple[Any, ...]:
        """The numbers at `offset`, in the byte order of the file; `layout` as in the module struct."""
        layout = self.order + layout
        return struct.unpack(layout, self.read(offset, struct.calcsize(layout)))

    def table(self, offset: int, count: int, layout: str) -> list[tuple[Any, ...]]:
        """`count` records at `offset`."""
        layout = self.order + layout
        return list(struct.iter_unpack(layout, self.read(offset, count * struct.calcsize(layout))))

    def string(self, offset: int, *, limit: int = MAX_NAME) -> str:
        """The NUL-terminated string at `offset`.

        Raises:
            BinaryError: No NUL comes within `limit` bytes.
        """
        data = self.read(offset, max(0, min(limit, self.size - offset)))
        end = data.find(b"\0")
        if end < 0:
            raise BinaryError("a string in it has no end")
        return data[:end].decode("utf-8", "replace")


class StringTable:
    """A string table that is read once. The size that the file gives is where reading starts, not where it
    must end: loaders do not look at it."""

    def __init__(self, view: View, offset: int, size: int, limit: int) -> None:
        self._view = view
        self._offset = offset
        self._limit = min(limit, _MAX_STRINGS)
        self._budget = _MAX_NAMES
        self._data = view.read(offset, min(size, self._limit))

    def __getitem__(self, index: int) -> str:
        end = self._data.find(b"\0", index, index + MAX_NAME)
        if end < 0 and len(self._data) < self._limit:
            self._data = self._view.read(self._offset, self._limit)
            end = self._data.find(b"\0", index, index + MAX_NAME)
        if end < 0:
            raise BinaryError("a name in it has no end")
        self._budget -= end - index
        if self._budget < 0:
            raise BinaryError("its names are too long")
        return self._data[index:end].decode("utf-8", "replace")
