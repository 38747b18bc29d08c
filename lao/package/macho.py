"""Reads enough of a macOS library, thin or fat, to say what it is for, what it needs and what it exports.

The source is Apple's `mach-o/loader.h` and `mach-o/fat.h`. Every failure is a `BinaryError`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lao.package.binary import MAX_SYMBOLS, BinaryError, Export, StringTable, Truncated, View

__all__ = ["MACHO_MAGICS", "MachO", "parse_macho", "read_macho_object"]

_MACHINES = {7: "x86", 0x01000007: "x86_64", 12: "arm", 0x0100000C: "aarch64", 18: "ppc", 0x01000012: "ppc64"}
_KINDS = {1: "an object file", 2: "a program", 4: "a core dump", 7: "a dynamic linker", 10: "debug symbols"}
_THIN = {
    b"\xce\xfa\xed\xfe": (32, False),
    b"\xcf\xfa\xed\xfe": (64, False),
    b"\xfe\xed\xfa\xce": (32, True),
    b"\xfe\xed\xfa\xcf": (64, True),
}
_FAT = {b"\xca\xfe\xba\xbe": "IIIII", b"\xca\xfe\xba\xbf": "IIQQII"}
MACHO_MAGICS = frozenset({*_THIN, *_FAT})

_MAX_COMMANDS = 10_000
_LOADS = {
    0xC,
    0x18 | 0x80000000,
    0x1F | 0x80000000,
    0x20,
    0x23 | 0x80000000,
}  # load, weak, re-export, lazy, upward
_ID, _RPATH, _SYMTAB, _SEGMENT, _SEGMENT_64 = 0xD, 0x1C | 0x80000000, 0x2, 0x1, 0x19
_VERSION_MIN_MACOS, _BUILD_VERSION = 0x24, 0x32
_INSTRUCTIONS = 0x80000400  # section flags: holds only, or some, machine code
_MAX_SECTIONS = 255  # a symbol names its section in one byte


@dataclass(frozen=True, slots=True)
class _Segment:
    address: int
    offset: int
    file_size: int


@dataclass(slots=True)
class MachO:
    """What one file, or the chosen part of a fat one, says.

    Attributes:
        machine: e.g. `aarch64`.
        bits: 32 or 64.
        machines: All architectures of a fat file, else the one.
        needed: Paths of the libraries it needs.
        name: Its own install name, or None.
        rpath: Its run-path folders.
        min_macos: Least system version (major, minor), or None.
        exports: External defined symbols without their leading underscore; sizes are unknown in this format.
    """

    machine: str
    bits: int
    machines: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    name: str | None = None
    rpath: tuple[str, ...] = ()
    min_macos: tuple[int, int] | None = None
    exports: dict[str, Export] = field(default_factory=dict)


def parse_macho(view: View, *, prefer: str = "x86_64") -> MachO:
    """Reads a library; of a fat one the part for the machine `prefer`, else the first.

    Raises:
        BinaryError: It is not Mach-O, not a library, truncated or malformed.
    """
    part, machines = _choose(view, prefer)
    reader = _Reader(part)
    reader.macho.machines = tuple(machines) or (reader.macho.machine,)
    return reader.macho


def read_macho_object(view: View, export: Export, *, prefer: str = "x86_64", limit: int) -> bytes:
    """Up to `limit` bytes from an exported object on, to the end of its segment."""
    part, _ = _choose(view, prefer)
    return _Reader(part).memory(export.value, limit)


def _choose(view: View, prefer: str) -> tuple[View, list[str]]:
    magic = view.read(0, 4)
    if magic in _THIN:
        return view, []
    if magic not in _FAT:
        raise BinaryError("its Mach-O header is malformed")
    view.order = ">"
    (count,) = view.unpack(4, "I")
    if not 0 < count <= 32:  # Java class files begin alike, with 45 or more in this place
        raise BinaryError("it is a Java class" if count >= 45 else "its Mach-O header is malformed")
    entries = view.table(8, count, _FAT[magic])
    machines = [_MACHINES.get(entry[0], f"machine {entry[0]:#x}") for entry in entries]
    chosen = entries[machines.index(prefer) if prefer in machines else 0]
    return view.part(chosen[2], chosen[3], big_endian=False), machines


class _Reader:
    def __init__(self, view: View) -> None:
        traits = _THIN.get(view.read(0, 4))
        if traits is None:
            raise BinaryError("its Mach-O header is malformed")
        bits, big_endian = traits
        view.order = ">" if big_endian else "<"
        self.view, self.bits = view, bits
        machine, _, kind, self.count, self.commands_size, _ = view.unpack(4, "IIIIII")
        self.macho = MachO(_MACHINES.get(machine, f"machine {machine:#x}"), bits)
        if kind not in (6, 8):  # DYLIB, BUNDLE
            raise BinaryError(f"it is {_KINDS.get(kind, 'a Mach-O file of an unknown type')}")
        self.segments: list[_Segment] = []
        self.code_sections: list[bool] = []  # in the order by which symbols number them, from 1
        self.symbols: tuple[int, int, int, int] | None = None
        self._commands()
        self._exports()

    def memory(self, address: int, limit: int) -> bytes:
        for segment in self.segments:
            if segment.address <= address < segment.address + segment.file_size:
                within = address - segment.address
                return self.view.read(segment.offset + within, min(limit, segment.file_size - within))
        raise BinaryError("an address in it lies outside of its segments")

    def _commands(self) -> None:
        offset = 32 if self.bits == 64 else 28
        end = offset + self.commands_size
        if self.count > _MAX_COMMANDS:
            raise BinaryError("it has too many load commands")
        needed: dict[str, None] = {}
        rpath: list[str] = []
        for _ in range(self.count):
            command, size = self.view.unpack(offset, "II")
            if size < 8 or offset + size > end:
                raise BinaryError("its load commands are malformed")
            if command in _LOADS:
                needed[self._text(offset, size)] = None
            elif command == _ID:
                self.macho.name = self._text(offset, size)
            elif command == _RPATH:
                rpath.append(self._text(offset, size))
            elif command == _SYMTAB:
                self.symbols = self.view.unpack(offset + 8, "IIII")
            elif command in (_SEGMENT, _SEGMENT_64):
                self._segment(offset)
            elif command in (_VERSION_MIN_MACOS, _BUILD_VERSION):
                (version,) = self.view.unpack(offset + (8 if command == _VERSION_MIN_MACOS else 12), "I")
                self.macho.min_macos = (version >> 16, version >> 8 & 0xFF)
            offset += size
        self.macho.needed, self.macho.rpath = tuple(needed), tuple(rpath)

    def _segment(self, offset: int) -> None:
        wide = self.bits == 64
        layout = "QQQQIIII" if wide else "IIIIIIII"
        address, _, file_offset, file_size, _, _, count, _ = self.view.unpack(offset + 24, layout)
        if file_offset + file_size > self.view.size:
            raise Truncated(
                f"it is truncated at {self.view.size} bytes, and has {file_offset + file_size} or more"
            )
        self.segments.append(_Segment(address, file_offset, file_size))
        if len(self.code_sections) + count > _MAX_SECTIONS:
            raise BinaryError("it has too many sections")
        section = "16s16sQQIIIIIIII" if wide else "16s16sIIIIIIIII"
        for record in self.view.table(offset + 24 + (48 if wide else 32), count, section):
            self.code_sections.append(bool(record[8] & _INSTRUCTIONS))

    def _text(self, offset: int, size: int) -> str:
        (start,) = self.view.unpack(offset + 8, "I")
        if not 8 <= start < size:
            raise BinaryError("its load commands are malformed")
        data = self.view.read(offset + start, size - start)
        return data.split(b"\0", 1)[0].decode("utf-8", "replace")

    def _exports(self) -> None:
        if self.symbols is None:
            return
        symbols_at, count, strings_at, strings_size = self.symbols
        if count > MAX_SYMBOLS:
            raise BinaryError(f"it has {count} symbols, and {MAX_SYMBOLS} are allowed")
        strings = StringTable(self.view, strings_at, strings_size, strings_size)
        for name_at, kind, section, _, value in self.view.table(
            symbols_at, count, "IBBHQ" if self.bits == 64 else "IBBHI"
        ):
            external = kind & 0x01 and not kind & 0x10  # N_EXT without N_PEXT
            if kind & 0xE0 or not external or kind & 0x0E == 0:  # debugging, local, undefined
                continue
            name = strings[name_at].removeprefix("_")
            code = 0 < section <= len(self.code_sections) and self.code_sections[section - 1]
            self.macho.exports[name] = Export("func" if code else "object", 0, value)
