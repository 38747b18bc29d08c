"""Which plugin a word on the command line means: an installed one, a local project, or a path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lao.errors import PluginLoadError, PluginNotFound
from lao.model.names import library_stem, printable, suggest
from lao.projects import Project, find_project, find_projects, project_at
from lao.store import Installed, Store

if TYPE_CHECKING:
    from lao.model.manifest import Manifest

__all__ = ["Named", "find", "manifest_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A plugin that was found, not loaded.

    Attributes:
        name: How it is called.
        state: `"enabled"`, `"disabled"`, `"local"`, `"local, disabled"`, or `"file"` for a bare path.
        directory: The package's or project's folder.
        library: The library, or None when the project is not built.
        installed: Its record, or None.
        project: The project, or None.
    """

    name: str
    state: str
    directory: Path
    library: Path | None
    installed: Installed | None = None
    project: Project | None = None


def find(word: str, store: Store) -> Named:
    """The plugin that `word` names: an installed one, else a local project, else a directory or a library by
    its path.

    Raises:
        InvalidInput: It is no path that exists, and no plugin may be called so.
        PluginNotFound: There is none; with suggestions.
    """
    if "/" in word or os.sep in word or word in (".", ".."):
        return _at_path(word)
    installed = store.get(word)
    if installed is not None:
        return Named(
            name=installed.name,
            state="enabled" if installed.enabled else "disabled",
            directory=installed.directory,
            library=installed.library,
            installed=installed,
        )
    project = find_project(word)
    if project is not None:
        return _local(project, store)
    if os.path.exists(word):
        return _at_path(word)
    known = [*store.names(), *(project.name for project in find_projects())]
    close = suggest(word, known)
    raise PluginNotFound(
        f"there is no plugin `{printable(word)}`",
        name=word,
        suggestions=close,
        causes=["it is neither installed nor a local project"],
        hint=None if close else "run `lao plugin list` for what there is",
    )


def manifest_of(plugin: Named) -> Manifest | None:
    """The manifest of a plugin, the one with which a host would load it.

    Raises:
        ManifestError: It has problems.
        PluginLoadError: The library cannot be read.
    """
    from lao.package.embed import manifest_at

    bare = plugin.installed is None and (plugin.project is None or plugin.project.manifest_file is None)
    return manifest_at(None if bare else plugin.directory, plugin.library)


def _local(project: Project, store: Store) -> Named:
    return Named(
        name=project.name,
        state="local" if store.is_enabled(project.name) else "local, disabled",
        directory=project.directory,
        library=project.library,
        project=project,
    )


def _at_path(word: str) -> Named:
    path = Path(os.path.abspath(word))
    if path.is_dir():
        project = project_at(path)
        if project is None:
            raise PluginLoadError(
                f"`{printable(word)}` is not a plugin",
                causes=["the directory has neither a `plugin.toml` nor a library"],
                where=str(path),
            )
        return Named(
            name=project.name, state="file", directory=path, library=project.library, project=project
        )
    if not path.exists():
        raise PluginNotFound(f"there is no file or directory `{printable(word)}`", name=word)
    return Named(name=library_stem(path.name), state="file", directory=path.parent, library=path)
