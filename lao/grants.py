"""What the user decided about each plugin: permissions, trust and limits, kept in `<home>/grants.json`.

A decision holds for one package, named by its digest: a package that was swapped, or updated, has none. What was built
here by the user has what its manifest asks for: building it ran its code already.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lao import paths
from lao.durable import write_atomic
from lao.errors import LaoError, PermissionDenied
from lao.model.names import fold_name
from lao.model.rights import NO_GRANT, Grant

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["Decided", "Grants", "PermissionRequest"]

_FORMAT = 1
_MOST_BUILT = 500  # artefacts of local builds that are remembered, newest last
_LOCK_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Decided:
    """All that was decided about one package.

    Attributes:
        digest: The package's; empty when nothing was decided about any.
        grant: Permissions.
        trusted: It may run in the host's own process.
        limits: By their names in `[resources]`.
    """

    digest: str = ""
    grant: Grant = NO_GRANT
    trusted: bool = False
    limits: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PermissionRequest:
    """What the user is asked for when a package is installed.

    Attributes:
        name: The plugin.
        version: Its version.
        required: Permissions without which it does not load.
        optional: Permissions without which it loads.
        update: A version of it is installed that has less.
        hosts: Those that it wants to reach, with `network_access`; empty for any.
    """

    name: str
    version: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    update: bool
    hosts: tuple[str, ...] = ()


class Grants:
    """The decisions of one home directory. May be used by several processes at once.

    Args:
        home: LAO's folder; default is LAO_HOME or the user's data folder.
    """

    def __init__(self, home: Path | None = None) -> None:
        self._file = (Path(os.path.abspath(home)) if home is not None else paths.home()) / "grants.json"

    def signature(self) -> tuple[int, int]:
        """Changes when a decision does; cheap."""
        try:
            status = self._file.stat()
        except OSError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_ino)

    def of(self, name: str, digest: str) -> Decided:
        """What was decided about this package; nothing for a package of another digest.

        Raises:
            LaoError: The file is damaged: then nothing is allowed.
        """
        decided = _decided(self._read()["plugins"].get(fold_name(name)))
        return decided if decided.digest == digest else Decided(digest)

    def before(self, name: str) -> Decided:
        """What was decided about the last package of that name, whatever its digest: for updates."""
        return _decided(self._read()["plugins"].get(fold_name(name)))

    def change(self, name: str, digest: str, edit: Callable[[Decided], Decided]) -> Decided:
        """Changes what was decided about one package; a decision about another one of that name is dropped.

        Raises:
            LaoError: The file is damaged or cannot be written.
        """
        with self._changing() as content:
            plugins = content["plugins"]
            decided = _decided(plugins.get(fold_name(name)))
            decided = edit(decided if decided.digest == digest else Decided(digest))
            plugins[fold_name(name)] = _record(replace(decided, digest=digest))
        return decided

    def settle(
        self,
        request: PermissionRequest,
        *,
        given: Collection[str],
        ask: Callable[[PermissionRequest], Collection[str]] | None,
    ) -> Decided:
        """What a package that is about to be installed may do, without storing it: what the version before it had, what
        is given now, and what the user says to the rest. What was refused once is not asked for again.

        Args:
            request: What it asks for.
            given: Permissions that the user named, or `"none"`: all others are refused then.
            ask: Asks the user, who answers with those that are granted; None when nobody can be asked.

        Raises:
            PermissionDenied: It asks for more than was ever decided about, and nobody can be asked.
            InvalidInput: `given` names what cannot be granted.
        """
        before = self.before(request.name) if request.update else Decided()
        grant = before.grant
        for word in given:
            grant = grant if word == "none" else grant.plus(word)
        wanted = {*request.required, *request.optional}
        open_ones = wanted - grant.granted - grant.refused
        if open_ones and not given:
            if ask is None:
                raise PermissionDenied(
                    f"`{request.name}` asks for permissions that nobody granted",
                    causes=[
                        f"`{word}`" + (" (required)" if word in request.required else "")
                        for word in sorted(open_ones)
                    ],
                    hint=f"install it with `--grant {','.join(sorted(open_ones))}`, or with fewer",
                )
            asked = replace(
                request,
                required=tuple(word for word in request.required if word in open_ones),
                optional=tuple(word for word in request.optional if word in open_ones),
            )
            for word in wanted & set(ask(asked)):
                grant = grant.plus(word)
        for word in sorted(wanted - grant.granted):
            grant = grant.minus(word)
        return replace(before, grant=grant, trusted=False)

    def forget(self, name: str) -> None:
        """Drops all decisions about a plugin, when it is uninstalled."""
        if fold_name(name) in self._read()["plugins"]:
            with self._changing() as content:
                content["plugins"].pop(fold_name(name), None)

    def add_built(self, digest: str) -> None:
        """Remembers a library that was built here.

        Args:
            digest: SHA-256 of the file, in hex.
        """
        with self._changing() as content:
            kept = [one for one in content["built"] if one != digest]
            content["built"] = [*kept, digest][-_MOST_BUILT:]

    def is_built(self, digest: str) -> bool:
        """Whether a library was built here."""
        return digest in self._read()["built"]

    # The file

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {"format": _FORMAT, "plugins": {}, "built": []}
        except (OSError, ValueError) as error:
            raise self._damaged(str(error)) from None
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise self._damaged("it has another format")
        if not isinstance(content.get("plugins"), dict) or not isinstance(content.get("built"), list):
            raise self._damaged("it lacks its tables")
        return content

    def _damaged(self, why: str) -> LaoError:
        return LaoError(
            "it is not known what your plugins may do",
            causes=[f"the file of your decisions cannot be read: {why}"],
            where=str(self._file),
            hint="remove the file, and grant again what is needed",
        )

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            content = self._read()
            yield content
            write_atomic(self._file, json.dumps(content, indent=2, ensure_ascii=False) + "\n", private=True)

    def _locked(self) -> BaseFileLock:
        from filelock import FileLock

        return FileLock(self._file.with_name(".grants.lock"), timeout=_LOCK_TIMEOUT_S)


def _decided(record: Any) -> Decided:
    """A damaged entry allows nothing."""
    if not isinstance(record, dict):
        return Decided()
    try:
        directory = record.get("working_directory")
        grant = Grant(
            granted=frozenset(map(str, record.get("granted", ()))),
            refused=frozenset(map(str, record.get("refused", ()))),
            connect=frozenset(map(str, record.get("connect", ()))),
            programs=frozenset(map(str, record.get("programs", ()))),
            working_directory=Path(directory) if directory else None,
        )
        limits = {str(name): float(value) for name, value in record.get("limits", {}).items()}
        return Decided(str(record["digest"]), grant, record.get("trusted") is True, limits)
    except (KeyError, TypeError, ValueError, AttributeError):
        return Decided()


def _record(decided: Decided) -> dict[str, Any]:
    grant = decided.grant
    return {
        "digest": decided.digest,
        "granted": sorted(grant.granted),
        "refused": sorted(grant.refused),
        "connect": sorted(grant.connect),
        "programs": sorted(grant.programs),
        "working_directory": str(grant.working_directory) if grant.working_directory else None,
        "trusted": decided.trusted,
        "limits": decided.limits,
    }
