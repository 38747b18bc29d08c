"""Loading and calling plugins. The only layer that touches the native core."""

from __future__ import annotations

from lao._native import Stream, Tensor
from lao.host.describe import PluginInfo
from lao.host.host import Host
from lao.host.plugin import Plugin, deadline
from lao.host.policy import DEFAULT_TIMEOUT_S, Enforcement
from lao.host.source import Locator, Source, source_of_directory, source_of_library
from lao.host.stats import Stats

__all__ = [
    "DEFAULT_TIMEOUT_S",
    "Enforcement",
    "Host",
    "Locator",
    "Plugin",
    "PluginInfo",
    "Source",
    "Stats",
    "Stream",
    "Tensor",
    "deadline",
    "source_of_directory",
    "source_of_library",
]
