"""Plugins that are being worked on: the projects in a `plugins/` folder, found by name, never loaded unasked.

Looked through are the folders that LAO_PLUGIN_DIR and LAO_PLUGINS_DIR name, then the nearest `plugins/`
folder, from the
current directory upwards. A project is a folder in one of these with a `plugin.toml`; a bare library in such
a folder, or
in a subfolder without a manifest, counts as well, as in LAO 0.x. Of two with the same name the first found
counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lao.errors import InvalidInput, LaoError
from lao.model.names import check_plugin_name, fold_name, library_stem

__all__ = [
    "MANIFEST",
    "RESOURCES",
    "Project",
    "find_project",
    "find_projects",
    "newest_library",
    "pages",
    "project_at",
    "resources",
]

MANIFEST = "plugin.toml"

RESOURCES = "resources"
"""The folder of a project whose files go into its package."""

_SUFFIXES = {"win32": (".dll",), "darwin": (".dylib", ".so")}.get(sys.platform, (".so",))
_ARTEFACT_FOLDERS = ("build/lao/debug", "build/lao/release", "target/debug", "target/release", ".")
_PAGES = ("README", "LICENSE", "LICENCE", "COPYING", "NOTICE", "CHANGELOG")
_LARGEST_MANIFEST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A plugin that is not installed.

    Attributes:
        name: From its manifest; else the folder's or, of a bare library, the file's stem.
        directory: The folder.
        manifest_file: Its `plugin.toml`, or None.
        library: The newest library that was built, or None.
        version: From the manifest; may be empty.
        description: From the manifest; may be empty.
        problem: Why the manifest cannot be read; empty when it can.
        state: Always `"local"`.
    """

    name: str
    directory: Path
    manifest_file: Path | None
    library: Path | None
    version: str = ""
    description: str = ""
    problem: str = ""
    state: str = "local"


def find_projects() -> list[Project]:
    """All local projects, by name."""
    found: dict[str, Project] = {}
    for folder in _folders():
        for project in _in_folder(folder):
            found.setdefault(fold_name(project.name), project)
    return [found[key] for key in sorted(found)]


def find_project(name: str) -> Project | None:
    """The local project of that name: as spelled, else with case and `-` against `_` ignored.

    Raises:
        InvalidInput: No plugin may be called so.
    """
    check_plugin_name(name)
    wanted = fold_name(name)
    return next((project for project in find_projects() if fold_name(project.name) == wanted), None)


def project_at(directory: str | Path) -> Project | None:
    """The project in a folder, or None when the folder has neither a manifest nor a library."""
    directory = Path(os.path.abspath(directory))
    manifest = directory / MANIFEST
    library = newest_library(directory)
    if not manifest.is_file():
        if library is None:
            return None
        return Project(
            name=library_stem(library.name), directory=directory, manifest_file=None, library=library
        )
    name, version, description, problem = _glance(manifest)
    return Project(
        name=name or directory.name,
        directory=directory,
        manifest_file=manifest,
        library=library,
        version=version,
        description=description,
        problem=problem,
    )


def newest_library(directory: Path) -> Path | None:
    """The library that was built last in a project, or that lies in an unpacked package; None without one."""
    candidates = [file for folder in _ARTEFACT_FOLDERS for file in _libraries(directory / folder)]
    return max(candidates, key=lambda file: file.stat().st_mtime_ns, default=None)


def pages(directory: Path) -> list[Path]:
    """What a package of a project carries besides manifest and library: README, licence and the like."""
    return sorted(file for file in directory.iterdir() if file.is_file() and file.stem.upper() in _PAGES)


def resources(directory: Path) -> dict[str, Path]:
    """The files below `resources/`, by their names in a package: models, tables and whatever else a plugin reads.

    Raises:
        InvalidInput: One is a link that leads out of the project.
    """
    found = {}
    root = directory.resolve()
    for folder, folders, files in os.walk(directory / RESOURCES):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(folder, name) for name in sorted(files) if not name.startswith(".")):
            name = path.relative_to(directory).as_posix()
            if not path.resolve().is_relative_to(root):
                raise InvalidInput(f"`{name}` leads out of the project", hint="put the file itself there")
            if path.is_file():
                found[name] = path
    return found


def _folders() -> Iterator[Path]:
    for variable in ("LAO_PLUGIN_DIR", "LAO_PLUGINS_DIR"):
        value = os.environ.get(variable)
        if value:
            yield Path(os.path.abspath(os.path.expanduser(value)))
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the current directory was deleted
        return
    for folder in (here, *here.parents):
        if (folder / "plugins").is_dir():
            yield folder / "plugins"
            return


def _in_folder(folder: Path) -> Iterator[Project]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir():
            project = project_at(entry.path)
            if project is not None:
                yield project
    for library in _libraries(folder):
        if (folder / MANIFEST).is_file():
            yield from filter(None, [project_at(folder)])
            return
        yield Project(name=library_stem(library.name), directory=folder, manifest_file=None, library=library)


def _libraries(folder: Path) -> list[Path]:
    try:
        return sorted(Path(e.path) for e in os.scandir(folder) if e.name.endswith(_SUFFIXES) and e.is_file())
    except OSError:
        return []


def _glance(manifest: Path) -> tuple[str, str, str, str]:
    """Name, version and description of a manifest in either dialect, without the cost of checking it; and its
    problem.
    """
    import tomllib

    try:
        with manifest.open("rb") as stream:
            text = stream.read(_LARGEST_MANIFEST).decode("utf-8-sig")
        document: dict[str, Any] = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        return "", "", "", str(error)
    table = document.get("plugin", document)
    if not isinstance(table, dict):
        return "", "", "", "[plugin] is not a table"
    name, version, description = (
        value if isinstance(value := table.get(key), str) else ""
        for key in ("name", "version", "description")
    )
    try:
        check_plugin_name(name)
    except LaoError as error:
        return "", version, description, str(error)
    return name, version, description, ""
