"""What a library is, read from its bytes without loading it: system, machine, needs, exports and embedded
manifest."""

from __future__ import annotations

import os
import platform
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lao.errors import PluginLoadError
from lao.package.binary import BinaryError, Export, Truncated, VersionNeed, View
from lao.package.elf import parse_elf, read_section, read_symbol
from lao.package.macho import MACHO_MAGICS, parse_macho, read_macho_object
from lao.package.pe import parse_pe, read_pe_object

__all__ = ["LARGEST_EMBEDDED", "LibraryInfo", "inspect_library", "open_library", "this_machine"]

LARGEST_EMBEDDED = 1 << 20
"""Bytes that an embedded manifest may have."""

_MANIFEST_SYMBOL = "lao_plugin_manifest"
_MANIFEST_SECTION = ".lao_manifest"

_BEGINNINGS = (
    (b"PK\x03\x04", "it begins like a ZIP archive"),
    (b"\x1f\x8b", "it begins like a gzip file"),
    (b"\x28\xb5\x2f\xfd", "it begins like a zstd file"),
    (b"\xfd7zXZ\0", "it begins like an xz file"),
    (b"!<arch>\n", "it is a static library"),
    (b"\x89PNG", "it begins like a PNG image"),
    (b"\xff\xd8\xff", "it begins like a JPEG image"),
    (b"%PDF", "it begins like a PDF document"),
    (b"\0asm", "it is a WebAssembly module"),
    (b"BC\xc0\xde", "it is LLVM bitcode"),
    (b"#!", "it begins like a script"),
)


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """What a library says about itself.

    Attributes:
        path: The file.
        format: `"elf"`, `"pe"` or `"macho"`.
        system: `"linux"`, `"windows"` or `"macos"`.
        machine: e.g. `"x86_64"`, `"aarch64"`, `"arm"`.
        bits: 32 or 64.
        big_endian: Byte order of its numbers.
        machines: All machines of a fat macOS library, else the one.
        needed: The libraries it needs, as it names them.
        soname: Its own name, or None.
        rpath: Folders to search for them before LD_LIBRARY_PATH.
        runpath: Folders to search for them after it.
        glibc_need: Highest GLIBC_x.y that it is bound to, as (x, y), or None.
        glibc_strong_need: The same without the versions that only weak symbols are bound to.
        version_needs: All symbol versions that it needs.
        version_defs: The symbol versions that it defines.
        exports: What it exports, by name.
        undefined: Strong symbols that others must define.
        manifest_text: The manifest embedded in it, or None.
        entry: `"lao/1"`, `"lao/0.x"`, or None when it has no plugin entry.
        vtable_size: Bytes of the 0.x table where a symbol's size says it (24, 40, 64 and 80 are real ones),
            or None.
        static_tls: It uses static thread-local storage, so that a second copy may not load.
        unique_symbols: It has STB_GNU_UNIQUE symbols, which a second copy would share.
        min_macos: Least macOS version (major, minor), or None.
    """

    path: Path
    format: str
    system: str
    machine: str
    bits: int
    big_endian: bool = False
    machines: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    soname: str | None = None
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    glibc_need: tuple[int, int] | None = None
    glibc_strong_need: tuple[int, int] | None = None
    version_needs: tuple[VersionNeed, ...] = ()
    version_defs: tuple[str, ...] = ()
    exports: dict[str, Export] = field(default_factory=dict)
    undefined: tuple[str, ...] = ()
    manifest_text: str | None = None
    entry: str | None = None
    vtable_size: int | None = None
    static_tls: bool = False
    unique_symbols: bool = False
    min_macos: tuple[int, int] | None = None


def inspect_library(path: str | Path) -> LibraryInfo:
    """Reads a shared library of any system without loading it.

    Raises:
        PluginLoadError: It cannot be read, or is not a shared library; the message says what it is instead.

    Example:
        >>> info = inspect_library("plugins/EchoPlugin/libecho.so")  # doctest: +SKIP
        >>> info.entry, info.machine  # doctest: +SKIP
        ('lao/0.x', 'x86_64')
    """
    path = Path(path)
    with open_library(path) as view:
        head = view.read(0, min(4, view.size))
        if head == b"\x7fELF":
            return _from_elf(path, view)
        if head[:2] == b"MZ":
            return _from_pe(path, view)
        if head in MACHO_MAGICS:
            return _from_macho(path, view)
        raise BinaryError(_what_else(view))


def this_machine() -> str:
    """The machine that this process runs on, named as `LibraryInfo.machine` is."""
    name = platform.machine().lower()
    names = {
        "amd64": "x86_64",
        "x64": "x86_64",
        "arm64": "aarch64",
        "i386": "x86",
        "i686": "x86",
        "armv7l": "arm",
    }
    return names.get(name, name)


@contextmanager
def open_library(path: Path) -> Iterator[View]:
    """A view of the file; what goes wrong inside becomes a `PluginLoadError` about it."""
    try:
        # O_NONBLOCK: opening a FIFO must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PluginLoadError(f"cannot read `{path}`", causes=[reason], where=str(path)) from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise BinaryError("it is a directory" if stat.S_ISDIR(mode) else "it is not a regular file")
        yield View.of_file(descriptor)
    except BinaryError as error:
        message = f"`{path.name}` is not a shared library"
        raise PluginLoadError(f"{message}: {error.message}", where=str(path)) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PluginLoadError(f"cannot read `{path}`", causes=[reason], where=str(path)) from None
    finally:
        os.close(descriptor)


def _what_else(view: View) -> str:
    """What a file that is no library seems to be."""
    if view.size == 0:
        return "it is empty"
    head = view.read(0, min(view.size, 512))
    for beginning, answer in _BEGINNINGS:
        if head.startswith(beginning):
            return answer
    if view.size > 262 and view.read(257, 5) == b"ustar":
        return "it begins like a tar archive"
    if re.match(rb"\s*<(?:!doctype html|html)", head, re.IGNORECASE):
        return "it begins like a web page"
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        text = head[: error.start].decode("utf-8") if error.start > len(head) - 4 else "\0"
    if text and all(character.isprintable() or character in "\r\n\t\f" for character in text):
        return "it is text"
    if view.size < 64 and head[:1] in (b"\x7f", b"M", b"\xca", b"\xcf"):
        return f"it is truncated at {view.size} bytes"
    return "its format is unknown"


def _from_elf(path: Path, view: View) -> LibraryInfo:
    try:
        elf = parse_elf(view)
    except Truncated as error:
        raise Truncated(error.message if "bytes, and has" in error.message else _cut(view)) from None
    text = None
    symbol = elf.exports.get(_MANIFEST_SYMBOL)
    if symbol is not None and symbol.kind == "object":
        if symbol.size > LARGEST_EMBEDDED:
            raise BinaryError(f"its manifest has {symbol.size} bytes, and {LARGEST_EMBEDDED} are allowed")
        with suppress(BinaryError):  # in .bss: all zero, and so no manifest
            text = _text_of(read_symbol(view, symbol, limit=LARGEST_EMBEDDED))
    if text is None:
        try:
            data = read_section(view, _MANIFEST_SECTION, limit=LARGEST_EMBEDDED)
        except BinaryError:
            data = None  # stripped or broken section headers do not make a library unloadable
        text = _text_of(data) if data is not None else None
    return LibraryInfo(
        path=path,
        format="elf",
        system="linux",
        machine=elf.machine,
        bits=elf.bits,
        big_endian=elf.big_endian,
        machines=(elf.machine,),
        needed=elf.needed,
        soname=elf.soname,
        rpath=elf.rpath,
        runpath=elf.runpath,
        glibc_need=_glibc(elf.version_needs, strong=False),
        glibc_strong_need=_glibc(elf.version_needs, strong=True),
        version_needs=elf.version_needs,
        version_defs=elf.version_defs,
        exports=elf.exports,
        undefined=elf.undefined,
        manifest_text=text,
        entry=_entry(elf.exports),
        vtable_size=_vtable_size(elf.exports),
        static_tls=elf.static_tls,
        unique_symbols=elf.unique_symbols,
    )


def _from_pe(path: Path, view: View) -> LibraryInfo:
    try:
        pe = parse_pe(view)
    except Truncated as error:
        raise Truncated(error.message if "bytes, and has" in error.message else _cut(view)) from None
    symbol = pe.exports.get(_MANIFEST_SYMBOL)
    text = None
    if symbol is not None:
        with suppress(BinaryError):
            text = _text_of(read_pe_object(view, symbol, limit=LARGEST_EMBEDDED))
    return LibraryInfo(
        path=path,
        format="pe",
        system="windows",
        machine=pe.machine,
        bits=pe.bits,
        machines=(pe.machine,),
        needed=pe.needed,
        soname=pe.name,
        exports=pe.exports,
        manifest_text=text,
        entry=_entry(pe.exports),
    )


def _from_macho(path: Path, view: View) -> LibraryInfo:
    try:
        macho = parse_macho(view, prefer=this_machine())
    except Truncated as error:
        raise Truncated(error.message if "bytes, and" in error.message else _cut(view)) from None
    symbol = macho.exports.get(_MANIFEST_SYMBOL)
    text = None
    if symbol is not None:
        with suppress(BinaryError):
            text = _text_of(read_macho_object(view, symbol, prefer=this_machine(), limit=LARGEST_EMBEDDED))
    return LibraryInfo(
        path=path,
        format="macho",
        system="macos",
        machine=macho.machine,
        bits=macho.bits,
        machines=macho.machines,
        needed=macho.needed,
        soname=macho.name,
        rpath=macho.rpath,
        exports=macho.exports,
        manifest_text=text,
        entry=_entry(macho.exports),
        min_macos=macho.min_macos,
    )


def _cut(view: View) -> str:
    return f"it is truncated at {view.size} bytes"


def _text_of(data: bytes) -> str | None:
    """The embedded text up to its NUL; None where it is not UTF-8 or empty."""
    try:
        return data.split(b"\0", 1)[0].decode("utf-8") or None
    except UnicodeDecodeError:
        return None


def _entry(exports: dict[str, Export]) -> str | None:
    new = exports.get("lao_plugin_entry")
    if new is not None and new.kind == "func":
        return "lao/1"
    return "lao/0.x" if "plugin_vtable" in exports else None


def _vtable_size(exports: dict[str, Export]) -> int | None:
    """The size of the 0.x table: of the data symbol that Rust plugins export beside the function, or of
    `plugin_vtable` itself where that is the table."""
    for name in ("PLUGIN_VTABLE", "plugin_vtable"):
        symbol = exports.get(name)
        if symbol is not None and symbol.kind == "object" and symbol.size:
            return symbol.size
    return None


def _glibc(needs: tuple[VersionNeed, ...], *, strong: bool) -> tuple[int, int] | None:
    found = []
    for need in needs:
        match = re.fullmatch(r"GLIBC_(\d{1,4})\.(\d{1,4})(?:\.\d+)?", need.version)
        only_weak = need.weak or (need.weak_symbols and not need.symbols)
        if match is not None and not (strong and only_weak):
            found.append((int(match[1]), int(match[2])))
    return max(found, default=None)
