"""The settings of a loaded plugin: the schema's defaults, what the user set, and what the host was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lao.errors import InvalidInput
from lao.model.json_schema import check_config, defaults_of, paths_of
from lao.model.manifest import Manifest

__all__ = ["Settings", "named_files", "settings_of"]


def settings_of(manifest: Manifest | None, settings: dict[str, Any]) -> dict[str, Any]:
    """The defaults of the schema under what was set, checked against it. Paths are made absolute.

    Raises:
        InvalidInput: A setting does not fit.
    """
    if manifest is None or manifest.config_schema is None:
        return settings
    paths = paths_of(manifest.config_schema)
    chosen = {
        key: str(Path(value).expanduser().resolve())
        if key in paths and isinstance(value, str) and value
        else value
        for key, value in settings.items()
    }
    whole = {**defaults_of(manifest.config_schema), **chosen}
    problems = check_config(manifest.config_schema, whole)
    if problems:
        raise InvalidInput(
            f"the configuration of `{manifest.plugin.name}` is not valid",
            causes=[f"{problem.key}: {problem.message}" for problem in problems],
        )
    return whole


def named_files(manifest: Manifest | None, chosen: Mapping[str, Any]) -> tuple[Path, ...]:
    """The files that a plugin may read since the user named them in its settings; what does not exist is left out.

    Args:
        manifest: The plugin's.
        chosen: What was set by the user and by the host, without the schema's defaults: a plugin cannot grant itself
            anything.
    """
    named = (
        chosen[key]
        for key in sorted(paths_of(manifest.config_schema if manifest is not None else None))
        if key in chosen
    )
    paths = (Path(value).expanduser().resolve() for value in named if isinstance(value, str) and value)
    return tuple(path for path in paths if path.is_file())


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
