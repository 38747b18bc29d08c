"""What a loaded library said of itself, read and held against its manifest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lao.errors import LaoError, PluginLoadError
from lao.host.validation import Row, row_of
from lao.model.capability import Capability
from lao.model.declared_event import DeclaredEvent
from lao.model.kinds import Kind
from lao.model.manifest import Manifest

__all__ = ["Description", "PluginInfo", "read_description"]

_IDEMPOTENT, _STREAMS, _STREAMS_INPUT = 1, 2, 4  # lao_capability_t.flags
_ROLES = ("unsafe", "instance", "full")


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A loaded plugin.

    Attributes:
        name: By which the user knows it: the manifest's, or the library's own.
        version: The library's own.
        description: One line; may be empty.
        abi: `"lao/1"` or `"lao/0.x"`.
        library: The file that was named.
        digest: SHA-256 of that file, in hex.
        isolation: `"process"` or `"none"`.
        thread_role: `"unsafe"` (one call at a time in the library), `"instance"` or `"full"`.
        capabilities: What it can do.
        aliases: Other names that a LAO 0.x library gives itself.
        warnings: Where library and manifest differ, and what a 0.x library says wrongly.
        relaxed: It was loaded as a copy whose weak symbols of a too-new glibc are optional.
        config_schema: JSON Schema of the settings, as the library declares them; None when it declares none.
        events: The events that the library declares.
    """

    name: str
    version: str
    description: str
    abi: str
    library: Path
    digest: str
    isolation: str
    thread_role: str
    capabilities: tuple[Capability, ...]
    aliases: tuple[str, ...]
    warnings: tuple[str, ...]
    relaxed: bool
    config_schema: dict[str, Any] | None = None
    events: tuple[DeclaredEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """The library's description, ready for the native side.

    Attributes:
        name: The library's own name; may be empty for LAO 0.x.
        version: The library's own version.
        description: The library's own.
        abi: `"lao/1"` or `"lao/0.x"`.
        thread_role: See `PluginInfo`.
        capabilities: What the library offers.
        rows: What the native side takes of each capability.
        aliases: Other names.
        warnings: What does not fit together.
        config_schema: See `PluginInfo`.
        events: See `PluginInfo`.
        extensions: What it offers besides capabilities, by their ids, e.g. `lao.state/1`.
    """

    name: str
    version: str
    description: str
    abi: str
    thread_role: str
    capabilities: tuple[Capability, ...]
    rows: tuple[Row, ...]
    aliases: tuple[str, ...]
    warnings: tuple[str, ...]
    config_schema: dict[str, Any] | None
    events: tuple[DeclaredEvent, ...]
    extensions: frozenset[str]


def read_description(raw: dict[str, Any], manifest: Manifest | None, where: Path) -> Description:
    """Reads the JSON of `lao__describe`, checked by the core already, and compares it with the manifest.

    Raises:
        PluginLoadError: The manifest names another plugin than a library of the current ABI, or a schema cannot be
            used.
    """
    legacy = raw["abi"] == "lao/0.x"
    warnings: list[str] = []
    if legacy:
        name = manifest.plugin.name if manifest is not None else raw["name"] or where.stem
        capabilities, rows = _claimed(raw["claim"], manifest, warnings, name)
    else:
        capabilities = tuple(_capability(entry, manifest, warnings) for entry in raw["capabilities"])
        rows = tuple(
            row_of(one, one.input_kind, index, plugin=raw["name"]) for index, one in enumerate(capabilities)
        )
    config_schema = _schema(raw["config_schema"], "the schema of its settings", warnings)
    events = tuple(
        DeclaredEvent(
            one["name"],
            one["description"] or "",
            _schema(one["data_schema"], f"the schema of the event `{one['name']}`", warnings),
        )
        for one in raw["events"]
    )
    if manifest is not None and not legacy:
        _compare(raw, capabilities, manifest, where, warnings)
    claim = raw.get("claim") or {}
    own = (raw["name"], claim.get("name"), claim.get("called"))
    return Description(
        name=raw["name"],
        version=raw["version"],
        description=raw["description"] or "",
        abi=raw["abi"],
        thread_role=_ROLES[raw["thread_role"]],
        capabilities=capabilities,
        rows=rows,
        aliases=tuple(dict.fromkeys(name for name in own if name)) if legacy else (),
        warnings=tuple(warnings),
        config_schema=config_schema,
        events=events,
        extensions=frozenset(raw["extensions"]),
    )


def _schema(text: str | None, what: str, warnings: list[str]) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        warnings.append(f"{what} is not JSON")
        return None
    return schema if isinstance(schema, dict) else None


def _capability(entry: dict[str, Any], manifest: Manifest | None, warnings: list[str]) -> Capability:
    name = entry["name"]
    declared = next((one for one in manifest.capabilities if one.name == name), None) if manifest else None
    schemas = {
        key: _schema(entry[key], f"the {key} of `{name}`", warnings)
        or (getattr(declared, key) if declared else None)
        for key in ("input_schema", "output_schema", "params_schema")
    }
    return Capability(
        name=name,
        description=entry["description"] or (declared.description if declared else ""),
        input_kind=Kind(entry["input_kind"]),
        output_kind=Kind(entry["output_kind"]),
        idempotent=bool(entry["flags"] & _IDEMPOTENT) or bool(declared and declared.idempotent),
        streams=bool(entry["flags"] & _STREAMS),
        streams_input=bool(entry["flags"] & _STREAMS_INPUT),
        max_batch=max(1, entry["max_batch"]),
        sanitize=declared.sanitize if declared else (),
        min_bytes=declared.min_bytes if declared else None,
        max_bytes=declared.max_bytes if declared else None,
        min_value=declared.min_value if declared else None,
        max_value=declared.max_value if declared else None,
        **schemas,
    )


def _compare(
    raw: dict[str, Any],
    capabilities: tuple[Capability, ...],
    manifest: Manifest,
    where: Path,
    warnings: list[str],
) -> None:
    if raw["name"] != manifest.plugin.name:
        raise PluginLoadError(
            f"cannot load `{manifest.plugin.name}`",
            causes=[f"the library is `{raw['name']}`, the manifest is of `{manifest.plugin.name}`"],
            where=str(where),
        )
    if raw["version"] != str(manifest.plugin.version):
        warnings.append(f"the library has version {raw['version']}, the manifest {manifest.plugin.version}")
    real = {one.name: one for one in capabilities}
    for declared in manifest.capabilities:
        found = real.get(declared.name)
        if found is None:
            warnings.append(
                f"the manifest declares the capability `{declared.name}`, which the library lacks"
            )
        elif (found.input_kind, found.output_kind) != (declared.input_kind, declared.output_kind):
            warnings.append(
                f"`{declared.name}` takes {found.input_kind.label} and gives {found.output_kind.label}; "
                f"the manifest says {declared.input_kind.label} and {declared.output_kind.label}"
            )


# --- LAO 0.x: everything is text, whatever the metadata claims; the claim decides how Python values become text ---

_AS_TEXT = {
    Kind.JSON: Kind.JSON,
    Kind.FILE: Kind.FILE,
    Kind.AUDIO: Kind.FILE,
    Kind.IMAGE: Kind.FILE,
    Kind.VIDEO: Kind.FILE,
}


def _claimed(
    claim: dict[str, Any], manifest: Manifest | None, warnings: list[str], plugin: str
) -> tuple[tuple[Capability, ...], tuple[Row, ...]]:
    entries = _claimed_entries(claim.get("capabilities"), warnings)
    found = [
        capability for entry in entries if (capability := _claimed_capability(entry, warnings)) is not None
    ]
    if manifest is not None and manifest.capabilities:
        found = list(manifest.capabilities)  # somebody wrote it later than the library
    if not found:
        found = [Capability(name="run", input_kind=Kind.ANY, output_kind=Kind.ANY)]
    unique = {one.name: one for one in reversed(found)}
    capabilities = tuple(unique[name] for name in dict.fromkeys(one.name for one in found))
    # str is passed on as it is under every claim, so a claim of JSON converts only what is not text already
    rows = tuple(
        row_of(one, _AS_TEXT.get(one.input_kind, Kind.TEXT), 0, plugin=plugin) for one in capabilities
    )
    return capabilities, rows


def _claimed_entries(text: str | None, warnings: list[str]) -> list[dict[str, Any]]:
    if not text:
        return []
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        warnings.append("its capabilities are not JSON")
        return []
    if not isinstance(entries, list):
        warnings.append("its capabilities are not a list")
        return []
    return [entry for entry in entries if isinstance(entry, dict)]


def _claimed_capability(entry: dict[str, Any], warnings: list[str]) -> Capability | None:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        warnings.append("a capability has no name")
        return None
    kinds = []
    for key in ("input_type", "output_type"):
        try:
            kinds.append(Kind.parse(str(entry.get(key, "any"))))
        except LaoError:
            warnings.append(f"`{name}` claims the unknown type `{entry.get(key)}`")
            kinds.append(Kind.ANY)
    return Capability(
        name=name,
        description=str(entry.get("description") or ""),
        input_kind=kinds[0],
        output_kind=kinds[1],
    )
