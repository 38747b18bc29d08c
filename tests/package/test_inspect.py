"""What is said about libraries of every system, and about files that are none."""

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lao.errors import PluginLoadError
from lao.package.binary import BinaryError, View
from lao.package.embed import embedded_manifest, manifest_source
from lao.package.inspect import LibraryInfo, inspect_library, this_machine
from lao.package.macho import parse_macho
from lao.package.pe import parse_pe

VTABLE = """
struct table { unsigned version; void *slots[%d]; };
__attribute__((visibility("default"))) struct table PLUGIN_VTABLE = {1, {0}};
__attribute__((visibility("default"))) const void *plugin_vtable(void) { return &PLUGIN_VTABLE; }
"""
DATA_SYMBOL = "struct table { unsigned version; void *slots[7]; } plugin_vtable = {1, {0}};"
MANIFEST = '[plugin]\nname = "é"\nversion = "1.0.0"\n# "quotes" \\ and ??= trigraphs\n'

TARGETS = [
    ("x86_64-linux-gnu.2.28", "elf", "linux", "x86_64", 64),
    ("aarch64-linux-gnu.2.28", "elf", "linux", "aarch64", 64),
    ("arm-linux-gnueabihf.2.28", "elf", "linux", "arm", 32),
    ("x86_64-windows-gnu", "pe", "windows", "x86_64", 64),
    ("aarch64-macos", "macho", "macos", "aarch64", 64),
    ("x86_64-macos", "macho", "macos", "x86_64", 64),
]


@pytest.fixture(scope="session")
def foreign(
    tmp_path_factory: pytest.TempPathFactory, build: Callable[..., Path], plugin_source: str
) -> dict[str, Path]:
    """The same plugin, with an embedded manifest, for every target."""
    folder = tmp_path_factory.mktemp("foreign")
    source = manifest_source(MANIFEST) + (
        "#if defined(_WIN32)\n"
        "__declspec(dllexport) const void *lao_plugin_entry(const void *h) { return h ? 0 : h; }\n"
        "#else\n" + plugin_source + "#endif\n"
    )
    return {target: build(folder / f"{target}.lib", source, target=target) for target, *_ in TARGETS}


@pytest.mark.parametrize(("target", "format_", "system", "machine", "bits"), TARGETS)
def test_libraries_of_other_systems(
    foreign: dict[str, Path], target: str, format_: str, system: str, machine: str, bits: int
) -> None:
    info = inspect_library(foreign[target])
    assert (info.format, info.system, info.machine, info.bits) == (format_, system, machine, bits)
    assert info.entry == "lao/1"
    assert info.exports["lao_plugin_entry"].kind == "func"
    assert info.exports["lao_plugin_manifest"].kind == "object"
    assert info.manifest_text == MANIFEST
    assert embedded_manifest(foreign[target]) == MANIFEST


def test_needs_of_other_systems(foreign: dict[str, Path]) -> None:
    assert any(
        name.upper() == "KERNEL32.DLL" for name in inspect_library(foreign["x86_64-windows-gnu"]).needed
    )
    macos = inspect_library(foreign["aarch64-macos"])
    assert "/usr/lib/libSystem.B.dylib" in macos.needed
    assert macos.min_macos is not None
    assert macos.min_macos >= (11, 0)


def test_a_fat_library_says_all_its_machines(foreign: dict[str, Path], tmp_path: Path) -> None:
    parts = [(0x0100000C, foreign["aarch64-macos"]), (0x01000007, foreign["x86_64-macos"])]
    offset, head, body = 16384, b"\xca\xfe\xba\xbe" + (2).to_bytes(4, "big"), b""
    for machine, file in parts:
        data = file.read_bytes()
        for number in (machine, 0, offset + len(body), len(data), 14):
            head += number.to_bytes(4, "big")
        body += data + bytes(-len(data) % 16384)
    fat = tmp_path / "fat.dylib"
    fat.write_bytes(head.ljust(offset, b"\0") + body)
    info = inspect_library(fat)
    assert info.machines == ("aarch64", "x86_64")
    assert info.machine == (this_machine() if this_machine() in info.machines else "aarch64")
    assert info.manifest_text == MANIFEST


# --- entries and tables ---


@pytest.mark.parametrize(("slots", "size"), [(4, 40), (7, 64), (9, 80), (2, 24), (1, 16)])
def test_the_size_of_an_old_table(tmp_path: Path, build: Callable[..., Path], slots: int, size: int) -> None:
    info = inspect_library(build(tmp_path / "v.so", VTABLE % slots))
    assert (info.entry, info.vtable_size) == ("lao/0.x", size)
    assert info.exports["plugin_vtable"].kind == "func"


def test_the_data_symbol_dialect(tmp_path: Path, build: Callable[..., Path]) -> None:
    info = inspect_library(build(tmp_path / "d.so", DATA_SYMBOL))
    assert (info.entry, info.vtable_size) == ("lao/0.x", 64)
    assert info.exports["plugin_vtable"].kind == "object"


def test_the_new_entry_wins_and_must_be_a_function(
    tmp_path: Path, build: Callable[..., Path], plugin_source: str
) -> None:
    assert inspect_library(build(tmp_path / "b.so", plugin_source + VTABLE % 7)).entry == "lao/1"
    assert inspect_library(build(tmp_path / "o.so", "int lao_plugin_entry;")).entry is None
    assert inspect_library(build(tmp_path / "n.so", "int nothing;")).entry is None


# --- embedded manifests ---


def test_a_manifest_in_a_section_is_found_too(tmp_path: Path, build: Callable[..., Path]) -> None:
    source = '__attribute__((section(".lao_manifest"), used)) static const char m[] = "name = 1";'
    assert embedded_manifest(build(tmp_path / "s.so", source)) == "name = 1"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("int x;", None),
        ('const char lao_plugin_manifest[] = "";', None),
        ('const char lao_plugin_manifest[] = "\\xff\\xfe";', None),
        ("void lao_plugin_manifest(void) {}", None),
        ("char lao_plugin_manifest[100];", None),
        ("const char *lao_plugin_manifest;", None),
        ('const char lao_plugin_manifest[] = "a\\0b";', "a"),
    ],
)
def test_odd_embedded_manifests(
    tmp_path: Path, build: Callable[..., Path], source: str, expected: str | None
) -> None:
    assert embedded_manifest(build(tmp_path / "m.so", source)) == expected


def test_a_huge_embedded_manifest_is_refused(tmp_path: Path, build: Callable[..., Path]) -> None:
    library = build(tmp_path / "h.so", "const char lao_plugin_manifest[1 << 21] = {1};")
    with pytest.raises(PluginLoadError, match="2097152 bytes"):
        inspect_library(library)


def test_manifest_source_refuses_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        manifest_source("a\0b")


# --- what is no library ---


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", "b")
    return stream.getvalue()


def _tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "it is empty"),
        (_zip(), "it begins like a ZIP archive"),
        (gzip.compress(b"x"), "it begins like a gzip file"),
        (_tar(), "it begins like a tar archive"),
        (b"#!/bin/sh\n", "it begins like a script"),
        (b"hello, world\n", "it is text"),
        ("grüße\n".encode() * 100, "it is text"),
        (b"<!DOCTYPE html><p>404", "it begins like a web page"),
        (b"!<arch>\nfoo", "it is a static library"),
        (bytes(100), "its format is unknown"),
        (b"\x7fELF", "it is truncated at 4 bytes"),
        (b"\x7fEL", "it is truncated at 3 bytes"),
        (b"\x7fELF\x02\x01\x01" + bytes(30), "it is truncated at 37 bytes"),
        (b"MZ" + bytes(10), "it is truncated at 12 bytes"),
        (b"MZ" + bytes(300), "it is a DOS program"),
        (b"\xca\xfe\xba\xbe\x00\x00\x00\x34" + bytes(50), "it is a Java class"),
        (b"\xcf\xfa\xed\xfe" + bytes(4), "it is truncated at 8 bytes"),
        (b"\x89PNG\r\n\x1a\n", "it begins like a PNG image"),
    ],
)
def test_files_that_are_no_library(tmp_path: Path, data: bytes, what: str) -> None:
    file = tmp_path / "x.so"
    file.write_bytes(data)
    with pytest.raises(PluginLoadError) as caught:
        inspect_library(file)
    assert str(caught.value) == f"`x.so` is not a shared library: {what}"
    assert caught.value.where == str(file)


def test_programs_and_object_files(tmp_path: Path, build: Callable[..., Path]) -> None:
    import subprocess

    source = tmp_path / "m.c"
    source.write_text("int main(void) { return 0; }")
    for flags, what in [
        (["-no-pie"], "a program"),
        (["-pie", "-fPIE"], "a program"),
        (["-c"], "an object file"),
    ]:
        subprocess.run(["gcc", *flags, "-o", str(tmp_path / "out"), str(source)], check=True, timeout=60)
        with pytest.raises(PluginLoadError, match=f"it is {what}"):
            inspect_library(tmp_path / "out")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PluginLoadError, match="no such file"):
        inspect_library(tmp_path / "none.so")
    with pytest.raises(PluginLoadError, match="it is a directory"):
        inspect_library(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(PluginLoadError, match="it is not a regular file"):
        inspect_library(tmp_path / "fifo")


def test_truncated_libraries(plugin_library: Path, foreign: dict[str, Path], tmp_path: Path) -> None:
    for library in [plugin_library, *foreign.values()]:
        data = library.read_bytes()
        cut = tmp_path / "cut.so"
        cut.write_bytes(data[: len(data) // 3])
        with pytest.raises(PluginLoadError, match="truncated"):
            inspect_library(cut)


_edits = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(which=st.sampled_from(["x86_64-windows-gnu", "aarch64-macos"]), edits=_edits)
def test_mutated_pe_and_macho_give_an_answer_or_a_binary_error(
    foreign: dict[str, Path], which: str, edits: list[tuple[float, bytes]]
) -> None:
    data = bytearray(foreign[which].read_bytes())
    for where, value in edits:
        at = int(where * 4096)
        data[at : at + len(value)] = value
    try:
        if which.endswith("macos"):
            parse_macho(View.of(data))
        else:
            parse_pe(View.of(data))
    except BinaryError:
        pass


def test_glibc_needs(plugin_library: Path) -> None:
    info = inspect_library(plugin_library)
    assert isinstance(info, LibraryInfo)
    assert info.glibc_need == (2, 2)
    assert info.needed == ("libc.so.6",)
    assert (info.system, info.machine) == ("linux", this_machine())
