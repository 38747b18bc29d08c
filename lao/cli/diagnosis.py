"""What `lao doctor` finds out about this machine."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lao import paths
from lao.errors import LaoError

__all__ = ["diagnose"]

_TOOLS = {
    "cc": ("cc", "gcc", "clang"),
    "c++": ("c++", "g++", "clang++"),
    "cmake": ("cmake",),
    "ninja": ("ninja", "ninja-build"),
    "make": ("make",),
    "cargo": ("cargo",),
}
_VERSION_TIMEOUT_S = 10.0


def diagnose() -> dict[str, Any]:
    """What can be built, loaded and enforced here, and where the parts of LAO are; plain JSON types."""
    tools = {name: _tool(programs) for name, programs in _TOOLS.items()}
    return {
        "build": {"tools": tools, "languages": _languages(tools), "targets": _targets()},
        "load": _loading(),
        "enforce": _enforcing(),
        "resources": {
            "headers": _resource(paths.include_dir),
            "cmake module": _resource(paths.cmake_dir),
            "templates": _resource(paths.templates_dir),
            "rust sdk": _resource(paths.sdk_rust_dir),
            "worker": _resource(paths.worker_path),
        },
    }


def _tool(programs: tuple[str, ...]) -> dict[str, str]:
    """The first of the programs that is there, and the version it prints."""
    path = next(filter(None, map(shutil.which, programs)), None)
    if path is None:
        return {"path": "", "version": ""}
    try:
        done = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"path": path, "version": f"does not run: {error}"}
    first = (done.stdout or done.stderr).splitlines()[:1]
    numbers = re.findall(r"\d+(?:\.\d+)+", first[0]) if first else []
    return {"path": path, "version": numbers[-1] if numbers else "unknown"}


def _languages(tools: dict[str, dict[str, str]]) -> dict[str, str]:
    def answer(*needed: str) -> str:
        missing = [name for name in needed if not tools[name]["path"]]
        return f"no: {' and '.join(missing)} not found" if missing else "yes"

    return {"c": answer("cc", "cmake"), "cpp": answer("c++", "cmake"), "rust": answer("cargo")}


def _targets() -> dict[str, Any]:
    """The other systems that plugins can be built for."""
    from lao.build import TARGETS
    from lao.build.zig import find_zig

    try:
        zig = find_zig(what_for="build for other systems")
    except LaoError as error:
        return {"compiler": "", "names": [], "problem": f"{error.hint}"}
    return {"compiler": str(zig), "names": [target.name for target in TARGETS], "problem": ""}


def _loading() -> dict[str, str]:
    from lao.model.versions import LAO_VERSION
    from lao.package.inspect import this_machine
    from lao.package.loadable import this_system
    from lao.package.relax import system_glibc

    glibc = system_glibc()
    return {
        "lao": LAO_VERSION,
        "system": this_system(),
        "release": platform.release(),
        "machine": this_machine(),
        "glibc": ".".join(str(part) for part in glibc) if glibc else "",
        "python": f"{platform.python_version()} ({sys.executable})",
        "numpy": _package_version("numpy"),
        "pillow": _package_version("pillow"),
        "home": str(paths.home()),
    }


def _enforcing() -> dict[str, Any]:
    """What a plugin without permissions is held to: tried in a process that is confined for it."""
    from lao.host.machine import examine
    from lao.host.policy import PROMISES

    machine = examine()
    promises = {
        name: {"promise": PROMISES[name], "level": kept.level, "reason": kept.reason}
        for name, kept in machine.promises.items()
    }
    return {"promises": promises, "facts": dict(machine.facts)}


def _package_version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _resource(locate: Callable[[], Path]) -> dict[str, Any]:
    try:
        return {"found": True, "path": str(locate())}
    except LaoError as error:
        return {"found": False, "path": "", "problem": str(error)}
