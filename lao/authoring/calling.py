"""One call whose result can be compared."""

from __future__ import annotations

from typing import Any

from lao.host import Plugin
from lao.model.capability import Capability

__all__ = ["call_and_freeze"]


def call_and_freeze(plugin: Plugin, capability: Capability, value: Any, **params: Any) -> Any:
    """Calls, or streams to the end; gives something that can be compared with `==`."""
    if capability.streams:
        return [_frozen(part) for part in plugin.stream(capability.name, value, **params)]
    return _frozen(plugin.call(capability.name, value, **params))


def _frozen(output: Any) -> Any:
    samples = getattr(output, "samples", output)
    return samples.tobytes() if hasattr(samples, "tobytes") else output
