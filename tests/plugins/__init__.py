"""Fixture plugins: small C and Rust sources beside this file, compiled on demand.

`build("echo")` compiles `echo.c`; `build("v0/echo", layout=64)` compiles `v0/echo.c` with `-DLAYOUT=64`.
Results are kept in `build/tests/plugins`, named by a digest of everything that went into them, so that a second
session compiles nothing.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
ROOT = SOURCES.parent.parent
CACHE = Path(os.environ.get("LAO_TEST_BUILD_DIR", ROOT / "build" / "tests")) / "plugins"

C_FLAGS = (
    "-D_GNU_SOURCE",
    "-O1",
    "-g",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pthread",
    f"-I{ROOT / 'include'}",
    f"-I{SOURCES}",
)
CXX_FLAGS = ("-std=c++20", *C_FLAGS, "-Wno-missing-field-initializers")
RUST_FLAGS = ("--edition=2021", "--crate-type=cdylib", "-Copt-level=1", "-Cpanic=abort")

BAD_TABLES: tuple[str, ...] = (
    "entry_returns_null",
    "size_zero",
    "table_too_small",
    "table_size_lies",
    "wrong_major",
    "name_null",
    "name_empty",
    "name_not_utf8",
    "version_null",
    "no_capabilities",
    "too_many_capabilities",
    "capabilities_null",
    "capability_null",
    "capability_too_small",
    "capability_name_null",
    "capability_name_twice",
    "capability_kind_unknown",
    "create_null",
    "destroy_null",
    "call_null",
    "thread_role_unknown",
)
"""Values of `defect` that `bad_table` understands."""


class CompilerMissing(RuntimeError):
    """The compiler for a fixture's language is not installed."""


def build(name: str, **options: str | int | bool) -> Path:
    """Compile one fixture and return the path of the library.

    `name` is the path of the source below this folder, without its suffix. Each option becomes a macro of the
    same name in upper case (C: `-DNAME=value`) or a configuration flag (Rust: `--cfg name="value"`); `False`
    leaves it out, `True` defines it without a value.

    Raises FileNotFoundError for an unknown name, CompilerMissing without a compiler, and RuntimeError with the
    compiler's output when the source does not compile.
    """
    return _build(name, tuple(sorted(options.items())))


@functools.cache
def _build(name: str, options: tuple[tuple[str, str | int | bool], ...]) -> Path:
    for suffix, command in _COMMANDS.items():
        source = SOURCES / f"{name}{suffix}"
        if source.is_file():
            return _compile(source, command(source, options))
    raise FileNotFoundError(f"no fixture plugin `{name}` in {SOURCES}")


@functools.cache
def build_source(source: Path) -> Path:
    """Compile one source file (`.c`, `.cpp` or `.rs`) that lies elsewhere, as `build` does; raises as it does."""
    return _compile(source, _COMMANDS[source.suffix](source, ()))


def _macros(options: tuple[tuple[str, str | int | bool], ...]) -> list[str]:
    return [
        f"-D{key.upper()}" if value is True else f"-D{key.upper()}={value}"
        for key, value in options
        if value is not False
    ]


def _c_command(source: Path, options: tuple[tuple[str, str | int | bool], ...]) -> list[str]:
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        raise CompilerMissing("no C compiler: `cc` is not on the PATH and CC is not set")
    return [compiler, "-std=c11", *C_FLAGS, *_macros(options), str(source)]


def _cxx_command(source: Path, options: tuple[tuple[str, str | int | bool], ...]) -> list[str]:
    compiler = os.environ.get("CXX") or shutil.which("c++")
    if compiler is None:
        raise CompilerMissing("no C++ compiler: `c++` is not on the PATH and CXX is not set")
    return [compiler, *CXX_FLAGS, *_macros(options), str(source)]


def _rust_command(source: Path, options: tuple[tuple[str, str | int | bool], ...]) -> list[str]:
    compiler = shutil.which("rustc")
    if compiler is None:
        raise CompilerMissing("no Rust compiler: `rustc` is not on the PATH")
    flags = [
        part
        for key, value in options
        if value is not False
        for part in ("--cfg", key if value is True else f'{key}="{value}"')
    ]
    return [compiler, *RUST_FLAGS, *flags, str(source)]


_COMMANDS: dict[str, Callable[[Path, tuple[tuple[str, str | int | bool], ...]], list[str]]] = {
    ".c": _c_command,
    ".cpp": _cxx_command,
    ".rs": _rust_command,
}


@functools.cache
def _headers_digest(beside: Path) -> str:
    digest = hashlib.sha256()
    for folder in (ROOT / "include", ROOT / "native" / "ipc", SOURCES, beside):
        for header in sorted(folder.rglob("*.h")):
            digest.update(header.read_bytes())
    return digest.hexdigest()


def _compile(source: Path, command: list[str]) -> Path:
    digest = hashlib.sha256("\0".join([*command, _headers_digest(source.parent), sys.platform]).encode())
    digest.update(source.read_bytes())
    folder = CACHE / digest.hexdigest()[:16]
    library = folder / f"lib{source.stem}.so"
    if library.is_file():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch) / library.name
        done = subprocess.run([*command, "-o", str(made)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"cannot compile the fixture {source.name}:\n{done.stderr}")
        os.replace(made, library)
    return library
