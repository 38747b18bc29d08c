"""Building with CMake: configure and compile below `build/cmake/<profile>/`, with Ninja where there is one."""

from __future__ import annotations

import shutil
from pathlib import Path

from lao.build.project import ProjectSource
from lao.build.run import OnOutput, find_tool, run
from lao.errors import LaoError
from lao.paths import cmake_dir

__all__ = ["build_directory", "compile_project", "run_tests"]

_HINT = "install CMake, for instance with `pip install cmake`"
_SUFFIXES = (".so", ".dylib", ".dll")


def build_directory(project: ProjectSource, profile: str) -> Path:
    """Where CMake builds it."""
    return project.directory / "build" / "cmake" / profile


def compile_project(
    project: ProjectSource, profile: str, jobs: int | None, on_output: OnOutput | None
) -> Path:
    """Configures and compiles.

    Returns:
        The library.

    Raises:
        BuildFailed: CMake or the compiler failed.
        LaoError: There is no CMake, or what was built is not exactly one library.
    """
    cmake = find_tool("cmake", what_for=f"build `{project.name}`", hint=_HINT)
    folder = build_directory(project, profile)
    _forget_moved(project, folder)
    configure: list[str | Path] = [
        cmake, "-S", project.directory, "-B", folder,
        f"-DCMAKE_BUILD_TYPE={profile.capitalize()}",
        f"-DCMAKE_MODULE_PATH={cmake_dir().as_posix()}",
    ]  # fmt: skip
    if not (folder / "CMakeCache.txt").is_file() and shutil.which("ninja"):
        configure += ["-G", "Ninja"]
    what = f"the build of `{project.name}`"
    run(configure, cwd=project.directory, what=what, on_output=on_output)
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
