"""Plugin packages as files: `.tar.gz`, and `.lao` (the same tar inside zstd).

An archive is read to its end and checked whole before anything is written (`tar_stream` has the rules and
what is tolerated), and unpacked into a fresh directory or not at all. Written archives depend on their
content only: the same files give the same bytes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from lao.errors import InvalidInput, LaoError, VerificationError
from lao.package.record import (
    RECORD,
    Entry,
    compare,
    format_record,
    parse_record,
    record_digest,
    record_of,
    verify_record,
    write_record,
)
from lao.package.tar_stream import (
    BLOCK,
    Limits,
    Member,
    Refused,
    check_member_name,
    compressor_for,
    open_stream,
    read_members,
)

__all__ = [
    "RECORD",
    "Archive",
    "Entry",
    "Limits",
    "Member",
    "archive_kind",
    "open_archive",
    "record_digest",
    "record_of",
    "verify_record",
    "write_archive",
    "write_record",
]

_MANIFEST = "plugin.toml"
_MAGICS = {b"\x1f\x8b": "tar.gz", b"\x28\xb5\x2f\xfd": "lao"}
_KEPT = 4 << 20  # bytes of plugin.toml and RECORD that are kept in memory
_CHUNK = 1 << 20


def archive_kind(path: str | Path) -> str | None:
    """`"tar.gz"` or `"lao"` by a file's name, None for others."""
    name = Path(path).name.lower()
    if name.endswith((".tar.gz", ".tgz")):
        return "tar.gz"
    return "lao" if name.endswith(".lao") else None


class Archive:
    """An archive that was read and found harmless. Made by `open_archive`; keeps no file open.

    Attributes:
        path: The file.
        kind: `"tar.gz"` or `"lao"`.
        sha256: Of the whole file, in hexadecimal.
        members: Its regular files, by their names inside the package.
        root: The folder that all of them lie in, as archives by others often have it; empty when there is
            none. It is not part of the names in `members`.
        manifest_text: The content of plugin.toml, or None when there is none.
        has_record: It carries a RECORD, which was verified.
    """

    def __init__(self, path: Path, file: BufferedReader, kind: str, limits: Limits) -> None:
        self.path = path
        self.kind = kind
        self._limits = limits
        kept: dict[str, bytearray] = {}

        def keep(member: Member, data: bytes) -> None:
            if member.name.rpartition("/")[2] in (_MANIFEST, RECORD) and member.size <= _KEPT:
                kept.setdefault(member.name, bytearray()).extend(data)

        self._all = self._read(file, keep)
        self.root = _root(self._all)
        self.members = tuple(_without(self.root, member) for member in self._all if not member.folder)
        prefix = f"{self.root}/" if self.root else ""
        manifest, record = kept.get(prefix + _MANIFEST), kept.get(prefix + RECORD)
        self.manifest_text = _decode(manifest) if manifest is not None else None
        names = {member.name for member in self.members}
        self.has_record = RECORD in names
        if _MANIFEST in names and manifest is None:
            raise Refused(f"its `{_MANIFEST}` is larger than {_KEPT} bytes")
        if self.has_record:
            self._check_record(record)
        file.seek(0)
        self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    def extract(self, directory: str | Path) -> Path:
        """Unpacks into a directory that does not exist yet: all of it, or on any error nothing.

        Files get mode 644 or 755. Nothing is flushed to the disk; whoever installs does that.

        Returns:
            The directory.

        Raises:
            LaoError: The directory exists already, or cannot be written.
            VerificationError: The file changed after it was checked.
        """
        target = Path(directory)
        if target.exists() or target.is_symlink():
            raise LaoError(f"cannot unpack into `{target}`", causes=["it exists already"], where=str(target))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            staged = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
        except OSError as error:
            raise _cannot("unpack into", target, error) from None
        try:
            with _opened(self.path) as file:
                self._unpack(file, staged)
            os.chmod(staged, 0o755)
            os.rename(staged, target)
        except OSError as error:
            raise _cannot("unpack into", target, error) from None
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        return target

    def _read(self, file: BufferedReader, sink: Callable[[Member, bytes], None]) -> list[Member]:
        stream = open_stream(file, self.kind, self._limits)
        return read_members(stream, strict=self.kind == "lao", limits=self._limits, sink=sink)

    def _unpack(self, file: BufferedReader, staged: Path) -> None:
        with _Writer(staged, self.root) as writer:
            try:
                again = self._read(file, writer.write)
            except Refused:
                again = []
        if again != self._all:
            raise VerificationError(f"`{self.path}` changed while it was unpacked", where=str(self.path))

    def _check_record(self, record: bytearray | None) -> None:
        if record is None:
            raise Refused(f"its RECORD is larger than {_KEPT} bytes")
        found = {member.name: Entry(member.name, member.size, member.sha256) for member in self.members}
        differences = compare(parse_record(bytes(record)), found)
        if differences:
            raise VerificationError("its files are not what RECORD says", causes=differences)


def open_archive(path: str | Path, *, limits: Limits | None = None) -> Archive:
    """Reads an archive and checks all of it; nothing is written.

    Args:
        path: A `.tar.gz` or `.lao` file; what it is follows from its content, not from its name.
        limits: What it may cost; the default allows 4 GiB in 10,000 members at a ratio of 200.

    Raises:
        VerificationError: It breaks a rule, is damaged, or its files are not what its RECORD says.
        LaoError: It cannot be read, is not an archive, or is a `.lao` and no zstd module is installed.
    """
    path = Path(path)
    with _opened(path) as file, _refusing(path):
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Refused("it is not a regular file")
        head = file.read(4)
        kind = next((kind for magic, kind in _MAGICS.items() if head.startswith(magic)), None)
        if kind is None:
            raise Refused("it is no plugin archive: it begins neither like gzip nor like zstd")
        file.seek(0)
        return Archive(path, file, kind, limits or Limits())


def write_archive(source: str | Path | Mapping[str, bytes | Path], output: str | Path) -> Path:
    """Writes a package: plugin.toml, RECORD, then the other files sorted by name, all with time 0 and mode
    644 or 755.

    Args:
        source: A directory, or for each name in the package its content or its file. A RECORD in it is
        replaced. output: A `.tar.gz`, `.tgz` or `.lao` file; replaced at once when everything was written.

    Returns:
        The path of the archive.

    Raises:
        InvalidInput: There is no plugin.toml, a name is not allowed, something is neither file nor directory,
        or the
            output's name says no known format.
        LaoError: A file cannot be read or written, or a `.lao` is asked for and no zstd module is installed.
    """
    output = Path(output)
    kind = archive_kind(output)
    if kind is None:
        raise InvalidInput(
            f"cannot write `{output.name}`", hint="archives end in `.tar.gz`, `.tgz` or `.lao`"
        )
    files = _files_of(source)
    compressor = compressor_for(kind)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        descriptor, staged = tempfile.mkstemp(prefix=f".{output.name}.", suffix=".partial", dir=output.parent)
    except OSError as error:
        raise _cannot("write", output, error) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            for block in _tar_blocks(files):
                stream.write(compressor.compress(block))
            stream.write(compressor.flush())
        os.chmod(staged, 0o644)
        os.replace(staged, output)
    except OSError as error:
        raise _cannot("write", output, error) from None
    finally:
        Path(staged).unlink(missing_ok=True)
    return output


# --- reading ---


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    try:
        # O_NONBLOCK: opening a FIFO must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise _cannot("read", path, error) from None
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _cannot("read", path, IsADirectoryError(errno.EISDIR, "is a directory"))
    with os.fdopen(descriptor, "rb") as file:
        yield file


class _Writer:
    """Writes members below a fresh directory of its own."""

    def __init__(self, directory: Path, root: str) -> None:
        self._directory = directory
        self._prefix = f"{root}/" if root else ""
        self._name = ""
        self._stream: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()

    def write(self, member: Member, data: bytes) -> None:
        if member.folder:
            return
        if member.name != self._name or self._stream is None:
            self._finish()
            self._name = member.name
            path = self._directory / member.name.removeprefix(self._prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            # O_EXCL: nothing that is there already is ever written through.
            flags = (
                os.O_WRONLY
                | os.O_CREAT
                | os.O_EXCL
                | getattr(os, "O_BINARY", 0)
                | getattr(os, "O_NOFOLLOW", 0)
            )
            descriptor = os.open(path, flags, member.mode)
            self._stream = os.fdopen(descriptor, "wb")
            os.chmod(path, member.mode)
        self._stream.write(data)

    def _finish(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _root(members: list[Member]) -> str:
    """The one top folder that holds the manifest, where the manifest is not at the top."""
    names = {member.name for member in members if not member.folder}
    tops = {member.name.split("/", 1)[0] for member in members}
    if _MANIFEST in names or len(tops) != 1:
        return ""
    top = tops.pop()
    return top if f"{top}/{_MANIFEST}" in names else ""


def _without(root: str, member: Member) -> Member:
    if not root:
        return member
    return Member(member.name.removeprefix(f"{root}/"), member.size, member.mode, member.sha256)


def _decode(data: bytearray) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"its `{_MANIFEST}` is not UTF-8 text") from None


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Says of which archive a rule was broken."""
    try:
        yield
    except VerificationError as error:
        raise VerificationError(
            f"the archive `{path.name}` is refused",
            causes=[error.message, *error.causes],
            where=str(path),
            hint=error.hint,
        ) from None
    except OSError as error:
        raise _cannot("read", path, error) from None


def _cannot(what: str, path: Path, error: OSError) -> LaoError:
    reason = (error.strerror or str(error)).lower()
    return LaoError(f"cannot {what} `{path}`", causes=[reason], where=str(path))


# --- writing ---


def _files_of(source: str | Path | Mapping[str, bytes | Path]) -> dict[str, bytes | Path]:
    """The files to write, by name, without RECORD."""
    if isinstance(source, Mapping):
        files = {name: content for name, content in source.items() if name != RECORD}
    else:
        try:
            names = record_of(source)
        except OSError as error:
            raise _cannot("read", Path(source), error) from None
        except VerificationError as error:
            raise InvalidInput(error.message, causes=error.causes, where=error.where) from None
        files = {name: Path(source, name) for name in names}
    folded: dict[str, str] = {}
    for name in files:
        try:
            check_member_name(name)
        except Refused as error:
            raise InvalidInput(f"cannot package `{name}`", causes=[error.message]) from None
        if folded.setdefault(name.lower(), name) != name:
            cause = f"`{folded[name.lower()]}` differs from it only in case"
            raise InvalidInput(f"cannot package `{name}`", causes=[cause])
    if _MANIFEST not in files:
        raise InvalidInput("cannot make a package", causes=[f"there is no `{_MANIFEST}`"])
    return files


def _tar_blocks(files: dict[str, bytes | Path]) -> Iterator[bytes]:
    """The whole tar stream. Files are read twice, for RECORD and for their data; one that changes between is
    an error.
    """
    entries = {name: _measure(name, content) for name, content in files.items()}
    record = format_record(entries.values())
    for name in [_MANIFEST, RECORD, *sorted(files.keys() - {_MANIFEST})]:
        if name == RECORD:
            yield _tar_header(name, len(record), 0o644)
            yield record + bytes(-len(record) % BLOCK)
            continue
        content = files[name]
        executable = isinstance(content, Path) and bool(content.stat().st_mode & 0o111)
        yield _tar_header(name, entries[name].size, 0o755 if executable else 0o644)
        yield from _content(name, content, entries[name])
        yield bytes(-entries[name].size % BLOCK)
    yield bytes(2 * BLOCK)


def _measure(name: str, content: bytes | Path) -> Entry:
    if isinstance(content, bytes):
        return Entry(name, len(content), hashlib.sha256(content).hexdigest())
    with content.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
        return Entry(name, stream.tell(), digest.hexdigest())


def _content(name: str, content: bytes | Path, entry: Entry) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    digest, size = hashlib.sha256(), 0
    with content.open("rb") as stream:
        while data := stream.read(_CHUNK):
            digest.update(data)
            size += len(data)
            if size > entry.size:
                break
            yield data
    if (size, digest.hexdigest()) != (entry.size, entry.sha256):
        raise LaoError(
            f"cannot package `{name}`", causes=["it changed while it was read"], where=str(content)
        )


def _tar_header(name: str, size: int, mode: int) -> bytes:
    if size >= 8**11:
        raise InvalidInput(f"cannot package `{name}`", causes=["it has 8 GiB or more"])
    fields = [
        name.encode("ascii").ljust(100, b"\0"),
        b"%07o\0" % mode,
        b"%07o\0" % 0,  # owner
        b"%07o\0" % 0,  # group
        b"%011o\0" % size,
        b"%011o\0" % 0,  # time
        b" " * 8,  # checksum, counted as spaces
        b"0" + bytes(100),
        b"ustar\x0000" + bytes(64),
        b"%07o\0" % 0 + b"%07o\0" % 0,
    ]
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
