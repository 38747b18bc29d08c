"""JSON Schema as plugins use it: checked without network, with patterns that cannot run away.

A schema comes from a plugin's author, who may be hostile: remote references are refused, and patterns use the
linear-time engine (no look-around, no back-references).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lao.errors import InvalidInput, Problem
from lao.model.names import suggest
from lao.model.schema_cost import cost_of

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = [
    "LARGEST_PATTERN",
    "MOST_STEPS",
    "SchemaError",
    "check_config",
    "check_schema",
    "compile_schema",
    "defaults_of",
    "describe",
    "explain",
    "key_path",
    "paths_of",
    "secrets_of",
    "whole_numbers",
]

LARGEST_PATTERN = 1 << 20
"""Bytes that a compiled pattern may take."""

MOST_STEPS = 100_000
"""Questions that a schema may ask on one way from the root of a value to a leaf (`schema_cost`)."""

_DEEPEST = 64  # levels of tables and lists in a schema or in settings


class SchemaError(InvalidInput):
    """A JSON Schema that cannot be used. `path` leads to the place in it."""

    path: tuple[str | int, ...]

    def __init__(self, message: str, *, path: tuple[str | int, ...] = (), **fields: Any) -> None:
        super().__init__(message, **fields)
        self.path = path


def key_path(path: tuple[str | int, ...]) -> str:
    """The way messages write a path: `capabilities[1].input_type`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def describe(value: object) -> str:
    """What a TOML or JSON value is, for messages: `an integer`, `a list`."""
    names: list[tuple[type, str]] = [
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a number"),
        (str, "a string"),
        (list, "a list"),
        (dict, "a table"),
    ]
    if value is None:
        return "nothing"
    return next((name for kind, name in names if isinstance(value, kind)), "a date or time")


def check_schema(schema: object, *, must_be_object: bool = False) -> dict[str, Any]:
    """Returns `schema` if it is a usable JSON Schema.

    Args:
        schema: What the manifest or the library holds, already parsed.
        must_be_object: It describes named settings or parameters, so its `type` must be `object`.

    Raises:
        SchemaError: It is not one; the hint says what to write.
    """
    if not isinstance(schema, dict):
        raise SchemaError(
            f"it must be a JSON Schema, not {describe(schema)}",
            hint='write a table, e.g. `{ type = "object" }`',
        )
    _check_plain(schema, ())
    if must_be_object and schema.get("type", "object") != "object":
        raise SchemaError("it must be `object`", path=("type",), hint='write `type = "object"`')
    compile_schema(schema)
    try:
        steps = cost_of(schema).steps
    except RecursionError:
        raise SchemaError("its references lead from one to the next too often") from None
    if steps > MOST_STEPS:
        raise SchemaError(
            "a check against it would take too long",
            hint="let fewer definitions refer to others more than once",
        )
    return schema


def compile_schema(
    schema: dict[str, Any], *, mask: str | None = None, pattern_bytes: int = LARGEST_PATTERN
) -> jsonschema_rs.Validator:
    """A validator for `schema`, of the draft that it names, else 2020-12.

    Args:
        schema: One that `check_schema` accepts.
        mask: What its messages say in place of a value, which may be secret or large.
        pattern_bytes: What a pattern may take once it is compiled; the time of a search grows with it.

    Raises:
        SchemaError: The schema is wrong, or refers to another document.
    """
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(
            schema,
            retriever=_refuse_remote,
            mask=mask,
            pattern_options=jsonschema_rs.RegexOptions(
                size_limit=pattern_bytes, dfa_size_limit=LARGEST_PATTERN
            ),
        )
    except jsonschema_rs.ValidationError as error:
        path = tuple(error.instance_path)
        raise SchemaError(
            _schema_message(error.message, path), path=path, hint=_schema_hint(error.message, path)
        ) from None
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise SchemaError(f"it is not a usable JSON Schema: {error}") from None


def defaults_of(config_schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings that a plugin has before anyone sets one: the `default` of each property, nested tables
    included.

    Example:
        >>> defaults_of({"properties": {"max_tokens": {"type": "integer", "default": 2048}, "path": {}}})
        {'max_tokens': 2048}
    """
    found: dict[str, Any] = {}
    properties = (config_schema or {}).get("properties")
    for name, schema in properties.items() if isinstance(properties, dict) else ():
        if not isinstance(schema, dict):
            continue
        if "default" in schema:
            found[name] = copy.deepcopy(schema["default"])
        elif inner := defaults_of(schema):
            found[name] = inner
    return found


def paths_of(schema: Mapping[str, Any] | None) -> frozenset[str]:
    """The settings that name a file: those with the format `path`."""
    properties = schema.get("properties") if schema else None
    if not isinstance(properties, Mapping):
        return frozenset()
    return frozenset(
        key
        for key, declared in properties.items()
        if isinstance(declared, Mapping) and declared.get("format") == "path"
    )


def whole_numbers(schema: Mapping[str, Any] | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with `4096.0` as the integer that JSON Schema takes it for, where an integer is asked for.

    Example:
        >>> whole_numbers({"properties": {"n": {"type": "integer"}}}, {"n": 4096.0, "x": 1.0})
        {'n': 4096, 'x': 1.0}
    """
    properties = (schema or {}).get("properties")
    declared = properties if isinstance(properties, Mapping) else {}
    return {
        key: int(value)
        if isinstance(value, float)
        and value.is_integer()
        and isinstance(declared.get(key), Mapping)
        and declared[key].get("type") == "integer"
        else value
        for key, value in settings.items()
    }


def secrets_of(config_schema: Mapping[str, Any] | None) -> frozenset[str]:
    """The settings that are shown nowhere: those whose schema has `writeOnly = true`.

    Example:
        >>> secrets_of({"properties": {"token": {"type": "string", "writeOnly": True}, "path": {}}})
        frozenset({'token'})
    """
    properties = (config_schema or {}).get("properties")
    if not isinstance(properties, dict):
        return frozenset()
    return frozenset(
        name
        for name, schema in properties.items()
        if isinstance(schema, dict) and schema.get("writeOnly") is True
    )


def check_config(
    schema: Mapping[str, Any] | None, settings: Mapping[str, Any], *, file: str = "config"
) -> list[Problem]:
    """What is wrong with `settings`, all of it, against the manifest's `config_schema`.

    A setting that the schema does not name is a warning with a suggestion, unless the schema forbids it.

    Args:
        schema: The schema; None and an empty one accept everything.
        settings: The settings, as JSON types.
        file: Name of the file for the problems.
    """
    if not schema:
        return []
    validator = compile_schema(dict(schema))
    known = schema.get("properties")
    names = list(known) if isinstance(known, dict) else []
    try:
        errors = list(validator.iter_errors(dict(settings)))
    except ValueError as error:
        return [Problem(file, "", f"the settings are not JSON: {error}")]
    problems: list[Problem] = []
    secrets = secrets_of(schema)
    for found in errors:
        if found.instance_path and found.instance_path[0] in secrets and found.kind.name != "type":
            problems.append(
                Problem(file, key_path(tuple(found.instance_path)), "it is not what its schema wants")
            )
        else:
            problems += _setting_problems(file, found, names)
    refused = {problem.key for problem in problems}
    for name in settings:
        if names and name not in names and name not in refused and not schema.get("patternProperties"):
            problems.append(
                Problem(file, name, "the plugin has no such setting", _fix_name(name, names), "warning")
            )
    return problems


def explain(error: jsonschema_rs.ValidationError) -> tuple[tuple[str | int, ...], str]:
    """Where in the value an error lies, and what is wrong there, in one sentence."""
    path = tuple(error.instance_path)
    kind = error.kind.name
    facts = error.kind.as_dict()
    if kind == "required":
        return (*path, str(facts["property"])), "it is missing"
    if kind == "additionalProperties":
        return (*path, facts["unexpected"][0]), "it is not known"
    if kind == "type":
        return path, f"it must be {_article(facts['types'])}, not {describe(error.instance)}"
    if kind == "enum":
        return path, "it must be one of " + ", ".join(f"`{option}`" for option in facts["options"][:20])
    return path, error.message


def _setting_problems(file: str, error: jsonschema_rs.ValidationError, names: list[str]) -> list[Problem]:
    path, message = explain(error)
    if error.kind.name == "required":
        return [Problem(file, key_path(path), message, f"set `{key_path(path)}`")]
    if error.kind.name == "additionalProperties":
        return [
            Problem(
                file, key_path((*path[:-1], name)), "the plugin has no such setting", _fix_name(name, names)
            )
            for name in error.kind.as_dict()["unexpected"]
        ]
    return [Problem(file, key_path(path), message)]


def _article(types: list[str]) -> str:
    return " or ".join(("an " if name[0] in "aeio" else "a ") + name for name in types)


def _fix_name(name: str, names: list[str]) -> str:
    close = suggest(name, names)
    if close:
        return f"did you mean `{close[0]}`?"
    return "it has " + ", ".join(f"`{known}`" for known in names[:12]) if names else "remove it"


def _check_plain(value: object, path: tuple[str | int, ...]) -> None:
    """Refuses what JSON cannot say (TOML's dates, infinities) and what is nested beyond reason."""
    if len(path) > _DEEPEST:
        raise SchemaError(f"it is nested more than {_DEEPEST} levels deep", path=path[:2])
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise SchemaError(f"a key must be a string, not {describe(key)}", path=path)
            if (
                key in ("$ref", "$dynamicRef", "$recursiveRef")
                and isinstance(inner, str)
                and inner[:1] != "#"
            ):
                raise SchemaError(
                    "it refers to another document",
                    path=(*path, key),
                    hint="use a reference that begins with `#`",
                )
            _check_plain(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_plain(inner, (*path, index))
    elif isinstance(value, float) and not math.isfinite(value):
        raise SchemaError("it must be a finite number", path=path)
    elif not (value is None or isinstance(value, (str, int, float))):
        raise SchemaError(f"{describe(value)} has no place in JSON", path=path, hint="write it as a string")


def _refuse_remote(uri: str) -> Any:
    raise ValueError(f"`{uri}` is another document, and schemas are not fetched")


def _schema_message(message: str, path: tuple[str | int, ...]) -> str:
    if path[-1:] == ("type",):
        return f"{message.split(' is not', 1)[0]} is not a JSON type".replace('"', "`")
    if 'is not a "regex"' in message:
        return f"{message}: patterns have no look-around and no back-references here, and are not large"
    return message


def _schema_hint(message: str, path: tuple[str | int, ...]) -> str | None:
    if path and path[-1] == "type":
        return "a type is one of array, boolean, integer, null, number, object, string"
    if 'not of types "boolean", "object"' in message:
        return 'write a table, e.g. `{ type = "string" }`'
    return None
