"""What the code declares, as the manifest says it: capabilities, settings and events, written between two marks.

A manifest without any of them, or with the marks, leaves that to `lao plugin build`. What somebody wrote by hand
outside of the marks stays as it is, and is held against the library by `compare`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit

from lao.errors import LaoError, ManifestError, Problem
from lao.host import PluginInfo
from lao.model.capability import Capability
from lao.model.manifest import Manifest, parse_manifest

__all__ = ["BEGIN", "END", "canonical", "with_declared"]

BEGIN = "# --- Declared in the code: written by `lao plugin build` ---"
END = "# --- End of what the code declares ---"

_PARTS = ("capabilities", "config_schema", "events")
# Of a capability, what only the manifest can say.
_MANIFEST_ONLY = ("sanitize", "min_bytes", "max_bytes", "min_value", "max_value")
_ORDER = (
    "type", "enum", "items", "format", "contentEncoding", "writeOnly", "default", "minimum", "maximum", "minLength",
    "maxLength", "minItems", "maxItems", "description", "properties", "required", "additionalProperties",
)  # fmt: skip
_NUMBERS = ("default", "minimum", "maximum")


def with_declared(text: str, info: PluginInfo, *, file: str = "plugin.toml") -> str:
    """A manifest with what a library declares; the same text where there is nothing to change.

    Args:
        text: The manifest.
        info: What the library says of itself.
        file: The manifest's name, for problems.

    Raises:
        ManifestError: A mark is missing, or the code declares what a manifest cannot say.

    Example:
        >>> before = '[plugin]\\nname = "x"\\nversion = "1.0.0"\\n'
    """
    if info.abi != "lao/1":
        return text
    before, inside, after = _split(text, file)
    manifest = parse_manifest(text, file=file)
    if manifest.dialect != "toml":
        return text
    by_hand = tomllib.loads((before + after).removeprefix("\ufeff"))
    ours = [part for part in _PARTS if part not in by_hand]
    if inside is None and not _says_anything(info, ours):
        return text
    if inside is None and "capabilities" not in ours:
        return text  # a manifest that was written by hand: nothing is put into it unasked
    body = "\n".join(_lines(info, manifest, ours, file)).strip("\n")
    written = "\n".join([BEGIN, *([body] if body else []), END])
    if inside is None:
        before, written = before.rstrip(), f"\n\n{written}\n"
    if "\r\n" in text:
        written = written.replace("\n", "\r\n")
    return before + written + after


def canonical(schema: Any) -> Any:
    """A schema in one of the forms that mean the same: numbers of their type, nothing that says nothing."""
    if isinstance(schema, list):
        return [canonical(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    kind = schema.get("type")
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _NUMBERS and isinstance(value, (int, float)) and not isinstance(value, bool):
            integral = kind == "integer" and float(value).is_integer()
            plain[key] = int(value) if integral else float(value) if kind == "number" else value
        elif key == "properties" and isinstance(value, Mapping):
            plain[key] = {name: canonical(member) for name, member in value.items()}
        else:
            plain[key] = canonical(value)
    return plain


# --- The marks ---


def _split(text: str, file: str) -> tuple[str, str | None, str]:
    """What stands before the marks, between them (None without marks), and after them."""
    found = {
        mark: [one.start() for one in re.finditer(f"^{re.escape(mark)}", text, re.M)] for mark in (BEGIN, END)
    }
    begins, ends = found[BEGIN], found[END]
    if not begins and not ends:
        return text, None, ""
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        problem = Problem(
            file, "", "the marks of what the code declares do not fit together", f"write `{END}` below"
        )
        raise ManifestError(f"`{file}` is not valid", problems=[problem], causes=[str(problem)])
    return text[: begins[0]], text[begins[0] : ends[0] + len(END)], text[ends[0] + len(END) :]


def _says_anything(info: PluginInfo, parts: list[str]) -> bool:
    return (
        ("capabilities" in parts and bool(info.capabilities))
        or ("config_schema" in parts and info.config_schema is not None)
        or ("events" in parts and bool(info.events))
    )


# --- Writing ---


def _lines(info: PluginInfo, manifest: Manifest, parts: list[str], file: str) -> Iterator[str]:
    try:
        if "capabilities" in parts:
            written = {one.name: one for one in manifest.capabilities}
            for capability in info.capabilities:
                yield from _capability(capability, written.get(capability.name))
        if "events" in parts:
            for event in info.events:
                yield from ("[[events]]", *_pairs({"name": event.name, "description": event.description}), "")
                yield from _schema("events.schema", event.data_schema)
        if "config_schema" in parts:
            yield from _schema("config_schema", info.config_schema)
    except _NoToml as error:
        problem = Problem(file, "", str(error), "declare it without null")
        raise ManifestError(f"`{file}` cannot say what the code declares", problems=[problem]) from None


def _capability(real: Capability, written: Capability | None) -> Iterator[str]:
    plain: dict[str, Any] = {
        "name": real.name,
        "description": real.description,
        "input_type": real.input_kind.label,
        "output_type": real.output_kind.label,
    }
    if real.idempotent:
        plain["idempotent"] = True
    if written is not None:
        said = written.to_dict()
        plain |= {key: said[key] for key in _MANIFEST_ONLY if key in said}
    yield from ("[[capabilities]]", *_pairs(plain), "")
    for key in ("input_schema", "output_schema", "params_schema"):
        schema = getattr(real, key)
        if key != "params_schema" or (schema or {}).get("properties"):
            yield from _schema(f"capabilities.{key}", schema)


def _pairs(plain: Mapping[str, Any]) -> Iterator[str]:
    for key, value in plain.items():
        if value != "":
            yield f"{_key(key)} = {_value(value)}"


def _schema(table: str, schema: dict[str, Any] | None) -> Iterator[str]:
    """A table of its own, with a line for each property."""
    if schema is None:
        return
    yield f"[{table}]"
    for key, value in _ordered(canonical(schema)):
        if key == "properties" and isinstance(value, dict):
            for name, member in value.items():
                yield f"properties.{_key(name)} = {_value(member)}"
        else:
            yield f"{_key(key)} = {_value(value)}"
    yield ""


def _ordered(schema: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(
        schema.items(),
        key=lambda pair: (_ORDER.index(pair[0]), "") if pair[0] in _ORDER else (len(_ORDER), pair[0]),
    )


class _NoToml(LaoError):
    """A value that TOML has no form for."""


def _value(value: Any) -> str:
    if value is None:
        raise _NoToml("the code declares a null, which TOML cannot say")
    if isinstance(value, Mapping):
        inside = ", ".join(
            f"{_key(key)} = {_members(member) if key == 'properties' else _value(member)}"
            for key, member in _ordered(value)
        )
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(item) for item in value)}]"
    return str(tomlkit.item(value).as_string())


def _members(properties: Any) -> str:
    """In the order of the code: these are names, not keywords."""
    if not isinstance(properties, Mapping):
        return _value(properties)
    inside = ", ".join(f"{_key(name)} = {_value(member)}" for name, member in properties.items())
    return f"{{ {inside} }}" if inside else "{}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else str(tomlkit.item(name).as_string())
