"""RECORD: the list of a package's files with their hashes, and the digest by which a package is known.

One line for each file except RECORD itself, sorted by path: `sha256=<64 hex digits> <bytes> <path>`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lao.errors import LaoError, VerificationError
from lao.model.names import printable

__all__ = [
    "RECORD",
    "Entry",
    "compare",
    "format_record",
    "parse_record",
    "record_digest",
    "record_of",
    "verify_record",
    "write_record",
]

RECORD = "RECORD"
_LINE = re.compile(r"sha256=([0-9a-f]{64}) (0|[1-9][0-9]{0,15}) ([\x20-\x7e]+)")
_LARGEST = 4 << 20  # bytes of a RECORD: 10,000 lines of at most 190 bytes fit


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a package. `size` is in bytes, `sha256` in lower-case hexadecimal."""

    path: str
    size: int
    sha256: str


def format_record(entries: Iterable[Entry]) -> bytes:
    """The content of RECORD for these files."""
    ordered = sorted((entry for entry in entries if entry.path != RECORD), key=lambda entry: entry.path)
    return "".join(f"sha256={entry.sha256} {entry.size} {entry.path}\n" for entry in ordered).encode("ascii")


def parse_record(data: bytes) -> dict[str, Entry]:
    """The files that a RECORD lists, by path.

    Raises:
        VerificationError: It is not in the one form that `format_record` writes.
    """
    entries: dict[str, Entry] = {}
    try:
        lines = data.decode("ascii").split("\n") if len(data) <= _LARGEST else None
    except UnicodeDecodeError:
        lines = None
    if lines is None or lines.pop() != "":
        raise VerificationError("RECORD is malformed", causes=["it is not a text of whole ASCII lines"])
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise VerificationError(
                "RECORD is malformed", causes=[f"line {number} is not `sha256=HASH SIZE PATH`"]
            )
        entries[match[3]] = Entry(match[3], int(match[2]), match[1])
    if format_record(entries.values()) != data:
        raise VerificationError("RECORD is malformed", causes=["its lines are not sorted, or not unique"])
    return entries


def compare(listed: Mapping[str, Entry], found: Mapping[str, Entry]) -> list[str]:
    """How the files that are there differ from those that RECORD lists; empty when they do not."""
    differences = [f"`{printable(path)}` is missing" for path in sorted(listed.keys() - found.keys())]
    for path in sorted(found.keys() - {RECORD}):
        if path not in listed:
            differences.append(f"`{printable(path)}` is not listed in RECORD")
        elif found[path] != listed[path]:
            what = "hash" if found[path].size == listed[path].size else "size"
            differences.append(f"`{printable(path)}` has another {what} than RECORD says")
    return differences


def record_of(directory: str | Path) -> dict[str, Entry]:
    """Hashes the files of a directory, by their paths with `/`; RECORD is left out.

    Raises:
        VerificationError: There is something in it that is neither a file nor a directory, such as a symbolic
        link.
    """
    root = Path(directory)
    found: dict[str, Entry] = {}
    for folder, folders, files in os.walk(root, onerror=_cannot_read):
        for name in [*folders, *files]:
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                cause = f"`{printable(relative)}` is neither a file nor a directory"
                raise VerificationError(f"`{root}` is not a package", causes=[cause], where=str(path))
            if path.is_file() and relative != RECORD:
                found[relative] = _entry(path, relative)
    return found


def verify_record(directory: str | Path) -> None:
    """Checks that a directory holds exactly what its RECORD lists.

    Raises:
        VerificationError: There is no RECORD, it is malformed, or files differ; the causes name each of them.
    """
    root = Path(directory)
    try:
        data = (root / RECORD).read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise VerificationError(f"cannot read RECORD of `{root}`", causes=[reason], where=str(root)) from None
    differences = compare(parse_record(data), record_of(root))
    if differences:
        raise VerificationError(f"`{root}` is not what its RECORD says", causes=differences, where=str(root))


def record_digest(directory: str | Path) -> str:
    """The digest by which a package is known: the SHA-256 of its RECORD, in hexadecimal. Of a directory
    without one it is that of the RECORD that it would have."""
    root = Path(directory)
    try:
        data = (root / RECORD).read_bytes()
    except FileNotFoundError:
        data = format_record(record_of(root).values())
    return hashlib.sha256(data).hexdigest()


def write_record(directory: str | Path) -> Path:
    """Writes the RECORD of a directory, replacing one that is there.

    Returns:
        Its path.

    Raises:
        VerificationError: There is something in it that is neither a file nor a directory.
        LaoError: A file cannot be read or written.
    """
    path = Path(directory, RECORD)
    try:
        path.write_bytes(format_record(record_of(directory).values()))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LaoError(f"cannot write `{path}`", causes=[reason], where=str(path)) from None
    except UnicodeEncodeError as error:
        cause = f"`{printable(error.object[error.start - 20 : error.end])}` is not ASCII"
        raise VerificationError(f"`{directory}` is not a package", causes=[cause], where=str(path)) from None
    return path


def _entry(path: Path, relative: str) -> Entry:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
        return Entry(relative, stream.tell(), digest.hexdigest())


def _cannot_read(error: OSError) -> None:
    raise error
