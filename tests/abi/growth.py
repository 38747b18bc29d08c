"""The ABI as a later minor version may have it: the same headers with fields appended to every struct that can grow,
and a LAO built from them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.native.offsets import published_structs

ROOT = Path(__file__).resolve().parents[2]

FIXED = frozenset({"lao_device_t", "lao_dtype_t", "lao_tensor_t", "lao_managed_tensor_t"})
"""DLPack's, which cannot grow. Nor can those of LAO 0.x."""

APPENDED = "    uint64_t grown_number;\n    const char *grown_text;\n"
_STRUCT = re.compile(r"(^typedef struct \w+ \{.*?)(^\} (\w+);)", re.DOTALL | re.MULTILINE)


def growing() -> set[str]:
    """The published structs that can grow."""
    names = {struct.name for struct in published_structs()}
    return {name for name in names - FIXED if not name.startswith("lao_v0_")}


def grown_include(folder: Path) -> Path:
    """A copy of include/ whose structs have all grown, as ABI 1.1."""
    include = folder / "include"
    shutil.copytree(ROOT / "include", include)
    found = set()

    def grow(match: re.Match[str]) -> str:
        if match[3] not in growing():
            return match[0]
        found.add(match[3])
        return match[1] + APPENDED + match[2]

    for header in include.rglob("*.h"):
        text = _STRUCT.sub(grow, header.read_text("utf-8"))
        header.write_text(text.replace("#define LAO_ABI_MINOR 0u", "#define LAO_ABI_MINOR 1u"), "utf-8")
    assert found == growing(), "a struct was not understood"
    assert "LAO_ABI_MINOR 1u" in (include / "lao" / "abi.h").read_text()
    return include


def grown_lao(folder: Path, include: Path) -> Path:
    """A folder with the package `lao` whose native parts were built from the grown headers."""
    source = folder / "source"
    source.mkdir()
    shutil.copy(ROOT / "CMakeLists.txt", source)
    shutil.copytree(ROOT / "native", source / "native", ignore=shutil.ignore_patterns("sdk-rust"))
    (source / "include").symlink_to(include)
    site = folder / "site"
    configure = [
        "cmake", "-S", str(source), "-B", str(folder / "build"), "-DLAO_BUILD_PYTHON=ON", "-DCMAKE_BUILD_TYPE=Debug",
        f"-DPython_EXECUTABLE={sys.executable}", f"-DSKBUILD_PLATLIB_DIR={site}",
    ]  # fmt: skip
    if shutil.which("ninja"):
        configure += ["-G", "Ninja"]
    for command in (configure, ["cmake", "--build", str(folder / "build"), "--parallel", "2"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    package = site / "lao"
    shutil.copytree(ROOT / "lao", package, ignore=shutil.ignore_patterns("__pycache__", "*.so", "lao-worker"))
    (extension,) = (folder / "build").rglob("_glue*.so")
    (worker,) = (folder / "build").rglob("lao-worker")
    shutil.copy(extension, package / "_native")
    shutil.copy(worker, package / "_native")
    return site
