"""`lao plugin config`"""

from __future__ import annotations

import json as json_text
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lao.cli import printer
from lao.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from lao.store import Store

__all__ = ["CONTEXT", "command"]

_HIDDEN = "***"
CONTEXT = {"ignore_unknown_options": True}  # a value may be a negative number


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An installed plugin or a local project.")],
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="The setting; without it all are shown.")
    ] = None,
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="VALUE",
            help="A JSON literal or a string; of a secret also @FILE or @- for stdin. Without it the setting is shown.",
        ),
    ] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Forget KEY; its default holds again.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the settings as JSON.")] = False,
) -> int:
    """Show or change a plugin's settings."""
    from lao.cli.plugins import find, manifest_of
    from lao.model.json_schema import paths_of, secrets_of
    from lao.model.manifest import defaults_of
    from lao.store import Store

    option = next((word for word in (name, key) if word is not None and word.startswith("-")), None)
    if option is not None:
        printer.usage_error(f"no such option: {option}", hint="run `lao plugin config --help`")
        return 2
    if unset and (key is None or value is not None):
        printer.usage_error("--unset takes a KEY and no VALUE", hint="run `lao plugin config --help`")
        return 2
    store = Store()
    plugin = find(name, store)
    if plugin.state == "file":
        raise InvalidInput(
            f"`{name}` has no settings",
            causes=["it is a path, and only installed plugins and local projects have settings"],
            hint=f"run `lao plugin install {name}` first",
        )
    manifest = manifest_of(plugin)
    schema = manifest.config_schema if manifest is not None else None
    settings = {**defaults_of(schema), **store.settings(plugin.name)}
    secrets = secrets_of(schema)
    shown = {name: _HIDDEN if name in secrets and known else known for name, known in settings.items()}
    if key is None:
        _show(shown, json)
        return 0
    if unset:
        return _unset(plugin.name, key, store, json)
    if value is None:
        return _show_one(plugin.name, key, shown, schema, json)
    if key in secrets and value.startswith("@"):
        value = _from_elsewhere(value)
    parsed = _accepted(plugin.name, key, value, schema, settings, is_secret=key in secrets)
    if key in paths_of(schema) and isinstance(parsed, str) and parsed:
        parsed = os.path.abspath(os.path.expanduser(parsed))  # it is read from elsewhere
    store.set_setting(plugin.name, key, parsed)
    visible = _HIDDEN if key in secrets and parsed else parsed
    if json:
        printer.json({key: visible})
    else:
        printer.data(f"{key} = {_written(visible)}")
    return 0


def _unset(name: str, key: str, store: Store, json: bool) -> int:
    if not store.unset(name, key):
        raise InvalidInput(
            f"`{key}` of `{name}` is not set", hint=f"run `lao plugin config {name}` for what is"
        )
    printer.json({"unset": key}) if json else printer.data(f"{key} is not set any more")
    return 0


def _from_elsewhere(word: str) -> str:
    """A secret that stands on no command line, which others can read and shells remember; without its line break."""
    from lao.cli.inputs import read_input
    from lao.model.kinds import Kind

    return str(read_input(word, Kind.TEXT)).removesuffix("\n").removesuffix("\r")


def _accepted(
    name: str,
    key: str,
    value: str,
    schema: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    *,
    is_secret: bool,
) -> Any:
    """The value as the schema takes it: the JSON literal, else the text itself (`1.0` as a string)."""
    from lao.cli.inputs import json_or_text
    from lao.model.json_schema import whole_numbers

    readings = [json_or_text(value)]
    if not isinstance(readings[0], str):
        readings.append(value)
    problems: list[Problem] = []
    for reading in readings:
        found = _problems(key, reading, schema, settings)
        errors = [problem for problem in found if problem.severity == "error"]
        if not errors:
            for problem in found:
                printer.warning(str(problem))
            return whole_numbers(schema, {key: reading})[key]
        problems = problems or errors
    raise InvalidInput(
        f"`{name}` does not take {'this' if is_secret else _written(readings[0])} for `{key}`",
        causes=[problem.message + (f" ({problem.fix})" if problem.fix else "") for problem in problems],
        hint=f"run `lao plugin info {name} --json` for the schema of its settings",
    )


def _problems(
    key: str, value: Any, schema: Mapping[str, Any] | None, settings: Mapping[str, Any]
) -> list[Problem]:
    """What this setting makes wrong; what was wrong or missing before does not matter here."""
    from lao.model.manifest import check_config

    before = check_config(schema, {name: known for name, known in settings.items() if name != key})
    return [problem for problem in check_config(schema, {**settings, key: value}) if problem not in before]


def _show(settings: Mapping[str, Any], json: bool) -> None:
    if json:
        printer.json(dict(settings))
    elif not settings:
        printer.note("it has no settings")
    for key, value in () if json else settings.items():
        printer.data(f"{printer.clean(key)} = {_written(value)}")


def _show_one(
    name: str, key: str, settings: Mapping[str, Any], schema: Mapping[str, Any] | None, json: bool
) -> int:
    if key in settings:
        printer.json({key: settings[key]}) if json else printer.data(_written(settings[key]))
        return 0
    from lao.model.names import suggest

    properties = (schema or {}).get("properties")
    known = list(properties) if isinstance(properties, dict) else []
    close = suggest(key, {*settings, *known}, limit=1)
    if key in known:
        cause, hint = "it is not set and has no default", f"run `lao plugin config {name} {key} VALUE`"
    else:
        cause, hint = "there is no such setting", f"did you mean `{close[0]}`?" if close else ""
    raise InvalidInput(f"`{name}` has no value for `{key}`", causes=[cause], hint=hint or None)


def _written(value: Any) -> str:
    return json_text.dumps(value, ensure_ascii=False)
