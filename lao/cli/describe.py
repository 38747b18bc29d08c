"""What `lao plugin info` knows of a plugin, read without loading it."""

from __future__ import annotations

import datetime
from typing import Any

from lao.cli.plugins import Named, manifest_of
from lao.errors import LaoError
from lao.projects import find_project
from lao.store import Store

__all__ = ["describe"]


def describe(plugin: Named, store: Store) -> dict[str, Any]:
    """Everything about a plugin as plain JSON types, in the order in which it is shown; empty parts are left
    out.

    Raises:
        ManifestError: The manifest has problems.
        PluginLoadError: The library cannot be read.
    """
    found: dict[str, Any] = {"name": plugin.name, "version": "", "description": "", "state": plugin.state}
    found |= _from_manifest(plugin, store)
    found |= _from_decisions(plugin, store)
    found |= _from_record(plugin)
    found |= _from_library(plugin)
    return {key: value for key, value in found.items() if value not in (None, "", [], {})}


def _from_manifest(plugin: Named, store: Store) -> dict[str, Any]:
    from lao.model.manifest import defaults_of

    manifest = manifest_of(plugin)
    settings = store.settings(plugin.name) if plugin.state != "file" else {}
    if manifest is None:
        return {"config": settings}
    about = manifest.plugin.model_dump(mode="json", exclude_defaults=True)
    resources = manifest.resources.model_dump(mode="json", exclude_defaults=True)
    permissions = manifest.permissions.model_dump(mode="json", exclude_defaults=True)
    return {
        **about,
        "min_lao_version": manifest.plugin.min_lao_version,
        "capabilities": [capability.to_dict() for capability in manifest.capabilities],
        "dependencies": [dependency.model_dump(mode="json") for dependency in manifest.dependencies],
        "permissions": permissions,
        "resources": resources,
        "events": [
            event.model_dump(mode="json", by_alias=True, exclude_defaults=True) for event in manifest.events
        ],
        "config": {**defaults_of(manifest.config_schema), **settings},
        "config_schema": manifest.config_schema,
        "warnings": [str(problem) for problem in manifest.warnings],
    }


def _from_decisions(plugin: Named, store: Store) -> dict[str, Any]:
    """What the user decided about it; nothing is decided about a path."""
    if plugin.state == "file" or plugin.library is None:
        return {}
    from lao.locate import Names

    source = Names(store.home).locate(plugin.name)
    return {
        "granted": sorted(source.rights.permissions | ({"gpu"} if source.rights.gpu else set())),
        "not_granted": sorted(source.rights.refused),
        "trusted": source.trusted,
        "limits": dict(source.limits),
    }


def _from_record(plugin: Named) -> dict[str, Any]:
    record = plugin.installed
    if record is None:
        return {"directory": str(plugin.directory)}
    project = find_project(plugin.name)
    at = datetime.datetime.fromtimestamp(record.installed_at, tz=datetime.UTC)
    origin = {"kind": record.origin.kind, "source": record.origin.source, "sha256": record.origin.sha256}
    claims = {}
    if record.claimed:
        claims = {
            "version": record.version,
            "description": record.description,
            "capabilities": list(record.capabilities),
            "claimed": True,
        }
    return {
        **claims,
        "origin": {key: value for key, value in origin.items() if value is not None},
        "installed_at": at.isoformat(timespec="seconds"),
        "digest": record.digest,
        "directory": str(record.directory),
        "shadows": str(project.directory) if project is not None else "",
    }


def _from_library(plugin: Named) -> dict[str, Any]:
    if plugin.library is None:
        return {"library": "", "problem": "it is not built"}
    from lao.package.inspect import inspect_library
    from lao.package.loadable import explain_unloadable
    from lao.package.platform_tag import platform_tag
    from lao.package.relax import needs_relaxing

    info = inspect_library(plugin.library)
    error = explain_unloadable(info)
    try:
        tag = platform_tag(info)
    except LaoError:
        tag = f"{info.system}_{info.machine}"
    glibc = ".".join(str(part) for part in info.glibc_need) if info.glibc_need else None
    return {
        "library": str(plugin.library),
        "abi": info.entry,
        "platform": tag,
        "glibc": glibc,
        "needs": list(info.needed),
        "relaxed": needs_relaxing(info),
        "loadable": error is None,
        "problem": "; ".join(error.causes) if error is not None else "",
    }
