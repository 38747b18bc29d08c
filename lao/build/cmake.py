"""Building with CMake: configure and compile below `build/cmake/<profile>/`, with Ninja where there is one.

For another system than this one zig compiles, below `build/cmake/<target>/<profile>/`. What lies in this system's own
folders is not for it: libraries are found in the folders that the variable CMAKE_PREFIX_PATH names, and nowhere else.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lao.build.project import ProjectSource
from lao.build.run import OnOutput, find_tool, run
from lao.build.target import Target
from lao.build.zig import find_zig, write_tools
from lao.errors import LaoError
from lao.paths import cmake_dir

__all__ = ["build_directory", "compile_project", "run_tests"]

_HINT = "install CMake, for instance with `pip install cmake`"
_SUFFIXES = (".so", ".dylib", ".dll")


_TOOLCHAIN = """# Written by `lao plugin build --target {name}`.
set(CMAKE_SYSTEM_NAME {system})
set(CMAKE_SYSTEM_PROCESSOR {machine})
set(CMAKE_C_COMPILER "{cc}")
set(CMAKE_CXX_COMPILER "{cxx}")
set(CMAKE_ASM_COMPILER "{cc}")
set(CMAKE_RC_COMPILER "{rc}")
set(CMAKE_AR "{ar}" CACHE FILEPATH "")
set(CMAKE_RANLIB "{ranlib}" CACHE FILEPATH "")
# Unasked, zig compiles with a sanitizer what is not optimised, and with debugging information what is.
set(CMAKE_C_FLAGS_INIT "-fno-sanitize=undefined")
set(CMAKE_CXX_FLAGS_INIT "-fno-sanitize=undefined")
set(CMAKE_C_FLAGS_RELEASE_INIT "-g0")
set(CMAKE_CXX_FLAGS_RELEASE_INIT "-g0")
{more}
set(CMAKE_FIND_ROOT_PATH {roots})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
"""
# Of Apple's tools, which a library does not need: it is found by its absolute path.
_DARWIN = 'set(CMAKE_OSX_SYSROOT "")\nset(CMAKE_INSTALL_NAME_TOOL "{ranlib}" CACHE FILEPATH "")'


def build_directory(project: ProjectSource, profile: str, target: Target | None = None) -> Path:
    """Where CMake builds it."""
    folder = project.directory / "build" / "cmake"
    return (folder / target.name if target is not None else folder) / profile


def compile_project(
    project: ProjectSource,
    profile: str,
    jobs: int | None,
    on_output: OnOutput | None,
    target: Target | None = None,
) -> Path:
    """Configures and compiles.

    Returns:
        The library.

    Raises:
        BuildFailed: CMake or the compiler failed.
        LaoError: There is no CMake, no compiler for the target, or what was built is not exactly one library.
    """
    if ";" in str(project.directory):
        raise LaoError(
            f"CMake cannot build `{project.name}`: the path of its folder has a `;`",
            where=str(project.directory),
            hint="move the project, or rename the folder",
        )
    cmake = find_tool("cmake", what_for=f"build `{project.name}`", hint=_HINT)
    folder = build_directory(project, profile, target)
    _forget_moved(project, folder)
    configure: list[str | Path] = [
        cmake, "-S", project.directory, "-B", folder,
        f"-DCMAKE_BUILD_TYPE={profile.capitalize()}",
        f"-DCMAKE_MODULE_PATH={cmake_dir().as_posix()}",
    ]  # fmt: skip
    if not (folder / "CMakeCache.txt").is_file() and shutil.which("ninja"):
        configure += ["-G", "Ninja"]
    environment = {}
    what = f"the build of `{project.name}`"
    if target is not None:
        toolchain = _write_toolchain(project, target)
        _forget_other_toolchain(folder, toolchain)
        configure.append(f"-DCMAKE_TOOLCHAIN_FILE={toolchain.as_posix()}")
        environment["PKG_CONFIG_LIBDIR"] = os.pathsep.join(
            str(root / "lib" / "pkgconfig") for root in _roots(toolchain)
        )
        what += f" for {target.name}"
    run(configure, cwd=project.directory, what=what, on_output=on_output, environment=environment)
    command: list[str | Path] = [cmake, "--build", folder, "--config", profile.capitalize(), "--parallel"]
    if jobs is not None:
        command.append(str(jobs))
    run(command, cwd=project.directory, what=what, on_output=on_output)
    return _library(project, folder)


def run_tests(project: ProjectSource, profile: str, on_output: OnOutput | None) -> str | None:
    """Runs the tests that the project declares; returns what CTest wrote, or None when it declares none.

    Raises:
        BuildFailed: A test failed.
    """
    folder = build_directory(project, profile)
    if not (folder / "CTestTestfile.cmake").is_file():
        return None
    ctest = find_tool("ctest", what_for=f"test `{project.name}`", hint=_HINT)
    command: list[str | Path] = [
        ctest,
        "--test-dir",
        folder,
        "-C",
        profile.capitalize(),
        "--output-on-failure",
        "--no-tests=ignore",
    ]
    return run(command, cwd=project.directory, what=f"testing `{project.name}`", on_output=on_output)


def _write_toolchain(project: ProjectSource, target: Target) -> Path:
    """The file that tells CMake to build for the target, with what it names beside it."""
    zig = find_zig(what_for=f"build `{project.name}` for {target.name}")
    folder = project.directory / "build" / "cmake" / target.name
    tools = write_tools(folder / "zig", zig, target)
    file = folder / "toolchain.cmake"
    names = {name.replace("+", "x"): tool.as_posix() for name, tool in tools.items()}
    text = _TOOLCHAIN.format(
        name=target.name,
        system=target.cmake,
        machine="arm64" if target.system == "macos" and target.machine == "aarch64" else target.machine,
        more=_DARWIN.format(**names) if target.system == "macos" else "",
        roots=" ".join(f'"{root.as_posix()}"' for root in _roots(file)),
        **names,
    )
    if not file.is_file() or file.read_text("utf-8") != text:
        file.write_text(text, "utf-8")
    return file


def _roots(toolchain: Path) -> list[Path]:
    """Where libraries for a target are: what the user names, and a folder of its own, so that it is never nowhere,
    which would mean everywhere."""
    named = [Path(os.path.abspath(one)) for one in os.environ.get("CMAKE_PREFIX_PATH", "").split(os.pathsep) if one]
    return [*named, toolchain.parent / "root"]


def _forget_other_toolchain(folder: Path, toolchain: Path) -> None:
    """CMake asks what a compiler can do once; a build folder from before the compiler or the target's file changed is
    started anew."""
    copy = folder / "toolchain.cmake"
    text = toolchain.read_text("utf-8") + "".join(
        tool.read_text("utf-8") for tool in sorted((toolchain.parent / "zig").iterdir())
    )
    if folder.is_dir() and not (copy.is_file() and copy.read_text("utf-8") == text):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    copy.write_text(text, "utf-8")


def _forget_moved(project: ProjectSource, folder: Path) -> None:
    """A build folder that came along with a moved project, which CMake would refuse, is started anew."""
    try:
        cache = (folder / "CMakeCache.txt").read_text("utf-8", "replace")
    except OSError:
        return
    home = next((line for line in cache.splitlines() if line.startswith("CMAKE_HOME_DIRECTORY:")), "")
    _, _, known = home.partition("=")
    if Path(known) != project.directory and Path(known).resolve() != project.directory.resolve():
        shutil.rmtree(folder)


def _library(project: ProjectSource, folder: Path) -> Path:
    """What `lao_add_plugin` made; in a project that does without it, the one shared library of the build."""
    found = [file for file in sorted((folder / "lao").rglob("*")) if file.suffix in _SUFFIXES]
    if not found:
        files = (file for file in sorted(folder.rglob("*")) if "CMakeFiles" not in file.parts)
        found = [file for file in files if file.suffix in _SUFFIXES and not file.is_symlink()]
    if len(found) == 1:
        return found[0]
    names = ", ".join(file.name for file in found)
    raise LaoError(
        f"the build of `{project.name}` gave {'more than one' if found else 'no'} library",
        causes=[f"found {names}"] if found else [],
        where=str(folder),
        hint="make exactly one plugin with `lao_add_plugin(NAME SOURCES)`; after a rename, delete the folder `build`",
    )
