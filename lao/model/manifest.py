"""The manifest `plugin.toml`: read, checked, with every problem at once.

Two dialects are read: the nested one (`[plugin]`, `[[capabilities]]`, `[permissions]`, ...) and the flat one
    that
`lao plugin create` of LAO 0.1.20 wrote. Both give the same `Manifest`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lao.errors import ManifestError, Problem
from lao.model.capability import Capability
from lao.model.json_schema import check_config, defaults_of, describe, key_path
from lao.model.kinds import Kind
from lao.model.manifest_dialects import Nested, to_nested, unknown_keys
from lao.model.manifest_tables import (
    CapabilityTable,
    Dependency,
    Document,
    Event,
    Permissions,
    PluginTable,
    Resources,
)
from lao.model.names import fold_name, printable
from lao.model.versions import LAO_VERSION, parse_version

__all__ = [
    "LARGEST_MANIFEST",
    "Dependency",
    "Event",
    "Manifest",
    "Permissions",
    "PluginTable",
    "Problem",
    "Resources",
    "check_config",
    "check_manifest",
    "defaults_of",
    "parse_manifest",
    "read_manifest",
    "require_compatible",
]

LARGEST_MANIFEST = 1 << 20
"""Bytes that a manifest may have."""

_KNOWN_RUNTIMES = ("onnx", "opencl", "cuda")


class Manifest(BaseModel):
    """A manifest that was read without errors.

    Attributes:
        plugin: Name, version and the rest of `[plugin]`.
        dependencies: Other plugins that it needs.
        capabilities: What it can do; empty when the manifest leaves that to the library.
        permissions: What it asks for.
        resources: The bounds of it.
        config_schema: JSON Schema of its settings, or None.
        events: The custom events that it emits.
        legacy: Keys that a migration kept without knowing them.
        dialect: `"toml"` or `"toml-flat"`.
        file: The file's name, as problems print it.
        warnings: What is doubtful: unknown keys, and what old dialects left to guess.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    plugin: PluginTable
    dependencies: tuple[Dependency, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    permissions: Permissions = Permissions()
    resources: Resources = Resources()
    config_schema: dict[str, Any] | None = None
    events: tuple[Event, ...] = ()
    legacy: dict[str, Any] = {}
    dialect: str = "toml"
    file: str = "plugin.toml"
    warnings: list[Problem] = []


def read_manifest(path: str | Path) -> Manifest:
    """Reads a manifest file.

    Raises:
        ManifestError: It cannot be read, or has problems.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_MANIFEST + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ManifestError(f"cannot read `{path}`", causes=[reason.lower()], where=str(path)) from None
    if len(data) > LARGEST_MANIFEST:
        problem = Problem(str(path), "", f"it is larger than {LARGEST_MANIFEST} bytes")
        raise _refusal(str(path), [problem])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        problem = Problem(f"{path}:{line}:{column}", "", "it is not UTF-8 text", "save the file as UTF-8")
        raise _refusal(str(path), [problem]) from None
    return parse_manifest(text, file=str(path))


def parse_manifest(text: str, *, file: str = "plugin.toml") -> Manifest:
    """Reads a manifest's text.

    Args:
        text: The content of the file.
        file: Its name, for the problems.

    Raises:
        ManifestError: With all problems, each with its key and a fix, the warnings last; a syntax error comes
            alone, with its line and column (`plugin.toml:3:7`).

    Example:
        >>> manifest = parse_manifest('[plugin]\\nname = "echo"\\nversion = "1.0.0"\\n')
        >>> manifest.plugin.name, manifest.dialect
        ('echo', 'toml')
    """
    document = _load_toml(text.removeprefix("\ufeff"), file)
    nested = to_nested(document, file=file)
    problems: list[Problem] = []
    tables: Document | None = None
    try:
        tables = Document.model_validate(nested.tables)
    except ValidationError as error:
        problems = [_problem(file, nested, details) for details in error.errors(include_url=False)]
    problems += _duplicates(file, nested)
    warnings = [*nested.warnings, *unknown_keys(document, nested, file=file)]
    if problems or tables is None:
        raise _refusal(file, [*problems, *warnings])
    return Manifest(
        plugin=tables.plugin,
        dependencies=tuple(tables.dependencies),
        capabilities=tuple(_capability(table) for table in tables.capabilities),
        permissions=tables.permissions,
        resources=tables.resources,
        config_schema=tables.config_schema,
        events=tuple(tables.events),
        legacy=tables.legacy,
        dialect=nested.dialect,
        file=file,
        warnings=warnings,
    )


def check_manifest(manifest: Manifest) -> list[Problem]:
    """What is wrong or doubtful in a manifest that could be read: what `lao plugin validate` adds to the
    reading.

    An error is only a `min_lao_version` above this LAO and a default that its own schema refuses; the rest
    are warnings.
    """
    flat = manifest.dialect == "toml-flat"
    found: list[tuple[str, str, str, str]] = []
    if not manifest.plugin.description:
        key = "description" if flat else "plugin.description"
        found.append((key, "the plugin has no description", "say in one line what it does", "warning"))
    if not manifest.capabilities:
        found.append(("capabilities", "it declares no capability", "add a [[capabilities]] table", "warning"))
    problems = [Problem(manifest.file, *entry) for entry in found]
    problems += _version_problems(manifest)
    problems += _permission_problems(manifest)
    problems += _capability_problems(manifest)
    if manifest.config_schema:
        for problem in check_config(manifest.config_schema, defaults_of(manifest.config_schema)):
            if problem.key and not problem.message.startswith("it is missing"):
                name = f"config_schema.properties.{problem.key}.default"
                problems.append(
                    Problem(manifest.file, name, problem.message, "give a default that fits", "error")
                )
    return problems


def require_compatible(manifest: Manifest) -> None:
    """Refuses a manifest that asks for a newer LAO; called before install and load.

    Raises:
        ManifestError: `min_lao_version` is above this LAO's version.
    """
    problems = _version_problems(manifest)
    if problems:
        raise ManifestError(
            f"`{manifest.plugin.name}` {manifest.plugin.version} does not work with this LAO",
            problems=problems,
            causes=[problem.message for problem in problems],
            where=manifest.file,
            hint="update LAO: `pip install --upgrade lao-orchestrator`",
        )


def _load_toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line, column = _position(str(error), text)
        raise _refusal(
            file, [Problem(f"{file}:{line}:{column}", "", message, "correct the TOML syntax")]
        ) from None
    except RecursionError:
        raise _refusal(file, [Problem(file, "", "it is nested too deep")]) from None
    except ValueError as error:  # an integer with thousands of digits
        raise _refusal(file, [Problem(file, "", f"it is not TOML: {error}")]) from None


def _position(message: str, text: str) -> tuple[str, int, int]:
    """Splits tomllib's message into what, line and column."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    if match is not None:
        return _lower_first(match[1]), int(match[2]), int(match[3])
    lines = text.split("\n")
    return _lower_first(message.replace(" (at end of document)", "")), len(lines), len(lines[-1]) + 1


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _refusal(file: str, problems: list[Problem]) -> ManifestError:
    errors = [str(problem) for problem in problems if problem.severity == "error"]
    count = "1 problem" if len(errors) == 1 else f"{len(errors)} problems"
    return ManifestError(f"the manifest `{file}` has {count}", problems=problems, causes=errors, where=file)


def _problem(file: str, nested: Nested, details: Any) -> Problem:
    """One pydantic error as a problem."""
    context = details.get("ctx", {})
    location = (*details["loc"], *context.get("path", ()))
    place = key_path(nested.origin(location))
    example = _example(details["loc"])
    if details["type"] == "lao":
        return Problem(file, place, context["message"], context["fix"] or example)
    if details["type"] == "missing":
        return Problem(file, place, "it is missing", example.replace("write", "add", 1))
    return Problem(file, place, _constraint(details, context), example)


_WANTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "`true` or `false`",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def _constraint(details: Any, context: dict[str, Any]) -> str:
    kind = details["type"]
    if kind in _WANTED:
        return f"it must be {_WANTED[kind]}, not {describe(details['input'])}"
    if kind == "int_from_float":
        return "it must be an integer, not a number with a fraction"
    limits = {
        "greater_than": ("gt", "it must be above {}"),
        "greater_than_equal": ("ge", "it must be at least {}"),
        "less_than_equal": ("le", "it must be at most {}"),
        "string_too_long": ("max_length", "it must have at most {} characters"),
        "string_too_short": ("min_length", "it must have at least {} character"),
        "too_long": ("max_length", "it must have at most {} entries"),
    }
    if kind in limits:
        name, text = limits[kind]
        return text.format(context[name])
    if kind == "finite_number":
        return "it must be a finite number"
    message = str(details["msg"])
    return _lower_first(message.replace("Input should be", "it must be"))


def _example(location: tuple[str | int, ...]) -> str:
    """A fix made from the example of the field at `location`."""
    model: Any = Document
    info: Any = None
    key = ""
    for part in location:
        fields = getattr(model, "model_fields", {})
        named = {info.alias or name: info for name, info in fields.items()}
        if isinstance(part, int):
            continue
        if part not in named:
            break
        info, key = named[part], part
        arguments = (info.annotation, *getattr(info.annotation, "__args__", ()))
        model = next((a for a in arguments if hasattr(a, "model_fields")), None)
    if model is not None:
        return (
            f"write `[[{key}]]` and below it its keys"
            if key.endswith("s") and _many(key)
            else f"write `[{key}]`"
        )
    if info is None or not info.examples:
        return ""
    return f"write for example `{key} = {_toml(info.examples[0])}`"


def _many(key: str) -> bool:
    return key in ("dependencies", "capabilities", "events")


def _toml(value: object) -> str:
    """A small value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
            if value
            else "{}"
        )
    return f'"{value}"' if isinstance(value, str) else str(value)


def _duplicates(file: str, nested: Nested) -> list[Problem]:
    """Names that stand twice in a list of tables, and a plugin that depends on itself."""
    problems: list[Problem] = []
    for table, what in (("dependencies", "dependency"), ("capabilities", "capability"), ("events", "event")):
        entries = nested.tables.get(table)
        seen: dict[str, int] = {}
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            name = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(name, str):
                continue
            first = seen.setdefault(fold_name(name) if table == "dependencies" else name, index)
            if first != index:
                message = f"`{printable(name)}` is already the name of {table}[{first}]"
                problems.append(
                    Problem(file, f"{table}[{index}].name", message, f"give each {what} its own name")
                )
    plugin = nested.tables.get("plugin")
    own = plugin.get("name") if isinstance(plugin, dict) else None
    needed = nested.tables.get("dependencies")
    for index, entry in enumerate(needed if isinstance(needed, list) else ()):
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(own, str) and isinstance(name, str) and fold_name(own) == fold_name(name):
            message = "the plugin depends on itself"
            problems.append(Problem(file, f"dependencies[{index}].name", message, "remove this dependency"))
    return problems


def _capability(table: CapabilityTable) -> Capability:
    return Capability(
        name=table.name,
        description=table.description,
        input_kind=Kind.parse(table.input_type),
        output_kind=Kind.parse(table.output_type),
        input_schema=table.input_schema,
        output_schema=table.output_schema,
        params_schema=table.params_schema,
        sanitize=tuple(table.sanitize),
        min_bytes=table.min_bytes,
        max_bytes=table.max_bytes,
        min_value=table.min_value,
        max_value=table.max_value,
        idempotent=table.idempotent,
    )


def _version_problems(manifest: Manifest) -> list[Problem]:
    wanted = manifest.plugin.min_lao_version
    if parse_version(wanted) <= parse_version(LAO_VERSION):
        return []
    key = "min_lao_version" if manifest.dialect == "toml-flat" else "plugin.min_lao_version"
    return [Problem(manifest.file, key, f"it needs LAO {wanted}; this is LAO {LAO_VERSION}", "update LAO")]


def _permission_problems(manifest: Manifest) -> list[Problem]:
    """Bounds without the permission they bound, and the other way round."""
    requested, bounds = manifest.permissions.requested, manifest.resources
    stated = bounds.model_fields_set
    found: list[tuple[str, str, str]] = []
    if "network_access" in requested and bounds.network_access is False:
        found.append(
            (
                "resources.network_access",
                "it is false, but the permission `network_access` is requested, which then has no effect",
                "write `network_access = true`, or do not request the permission",
            )
        )
    needs = {
        "network_access": ("network_access",) if bounds.network_access else (),
        "allowed_hosts": ("network_access",) if bounds.allowed_hosts else (),
        "max_network_requests_per_second": (
            ("network_access",)
            if bounds.max_network_requests_per_second and not manifest.permissions.legacy
            else ()
        ),
        "allowed_commands": ("system_access",) if bounds.allowed_commands else (),
        "file_access": ("read_files", "write_files")
        if "file_access" in stated and bounds.file_access
        else (),
    }
    for key, permissions in needs.items():
        if permissions and not requested & set(permissions):
            names = " or ".join(f"`{permission}`" for permission in permissions)
            found.append(
                (
                    f"resources.{key}",
                    f"it bounds {names}, which is not requested",
                    "request it or remove this",
                )
            )
    for permission in sorted(set(manifest.permissions.required) & set(manifest.permissions.optional)):
        found.append(("permissions.optional", f"`{permission}` is also required", "remove it here"))
    for index, runtime in enumerate(bounds.runtimes):
        if runtime not in _KNOWN_RUNTIMES:
            known = ", ".join(f"`{name}`" for name in _KNOWN_RUNTIMES)
            found.append(
                (f"resources.runtimes[{index}]", f"this LAO has no runtime `{runtime}`", f"it has {known}")
            )
    return [Problem(manifest.file, key, message, fix, "warning") for key, message, fix in found]


def _capability_problems(manifest: Manifest) -> list[Problem]:
    problems = []
    for index, capability in enumerate(manifest.capabilities):
        for side, kind, schema in (
            ("input", capability.input_kind, capability.input_schema),
            ("output", capability.output_kind, capability.output_schema),
        ):
            if schema is not None and kind not in (Kind.JSON, Kind.ANY):
                key = f"capabilities[{index}].{side}_schema"
                message = f"only json is checked against a schema, and its {side}_type is {kind.label}"
                problems.append(Problem(manifest.file, key, message, "remove the schema", "warning"))
        problems += _bound_problems(manifest.file, f"capabilities[{index}]", capability)
    return problems


_TEXTUAL = (Kind.TEXT, Kind.JSON, Kind.FILE, Kind.ANY)
_ARRAYS = (Kind.TENSOR, Kind.AUDIO, Kind.IMAGE, Kind.VIDEO, Kind.ANY)


def _bound_problems(file: str, place: str, capability: Capability) -> list[Problem]:
    """Bounds that no input keeps, and checks of what such an input does not have."""
    kind = capability.input_kind
    found: list[tuple[str, str, str]] = []
    for name in ("bytes", "value"):
        low, high = getattr(capability, f"min_{name}"), getattr(capability, f"max_{name}")
        if low is not None and high is not None and low > high:
            message = f"it is below min_{name}: no input fits"
            found.append((f"{place}.max_{name}", message, f"write at least {low:g}"))
        has_it = kind not in (Kind.NONE, Kind.FILE) if name == "bytes" else kind in _ARRAYS
        for key, bound in ((f"min_{name}", low), (f"max_{name}", high)):
            if bound is not None and not has_it:
                message = f"an input of the kind {kind.label} is not held against it"
                found.append((f"{place}.{key}", message, "remove it"))
    if capability.sanitize and kind not in (*_TEXTUAL, Kind.NONE):
        message = f"an input of the kind {kind.label} has no text to clean"
        found.append((f"{place}.sanitize", message, "remove it"))
    return [Problem(file, key, message, fix, "warning") for key, message, fix in found]
