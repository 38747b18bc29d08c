"""Where a plugin comes from: what the host needs to know before it loads one, and who tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lao.errors import PluginLoadError, PluginNotFound
from lao.model.manifest import Manifest
from lao.model.names import fold_name, is_library_name, library_stem
from lao.model.operator_policy import NO_POLICY, OperatorPolicy
from lao.model.rights import NO_RIGHTS, Rights
from lao.package.embed import manifest_at

__all__ = ["FileLocator", "Locator", "Source", "source_of_directory", "source_of_library"]


@dataclass(frozen=True, slots=True)
class Source:
    """A plugin that was found and not loaded.

    Attributes:
        name: By which the user knows it.
        library: The shared library.
        manifest: Its manifest, or None (most LAO 0.x plugins have none).
        resource_dir: Its package, or the folder that it lies in.
        packaged: `resource_dir` is a package of the plugin's own, which it may read; else just where its file lies.
        rights: What it may do.
        trusted: The user trusts it to run in the host's own process.
        limits: What the user set, by name of the limit.
        operator: What the operator lets it have at most.
        digest: By which the user's decisions know it: its package's, or its library's; empty when nobody asked.
        enabled: False: the user switched it off.
        settings: What the user set, by key of the config_schema.
        data_dir: Its data directory, or None for the default.
    """

    name: str
    library: Path
    manifest: Manifest | None = None
    resource_dir: Path | None = None
    packaged: bool = False
    rights: Rights = NO_RIGHTS
    trusted: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)
    operator: OperatorPolicy = NO_POLICY
    digest: str = ""
    enabled: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    data_dir: Path | None = None


class Locator(Protocol):
    """Finds plugins by what the user calls them."""

    def locate(self, target: str) -> Source:
        """The source of an installed name or of a local project's.

        Raises:
            PluginNotFound: There is none of that name.
        """
        ...

    def complete(self, source: Source) -> Source:
        """A plugin that was found by its path, with what the user decided about it."""
        ...

    def signature(self) -> object:
        """Changes when the user decided something; cheap."""
        ...


class FileLocator:
    """Knows no names: for hosts that load files only."""

    def locate(self, target: str) -> Source:
        raise PluginNotFound(f"there is no plugin `{target}`", name=target)

    def complete(self, source: Source) -> Source:
        return source

    def signature(self) -> object:
        return None


def source_of_library(path: Path) -> Source:
    """A library file, with the manifest that is embedded in it or lies beside it. One that was built in a project has
    the project for its package.

    Raises:
        ManifestError: The manifest has errors.
    """
    manifest = manifest_at(None, path)
    name = manifest.plugin.name if manifest else library_stem(path.name)
    project = _project_of(path)
    if project is not None:
        return Source(name, path, manifest, project, packaged=True)
    return Source(name, path, manifest, path.parent)


def _project_of(library: Path) -> Path | None:
    """The project that a library below its `build/lao` was built in: it finds its resources there."""
    for folder in library.parents[1:4]:
        if (folder.name, folder.parent.name) == ("lao", "build"):
            project = folder.parent.parent
            return project if (project / "plugin.toml").is_file() else None
    return None


def source_of_directory(directory: Path) -> Source:
    """A project that was built, or an unpacked package.

    Raises:
        PluginLoadError: There is no library in it, or more than one and no manifest that names it.
        ManifestError: The manifest has errors.
    """
    manifest = manifest_at(directory, None)
    name = manifest.plugin.name if manifest else directory.name
    libraries = _built(directory) or sorted(
        file for file in directory.iterdir() if is_library_name(file.name)
    )
    if len(libraries) > 1:
        libraries = [
            file for file in libraries if fold_name(library_stem(file.name)) == fold_name(name)
        ] or libraries
    if not libraries:
        raise PluginLoadError(
            f"cannot load `{name}`",
            causes=["there is no library in its directory"],
            where=str(directory),
            hint=f"run `lao plugin build {directory}`",
        )
    if len(libraries) > 1:
        names = ", ".join(f"`{file.name}`" for file in libraries)
        raise PluginLoadError(
            f"cannot load `{name}`", causes=[f"which library is it: {names}?"], where=str(directory)
        )
    if manifest is None:
        return source_of_library(libraries[0])
    return Source(name, libraries[0], manifest, directory, packaged=True)


def _built(directory: Path) -> list[Path]:
    """The newest library that `lao plugin build` made."""
    outputs = [
        file
        for profile in ("release", "debug")
        for file in sorted((directory / "build" / "lao" / profile).glob("*"))
        if is_library_name(file.name)
    ]
    return [max(outputs, key=lambda file: file.stat().st_mtime_ns)] if outputs else []
