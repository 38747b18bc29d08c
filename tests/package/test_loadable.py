"""The exact reasons why a library cannot be loaded, and that the loader agrees."""

import ctypes
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lao.errors import LaoError, PluginLoadError
from lao.package.binary import View
from lao.package.elf import parse_elf
from lao.package.inspect import inspect_library, this_machine
from lao.package.library_search import Search
from lao.package.loadable import explain_unloadable
from lao.package.relax import needs_relaxing, relax_weak_versions, system_glibc, too_new

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or this_machine() != "x86_64" or system_glibc() is None,
    reason="builds libraries for Linux x86_64 with glibc",
)

Build = Callable[..., Path]
NEW = "GLIBC_9.34"  # no glibc has it; as long as GLIBC_2.34, which is patched into it


def reasons(library: Path) -> tuple[str, ...]:
    error = explain_unloadable(inspect_library(library))
    assert isinstance(error, PluginLoadError)
    assert error.message == f"cannot load `{library.name}`"
    assert error.where == str(library)
    return error.causes


def loads(library: Path) -> bool:
    """Whether dlopen takes it, asked in a process of its own."""
    code = "import ctypes, os, sys; ctypes.CDLL(sys.argv[1], mode=os.RTLD_NOW | os.RTLD_LOCAL)"
    command = [sys.executable, "-c", code, str(library)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def test_a_good_library(plugin_library: Path) -> None:
    assert explain_unloadable(inspect_library(plugin_library)) is None
    assert loads(plugin_library)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("x86_64-windows-gnu", "it is for Windows (x86_64); this system is Linux"),
        ("aarch64-macos", "it is for macOS (aarch64); this system is Linux"),
        ("aarch64-linux-gnu.2.28", "it is for aarch64; this machine is x86_64"),
        ("arm-linux-gnueabihf.2.28", "it is for 32-bit ARM; this machine is x86_64"),
    ],
)
def test_other_systems_and_machines(tmp_path: Path, build: Build, target: str, reason: str) -> None:
    source = '__attribute__((visibility("default"))) int x(void) { return 1; }'
    assert reasons(build(tmp_path / "x.so", source, target=target)) == (reason,)


def test_big_endian(tmp_path: Path, plugin_library: Path, build: Build) -> None:
    library = build(
        tmp_path / "z.so", "int x(void) { return 1; }", "-nostdlib", target="s390x-linux-gnu.2.28"
    )
    assert reasons(library) == ("it is for s390x; this machine is x86_64",)


WEAK = (
    "__attribute__((weak)) int pthread_setname_np(void); int f(void) { return pthread_setname_np ? 1 : 0; }\n"
)


def _with_too_new(tmp_path: Path, build: Build, rename: Callable[..., None], source: str) -> Path:
    # --no-as-needed: a library that only weak symbols are bound to is kept
    library = build(tmp_path / "libnew.so", source, "-Wl,--no-as-needed")
    rename(library, "GLIBC_2.34", NEW)
    return library


def test_a_strong_symbol_of_a_newer_glibc(
    tmp_path: Path, build: Build, rename_version: Callable[..., None], plugin_source: str
) -> None:
    source = "int pthread_setname_np(void); int pthread_join(void);\n" + plugin_source
    source += "int f(void) { return pthread_setname_np() + pthread_join(); }"
    library = _with_too_new(tmp_path, build, rename_version, source)
    glibc = system_glibc()
    assert glibc is not None
    (reason,) = reasons(library)
    assert reason in (
        f"it needs glibc 9.34 (symbols `{a}`, `{b}`); this system has {glibc[0]}.{glibc[1]}"
        for a, b in [("pthread_join", "pthread_setname_np"), ("pthread_setname_np", "pthread_join")]
    )
    info = inspect_library(library)
    assert info.glibc_need == info.glibc_strong_need == (9, 34)
    assert not needs_relaxing(info)
    assert not loads(library)
    with pytest.raises(LaoError, match=r"GLIBC_9\.34 is needed by .*`pthread_join`.*, which is not weak"):
        relax_weak_versions(library.read_bytes())


def test_only_weak_symbols_of_a_newer_glibc(
    tmp_path: Path, build: Build, rename_version: Callable[..., None], plugin_source: str
) -> None:
    library = _with_too_new(tmp_path, build, rename_version, WEAK + plugin_source)
    info = inspect_library(library)
    assert info.glibc_need == (9, 34)
    assert info.glibc_strong_need is None or info.glibc_strong_need < (3, 0)
    assert needs_relaxing(info)
    assert explain_unloadable(info) is None  # it will be loaded as a relaxed copy
    assert not loads(library)
    before = library.read_bytes()
    copy = tmp_path / "relaxed.so"
    copy.write_bytes(relax_weak_versions(before))
    assert library.read_bytes() == before
    assert len(copy.read_bytes()) == len(before)
    assert sum(a != b for a, b in zip(copy.read_bytes(), before, strict=True)) == 1
    assert loads(copy)
    assert not needs_relaxing(inspect_library(copy))
    assert ctypes.CDLL(str(copy)).f() == 0  # the weak symbol became null
    assert relax_weak_versions(copy.read_bytes()) == copy.read_bytes()


def test_a_weak_and_a_strong_symbol_of_one_version(
    tmp_path: Path, build: Build, rename_version: Callable[..., None], plugin_source: str
) -> None:
    source = WEAK + plugin_source + "int pthread_join(void); int g(void) { return pthread_join(); }"
    library = _with_too_new(tmp_path, build, rename_version, source)
    assert not needs_relaxing(inspect_library(library))
    assert "`pthread_join`" in reasons(library)[0]


def test_judging_for_another_glibc(plugin_library: Path) -> None:
    info = inspect_library(plugin_library)
    assert too_new(info.version_needs, (2, 1))
    error = explain_unloadable(info, glibc=(2, 1))
    assert error is not None
    assert error.causes[0].startswith("it needs glibc 2.2.5 (symbols `")
    assert error.causes[0].endswith("; this system has 2.1")


def test_missing_libraries(tmp_path: Path, build: Build, plugin_source: str) -> None:
    build(tmp_path / "libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so.1")
    build(tmp_path / "libbar.so", "int bar(void) { return 1; }", "-Wl,-soname,libbar.so.2")
    source = plugin_source + "int foo(void); int bar(void); int f(void) { return foo() + bar(); }"
    one = build(
        tmp_path / "one.so",
        plugin_source + "int foo(void); int f(void) { return foo(); }",
        f"-L{tmp_path}",
        "-lfoo",
    )
    two = build(tmp_path / "two.so", source, f"-L{tmp_path}", "-lfoo", "-lbar")
    assert reasons(one) == ("it needs `libfoo.so.1`, which is not installed",)
    assert reasons(two) == ("it needs `libfoo.so.1` and `libbar.so.2`, which are not installed",)
    assert not loads(one)


def test_a_missing_library_of_a_library(tmp_path: Path, build: Build, plugin_source: str) -> None:
    deep = build(tmp_path / "deep" / "libdeep.so", "int deep(void) { return 1; }", "-Wl,-soname,libdeep.so.1")
    build(
        tmp_path / "libmid.so",
        "int deep(void); int mid(void) { return deep(); }",
        f"-L{deep.parent}",
        "-ldeep",
        "-Wl,-soname,libmid.so",
    )
    source = plugin_source + "int mid(void); int f(void) { return mid(); }"
    flags = [
        f"-L{tmp_path}",
        "-lmid",
        "-Wl,-rpath,$ORIGIN",
        "-Wl,--allow-shlib-undefined",
        f"-Wl,-rpath-link,{deep.parent}",
    ]
    library = build(tmp_path / "top.so", source, *flags)
    assert reasons(library) == ("its library `libmid.so` needs `libdeep.so.1`, which is not installed",)
    assert not loads(library)


@pytest.mark.parametrize("tags", ["--enable-new-dtags", "--disable-new-dtags"])
@pytest.mark.parametrize("origin", ["$ORIGIN", "${ORIGIN}", "absolute"])
def test_libraries_beside_the_plugin(
    tmp_path: Path, build: Build, plugin_source: str, origin: str, tags: str
) -> None:
    folder = tmp_path / "lib"
    build(folder / "libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so.1")
    (folder / "libfoo.so").rename(folder / "libfoo.so.1")
    (folder / "libfoo.so").symlink_to("libfoo.so.1")
    where = str(folder) if origin == "absolute" else f"{origin}/lib"
    source = plugin_source + "int foo(void); int f(void) { return foo(); }"
    library = build(tmp_path / "p.so", source, f"-L{folder}", "-lfoo", f"-Wl,{tags},-rpath,{where}")
    assert explain_unloadable(inspect_library(library)) is None
    assert loads(library)
    (folder / "libfoo.so.1").unlink()
    assert reasons(library) == ("it needs `libfoo.so.1`, which is not installed",)


def test_ld_library_path_and_extra_folders(
    tmp_path: Path, build: Build, plugin_source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path / "lib" / "libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so")
    source = plugin_source + "int foo(void); int f(void) { return foo(); }"
    library = build(tmp_path / "p.so", source, f"-L{tmp_path / 'lib'}", "-lfoo")
    info = inspect_library(library)
    assert explain_unloadable(info) is not None
    assert explain_unloadable(info, search=[tmp_path / "lib"]) is None
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path / "lib"))
    assert explain_unloadable(info) is None


def test_a_library_of_another_machine_is_passed_over(
    tmp_path: Path, build: Build, plugin_source: str
) -> None:
    folder = tmp_path / "lib"
    build(folder / "libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so")
    source = plugin_source + "int foo(void); int f(void) { return foo(); }"
    library = build(tmp_path / "p.so", source, f"-L{folder}", "-lfoo", "-Wl,-rpath,$ORIGIN/lib")
    build(folder / "libfoo.so", "int foo(void) { return 1; }", target="aarch64-linux-gnu.2.28")
    assert reasons(library) == ("it needs `libfoo.so`, which is not installed",)


def test_missing_symbols(tmp_path: Path, build: Build, plugin_source: str) -> None:
    one = build(tmp_path / "one.so", plugin_source + "int foo(void); int f(void) { return foo(); }")
    assert reasons(one) == ("it needs the symbol `foo`, which none of its libraries has",)
    assert not loads(one)
    calls = [f"m{index}" for index in range(7)]
    source = plugin_source + "".join(f"int {name}(void);" for name in calls)
    source += f"int f(void) {{ return {' + '.join(f'{name}()' for name in calls)}; }}"
    many = build(tmp_path / "many.so", source)
    (reason,) = reasons(many)
    assert reason.startswith("it needs the symbols `m")
    assert reason.endswith(" and 2 more, which none of its libraries has")


def test_a_weak_missing_symbol_is_no_reason(tmp_path: Path, build: Build, plugin_source: str) -> None:
    source = plugin_source + "__attribute__((weak)) int foo(void); int f(void) { return foo ? foo() : 0; }"
    library = build(tmp_path / "w.so", source)
    assert explain_unloadable(inspect_library(library)) is None
    assert loads(library)


def test_symbols_that_the_program_itself_offers(tmp_path: Path, build: Build, plugin_source: str) -> None:
    # libm is not among the library's needs, but Python has it.
    source = plugin_source + "double cos(double); double f(double x) { return cos(x); }"
    library = build(tmp_path / "m.so", source)
    assert (explain_unloadable(inspect_library(library)) is None) == loads(library)


def test_a_missing_version_of_another_library(tmp_path: Path, build: Build, plugin_source: str) -> None:
    script = tmp_path / "v.map"
    script.write_text("FOO_2 { global: foo; local: *; };\n")
    flags = [f"-Wl,--version-script={script}", "-Wl,-soname,libfoo.so"]
    build(tmp_path / "libfoo.so", "int foo(void) { return 1; }", *flags)
    source = plugin_source + "int foo(void); int f(void) { return foo(); }"
    library = build(tmp_path / "p.so", source, f"-L{tmp_path}", "-lfoo", "-Wl,-rpath,$ORIGIN")
    assert explain_unloadable(inspect_library(library)) is None
    script.write_text("FOO_1 { global: foo; local: *; };\n")
    build(tmp_path / "libfoo.so", "int foo(void) { return 1; }", *flags)
    assert reasons(library) == (
        "it needs the version `FOO_2` (for `foo`) of `libfoo.so`, which is older here",
    )
    assert not loads(library)


def test_no_entry(tmp_path: Path, build: Build) -> None:
    library = build(tmp_path / "n.so", "int nothing;")
    assert reasons(library) == ("it has no entry: neither `lao_plugin_entry` nor `plugin_vtable`",)


SYSTEM = ("libm.so.6", "libstdc++.so.6", "libz.so.1", "libcrypto.so.3", "libssl.so.3")


@pytest.mark.parametrize("name", SYSTEM)
def test_system_libraries_lack_only_the_entry(name: str, plugin_library: Path) -> None:
    elf = parse_elf(View.of(plugin_library.read_bytes()))
    library = Search("x86_64", 64).find(name, wanted_by=plugin_library, elf=elf)
    if library is None:
        pytest.skip(f"{name} is not installed")
    assert reasons(library.path) == ("it has no entry: neither `lao_plugin_entry` nor `plugin_vtable`",)
    assert loads(library.path)


def test_the_search_agrees_with_the_loader(plugin_library: Path) -> None:
    elf = parse_elf(View.of(plugin_library.read_bytes()))
    library = Search("x86_64", 64).find("libc.so.6", wanted_by=plugin_library, elf=elf)
    assert library is not None
    maps = Path("/proc/self/maps").read_text().splitlines()
    assert library.path.samefile(next(line.split()[-1] for line in maps if line.endswith("/libc.so.6")))
