"""A strict reader of tar archives, from a compressed stream, that writes nothing.

Refused, whatever made the archive: absolute paths, `..`, names that are not printable ASCII or not allowed on
Windows, names above 100 bytes, symbolic and hard links, devices, FIFOs, PAX and GNU records, setuid, setgid
and sticky bits, two members of one name (also when case is folded, and a file where another member has a
folder), wrong checksums, data after the end of the archive or of the compressed stream, and more bytes,
members or compression than the limits allow. Sizes in headers are never trusted to allocate.

Tolerated in `.tar.gz` files made by others: any order of members, folders as members (empty ones are
dropped), a leading `./`, times, owners, permission bits beyond 644 and 755 (they are reduced to those), the
old GNU magic on plain members, zero padding at the end, a missing RECORD. A `.lao` file may have none of
these.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from lao.errors import LaoError, VerificationError
from lao.model.names import printable
from lao.package.record import RECORD

__all__ = [
    "Limits",
    "Member",
    "Refused",
    "Stream",
    "check_member_name",
    "compressor_for",
    "open_stream",
    "read_members",
]

BLOCK = 512
_CHUNK = 64 * 1024
_MAX_PADDING = 1 << 20  # zero bytes after the end of the archive; GNU tar pads to 10 KiB
_ZSTD_WINDOW_LOG = 27  # 128 MiB: the memory that one archive may make the decompressor use

_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a FIFO",
    b"7": "a contiguous file",
    b"x": "a PAX record",
    b"X": "a PAX record",
    b"g": "a PAX record",
}
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\..*)?", re.IGNORECASE)


class Refused(VerificationError):
    """The archive breaks a rule. The message is the reason; `open_archive` says of which archive."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may cost.

    Attributes:
        max_bytes: Bytes of all members together.
        max_members: Members, folders included.
        max_ratio: Bytes out for each byte in, once `ratio_floor` bytes are out.
        ratio_floor: Bytes below which the ratio does not matter.
    """

    max_bytes: int = 4 << 30
    max_members: int = 10_000
    max_ratio: int = 200
    ratio_floor: int = 32 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file, or with `folder` a folder, in an archive. `size` is in bytes; `mode` is 0o644 or
    0o755."""

    name: str
    size: int
    mode: int
    sha256: str
    folder: bool = False


class _Decompressor(Protocol):
    """What zlib's and zstd's objects have in common, after `_Gzip`."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the interface of the newer ones, which keep their pending input themselves."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)  # 31: a gzip header and trailer, checked

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _zstd_module() -> Any:
    """The module of Python 3.14's interface to zstd."""
    import importlib

    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise LaoError(
        "`.lao` archives are compressed with zstd, for which no Python module is installed",
        hint="run `pip install backports.zstd`, or use a `.tar.gz`",
    )


def compressor_for(kind: str) -> Any:
    """An object with `compress(data)` and `flush()` for `"tar.gz"` or `"lao"`; its output depends on the
    input only."""
    if kind == "tar.gz":
        return zlib.compressobj(9, zlib.DEFLATED, 31)
    module = _zstd_module()
    return module.ZstdCompressor(level=19)


class Stream:
    """The decompressed bytes of a file, read once from beginning to end under `limits`."""

    def __init__(self, file: BinaryIO, decompressor: _Decompressor, limits: Limits) -> None:
        self._file = file
        self._decompressor = decompressor
        self._limits = limits
        self._pending = b""
        self._bytes_in = 0
        self._bytes_out = 0
        self._ended = False
        self._starved = True

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, fewer only at the end of the stream."""
        parts = [self._pending[:size]]
        self._pending = self._pending[size:]
        missing = size - len(parts[0])
        while missing and not self._ended:
            data = self._more()
            parts.append(data[:missing])
            self._pending = data[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)

    def exactly(self, size: int) -> bytes:
        data = self.read(size)
        if len(data) != size:
            raise Refused("it is truncated")
        return data

    def finish(self) -> None:
        """Refuses what follows the compressed stream."""
        if self._pending or self.read(1):
            raise Refused("there is data after the end of the archive")
        if self._decompressor.unused_data or self._file.read(1):
            raise Refused("there is data after the end of the compressed stream")

    def _more(self) -> bytes:
        # Output is asked for until none comes, and only then more input is given: pending input stays small.
        data = self._file.read(_CHUNK) if self._starved else b""
        at_end = self._starved and not data
        self._bytes_in += len(data)
        try:
            out = self._decompressor.decompress(data, _CHUNK)
        except Exception as error:  # zlib.error, ZstdError: nothing else is called here
            raise Refused(f"its compressed data is damaged: {error}") from None
        self._bytes_out += len(out)
        self._starved = not out
        limits = self._limits
        if self._bytes_out > limits.max_bytes + (limits.max_members + 4) * 2 * BLOCK + _MAX_PADDING:
            raise Refused(f"it unpacks to more than {limits.max_bytes} bytes")
        if self._bytes_out > limits.ratio_floor and self._bytes_out > limits.max_ratio * self._bytes_in:
            raise Refused(f"it unpacks to more than {limits.max_ratio} times its size")
        if self._decompressor.eof:
            self._ended = True
        elif at_end and not out:
            raise Refused("its compressed data is truncated")
        return out


def open_stream(file: BinaryIO, kind: str, limits: Limits) -> Stream:
    """The tar stream in a `"tar.gz"` or `"lao"` file.

    Raises:
        LaoError: No zstd module is installed.
    """
    if kind == "tar.gz":
        return Stream(file, _Gzip(), limits)
    module = _zstd_module()
    options = {module.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    return Stream(file, module.ZstdDecompressor(options=options), limits)


def check_member_name(name: str) -> str:
    """Returns `name` if a package may have a file of that name, on any system.

    Raises:
        Refused: With the reason.
    """
    shown = printable(name)
    if not name:
        raise Refused("a member has no name")
    if len(name) > 100:
        raise Refused(f"`{shown}` has more than 100 characters")
    if not re.fullmatch(r"[\x20-\x7e]+", name):
        raise Refused(f"`{shown}` has characters that are not printable ASCII")
    if name.startswith("/") or re.match(r"[A-Za-z]:[\\/]", name):
        raise Refused(f"`{shown}` is an absolute path")
    for part in name.split("/"):
        if part == "..":
            raise Refused(f"`{shown}` leaves the package")
        if part in ("", "."):
            raise Refused(f"`{shown}` has an empty part")
        if re.search(r'[\\:*?"<>|]', part) or part[-1] in ". " or part[0] == " " or _DEVICE.fullmatch(part):
            raise Refused(f"`{shown}` is not a name that all systems allow")
    return name


def read_members(
    stream: Stream, *, strict: bool, limits: Limits, sink: Callable[[Member, bytes], None] | None = None
) -> list[Member]:
    """Reads a tar archive to its end.

    Args:
        stream: The tar stream.
        strict: The rules of `.lao` hold; else those of `.tar.gz`.
        limits: What it may cost.
        sink: Gets each member's data piecewise, at least once, with a member whose hash is still empty.

    Returns:
        The members, folders included, in the archive's order.

    Raises:
        Refused: A rule is broken; what was read before it was harmless but must be thrown away.
    """
    members: list[Member] = []
    names = _Names()
    total = 0
    while True:
        block = stream.exactly(BLOCK)
        if block == bytes(BLOCK):
            break
        member = _header(block, strict)
        if member is None:  # the archive's own top folder, `./`
            continue
        names.add(member)
        total += member.size
        if len(members) >= limits.max_members:
            raise Refused(f"it has more than {limits.max_members} members")
        if total > limits.max_bytes:
            raise Refused(f"it unpacks to more than {limits.max_bytes} bytes")
        members.append(_data(stream, member, sink))
    _end(stream, strict)
    if strict:
        _check_order([member.name for member in members])
    return members


def _data(stream: Stream, member: Member, sink: Callable[[Member, bytes], None] | None) -> Member:
    digest = hashlib.sha256()
    remaining = member.size
    while True:
        piece = stream.exactly(min(remaining, _CHUNK))
        digest.update(piece)
        if sink is not None:
            sink(member, piece)
        remaining -= len(piece)
        if not remaining:
            break
    if any(stream.exactly(-member.size % BLOCK)):
        raise Refused(f"there is data behind `{member.name}`")
    return Member(member.name, member.size, member.mode, digest.hexdigest(), member.folder)


def _end(stream: Stream, strict: bool) -> None:
    """The second zero block, then nothing, or in a `.tar.gz` some zero padding."""
    if any(stream.exactly(BLOCK)):
        raise Refused("its end mark is damaged")
    padding = 0
    while not strict and padding <= _MAX_PADDING and (data := stream.read(BLOCK)):
        if any(data):
            raise Refused("there is data after the end of the archive")
        padding += len(data)
    stream.finish()


def _check_order(names: list[str]) -> None:
    if names[:2] != ["plugin.toml", RECORD]:
        raise Refused("its first members are not `plugin.toml` and `RECORD`")
    if names[2:] != sorted(names[2:]):
        raise Refused("its members are not sorted")


def _header(block: bytes, strict: bool) -> Member | None:
    """The member that a header block announces, without its hash; None for the top folder."""
    magic = block[257:265]
    if magic != b"ustar\x0000" and (strict or magic != b"ustar  \x00"):
        raise Refused("a member's header is not of the ustar format")
    checksum = _number(block[148:156], "checksum")
    if checksum != sum(block[:148]) + 8 * 0x20 + sum(block[156:]):
        raise Refused("a member's checksum is wrong")
    name = _name(block[:100])
    shown = printable(name)
    kind = block[156:157]
    if kind not in (b"0", b"\0", b"5"):
        what = _KINDS.get(kind, "a GNU record" if kind in b"DKLMNSV" else "of an unknown type")
        hint = "make it with `tar --format=ustar`" if "record" in what else None
        raise Refused(f"`{shown}` is {what}", hint=hint)
    folder = kind == b"5"
    if folder and strict:
        raise Refused(f"`{shown}` is a folder, and only files are allowed")
    if any(block[345:500]):
        raise Refused(f"`{shown}...` has more than 100 characters")
    if any(block[157:257]):
        raise Refused(f"`{shown}` names a link target")
    mode = _number(block[100:108], "mode")
    if mode & 0o7000:
        raise Refused(f"`{shown}` has a setuid, setgid or sticky bit")
    size = _number(block[124:136], "size")
    if folder and size:
        raise Refused(f"the folder `{shown}` has data")
    if strict and (mode not in (0o644, 0o755) or _number(block[136:148], "time")):
        raise Refused(f"`{shown}` has another mode than 644 and 755, or a time")
    if not strict:
        name = name.removeprefix("./")
        if folder:
            name = name.removesuffix("/")
            if name in ("", "."):
                return None
    executable = bool(mode & 0o111)
    return Member(check_member_name(name), size, 0o755 if executable or folder else 0o644, "", folder)


def _name(field: bytes) -> str:
    name, _, rest = field.partition(b"\0")
    if any(rest):
        raise Refused("a member's name has something behind its end")
    return name.decode("ascii", "backslashreplace") if name.isascii() else name.decode("latin-1")


def _number(field: bytes, what: str) -> int:
    match = re.fullmatch(rb" *([0-7]{1,12})[ \0]*", field)
    if match is None:
        if what == "time" or not any(field.strip(b" \0")):
            return 0
        raise Refused(f"a member's {what} is not an octal number")
    return int(match[1], 8)


class _Names:
    """Refuses names that clash with earlier ones on any system."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: dict[str, str] = {}  # folded -> as written
        self._declared: set[str] = set()

    def add(self, member: Member) -> None:
        parts = member.name.split("/")
        parents = ["/".join(parts[:count]) for count in range(1, len(parts))]
        if member.folder:
            if member.name.lower() in self._declared:
                raise Refused(f"`{member.name}` is there twice")
            self._declared.add(member.name.lower())
            parents.append(member.name)
        for folder in parents:
            if folder.lower() in self._files:
                raise Refused(f"`{folder}` is a file and a folder")
            if self._folders.setdefault(folder.lower(), folder) != folder:
                raise Refused(f"`{folder}` and `{self._folders[folder.lower()]}` differ only in case")
        if member.folder:
            return
        folded = member.name.lower()
        if folded in self._files:
            raise Refused(f"`{member.name}` is there twice, perhaps in another case")
        if folded in self._folders:
            raise Refused(f"`{member.name}` is a file and a folder")
        self._files.add(folded)
