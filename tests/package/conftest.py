"""Real libraries for the tests of the package readers, and readelf as the oracle."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PLUGIN = """
__attribute__((visibility("default"))) const void *lao_plugin_entry(const void *host) {
    return host ? 0 : host;
}
"""


@pytest.fixture(scope="session")
def plugin_source() -> str:
    """C source of a library with the new entry and nothing else."""
    return PLUGIN


@pytest.fixture(scope="session")
def build() -> Callable[..., Path]:
    """`build(output, source, *flags, target=None)`: compiles C source to a shared library, for another system
    with `target` as zig names it."""

    def run(output: Path, source: str, *flags: str, target: str | None = None) -> Path:
        output.parent.mkdir(parents=True, exist_ok=True)
        file = output.with_suffix(".c")
        file.write_text(source)
        compiler = ["gcc"] if target is None else [sys.executable, "-m", "ziglang", "cc", "-target", target]
        command = [*compiler, "-shared", "-fPIC", "-O1", "-o", str(output), str(file), *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return output

    return run


@pytest.fixture(scope="session")
def plugin_library(tmp_path_factory: pytest.TempPathFactory, build: Callable[..., Path]) -> Path:
    """A plugin for this machine that needs the C library; tests must not change it."""
    folder = tmp_path_factory.mktemp("plugin")
    source = "#include <stdio.h>\n#include <string.h>\n"
    source += "int used(const char *s) { return puts(s) + (int)strlen(s); }\n"
    return build(folder / "libplugin.so", source + PLUGIN, "-Wl,--hash-style=both")


@pytest.fixture(scope="session")
def readelf() -> Callable[..., str]:
    """The output of binutils' readelf."""
    tool = shutil.which("readelf")
    assert tool, "these tests compare with readelf (binutils)"

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [tool, "-W", *arguments], capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    return run


@pytest.fixture(scope="session")
def rename_version() -> Callable[[Path, str, str], None]:
    """`rename_version(library, old, new)`: makes a library need the version `new` of the same length instead
    of `old`, by changing the name and its hash in the version needs."""

    def sysv_hash(name: str) -> bytes:
        value = 0
        for byte in name.encode():
            value = (value << 4) + byte
            high = value & 0xF0000000
            value = (value ^ (high >> 24)) & ~high
        return value.to_bytes(4, "little")

    def rename(library: Path, old: str, new: str) -> None:
        assert len(old) == len(new)
        data = library.read_bytes()
        before = b"\0" + old.encode() + b"\0"
        assert before in data
        assert sysv_hash(old) in data
        data = data.replace(before, b"\0" + new.encode() + b"\0").replace(sysv_hash(old), sysv_hash(new))
        library.write_bytes(data)

    return rename
