"""The settings of a loaded plugin: the schema's defaults, what the user set, and what the host was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lao.errors import InvalidInput
from lao.model.json_schema import check_config, defaults_of
from lao.model.manifest import Manifest

__all__ = ["Settings", "settings_of"]


def settings_of(manifest: Manifest | None, settings: dict[str, Any]) -> dict[str, Any]:
    """The defaults of the schema under what was set, checked against it.

    Raises:
        InvalidInput: A setting does not fit.
    """
    if manifest is None or manifest.config_schema is None:
        return settings
    whole = {**defaults_of(manifest.config_schema), **settings}
    problems = check_config(manifest.config_schema, whole)
    if problems:
        raise InvalidInput(
            f"the configuration of `{manifest.plugin.name}` is not valid",
            causes=[f"{problem.key}: {problem.message}" for problem in problems],
        )
    return whole


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
