"""The manifest held against the library: names, versions, capabilities and their types."""

from __future__ import annotations

from typing import Any

from lao.errors import Problem
from lao.host import Plugin
from lao.model.capability import Capability
from lao.model.manifest import Manifest

__all__ = ["differences"]


def differences(manifest: Manifest, plugin: Plugin) -> list[Problem]:
    """Everything in which a loaded library is not what its manifest says. LAO 0.x libraries describe themselves so
    badly that theirs are not compared."""
    if plugin.info.abi != "lao/1":
        return []
    found = []
    if plugin.info.version != str(manifest.plugin.version):
        found.append(
            _problem(
                manifest,
                "plugin.version",
                f"it is `{manifest.plugin.version}`, the library says `{plugin.info.version}`",
                "take the version in the code from the manifest, and build again",
            )
        )
    real = {one.name: one for one in plugin.capabilities}
    for index, declared in enumerate(manifest.capabilities):
        key = f"capabilities[{index}]"
        if declared.name not in real:
            found.append(
                _problem(
                    manifest, f"{key}.name", f"the library has no capability `{declared.name}`", "remove it"
                )
            )
        else:
            found += _of_capability(manifest, key, declared, real[declared.name])
    known = {one.name for one in manifest.capabilities}
    for name in real:
        if known and name not in known:
            text = f"the library also has the capability `{name}`"
            found.append(
                _problem(manifest, "capabilities", text, f'add `[[capabilities]]` with `name = "{name}"`')
            )
    return found + _of_settings(manifest, plugin) + _of_events(manifest, plugin)


def _of_settings(manifest: Manifest, plugin: Plugin) -> list[Problem]:
    """A library that declares no settings leaves them to its manifest."""
    says, does = _types(manifest.config_schema), _types(plugin.info.config_schema)
    if does is None or (says or {}) == does:
        return []
    text = f"the library has the settings {_listed(does)}, not {_listed(says or {})}"
    return [_problem(manifest, "config_schema", text, "describe the settings that it has")]


def _of_events(manifest: Manifest, plugin: Plugin) -> list[Problem]:
    known = {one.name for one in manifest.events}
    return [
        _problem(
            manifest,
            "events",
            f"the library also emits the event `{event.name}`",
            f'add `[[events]]` with `name = "{event.name}"`',
        )
        for event in plugin.info.events
        if event.name not in known
    ]


def _of_capability(manifest: Manifest, key: str, declared: Capability, real: Capability) -> list[Problem]:
    found = []
    for end, says, does in (
        ("input_type", declared.input_kind, real.input_kind),
        ("output_type", declared.output_kind, real.output_kind),
    ):
        if says != does:
            text = f"`{declared.name}` has `{does.label}` in the library, not `{says.label}`"
            found.append(_problem(manifest, f"{key}.{end}", text, f'write `{end} = "{does.label}"`'))
    says_params, does_params = _types(declared.params_schema), _types(real.params_schema)
    if says_params is not None and does_params is not None and says_params != does_params:
        text = (
            f"`{declared.name}` takes the parameters {_listed(does_params)} in the library, "
            f"not {_listed(says_params)}"
        )
        found.append(_problem(manifest, f"{key}.params_schema", text, "describe the parameters that it has"))
    return found


def _types(schema: dict[str, Any] | None) -> dict[str, str] | None:
    """Name and type of every parameter."""
    if schema is None:
        return None
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        return None
    return {
        name: str(value.get("type", "any")) if isinstance(value, dict) else "any"
        for name, value in properties.items()
    }


def _listed(types: dict[str, str]) -> str:
    return ", ".join(f"`{name}` ({kind})" for name, kind in sorted(types.items())) or "none"


def _problem(manifest: Manifest, key: str, message: str, fix: str) -> Problem:
    return Problem(manifest.file, key, message, fix)
