"""lao.hpp on other systems; what its plugins do is in test_every_part.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lao.paths import include_dir

HERE = Path(__file__).parent


@pytest.mark.parametrize("target", ["x86_64-linux-gnu", "x86_64-windows-gnu", "aarch64-macos"])
def test_clang_compiles_it_for(target: str, tmp_path: Path) -> None:
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{include_dir()}"]
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "c++",
        "-target",
        target,
        *flags,
        "-c",
        str(HERE / "every_part.cpp"),
    ]
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(tmp_path), "ZIG_LOCAL_CACHE_DIR": str(tmp_path)}
    subprocess.run([*command, "-o", tmp_path / "out.o"], check=True, env=environment, timeout=200)
