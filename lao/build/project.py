"""A plugin's source tree: which tool builds it, its manifest, and whether it changed since it was built."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lao.errors import InvalidInput, LaoError
from lao.model.manifest import Manifest, read_manifest

__all__ = ["ProjectSource", "open_project"]

_OUTPUTS = frozenset({"build", "target"})  # of the project itself
_NOT_SOURCES = frozenset({"__pycache__", "node_modules"})
_MARKS = ("CACHEDIR.TAG", "CMakeCache.txt")  # of other folders that builds made
_MADE = (".tar.gz", ".lao", ".pyc", ".log")  # packages, and what tests leave


@dataclass(frozen=True, slots=True)
class ProjectSource:
    """A project that can be built.

    Attributes:
        directory: Its folder, absolute.
        tool: `"cargo"` or `"cmake"`.
        manifest_file: Its `plugin.toml`.
    """

    directory: Path
    tool: str
    manifest_file: Path

    @property
    def name(self) -> str:
        """The folder's name, for messages that must not depend on the manifest."""
        return self.directory.name

    def manifest(self) -> Manifest:
        """The manifest, read anew.

        Raises:
            ManifestError: It has errors; all of them are listed.
        """
        return read_manifest(self.manifest_file)

    def fingerprint(self) -> str:
        """SHA-256 over the names and contents of all source files, in hexadecimal."""
        total = hashlib.sha256()
        for path in self.sources():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(
                f"{path.relative_to(self.directory).as_posix()}\0{content}\n".encode(
                    "utf-8", "surrogateescape"
                )
            )
        return total.hexdigest()

    def sources(self) -> Iterator[Path]:
        """All files that a build may depend on, in order: not hidden ones, not what builds made."""
        for folder, folders, files in os.walk(self.directory):
            folders[:] = sorted(name for name in folders if self._may_have_sources(folder, name))
            for file in sorted(files):
                path = Path(folder, file)
                made = file == "Cargo.lock" or file.endswith(_MADE)
                if not file.startswith(".") and not made and path.is_file():
                    yield path

    def _may_have_sources(self, parent: str, name: str) -> bool:
        if name.startswith(".") or name in _NOT_SOURCES:
            return False
        if name in _OUTPUTS and Path(parent) == self.directory:
            return False
        return not any(os.path.exists(os.path.join(parent, name, mark)) for mark in _MARKS)


def open_project(path: str | Path = ".") -> ProjectSource:
    """The project in a folder.

    Raises:
        InvalidInput: There is no such folder, or it is no project.
    """
    directory = Path(os.path.abspath(path))
    if not directory.is_dir():
        raise InvalidInput(
            f"there is no folder `{path}`", hint="run `lao plugin list` for the projects that there are"
        )
    try:
        str(directory).encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            "the path of a project must be UTF-8", causes=[repr(os.fsencode(directory))], hint="rename the folder"
        ) from None
    manifest = directory / "plugin.toml"
    if not manifest.is_file():
        above = next((folder for folder in directory.parents if (folder / "plugin.toml").is_file()), None)
        raise InvalidInput(
            f"`{path}` is no plugin project",
            causes=["it has no `plugin.toml`"],
            hint=f"`{above}` is one" if above is not None else "run `lao plugin create NAME` to make one",
        )
    for marker, tool in (("Cargo.toml", "cargo"), ("CMakeLists.txt", "cmake")):
        if (directory / marker).is_file():
            return ProjectSource(directory, tool, manifest)
    raise LaoError(
        f"cannot tell how to build `{directory.name}`",
        causes=["it has neither a `Cargo.toml` nor a `CMakeLists.txt`"],
        where=str(directory),
        hint="write a `CMakeLists.txt` with `include(LaoPlugin)` and `lao_add_plugin(NAME SOURCES)`",
    )
