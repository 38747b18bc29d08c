"""Every public header compiles alone, included twice, with warnings as errors: C11 and C++17, three systems."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lao.paths import include_dir

INCLUDE = include_dir()
HEADERS = sorted(path.relative_to(INCLUDE).as_posix() for path in INCLUDE.rglob("*.h"))
CPP_HEADERS = sorted(path.relative_to(INCLUDE).as_posix() for path in INCLUDE.rglob("*.hpp"))

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Wshadow", "-Werror")
C = ("-std=c11", "-Wstrict-prototypes", *WARNINGS)
CPP = ("-std=c++17", "-Wnon-virtual-dtor", *WARNINGS)

ZIG = (sys.executable, "-m", "ziglang")
SYSTEMS = ("x86_64-windows-gnu", "aarch64-macos", "aarch64-linux-gnu")


def compiler(name: str) -> str:
    """The compiler's path; building LAO needs it too, so that its absence is an error and no reason to skip."""
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed"
    return found


def check(command: tuple[str, ...], headers: list[str], suffix: str, folder: Path, cache: Path) -> None:
    """Compiles one file per header, each of which includes nothing but that header, twice."""
    assert headers
    environment = os.environ | {"ZIG_LOCAL_CACHE_DIR": str(cache), "ZIG_GLOBAL_CACHE_DIR": str(cache)}
    complaints = []
    for header in headers:
        source = folder / (header.replace("/", "_") + suffix)
        source.write_text(
            f"#include <{header}>\n#include <{header}>\nextern int unused_;\n", encoding="utf-8"
        )
        # Not -fsyntax-only: zig then goes on to link, and builds a C library for that.
        run = subprocess.run(
            [*command, f"-I{INCLUDE}", "-c", str(source), "-o", str(source.with_suffix(".o"))],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            timeout=120,
        )
        if run.returncode != 0:
            complaints.append(run.stdout + run.stderr)
    assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="session")
def zig_cache() -> Path:
    """Kept between runs: the first use of a target takes seconds."""
    folder = Path(__file__).resolve().parent.parent / "build" / "zig-cache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_c_here(tmp_path: Path, zig_cache: Path) -> None:
    check((compiler("gcc"), *C), HEADERS, ".c", tmp_path, zig_cache)


def test_c_header_as_cpp_here(tmp_path: Path, zig_cache: Path) -> None:
    check((compiler("g++"), *CPP), HEADERS, ".cpp", tmp_path, zig_cache)


def test_cpp_here(tmp_path: Path, zig_cache: Path) -> None:
    check((compiler("g++"), *CPP), CPP_HEADERS, ".cpp", tmp_path, zig_cache)


@pytest.mark.parametrize("system", SYSTEMS)
def test_c_elsewhere(system: str, tmp_path: Path, zig_cache: Path) -> None:
    check((*ZIG, "cc", "-target", system, *C), HEADERS, ".c", tmp_path, zig_cache)


@pytest.mark.parametrize("system", SYSTEMS)
def test_cpp_elsewhere(system: str, tmp_path: Path, zig_cache: Path) -> None:
    check((*ZIG, "c++", "-target", system, *CPP), CPP_HEADERS, ".cpp", tmp_path, zig_cache)
    check((*ZIG, "c++", "-target", system, *CPP), HEADERS, ".cpp", tmp_path, zig_cache)


@pytest.mark.parametrize(("name", "flags", "suffix"), [("gcc", C, ".c"), ("g++", CPP, ".cpp")])
def test_a_bad_header_is_found(
    name: str,
    flags: tuple[str, ...],
    suffix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    zig_cache: Path,
) -> None:
    (tmp_path / "bad.h").write_text(
        "static inline int bad(void) { unsigned a = 1; int b = 2; return a < b; }\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "INCLUDE", tmp_path)
    with pytest.raises(AssertionError, match=r"sign-compare|redefinition"):
        check((compiler(name), *flags), ["bad.h"], suffix, tmp_path, zig_cache)
