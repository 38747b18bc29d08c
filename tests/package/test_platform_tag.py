"""Platform tags follow from the binary."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lao.errors import PluginLoadError
from lao.package.binary import VersionNeed
from lao.package.inspect import LibraryInfo, inspect_library
from lao.package.platform_tag import fits_this_machine, platform_tag


def info(system: str, machine: str, **facts: object) -> LibraryInfo:
    return LibraryInfo(Path("x"), "elf", system, machine, 64, machines=(machine,), **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("library", "tag"),
    [
        (info("linux", "x86_64", glibc_strong_need=(2, 34)), "manylinux_2_34_x86_64"),
        (info("linux", "x86_64"), "manylinux_2_5_x86_64"),
        (info("linux", "x86_64", glibc_need=(2, 39), glibc_strong_need=(2, 34)), "manylinux_2_34_x86_64"),
        (info("linux", "aarch64", glibc_strong_need=(2, 4)), "manylinux_2_17_aarch64"),
        (info("linux", "aarch64", needed=("libc.musl-aarch64.so.1",)), "musllinux_1_2_aarch64"),
        (info("linux", "x86_64", needed=("libc.so",)), "musllinux_1_2_x86_64"),
        (info("linux", "arm"), "manylinux_2_17_armv7l"),
        (info("windows", "x86_64"), "win_amd64"),
        (info("windows", "aarch64"), "win_arm64"),
        (info("macos", "aarch64"), "macosx_11_0_arm64"),
        (info("macos", "aarch64", min_macos=(13, 4)), "macosx_13_0_arm64"),
        (info("macos", "x86_64", min_macos=(10, 15)), "macosx_10_15_x86_64"),
    ],
)
def test_tags(library: LibraryInfo, tag: str) -> None:
    assert platform_tag(library) == tag


def test_a_fat_library_is_universal() -> None:
    library = LibraryInfo(Path("x"), "macho", "macos", "x86_64", 64, machines=("x86_64", "aarch64"))
    assert platform_tag(library) == "macosx_10_9_universal2"


def test_a_machine_without_a_tag() -> None:
    with pytest.raises(PluginLoadError, match="no platform tag"):
        platform_tag(info("windows", "mips"))


def test_real_libraries(tmp_path: Path, build: Callable[..., Path], plugin_library: Path) -> None:
    tag = platform_tag(inspect_library(plugin_library))
    assert tag == "manylinux_2_5_x86_64"
    assert fits_this_machine(tag)
    for target, tag in [
        ("x86_64-windows-gnu", "win_amd64"),
        ("x86_64-linux-musl", "musllinux_1_2_x86_64"),
    ]:
        export = "#if defined(_WIN32)\n__declspec(dllexport)\n#endif\n"
        source = f"#include <stdlib.h>\n{export}void *f(void) {{ return malloc(1); }}"
        library = build(tmp_path / f"{target}.so", source, target=target)
        assert platform_tag(inspect_library(library)) == tag
        assert not fits_this_machine(tag)


def test_weak_versions_do_not_raise_the_tag(
    rename_version: Callable[..., None], tmp_path: Path, build: Callable[..., Path]
) -> None:
    source = "__attribute__((weak)) int pthread_setname_np(void); int f(void) { return pthread_setname_np ? 1 : 0; }"
    library = build(tmp_path / "w.so", source, "-Wl,--no-as-needed")
    rename_version(library, "GLIBC_2.34", "GLIBC_2.99")
    described = inspect_library(library)
    assert described.glibc_need == (2, 99)
    assert platform_tag(described) == "manylinux_2_5_x86_64"
    assert [type(need) for need in described.version_needs] == [VersionNeed] * len(described.version_needs)
