"""zig as a compiler for other systems: where it is, and the small programs through which CMake and cargo call it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
from pathlib import Path

from lao.build.target import Target
from lao.errors import LaoError

__all__ = ["TOOLS", "find_zig", "write_tools"]

TOOLS = ("cc", "c++", "ar", "ranlib", "rc", "dlltool")


def find_zig(*, what_for: str) -> Path:
    """The program of the Python package `ziglang`, else the `zig` that is on the PATH.

    Raises:
        LaoError: There is neither; the error says what it is needed for.
    """
    try:
        spec = importlib.util.find_spec("ziglang")
    except (ImportError, ValueError):
        spec = None
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).parent / ("zig.exe" if os.name == "nt" else "zig")
        if program.is_file():
            return program
    found = shutil.which("zig")
    if found is None:
        raise LaoError(
            f"cannot {what_for}: there is no `ziglang`",
            causes=["the compiler for other systems comes with this Python package"],
            hint="pip install 'lao-orchestrator[cross]'",
        )
    return Path(found)


def write_tools(folder: Path, zig: Path, target: Target) -> dict[str, Path]:
    """Writes a program for each of `TOOLS` that calls zig for the target; a program that is there stays as it is.

    Returns:
        The programs by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tools = {}
    for tool in TOOLS:
        # Without -S and -I the interpreter would import what is installed, for each file that is compiled.
        words = [sys.executable, "-I", "-S", str(Path(__file__).with_name("zig_tool.py"))]
        words += [str(zig), target.zig, tool]
        if os.name == "nt":
            quoted = " ".join(f'"{word}"' for word in words)
            file, text = folder / f"{tool}.bat", f"@{quoted} %*\n"
        else:
            file, text = folder / tool, f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'
        if not file.is_file() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
            file.chmod(0o755)
        tools[tool] = file
    return tools
