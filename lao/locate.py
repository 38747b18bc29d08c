"""Plugins by name: wires what is installed and the local projects into the host."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from lao import host
from lao.errors import InvalidInput, PluginLoadError, PluginNotFound
from lao.grants import Grants
from lao.host.source import Source
from lao.model.names import printable, suggest
from lao.model.rights import rights_of, wanted_by
from lao.operator_file import operator_policy
from lao.package.embed import manifest_at
from lao.projects import Project, find_project, find_projects
from lao.store import Installed, Store

__all__ = ["Host", "Names", "load"]


class Names:
    """Finds installed plugins first, then projects under `plugins/` and in LAO_PLUGIN_DIR and LAO_PLUGINS_DIR.

    Args:
        home: LAO's folder; default is LAO_HOME or the user's data folder.
    """

    def __init__(self, home: Path | None = None) -> None:
        self._store = Store(home)
        self._grants = Grants(self._store.home)

    def locate(self, target: str) -> Source:
        """The plugin of that name, as spelled or with case and `-` against `_` ignored.

        Raises:
            PluginNotFound: There is none; with suggestions.
            PluginLoadError: It is a project that was not built.
            ManifestError: Its manifest has errors.
        """
        try:
            installed = self._store.get(target)
            project = None if installed is not None else find_project(target)
        except InvalidInput:
            raise self._not_found(target) from None
        if installed is not None:
            return self._of_installed(installed)
        if project is not None:
            return self._of_project(project)
        raise self._not_found(target)

    def complete(self, source: Source) -> Source:
        """A plugin that is loaded by its path: switched off where `lao plugin toggle NAME false` did that, with the
        rights of what was built here, or else none.
        """
        try:
            enabled = self._store.is_enabled(source.name)
        except InvalidInput:  # the stem of a library may be no name
            enabled = True
        completed = replace(source, enabled=enabled, data_dir=self._store.home / "data" / source.name)
        return self._with_decisions(completed, _sha256(source.library))

    def signature(self) -> object:
        """Changes when a decision about any plugin does."""
        return self._grants.signature(), self._store.settings_signature()

    def _of_installed(self, installed: Installed) -> Source:
        source = Source(
            name=installed.name,
            library=installed.library,
            manifest=manifest_at(installed.directory if installed.has_manifest else None, installed.library),
            resource_dir=installed.directory,
            packaged=True,
            enabled=installed.enabled,
            settings=self._store.settings(installed.name),
            data_dir=self._store.home / "data" / installed.name,
        )
        return self._with_decisions(source, installed.digest)

    def _of_project(self, project: Project) -> Source:
        if project.library is None:
            raise PluginLoadError(
                f"cannot load `{project.name}`",
                causes=["the project is not built"],
                where=str(project.directory),
                hint=f"run `lao plugin build {project.directory}`",
            )
        source = Source(
            name=project.name,
            library=project.library,
            manifest=manifest_at(
                project.directory if project.manifest_file is not None else None, project.library
            ),
            resource_dir=project.directory,
            packaged=True,
            enabled=self._store.is_enabled(project.name),
            settings=self._store.settings(project.name),
            data_dir=self._store.home / "data" / project.name,
        )
        return self._with_decisions(source, _sha256(project.library))

    def _with_decisions(self, source: Source, digest: str) -> Source:
        """What the user decided about this very package; what was built here has what it asks for, unless refused."""
        decided = self._grants.of(source.name, digest)
        grant = decided.grant
        if self._grants.is_built(digest):
            wanted = frozenset().union(*wanted_by(source.manifest))
            grant = replace(grant, granted=grant.granted | (wanted - grant.refused))
        if grant.working_directory is not None and self._rules_us(grant.working_directory):
            grant = replace(grant, working_directory=None)
        operator = operator_policy()
        return replace(
            source,
            digest=digest,
            rights=operator.cap(rights_of(source.manifest, grant), source.data_dir, os.path.realpath),
            trusted=decided.trusted and operator.may_trust(source.name),
            limits=decided.limits,
            operator=operator,
        )

    def _rules_us(self, directory: Path) -> bool:
        """Who may write there could write decisions of its own: LAO's home is in it, or it is in LAO's home. Only the
        folder of the plugins' data is theirs.
        """
        home, wanted = self._store.home.resolve(), directory.resolve()
        return home.is_relative_to(wanted) or (
            wanted.is_relative_to(home) and home / "data" not in wanted.parents
        )

    def _not_found(self, target: str) -> PluginNotFound:
        known = [*self._store.names(), *(project.name for project in find_projects())]
        near = suggest(target, known)
        return PluginNotFound(
            f"there is no plugin `{printable(target)}`",
            name=target,
            suggestions=near,
            causes=["it is neither installed, nor a local project, nor a file"],
            hint=None if near else "run `lao plugin list` for what there is",
        )


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""  # loading says better what is wrong with it


class Host(host.Host):
    """Loads plugins by name, file or directory; see `lao.host.Host`.

    Args:
        home: LAO's folder; default is LAO_HOME or the user's data folder.

    Example:
        >>> with lao.Host() as host:                              # doctest: +SKIP
        ...     host.load("shout")("hello")
        'HELLO'
    """

    def __init__(self, home: str | os.PathLike[str] | None = None) -> None:
        directory = Path(home) if home is not None else None
        super().__init__(directory, locator=Names(directory))


_default: Host | None = None
_default_lock = threading.Lock()


def load(target: str | os.PathLike[str], **options: Any) -> host.Plugin:
    """Loads a plugin with a host that lives as long as the process.

    Args:
        target: As for `Host.load`.
        options: As for `Host.load`.
    """
    global _default  # noqa: PLW0603 - the one default host, made when first needed
    with _default_lock:
        if _default is None:
            _default = Host()
    return _default.load(target, **options)
