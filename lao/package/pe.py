"""Reads enough of a Windows DLL to say what it is for, what it needs and what it exports.

The source is Microsoft's "PE Format" page. Every failure is a `BinaryError`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lao.package.binary import MAX_SYMBOLS, BinaryError, Export, Truncated, View

__all__ = ["Pe", "parse_pe", "read_pe_object"]

_MACHINES = {0x14C: "x86", 0x8664: "x86_64", 0xAA64: "aarch64", 0x1C0: "arm", 0x1C4: "arm"}
_DLL = 0x2000
_CODE = 0x20000000  # section characteristic: executable
_MAX_IMPORTS = 4096


@dataclass(frozen=True, slots=True)
class _Section:
    address: int
    virtual_size: int
    offset: int
    file_size: int
    executable: bool


@dataclass(slots=True)
class Pe:
    """What one file says.

    Attributes:
        machine: e.g. `x86_64`.
        bits: 32 or 64.
        needed: Names of the DLLs it imports from.
        name: Its own name in the export table, or None.
        exports: By name; sizes are unknown in this format.
    """

    machine: str
    bits: int
    needed: tuple[str, ...] = ()
    name: str | None = None
    exports: dict[str, Export] = field(default_factory=dict)


def parse_pe(view: View) -> Pe:
    """Reads a DLL.

    Raises:
        BinaryError: It is not PE, not a DLL, truncated or malformed.
    """
    reader = _Reader(view)
    pe = Pe(reader.machine, reader.bits)
    reader.read_exports(pe)
    reader.read_imports(pe)
    return pe


def read_pe_object(view: View, export: Export, *, limit: int) -> bytes:
    """Up to `limit` bytes from an exported object on, to the end of its section; the format knows no
    sizes."""
    reader = _Reader(view)
    offset, rest = reader.place(export.value)
    return view.read(offset, min(rest, limit))


class _Reader:
    def __init__(self, view: View) -> None:
        view.order = "<"
        self.view = view
        (start,) = view.unpack(0x3C, "I")
        signature, machine, section_count, _, _, _, optional_size, flags = view.unpack(start, "4sHHIIIHH")
        if signature != b"PE\0\0":
            raise BinaryError("it is a DOS program")
        self.machine = _MACHINES.get(machine, f"machine {machine:#x}")
        if not flags & _DLL:
            raise BinaryError("it is a program")
        optional = start + 24
        (magic,) = view.unpack(optional, "H")
        if magic not in (0x10B, 0x20B):
            raise BinaryError("its header is malformed")
        self.bits = 64 if magic == 0x20B else 32
        directories = optional + (112 if magic == 0x20B else 96)
        (count,) = view.unpack(directories - 4, "I")
        self.directories = view.table(directories, min(count, 16), "II")
        self.sections = [
            _Section(address, virtual_size, offset, file_size, bool(traits & _CODE))
            for _, virtual_size, address, file_size, offset, _, _, _, _, traits in view.table(
                optional + optional_size, min(section_count, 96), "8sIIIIIIHHI"
            )
        ]
        end = max((section.offset + section.file_size for section in self.sections), default=0)
        if end > view.size:
            raise Truncated(f"it is truncated at {view.size} bytes, and has {end} or more")

    def place(self, address: int) -> tuple[int, int]:
        """The file offset of a relative virtual address and the bytes to the end of its section's file
        part."""
        for section in self.sections:
            if section.address <= address < section.address + section.file_size:
                within = address - section.address
                return section.offset + within, section.file_size - within
        raise BinaryError("an address in it lies outside of its sections")

    def _directory(self, index: int) -> tuple[int, int] | None:
        if index >= len(self.directories) or self.directories[index][0] == 0:
            return None
        address, size = self.directories[index]
        return address, size

    def read_exports(self, pe: Pe) -> None:
        directory = self._directory(0)
        if directory is None:
            return
        start, size = directory
        fields = self.view.unpack(self.place(start)[0], "IIHHIIIIIII")
        name, _, function_count, name_count, functions, names, ordinals = fields[4:]
        if name_count > MAX_SYMBOLS or function_count > MAX_SYMBOLS:
            raise BinaryError("its export table is malformed")
        pe.name = self.view.string(self.place(name)[0]) if name else None
        if not name_count:
            return
        addresses = self.view.table(self.place(functions)[0], function_count, "I")
        name_table = self.view.table(self.place(names)[0], name_count, "I")
        for (name_at,), (ordinal,) in zip(
            name_table, self.view.table(self.place(ordinals)[0], name_count, "H"), strict=True
        ):
            if ordinal >= function_count:
                raise BinaryError("its export table is malformed")
            (value,) = addresses[ordinal]
            forwarded = start <= value < start + size  # a text that names another DLL's function
            code = any(
                s.executable and s.address <= value < s.address + s.virtual_size for s in self.sections
            )
            kind = "func" if code or forwarded else "object"
            pe.exports[self.view.string(self.place(name_at)[0], limit=4096)] = Export(kind, 0, value)

    def read_imports(self, pe: Pe) -> None:
        directory = self._directory(1)
        if directory is None:
            return
        offset, rest = self.place(directory[0])
        names: dict[str, None] = {}
        for index in range(min(rest // 20, _MAX_IMPORTS)):
            _, _, _, name, _ = self.view.unpack(offset + 20 * index, "IIIII")
            if name == 0:
                break
            names[self.view.string(self.place(name)[0], limit=4096)] = None
        pe.needed = tuple(names)
