"""The rivals of the call benchmark: built here, each with functions `str`, `bytes` and `array` that do the same job."""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.util
import subprocess
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cffi
import nanobind

__all__ = ["Rival", "build_peer", "build_plugin", "rivals"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = ROOT / "build" / "benchmarks"
C_FLAGS = (
    "-O3",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    f"-I{sysconfig.get_path('include')}",
    f"-I{HERE}",
)


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to call native code."""

    name: str
    text: Callable[[str], str]
    binary: Callable[[bytes], bytes]
    array: Callable[[Any], str]


def _compile(output: str, *arguments: str) -> Path:
    library = BUILD / output
    sources = [Path(word) for word in arguments if word.endswith((".c", ".cpp"))]
    newest = max(file.stat().st_mtime_ns for file in [*sources, HERE / "echo.h"])
    if not library.exists() or library.stat().st_mtime_ns < newest:
        BUILD.mkdir(parents=True, exist_ok=True)
        compiler = "c++" if any(file.suffix == ".cpp" for file in sources) else "cc"
        subprocess.run([compiler, *C_FLAGS, *arguments, "-o", str(library)], check=True)
    return library


def _module(name: str, library: Path) -> ModuleType:
    loader = importlib.machinery.ExtensionFileLoader(name, str(library))
    spec = importlib.util.spec_from_file_location(name, library, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def build_plugin() -> Path:
    """The plugin under test."""
    return _compile(
        "libecho_plugin.so", "-std=c11", "-D_GNU_SOURCE", f"-I{ROOT / 'include'}", str(HERE / "echo_plugin.c")
    )


def build_peer() -> Path:
    """The program at the other end of a pipe, and the limit in C."""
    program = BUILD / "peer"
    source = HERE / "peer.c"
    if not program.exists() or program.stat().st_mtime_ns < source.stat().st_mtime_ns:
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O3", "-std=gnu11", str(source), "-ldl", "-o", str(program)], check=True)
    return program


def _extension() -> Rival:
    module = _module("rival_extension", _compile("rival_extension.so", "-std=c11", str(HERE / "extension.c")))
    return Rival("extension", module.echo_str, module.echo_bytes, module.look)


def _nanobind() -> Rival:
    package = Path(nanobind.include_dir()).parent
    library = _compile(
        "rival_nanobind.so",
        "-std=c++17",
        "-DNDEBUG",
        "-fno-strict-aliasing",
        f"-I{package / 'include'}",
        f"-I{package / 'ext' / 'robin_map' / 'include'}",
        str(package / "src" / "nb_combined.cpp"),
        str(HERE / "nanobind_module.cpp"),
    )
    module = _module("rival_nanobind", library)
    return Rival("nanobind", module.echo_str, module.echo_bytes, module.look)


def _cffi() -> Rival:
    builder = cffi.FFI()
    builder.cdef(
        "void rival_echo_into(const char *data, size_t size, char *reply);\n"
        "long long rival_look(const void *data, long long length);"
    )
    builder.set_source("rival_cffi", (HERE / "plain.c").read_text(), include_dirs=[str(HERE)])
    source = BUILD / "rival_cffi.c"
    BUILD.mkdir(parents=True, exist_ok=True)
    text = BUILD / "rival_cffi.new.c"
    builder.emit_c_code(str(text))
    if not source.exists() or source.read_bytes() != text.read_bytes():
        text.replace(source)
    made = _module("rival_cffi", _compile("rival_cffi.so", "-DPy_LIMITED_API=0x030B0000", "-w", str(source)))
    ffi, echo_into, look = made.ffi, made.lib.rival_echo_into, made.lib.rival_look
    reply = ffi.new("char[]", 1 << 20)

    def echo_bytes(data: bytes) -> bytes:
        size = len(data)
        echo_into(data, size, reply)
        return bytes(ffi.buffer(reply, size))

    def echo_str(text: str) -> str:
        data = text.encode()
        size = len(data)
        echo_into(data, size, reply)
        return str(ffi.buffer(reply, size), "utf-8")

    def look_at(array: Any) -> str:
        return str(look(ffi.from_buffer(array), array.shape[0]))

    return Rival("cffi", echo_str, echo_bytes, look_at)


def _ctypes() -> Rival:
    exported = ("-fvisibility=default",)
    library = ctypes.CDLL(str(_compile("rival_plain.so", *exported, str(HERE / "plain.c"))))
    echo, free, look = library.rival_echo, library.rival_free, library.rival_look
    echo.argtypes, echo.restype = [ctypes.c_char_p, ctypes.c_size_t], ctypes.c_void_p
    free.argtypes, free.restype = [ctypes.c_void_p], None
    look.argtypes, look.restype = [ctypes.c_void_p, ctypes.c_longlong], ctypes.c_longlong

    def echo_bytes(data: bytes) -> bytes:
        size = len(data)
        reply = echo(data, size)
        copy = ctypes.string_at(reply, size)
        free(reply)
        return copy

    def echo_str(text: str) -> str:
        return echo_bytes(text.encode()).decode()

    def look_at(array: Any) -> str:
        return str(look(array.ctypes.data, array.shape[0]))

    return Rival("ctypes", echo_str, echo_bytes, look_at)


def rivals() -> list[Rival]:
    """All of them, the limit first."""
    return [_extension(), _nanobind(), _cffi(), _ctypes()]
