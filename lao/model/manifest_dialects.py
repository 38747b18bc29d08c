"""Brings the flat `plugin.toml` of LAO 0.1.20 into the nested shape, and remembers where each key came
from."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lao.errors import InvalidInput, Problem
from lao.model.json_schema import key_path
from lao.model.kinds import Kind
from lao.model.manifest_tables import Document, PluginTable, Table
from lao.model.names import printable, suggest
from lao.model.versions import complete_version

__all__ = ["Nested", "known_keys", "to_nested", "unknown_keys"]

Location = tuple[str | int, ...]

_TABLES = ("dependencies", "capabilities", "permissions", "resources", "config_schema", "events", "legacy")
_FLAT_SCHEMAS = ("input_schema", "output_schema")


@dataclass
class Nested:
    """A document in the nested shape.

    Attributes:
        tables: The document; never the caller's objects.
        dialect: `"toml"` or `"toml-flat"`.
        origin: From a place in `tables` to the place in the file as it was written.
        warnings: What the change of shape had to guess.
    """

    tables: dict[str, Any]
    dialect: str
    origin: Callable[[Location], Location]
    warnings: list[Problem] = field(default_factory=list)


def to_nested(document: dict[str, Any], *, file: str) -> Nested:
    """The document in the nested shape; a flat one is told by having no `[plugin]` but keys of it at the
    top."""
    own = set(PluginTable.model_fields)
    if "plugin" in document or not own & set(document):
        return Nested(copy.deepcopy(document), "toml", lambda location: location)
    return _from_flat(copy.deepcopy(document), file, own)


def _from_flat(flat: dict[str, Any], file: str, own: set[str]) -> Nested:
    moved_schemas: set[str] = set()

    def origin(location: Location) -> Location:
        if location[:1] == ("plugin",) and len(location) > 1:
            return location[1:]
        if location[:2] == ("permissions", "required") and listed:
            return ("permissions", *location[2:])
        if location[:2] == ("capabilities", 0) and len(location) > 2 and location[2] in moved_schemas:
            return location[2:]
        return location

    tables: dict[str, Any] = {"plugin": {key: value for key, value in flat.items() if key in own}}
    tables.update({key: flat[key] for key in _TABLES if key in flat})
    listed = isinstance(flat.get("permissions"), list)
    if listed:
        tables["permissions"] = {"required": flat["permissions"]}
    nested = Nested(tables, "toml-flat", origin)
    capabilities = tables.get("capabilities")
    first = capabilities[0] if isinstance(capabilities, list) and capabilities else None
    for key in _FLAT_SCHEMAS:
        if key in flat and isinstance(first, dict) and key not in first:
            first[key] = flat[key]
            moved_schemas.add(str(key))
        elif key in flat:
            nested.warnings.append(
                Problem(
                    file,
                    key,
                    "there is no capability it belongs to",
                    "move it into [[capabilities]]",
                    "warning",
                )
            )
    _complete_versions(nested, file)
    _forgive_kinds(nested, file)
    return nested


def _complete_versions(nested: Nested, file: str) -> None:
    """Old manifests say `1.0`; the old host never looked at it."""
    plugin = nested.tables["plugin"]
    for key in ("version", "min_lao_version"):
        text = plugin.get(key)
        if not isinstance(text, str):
            continue
        completed = complete_version(text)
        if completed is not None and completed != text:
            plugin[key] = completed
            message = f"`{printable(text)}` is read as `{completed}`"
            nested.warnings.append(Problem(file, key, message, f"write `{completed}`", "warning"))


def _forgive_kinds(nested: Nested, file: str) -> None:
    """An unknown kind in an old manifest means `any`."""
    capabilities = nested.tables.get("capabilities")
    for index, capability in enumerate(capabilities if isinstance(capabilities, list) else ()):
        for key in ("input_type", "output_type") if isinstance(capability, dict) else ():
            text = capability.get(key)
            if not isinstance(text, str):
                continue
            try:
                Kind.parse(text)
            except InvalidInput as error:
                capability[key] = "any"
                message = f"`{printable(text)}` is not a kind of value; `any` is assumed"
                place = key_path(("capabilities", index, key))
                nested.warnings.append(Problem(file, place, message, error.hint or "", "warning"))


def known_keys(model: type[Table]) -> list[str]:
    """The keys of a table as files write them."""
    return [info.alias or name for name, info in model.model_fields.items()]


def unknown_keys(document: dict[str, Any], nested: Nested, *, file: str) -> list[Problem]:
    """A warning for each key that LAO does not know, with what it may have meant."""
    found: list[Problem] = []
    if nested.dialect == "toml-flat":
        known = [*known_keys(PluginTable), *_TABLES, *_FLAT_SCHEMAS]
        found += [_unknown(file, (key,), known) for key in document if key not in known]
    else:
        known = known_keys(Document)
        found += [_unknown(file, (key,), known) for key in document if key not in known]
        found += _unknown_in(file, ("plugin",), document.get("plugin"), PluginTable)
    for name, info in Document.model_fields.items():
        value = document.get(name)
        inner = _table_of(info.annotation)
        if inner is None or name == "plugin":
            continue
        if isinstance(value, list):
            for index, item in enumerate(value):
                found += _unknown_in(file, (name, index), item, inner)
        else:
            found += _unknown_in(file, (name,), value, inner)
    return found


def _table_of(annotation: Any) -> type[Table] | None:
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, Table):
            return candidate
    return None


def _unknown_in(file: str, path: Location, value: object, model: type[Table]) -> list[Problem]:
    known = known_keys(model)
    if not isinstance(value, dict):
        return []
    return [_unknown(file, (*path, key), known) for key in value if key not in known]


def _unknown(file: str, path: Location, known: list[str]) -> Problem:
    key = str(path[-1])
    close = suggest(key, known)
    fix = f"did you mean `{close[0]}`?" if close else _home_of(key) or "remove it; LAO ignores it"
    return Problem(file, printable(key_path(path)), "unknown key", fix, "warning")


def _home_of(key: str) -> str | None:
    """Where a key that was put into the wrong table belongs."""
    for name, info in Document.model_fields.items():
        inner = _table_of(info.annotation)
        if inner is not None and key in known_keys(inner):
            many = "[[{}]]" if "list" in str(info.annotation) else "[{}]"
            return f"it belongs in {many.format(name)}"
    return None
