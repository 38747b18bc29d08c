"""Finds the libraries that an ELF library needs, in the places and in the order of glibc's dynamic loader.

The order (ld.so(8)): DT_RPATH where there is no DT_RUNPATH, LD_LIBRARY_PATH, DT_RUNPATH, /etc/ld.so.cache,
the default folders. A file of another class or machine is passed over, as the loader does.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from lao.package.binary import BinaryError, View
from lao.package.elf import Elf, parse_elf

__all__ = ["Library", "Search", "read_library"]

_CACHE = Path("/etc/ld.so.cache")
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_MOST_LIBRARIES = 2000  # of one closure


class Library:
    """A library file and what it says.

    Attributes:
        path: Where it was found.
        elf: Its content.
        names: Its exported symbols.
    """

    __slots__ = ("elf", "names", "path")

    def __init__(self, path: Path, elf: Elf) -> None:
        self.path = path
        self.elf = elf
        self.names = frozenset(elf.exports)


def read_library(path: Path, *, program: bool = False) -> Library | None:
    """The library (or also program) at `path`, or None where there is no readable one. Remembered until the
    file changes."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return _read_library(path, program, facts.st_mtime_ns, facts.st_size, facts.st_ino)


@functools.lru_cache(maxsize=512)
def _read_library(path: Path, program: bool, _mtime_ns: int, _size: int, _inode: int) -> Library | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return Library(path, parse_elf(View.of_file(descriptor), program=program))
    except (BinaryError, OSError):
        return None
    finally:
        os.close(descriptor)


class Search:
    """One search for the closure of a library.

    Args:
        machine: Machine that found libraries must be for.
        bits: Their class.
        extra: Folders to look in before all others, as if LD_LIBRARY_PATH began with them.
    """

    def __init__(self, machine: str, bits: int, *, extra: Sequence[Path] = ()) -> None:
        self._machine = machine
        self._bits = bits
        variable = os.environ.get("LD_LIBRARY_PATH", "")
        self._path = [
            *extra,
            *(Path(part or ".") for part in variable.replace(";", ":").split(":") if variable),
        ]

    def find(
        self, name: str, *, wanted_by: Path, elf: Elf, inherited_rpath: Sequence[Path] = ()
    ) -> Library | None:
        """The file that the loader would take for `name`.

        Args:
            name: As NEEDED has it.
            wanted_by: The file that needs it, for `$ORIGIN`.
            elf: Its content, or anything with its `rpath` and `runpath`.
            inherited_rpath: DT_RPATH folders of the libraries that needed it in turn.
        """
        if "/" in name:
            return self._fitting(Path(self._expand(name, wanted_by)))
        for folder in self._folders(wanted_by, elf, inherited_rpath):
            library = self._fitting(folder / name)
            if library is not None:
                return library
        for path in _cached_paths(name):
            library = self._fitting(path)
            if library is not None:
                return library
        for folder in self._default_folders():
            library = self._fitting(folder / name)
            if library is not None:
                return library
        return None

    def closure(self, path: Path, elf: Elf) -> tuple[dict[str, Library], dict[str, Path]]:
        """All libraries that `elf` needs, directly or not, by the names in NEEDED, breadth first; and the
        names of those not found, with who needs them."""
        found: dict[str, Library] = {}
        missing: dict[str, Path] = {}
        queue: list[tuple[Path, Elf, tuple[Path, ...]]] = [(path, elf, ())]
        for wanted_by, current, inherited in queue:
            own = (
                tuple(Path(self._expand(p, wanted_by)) for p in current.rpath) if not current.runpath else ()
            )
            for name in current.needed:
                if name in found or name in missing or len(found) > _MOST_LIBRARIES:
                    continue
                library = self.find(name, wanted_by=wanted_by, elf=current, inherited_rpath=inherited)
                if library is None:
                    missing[name] = wanted_by
                else:
                    found[name] = library
                    queue.append((library.path, library.elf, (*own, *inherited)))
        return found, missing

    def _folders(self, wanted_by: Path, elf: Elf, inherited: Sequence[Path]) -> Iterator[Path]:
        if not elf.runpath:
            for part in elf.rpath:
                yield Path(self._expand(part, wanted_by))
            yield from inherited
        yield from self._path
        for part in elf.runpath:
            yield Path(self._expand(part, wanted_by))

    def _default_folders(self) -> list[Path]:
        multiarch = f"{self._machine}-linux-gnu"
        names = ["lib64", "lib"] if self._bits == 64 else ["lib32", "lib"]
        roots = [Path("/"), Path("/usr")]
        return [root / "lib" / multiarch for root in roots] + [
            root / name for name in names for root in roots
        ]

    def _expand(self, text: str, wanted_by: Path) -> str:
        """The loader's dynamic string tokens."""
        origin = str(wanted_by.resolve().parent)
        values = {"ORIGIN": origin, "LIB": "lib64" if self._bits == 64 else "lib", "PLATFORM": self._machine}
        for token, value in values.items():
            text = text.replace("${" + token + "}", value).replace("$" + token, value)
        return text

    def _fitting(self, path: Path) -> Library | None:
        library = read_library(path)
        if library is None or (library.elf.machine, library.elf.bits) != (self._machine, self._bits):
            return None
        return library


def _cached_paths(name: str) -> list[Path]:
    try:
        changed = _CACHE.stat().st_mtime_ns
    except OSError:
        return []
    return [Path(path) for path in _cache(changed).get(name, ())]


@functools.lru_cache(maxsize=1)
def _cache(_mtime_ns: int) -> dict[str, list[str]]:
    """/etc/ld.so.cache: from a library's name to its paths. The layout is that of glibc's dl-cache.h: a
    header of 48 bytes, entries of 24 (flags, name, path, OS version, hardware capabilities), then strings;
    offsets count from the header. An old-format cache may come first."""
    try:
        data = _CACHE.read_bytes()
    except OSError:
        return {}
    start = data.find(_CACHE_MAGIC)
    if start < 0:
        return {}
    data = data[start:]
    found: dict[str, list[str]] = {}
    try:
        (count,) = struct.unpack_from("=I", data, 20)
        for _, key, value, _, _ in struct.iter_unpack("=iIIIQ", data[48 : 48 + 24 * count]):
            name = data[key : data.index(b"\0", key)].decode("utf-8", "replace")
            path = data[value : data.index(b"\0", value)].decode("utf-8", "replace")
            found.setdefault(name, []).append(path)
    except (struct.error, ValueError):
        return {}
    return found
