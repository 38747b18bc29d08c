"""The ELF reader against readelf, and against bytes that lie."""

import contextlib
import re
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lao.package.binary import BinaryError, StringTable, Truncated, View
from lao.package.elf import parse_elf, read_section, read_symbol

SYSTEM = [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/x86_64-linux-gnu/libm.so.6",
    "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
]


def _symbols_by_readelf(text: str) -> tuple[set[str], set[str], set[str]]:
    """Exported, strong undefined and weak undefined names of `readelf --dyn-syms`."""
    exported: set[str] = set()
    strong: set[str] = set()
    weak: set[str] = set()
    for line in text.splitlines():
        match = re.match(r"\s*\d+: [0-9a-f]+\s+\S+ \S+\s+(GLOBAL|WEAK|UNIQUE)\s+(\S+)\s+(\S+) (\S+)", line)
        if not match:
            continue
        binding, visibility, section, name = match.groups()
        name = name.split("@")[0]
        if section == "UND":
            (weak if binding == "WEAK" else strong).add(name)
        elif visibility in ("DEFAULT", "PROTECTED"):
            exported.add(name)
    return exported, strong, weak


def _compare(path: Path, readelf: Callable[..., str]) -> None:
    elf = parse_elf(View.of(path.read_bytes()))
    exported, strong, weak = _symbols_by_readelf(readelf("--dyn-syms", str(path)))
    assert set(elf.exports) == exported
    assert set(elf.undefined) == strong
    assert set(elf.weak_undefined) == weak
    dynamic = readelf("-d", str(path))
    assert list(elf.needed) == re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    assert [elf.soname] == (re.findall(r"\(SONAME\).*\[(.*)\]", dynamic) or [None])
    assert elf.static_tls == ("STATIC_TLS" in dynamic)
    versions = readelf("-V", str(path))
    needs = set(re.findall(r"Name: (\S+)  Flags: (\S+)", versions.partition("Version needs section")[2]))
    assert {(need.version, "WEAK" if need.weak else "none") for need in elf.version_needs} == needs
    assert elf.unique_symbols == (" UNIQUE " in readelf("--dyn-syms", str(path)))


@pytest.mark.parametrize("path", [p for p in SYSTEM if Path(p).exists()])
def test_system_libraries_as_readelf_sees_them(path: str, readelf: Callable[..., str]) -> None:
    _compare(Path(path), readelf)


SOURCE = """
#include <stdio.h>
extern int missing(void);
extern int maybe(void) __attribute__((weak));
int data[10];
_Thread_local int local;
static int hidden_one(void) { return 1; }
__attribute__((visibility("hidden"))) int hidden_two(void) { return 2; }
__attribute__((visibility("protected"))) int protected_one(void) { return 3; }
int exported(void) { return puts("x") + missing() + (maybe ? maybe() : 0) + hidden_one() + local; }
"""


@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
def test_hash_styles(
    tmp_path: Path, build: Callable[..., Path], readelf: Callable[..., str], style: str
) -> None:
    library = build(tmp_path / "liba.so", SOURCE, f"-Wl,--hash-style={style}", "-Wl,-soname,liba.so.3")
    _compare(library, readelf)
    elf = parse_elf(View.of(library.read_bytes()))
    assert (elf.machine, elf.bits, elf.big_endian, elf.soname) == ("x86_64", 64, False, "liba.so.3")
    assert (elf.exports["data"].kind, elf.exports["data"].size) == ("object", 40)
    assert elf.exports["exported"].kind == "func"
    assert "missing" in elf.undefined
    assert "maybe" in elf.weak_undefined


def test_a_library_that_exports_nothing_still_shows_what_it_needs(
    tmp_path: Path, build: Callable[..., Path], readelf: Callable[..., str]
) -> None:
    source = "int missing(void);\nstatic __attribute__((constructor, used)) void start(void) { missing(); }\n"
    library = build(tmp_path / "libn.so", source, "-nostdlib", "-Wl,--hash-style=gnu")
    assert parse_elf(View.of(library.read_bytes())).undefined == ("missing",)


def test_search_folders(tmp_path: Path, build: Callable[..., Path]) -> None:
    runpath = build(tmp_path / "r.so", "int x;", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib:/opt/x")
    rpath = build(tmp_path / "o.so", "int x;", "-Wl,--disable-new-dtags,-rpath,/opt/y")
    assert parse_elf(View.of(runpath.read_bytes())).runpath == ("$ORIGIN/lib", "/opt/x")
    assert parse_elf(View.of(rpath.read_bytes())).rpath == ("/opt/y",)


def test_version_needs_know_their_symbols(plugin_library: Path) -> None:
    elf = parse_elf(View.of(plugin_library.read_bytes()))
    needs = {need.version: need for need in elf.version_needs}
    assert "puts" in needs["GLIBC_2.2.5"].symbols
    assert needs["GLIBC_2.2.5"].library == "libc.so.6"
    assert "__cxa_finalize" in needs["GLIBC_2.2.5"].weak_symbols


def test_version_definitions(tmp_path: Path, build: Callable[..., Path]) -> None:
    script = tmp_path / "v.map"
    script.write_text("V_1 { global: f; local: *; };\nV_2 { global: g; } V_1;\n")
    library = build(
        tmp_path / "v.so",
        "int f(void){return 1;} int g(void){return 2;} int h;",
        f"-Wl,--version-script={script}",
    )
    elf = parse_elf(View.of(library.read_bytes()))
    assert elf.version_defs == ("V_1", "V_2")
    assert {"f", "g"} <= set(elf.exports)
    assert "h" not in elf.exports


def test_unique_symbols_and_static_tls(tmp_path: Path, build: Callable[..., Path]) -> None:
    unique = '__asm__(".globl u\\n.type u,@gnu_unique_object\\n.data\\nu: .long 1\\n.size u,4\\n.text");'
    assert parse_elf(View.of(build(tmp_path / "u.so", unique).read_bytes())).unique_symbols
    tls = "_Thread_local int t; int f(void) { return t++; }"
    library = build(tmp_path / "t.so", tls, "-ftls-model=initial-exec")
    assert parse_elf(View.of(library.read_bytes())).static_tls


def test_symbol_and_section_contents(tmp_path: Path, build: Callable[..., Path]) -> None:
    source = (
        'const char text[] = "abc"; char empty[8]; __attribute__((section(".mine"), used)) char s[] = "xyz";'
    )
    view = View.of(build(tmp_path / "c.so", source).read_bytes())
    exports = parse_elf(view).exports
    assert read_symbol(view, exports["text"], limit=100) == b"abc\0"
    with pytest.raises(BinaryError):
        read_symbol(view, exports["text"], limit=3)
    assert read_section(view, ".mine", limit=100) == b"xyz\0"
    assert read_section(view, ".none", limit=100) is None
    with pytest.raises(BinaryError):
        read_section(view, ".mine", limit=2)


# --- bytes that lie ---


def test_every_truncation_is_refused(plugin_library: Path) -> None:
    data = plugin_library.read_bytes()
    parse_elf(View.of(data))
    for size in [*range(0, 1024, 7), *range(1024, len(data), 501), len(data) - 1]:
        with pytest.raises(BinaryError):
            parse_elf(View.of(data[:size]))


def test_truncation_says_how_much_there_is(plugin_library: Path) -> None:
    data = plugin_library.read_bytes()
    with pytest.raises(Truncated, match="truncated at 5000 bytes"):
        parse_elf(View.of(data[:5000]))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6))
def test_mutations_give_an_answer_or_a_binary_error(
    plugin_library: Path, edits: list[tuple[float, bytes]]
) -> None:
    data = bytearray(plugin_library.read_bytes())
    tables = _interesting(data)
    for where, value in edits:
        # Half of the edits hit the tables that are read; the rest of the file is mostly padding and code.
        at = tables[int(where * 2 * len(tables))] if where < 0.5 else int((where - 0.5) * 2 * (len(data) - 9))
        data[at : at + len(value)] = value
    _read_all(bytes(data))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=512))
def test_noise_behind_a_header(noise: bytes) -> None:
    _read_all(b"\x7fELF\x02\x01\x01" + noise)


def _interesting(data: bytes | bytearray) -> list[int]:
    """Offsets of the header, the program headers and PT_DYNAMIC."""
    offsets = list(range(64)) + list(range(64, 64 + 56 * data[56]))
    for index in range(data[56]):
        kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", data, 64 + 56 * index)
        if kind == 2:
            offsets += range(offset, min(offset + size, len(data) - 9))
    return offsets


def _read_all(data: bytes) -> None:
    started = time.monotonic()
    view = View.of(data)
    try:
        elf = parse_elf(view)
        for export in list(elf.exports.values())[:20]:
            with contextlib.suppress(BinaryError):
                read_symbol(view, export, limit=1 << 16)
        read_section(view, ".lao_manifest", limit=1 << 16)
    except BinaryError:
        pass
    assert time.monotonic() - started < 5


def _header(**changes: int) -> bytearray:
    """A minimal 64-bit header with one program header, for hostile counts."""
    values = {"type": 3, "machine": 62, "phoff": 64, "phentsize": 56, "phnum": 1, **changes}
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    return bytearray(
        head
        + struct.pack(
            "<HHIQQQIHHHHHH",
            values["type"],
            values["machine"],
            1,
            0,
            values["phoff"],
            0,
            0,
            64,
            values["phentsize"],
            values["phnum"],
            0,
            0,
            0,
        )
    )


@pytest.mark.parametrize(
    "data",
    [
        bytes(_header(phnum=65535)),
        bytes(_header(phoff=2**63)),
        bytes(_header(phentsize=1)),
        bytes(_header(phnum=0)),
        bytes(_header()) + struct.pack("<IIQQQQQQ", 1, 5, 2**63, 0, 0, 2**63, 2**63, 4096),
        bytes(_header()) + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 64, 64, 4096),
        b"\x7fELF\x09\x01" + bytes(58),
    ],
)
def test_hostile_headers(data: bytes) -> None:
    with pytest.raises(BinaryError):
        parse_elf(View.of(data))


def test_version_chain_that_loops(plugin_library: Path) -> None:
    elf = parse_elf(View.of(plugin_library.read_bytes()))
    data = bytearray(plugin_library.read_bytes())
    first = min(need.flags_offset for need in elf.version_needs) - 4
    struct.pack_into("<H", data, first - 16 + 2, 65535)  # vn_cnt
    struct.pack_into("<I", data, first + 12, 2**32 - 16)  # vna_next: backwards around
    with pytest.raises(BinaryError):
        parse_elf(View.of(bytes(data)))


@pytest.mark.parametrize(("type_", "what"), [(1, "an object file"), (2, "a program"), (4, "a core dump")])
def test_elf_files_of_other_types(type_: int, what: str) -> None:
    with pytest.raises(BinaryError, match=f"it is {what}"):
        parse_elf(View.of(bytes(_header(type=type_)) + bytes(56)))


def test_one_long_string_under_many_names_is_bounded() -> None:
    view = View.of(b"x" * 16_000 + b"\0")
    strings = StringTable(view, 0, 16_001, 16_001)
    with pytest.raises(BinaryError, match="too long"):
        list(map(strings.__getitem__, [0] * 20_000))


def test_a_view_never_leaves_the_file() -> None:
    view = View.of(b"abc")
    assert view.read(0, 3) == b"abc"
    for offset, size in [(0, 4), (3, 1), (-1, 1), (0, -1), (2**64, 1), (1, 2**64)]:
        with pytest.raises(Truncated):
            view.read(offset, size)
    with pytest.raises(BinaryError):
        view.string(0)
