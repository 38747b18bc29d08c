"""Writes the generated parts of the pages in this folder. A test checks that they are current."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import abi_reference  # noqa: E402 - beside this file, which is no package

# What each key of the manifest means. The keys, defaults and examples come from the models.
MEANINGS = {
    "plugin.name": "1 to 64 letters, digits, `-`, `_` and `.`; the name to call it by",
    "plugin.version": "a semantic version",
    "plugin.description": "shown in lists",
    "plugin.author": "",
    "plugin.license": "an SPDX expression",
    "plugin.repository": "http or https URL of the source",
    "plugin.homepage": "http or https URL",
    "plugin.keywords": "words to find it by",
    "plugin.categories": "where a marketplace files it",
    "plugin.min_lao_version": "an older LAO refuses to validate, install or load it",
    "plugin.example_prompts": "requests that it can answer, for people and models that choose plugins",
    "dependencies.name": "another plugin",
    "dependencies.version": "a range: `1.0.0` means `^1.0.0`; also `^ ~ >= < = *`, joined by commas",
    "dependencies.optional": "it works without",
    "capabilities.name": "unique within the plugin; the first one is called when none is named",
    "capabilities.description": "",
    "capabilities.input_type": "a kind, see below",
    "capabilities.output_type": "a kind",
    "capabilities.input_schema": "JSON Schema of an input that comes as JSON; checked before a call",
    "capabilities.output_schema": "JSON Schema of a `json` output",
    "capabilities.params_schema": "JSON Schema of the parameters, an object; checked before a call",
    "capabilities.sanitize": "done to every text of an input and of parameters, before the checks: `trim` (white "
    "space at both ends), `nfc` (composed Unicode), `html-escape` (`& < > \" '`)",
    "capabilities.min_bytes": "bytes that an input has at least; text and json in UTF-8",
    "capabilities.max_bytes": "bytes that an input has at most",
    "capabilities.min_value": "the least number in an array",
    "capabilities.max_value": "the greatest number in an array",
    "capabilities.idempotent": "a call that was interrupted may be repeated",
    "permissions.required": "what it cannot work without",
    "permissions.optional": "what it can use",
    "permissions.legacy": "written by a migration, not by authors",
    "resources.max_memory_mb": "mebibytes of memory",
    "resources.max_cpu_percent": "per cent of one CPU; 200 is two CPUs",
    "resources.network_access": "false rules the network out even where the permission is requested",
    "resources.file_access": "folders that it may read or write, relative to its data directory",
    "resources.disk_quota_mb": "mebibytes in its data directory",
    "resources.max_threads": "threads at the same time",
    "resources.timeout_s": "seconds that one call may take",
    "resources.max_network_requests_per_second": "",
    "resources.allowed_hosts": "`host`, `host:port` or `*.domain`; empty means any",
    "resources.allowed_commands": "programs that it may run with `system_access`",
    "resources.runtimes": "libraries from outside its package: `onnx`, `opencl`, `cuda`",
    "resources.gpu": "it uses the GPU",
    "events.name": "a custom event that it emits",
    "events.description": "",
    "events.schema": "JSON Schema of the event's data",
}

_TABLES = (
    ("plugin", "[plugin]"),
    ("dependencies", "[[dependencies]]"),
    ("capabilities", "[[capabilities]]"),
    ("permissions", "[permissions]"),
    ("resources", "[resources]"),
    ("events", "[[events]]"),
)


def manifest_keys() -> str:
    """The tables of keys of `manifest.md`, made from the models.

    Raises:
        KeyError: A key of the models has no entry in `MEANINGS`.
    """
    from lao.model import manifest_tables as tables
    from lao.model.kinds import KIND_ALIASES, Kind

    models: dict[str, Any] = {
        "plugin": tables.PluginTable,
        "dependencies": tables.Dependency,
        "capabilities": tables.CapabilityTable,
        "permissions": tables.Permissions,
        "resources": tables.Resources,
        "events": tables.Event,
    }
    lines: list[str] = []
    for name, heading in _TABLES:
        lines += [f"## `{heading}`", "", "| key | default | example | meaning |", "|---|---|---|---|"]
        for field_name, field in models[name].model_fields.items():
            key = field.alias or field_name
            default = "required" if field.is_required() else _toml(field.default)
            example = _toml(field.examples[0]) if field.examples else ""
            lines.append(f"| `{key}` | {default} | {example} | {MEANINGS[f'{name}.{key}']} |")
        lines.append("")
    lines += [
        "## `[config_schema]`",
        "",
        "A JSON Schema of the plugin's settings, an object. `lao plugin config NAME KEY VALUE` checks",
        "against it, and the plugin gets its `default`s where nothing was set. A setting with `writeOnly = true`",
        "is a secret: its value is shown nowhere, and `@FILE` or `@-` as VALUE reads it from there.",
        "",
        "## Words",
        "",
        f"Permissions: {', '.join(f'`{word}`' for word in tables.PERMISSIONS)}.",
        "",
        f"Kinds: {', '.join(f'`{kind.label}`' for kind in Kind)}. Also understood, in any case: "
        + ", ".join(
            f"`{alias}` ({kind.label})"
            for alias, kind in sorted(KIND_ALIASES.items())
            if alias not in ("", kind.label)
        )
        + ".",
    ]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if value is None:
        return "none"
    return f"`{_toml_bare(value)}`"


def _toml_bare(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_bare, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml_bare(inner)}" for key, inner in value.items()) + " }"
    return f'"{value}"' if isinstance(value, str) else str(value)


def commands() -> str:
    """The help texts of all commands, as `lao COMMAND --help` prints them."""
    from lao.cli.generate import help_texts

    parts = []
    for path, text in help_texts().items():
        name = f"lao {path}".rstrip()
        parts.append(f"## {name}\n\n```text\n{text}\n```")
    return "\n\n".join(parts)


def abi_version() -> str:
    """The version that the headers say."""
    text = (abi_reference.INCLUDE / "abi.h").read_text(encoding="utf-8")
    major, minor = (
        re.findall(rf"^#define LAO_ABI_{part} (\d+)u$", text, re.M)[0] for part in ("MAJOR", "MINOR")
    )
    return f"Version {major}.{minor}."


GENERATED = {
    "manifest.md": {"keys": manifest_keys},
    "cli.md": {"commands": commands},
    "abi.md": {
        "version": abi_version,
        "extensions": abi_reference.extensions,
        "status": abi_reference.status_codes,
        "headers": abi_reference.headers,
    },
}


def updated(page: str) -> str:
    """The text of a page with its generated parts made anew.

    Raises:
        ValueError: The page lacks the markers of a part.
    """
    text = (DOCS / page).read_text(encoding="utf-8")
    for part, make in GENERATED[page].items():
        marker = f"<!-- generated by docs/generate.py: {part} -->"
        pattern = re.compile(re.escape(marker) + r"\n.*?<!-- end -->", re.DOTALL)
        made = f"{marker}\n\n{make()}\n\n<!-- end -->"
        text, count = pattern.subn(lambda _, made=made: made, text)
        if count != 1:
            raise ValueError(f"{page} has {count} parts `{part}`")
    return text


def main() -> int:
    """Rewrites the pages that have changed, and names them."""
    for page in GENERATED:
        text = updated(page)
        if text != (DOCS / page).read_text(encoding="utf-8"):
            (DOCS / page).write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote docs/{page}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
