"""LAO: a Python host for compiled plugins.

    import lao

    with lao.Host() as host:
        plugin = host.load("shout")         # an installed name, a library file, or a plugin directory
        plugin("hello")                     # its first capability
        plugin.call("count", "hello")       # capability, input, parameters

Everything here is imported when it is first used, so that `import lao` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lao.errors import (
        AbiMismatch,
        Cancelled,
        DependencyConflict,
        InvalidInput,
        LaoError,
        ManifestError,
        PermissionDenied,
        PluginClosed,
        PluginCrashed,
        PluginDisabled,
        PluginError,
        PluginLoadError,
        PluginNotFound,
        PluginTimeout,
        ProtocolViolation,
        ResourceLimitExceeded,
        VerificationError,
        WorkerRestarted,
    )
    from lao.host import Plugin, PluginInfo, Stats, Tensor, deadline
    from lao.locate import Host, load
    from lao.model.capability import Capability
    from lao.model.kinds import Kind
    from lao.model.values import Audio, Binary, File, Image, Json, Text, Video
    from lao.workflow import Workflow, WorkflowError

_HOMES = {
    "lao.errors": (
        "AbiMismatch Cancelled DependencyConflict InvalidInput LaoError ManifestError PermissionDenied PluginClosed "
        "PluginCrashed PluginDisabled PluginError PluginLoadError PluginNotFound PluginTimeout ProtocolViolation "
        "ResourceLimitExceeded VerificationError WorkerRestarted"
    ),
    "lao.host": "Plugin PluginInfo Stats Tensor deadline",
    "lao.locate": "Host load",
    "lao.model.capability": "Capability",
    "lao.model.kinds": "Kind",
    "lao.model.values": "Audio Binary File Image Json Text Video",
    "lao.workflow": "Workflow WorkflowError",
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "AbiMismatch",
    "Audio",
    "Binary",
    "Cancelled",
    "Capability",
    "DependencyConflict",
    "File",
    "Host",
    "Image",
    "InvalidInput",
    "Json",
    "Kind",
    "LaoError",
    "ManifestError",
    "PermissionDenied",
    "Plugin",
    "PluginClosed",
    "PluginCrashed",
    "PluginDisabled",
    "PluginError",
    "PluginInfo",
    "PluginLoadError",
    "PluginNotFound",
    "PluginTimeout",
    "ProtocolViolation",
    "ResourceLimitExceeded",
    "Stats",
    "Tensor",
    "Text",
    "VerificationError",
    "Video",
    "WorkerRestarted",
    "Workflow",
    "WorkflowError",
    "deadline",
    "load",
]


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module `lao` has no attribute `{name}`")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
