"""The settings of a loaded plugin: the schema's defaults, what the user set, and what the host was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lao.errors import InvalidInput
from lao.model.json_schema import check_config, defaults_of, paths_of, whole_numbers
from lao.model.manifest import Manifest

__all__ = ["Settings", "named_paths", "settings_of"]

_KERNEL = ("/proc", "/sys", "/dev", "/run")


def settings_of(
    manifest: Manifest | None, stored: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The defaults of the schema, under what was set, checked against it. Paths are made absolute.

    Args:
        manifest: The plugin's.
        stored: What the user set. Names that the schema does not have are no error, unless it forbids them: another
            version of the plugin may have them.
        given: What the host was given; its names must be the schema's.

    Raises:
        InvalidInput: A setting does not fit.
    """
    settings = {**stored, **given}
    if manifest is None or manifest.config_schema is None:
        return settings
    paths = paths_of(manifest.config_schema)
    chosen = {
        key: str(Path(value).expanduser().resolve())
        if key in paths and isinstance(value, str) and value
        else value
        for key, value in settings.items()
    }
    whole = {**defaults_of(manifest.config_schema), **whole_numbers(manifest.config_schema, chosen)}
    problems = [
        problem
        for problem in check_config(manifest.config_schema, whole)
        if problem.severity == "error" or problem.key in given
    ]
    if problems:
        raise InvalidInput(
            f"the configuration of `{manifest.plugin.name}` is not valid",
            causes=[f"{problem.key}: {problem.message}" for problem in problems],
            hint=f"run `lao plugin config {manifest.plugin.name} {problems[0].key} --unset`"
            if problems[0].key in stored.keys() - given.keys()
            else None,
        )
    return whole


def named_paths(manifest: Manifest | None, chosen: Mapping[str, Any], home: Path) -> tuple[Path, ...]:
    """The files and folders that a plugin may read since the user named them in its settings; what does not exist is
    left out. A folder is read with all that is in it.

    Args:
        manifest: The plugin's.
        chosen: What was set by the user and by the host, without the schema's defaults: a plugin cannot grant itself
            anything.
        home: LAO's folder.

    Raises:
        InvalidInput: A folder is too wide to be meant: it holds the user's home or LAO's, or is the kernel's.
    """
    named = (
        (key, chosen[key])
        for key in sorted(paths_of(manifest.config_schema if manifest is not None else None))
        if key in chosen
    )
    paths = [
        (key, Path(value).expanduser().resolve()) for key, value in named if isinstance(value, str) and value
    ]
    for key, path in paths:
        if path.is_dir():
            _require_narrow(key, path, home)
    return tuple(path for _, path in paths if path.is_file() or path.is_dir())


def _require_narrow(key: str, folder: Path, home: Path) -> None:
    for inner, what in ((Path.home(), "your home"), (home, "LAO's own files")):
        if inner.resolve().is_relative_to(folder):
            raise InvalidInput(
                f"`{key}` names `{folder}`, which holds {what}",
                causes=["a plugin may read all of a folder that a setting names"],
                hint="name the folder that it needs",
            )
    if any(folder.is_relative_to(kernels) for kernels in _KERNEL):
        raise InvalidInput(f"`{key}` names `{folder}`, which holds no files but the kernel's")


class Settings:
    """What a host was given for one plugin, over what the user stored.

    Args:
        given: Settings by key, from `Host.load`; changed by `add`.
        resolve: The whole settings with some of the host's, from what is stored now.
    """

    def __init__(
        self, given: Mapping[str, Any], resolve: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> None:
        self.given = dict(given)
        self._resolve = resolve

    def now(self, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The whole settings, with `changes` over what the host was given.

        Raises:
            InvalidInput: A setting does not fit.
        """
        return self._resolve({**self.given, **(changes or {})})
