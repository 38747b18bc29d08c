"""Reads ELF shared libraries the way the dynamic loader does: from the program headers and PT_DYNAMIC.

Section headers are advice that a file may lie about or lack; they are used only to find a named section. The
sources are the System V gABI and glibc's elf/dl-load.c and dl-lookup.c for what is trusted. Every failure is
a `BinaryError`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from lao.package.binary import MAX_SYMBOLS, BinaryError, Export, StringTable, Truncated, VersionNeed, View

__all__ = ["Elf", "parse_elf", "read_section", "read_symbol"]

_MACHINES = {
    2: "sparc",
    3: "x86",
    8: "mips",
    20: "ppc",
    21: "ppc64",
    22: "s390x",
    40: "arm",
    43: "sparc64",
    62: "x86_64",
    183: "aarch64",
    243: "riscv",
    258: "loongarch",
}
_KINDS = {1: "an object file", 2: "a program", 4: "a core dump"}

_PT_LOAD, _PT_DYNAMIC = 1, 2
_MAX_SEGMENTS = 128  # program headers: real libraries have about ten
_MAX_DYNAMIC = 4096  # entries of PT_DYNAMIC: real files have tens
_MAX_VERSIONS = 20_000

# Tags of PT_DYNAMIC.
_NEEDED, _HASH, _STRTAB, _SYMTAB, _RELA, _RELASZ = 1, 4, 5, 6, 7, 8
_STRSZ, _SONAME, _RPATH, _REL, _RELSZ, _JMPREL, _PLTREL, _PLTRELSZ = 10, 14, 15, 17, 18, 23, 20, 2
_RUNPATH, _FLAGS = 29, 30
_GNU_HASH, _VERSYM, _FLAGS_1, _VERNEED = 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFB, 0x6FFFFFFE
_VERNEEDNUM, _VERDEF, _VERDEFNUM = 0x6FFFFFFF, 0x6FFFFFFC, 0x6FFFFFFD
_DF_STATIC_TLS = 0x10
_DF_1_PIE = 0x08000000

_GLOBAL, _WEAK, _UNIQUE = 1, 2, 10  # symbol bindings
_VER_FLG_WEAK = 2


@dataclass(frozen=True, slots=True)
class _Segment:
    offset: int
    address: int
    file_size: int
    executable: bool


@dataclass(slots=True)
class Elf:
    """What one file says.

    Attributes:
        machine: e.g. `x86_64`, `aarch64`, `arm`, or `machine 999` for an unknown one.
        bits: 32 or 64.
        big_endian: Byte order of the file.
        needed: Names of the libraries it needs, in order.
        soname: Its own name, or None.
        rpath: Folders searched before LD_LIBRARY_PATH; the loader ignores them when there is a runpath.
        runpath: Folders searched after LD_LIBRARY_PATH.
        exports: Defined global, weak and unique symbols of default or protected visibility.
        undefined: Names of the strong symbols that others must define.
        weak_undefined: Names of the weak ones.
        version_needs: Versions that it needs from others.
        version_defs: Versions that it defines.
        static_tls: It uses the static TLS model (DF_STATIC_TLS).
        unique_symbols: It has STB_GNU_UNIQUE symbols.
    """

    machine: str
    bits: int
    big_endian: bool
    needed: tuple[str, ...] = ()
    soname: str | None = None
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    exports: dict[str, Export] = field(default_factory=dict)
    undefined: tuple[str, ...] = ()
    weak_undefined: tuple[str, ...] = ()
    version_needs: tuple[VersionNeed, ...] = ()
    version_defs: tuple[str, ...] = ()
    static_tls: bool = False
    unique_symbols: bool = False


def parse_elf(view: View, *, program: bool = False) -> Elf:
    """Reads a shared library.

    Args:
        view: The file; its byte order is set from the header.
        program: Programs are read too.

    Raises:
        BinaryError: It is not ELF, not a shared library, truncated or malformed.
    """
    return _Reader(view, program=program).elf()


def read_symbol(view: View, export: Export, *, limit: int) -> bytes:
    """The initial bytes of an exported object; bytes beyond the file's part of a segment are zero, as when
    loaded.

    Raises:
        BinaryError: It is larger than `limit`, or not inside a loaded segment.
    """
    if export.size > limit:
        raise BinaryError(f"a symbol has {export.size} bytes, and {limit} are allowed")
    return _Reader(view).memory(export.value, export.size)


def read_section(view: View, name: str, *, limit: int) -> bytes | None:
    """The bytes of the first section called `name`, or None; only section headers know it.

    Raises:
        BinaryError: The section headers are malformed, or the section is larger than `limit`.
    """
    return _Reader(view).section(name, limit)


class _Reader:
    """One pass over a file."""

    def __init__(self, view: View, *, program: bool = False) -> None:
        self.program = program
        ident = view.read(0, 16)
        if ident[:4] != b"\x7fELF" or ident[4] not in (1, 2) or ident[5] not in (1, 2):
            raise BinaryError("its ELF header is malformed")
        self.wide = ident[4] == 2
        view.order = "<" if ident[5] == 1 else ">"
        self.view = view
        header = view.unpack(16, "HHIQQQIHHHHHH" if self.wide else "HHIIIIIHHHHHH")
        self.type, self.machine = header[0], header[1]
        self.ph_offset, self.sh_offset = header[4], header[5]
        self.ph_size, self.ph_count, self.sh_size, self.sh_count, self.sh_names = header[8:13]
        if self.type != 3 and not (program and self.type == 2):
            raise BinaryError(f"it is {_KINDS.get(self.type, 'an ELF file of an unknown type')}")
        self.segments: list[_Segment] = []
        self.dynamic_address: int | None = None
        self._program_headers()
        # The loader does not look at the section headers, but linkers write them last: they tell a file that
        # was cut.
        end = self.sh_offset + self.sh_count * self.sh_size
        if end > view.size:
            raise Truncated(f"it is truncated at {view.size} bytes, and has {end} or more")

    def elf(self) -> Elf:
        bits = 64 if self.wide else 32
        machine = _MACHINES.get(self.machine, f"machine {self.machine}")
        if machine in ("riscv", "loongarch"):
            machine += str(bits)
        elf = Elf(machine, bits, self.view.order == ">")
        tags, needed = self._dynamic()
        if tags.get(_FLAGS_1, 0) & _DF_1_PIE and not self.program:
            raise BinaryError("it is a program")
        elf.static_tls = bool(tags.get(_FLAGS, 0) & _DF_STATIC_TLS)
        if _STRTAB not in tags:
            raise BinaryError("it has no string table")
        offset, rest = self._place(tags[_STRTAB])
        strings = StringTable(self.view, offset, tags.get(_STRSZ, 0), rest)
        elf.needed = tuple(strings[index] for index in needed)
        elf.soname = strings[tags[_SONAME]] if _SONAME in tags else None
        elf.rpath = self._folders(strings, tags, _RPATH)
        elf.runpath = self._folders(strings, tags, _RUNPATH)
        self._symbols(elf, tags, strings)
        return elf

    def _program_headers(self) -> None:
        layout = "IIQQQQQQ" if self.wide else "IIIIIIII"
        if self.ph_size != struct.calcsize("<" + layout) or not 0 < self.ph_count <= _MAX_SEGMENTS:
            raise BinaryError("its program headers are malformed")
        for header in self.view.table(self.ph_offset, self.ph_count, layout):
            if self.wide:
                kind, flags, offset, address, _, file_size = header[:6]
            else:
                kind, offset, address, _, file_size, _, flags, _ = header
            if kind == _PT_LOAD:
                if offset + file_size > self.view.size:
                    raise Truncated(
                        f"it is truncated at {self.view.size} bytes, and has {offset + file_size} or more"
                    )
                self.segments.append(_Segment(offset, address, file_size, bool(flags & 1)))
            elif kind == _PT_DYNAMIC:
                self.dynamic_address = address
        if not self.segments:
            raise BinaryError("it has nothing to load")

    def _place(self, address: int) -> tuple[int, int]:
        """The file offset of a virtual address, and the bytes from there to the end of its segment's file
        part."""
        for segment in reversed(self.segments):  # where segments overlap, the loader maps the later one over
            if segment.address <= address < segment.address + segment.file_size:
                within = address - segment.address
                return segment.offset + within, segment.file_size - within
        raise BinaryError("an address in it lies outside of what is loaded")

    def memory(self, address: int, size: int) -> bytes:
        """Bytes as they are in memory after loading, before relocation."""
        offset, rest = self._place(address)
        return self.view.read(offset, min(size, rest)).ljust(size, b"\0")

    def _table(self, address: int, count: int, layout: str) -> list[tuple[int, ...]]:
        """Records at a virtual address; all of them must lie in one segment."""
        offset, rest = self._place(address)
        if count * struct.calcsize("<" + layout) > rest:
            raise BinaryError("a table in it leaves its segment")
        return self.view.table(offset, count, layout)

    def _dynamic(self) -> tuple[dict[int, int], list[int]]:
        """PT_DYNAMIC: the value of each tag (the last counts, as in the loader), and the list of NEEDED."""
        if self.dynamic_address is None:
            raise BinaryError("it has no dynamic section")
        offset, rest = self._place(self.dynamic_address)
        layout = "QQ" if self.wide else "II"
        count = min(rest // struct.calcsize("<" + layout), _MAX_DYNAMIC)
        tags: dict[int, int] = {}
        needed: list[int] = []
        for tag, value in self.view.table(offset, count, layout):
            if tag == 0:
                return tags, needed
            if tag == _NEEDED:
                needed.append(value)
            else:
                tags[tag] = value
        raise BinaryError("its dynamic section has no end")

    @staticmethod
    def _folders(strings: StringTable, tags: dict[int, int], tag: int) -> tuple[str, ...]:
        return tuple(part for part in strings[tags[tag]].split(":") if part) if tag in tags else ()

    # --- symbols ---

    def _symbols(self, elf: Elf, tags: dict[int, int], strings: StringTable) -> None:
        if _SYMTAB not in tags:
            return
        count = self._symbol_count(tags)
        if count > MAX_SYMBOLS:
            raise BinaryError(f"it has {count} symbols, and {MAX_SYMBOLS} are allowed")
        symbols = self._table(tags[_SYMTAB], count, "IBBHQQ" if self.wide else "IIIBBH")
        versions = self._table(tags[_VERSYM], count, "H") if _VERSYM in tags else []
        strong: dict[str, None] = {}
        weak: dict[str, None] = {}
        bound: dict[int, tuple[list[str], list[str]]] = {}
        for index, symbol in enumerate(symbols):
            if self.wide:
                name_at, info, other, section, value, size = symbol
            else:
                name_at, value, size, info, other, section = symbol
            binding = info >> 4
            if index == 0 or binding not in (_GLOBAL, _WEAK, _UNIQUE):
                continue
            name = strings[name_at]
            elf.unique_symbols = elf.unique_symbols or binding == _UNIQUE
            if section == 0:
                (weak if binding == _WEAK else strong)[name] = None
                if versions:
                    pair = bound.setdefault(versions[index][0] & 0x7FFF, ([], []))
                    pair[binding == _WEAK].append(name)
            elif other & 3 in (0, 3) and (
                not versions or not versions[index][0] & 0x8000 or name not in elf.exports
            ):
                elf.exports[name] = Export(self._kind(info & 15, value), size, value)
        elf.undefined, elf.weak_undefined = tuple(strong), tuple(weak)
        elf.version_needs = self._version_needs(tags, strings, bound)
        elf.version_defs = self._version_defs(tags, strings)

    def _kind(self, symbol_type: int, value: int) -> str:
        if symbol_type in (2, 10):  # FUNC, GNU_IFUNC
            return "func"
        if symbol_type == 0:  # NOTYPE: written in assembler
            inside = any(s.executable and s.address <= value < s.address + s.file_size for s in self.segments)
            return "func" if inside else "object"
        return "object"

    def _symbol_count(self, tags: dict[int, int]) -> int:
        """No tag says it: it follows from the hash tables, and where they are empty from the relocations."""
        if _GNU_HASH in tags:
            count = self._gnu_hash_count(tags[_GNU_HASH])
            return count if count is not None else self._relocated_count(tags)
        if _HASH in tags:
            (_, chains) = self._table(tags[_HASH], 1, "II")[0]
            return chains
        return self._relocated_count(tags)

    def _gnu_hash_count(self, address: int) -> int | None:
        """One more than the highest symbol index; None when no symbol is hashed."""
        bucket_count, first, bloom_count, _ = self._table(address, 1, "IIII")[0]
        buckets = address + 16 + bloom_count * (8 if self.wide else 4)
        if bucket_count > MAX_SYMBOLS:
            raise BinaryError("its hash table is malformed")
        last = max((bucket for (bucket,) in self._table(buckets, bucket_count, "I")), default=0)
        if last == 0:
            return None
        if last < first or last > MAX_SYMBOLS:
            raise BinaryError("its hash table is malformed")
        offset, rest = self._place(buckets + 4 * (bucket_count + last - first))
        # A chain ends at a hash with the lowest bit set; the longest real ones have tens of entries.
        for step in range(0, min(rest // 4, MAX_SYMBOLS), 64):
            chunk = self.view.table(offset + 4 * step, min(64, rest // 4 - step), "I")
            for position, (value,) in enumerate(chunk):
                if value & 1:
                    return last + step + position + 1
        raise BinaryError("its hash table is malformed")

    def _relocated_count(self, tags: dict[int, int]) -> int:
        """One more than the highest symbol that a relocation names."""
        highest = 0
        for table, size_tag in ((_RELA, _RELASZ), (_REL, _RELSZ), (_JMPREL, _PLTRELSZ)):
            if table not in tags or not tags.get(size_tag, 0):
                continue
            explicit = table == _RELA or (table == _JMPREL and tags.get(_PLTREL) == _RELA)
            word = "Q" if self.wide else "I"
            layout = word * (3 if explicit else 2)
            count = tags[size_tag] // struct.calcsize("<" + layout)
            if count > MAX_SYMBOLS:
                raise BinaryError(f"it has {count} relocations without a symbol that is hashed")
            for record in self._table(tags[table], count, layout):
                highest = max(highest, record[1] >> (32 if self.wide else 8))
        return highest + 1

    # --- versions ---

    def _version_needs(
        self, tags: dict[int, int], strings: StringTable, bound: dict[int, tuple[list[str], list[str]]]
    ) -> tuple[VersionNeed, ...]:
        needs: list[VersionNeed] = []
        if _VERNEED not in tags:
            return ()
        address = tags[_VERNEED]
        for _ in range(min(tags.get(_VERNEEDNUM, 0), _MAX_VERSIONS)):
            _, aux_count, file, aux, following = self._table(address, 1, "HHIII")[0]
            library, place = strings[file], address + aux
            for _ in range(aux_count):
                if len(needs) >= _MAX_VERSIONS:
                    raise BinaryError("it needs too many versions")
                _, flags, index, name, step = self._table(place, 1, "IHHII")[0]
                strong, weak = bound.get(index & 0x7FFF, ([], []))
                needs.append(
                    VersionNeed(
                        library=library,
                        version=strings[name],
                        weak=bool(flags & _VER_FLG_WEAK),
                        symbols=tuple(strong),
                        weak_symbols=tuple(weak),
                        flags_offset=self._place(place)[0] + 4,
                    )
                )
                if step == 0:
                    break
                place += step
            if following == 0:
                break
            address += following
        return tuple(needs)

    def _version_defs(self, tags: dict[int, int], strings: StringTable) -> tuple[str, ...]:
        names: list[str] = []
        address = tags.get(_VERDEF, 0)
        for _ in range(min(tags.get(_VERDEFNUM, 0), _MAX_VERSIONS) if address else 0):
            _, flags, _, aux_count, _, aux, following = self._table(address, 1, "HHHHIII")[0]
            if aux_count and not flags & 1:  # flag 1: the file's own name
                names.append(strings[self._table(address + aux, 1, "II")[0][0]])
            if following == 0:
                break
            address += following
        return tuple(names)

    # --- sections ---

    def section(self, name: str, limit: int) -> bytes | None:
        layout = "IIQQQQIIQQ" if self.wide else "IIIIIIIIII"
        if self.sh_offset == 0 or self.sh_count == 0:
            return None
        if (
            self.sh_size != struct.calcsize("<" + layout)
            or self.sh_count > 65_000
            or self.sh_names >= self.sh_count
        ):
            raise BinaryError("its section headers are malformed")
        headers = self.view.table(self.sh_offset, self.sh_count, layout)
        _, _, _, _, names_at, names_size = headers[self.sh_names][:6]
        names = StringTable(self.view, names_at, names_size, max(0, self.view.size - names_at))
        for name_at, kind, _, _, offset, size, *_ in headers:
            if kind != 8 and names[name_at] == name:  # 8: NOBITS, nothing in the file
                if size > limit:
                    raise BinaryError(f"its section `{name}` has {size} bytes, and {limit} are allowed")
                return self.view.read(offset, size)
        return None
