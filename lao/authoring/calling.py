"""One call whose result can be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lao.authoring.samples import dtypes, plain_sample
from lao.errors import (
    InvalidInput,
    LaoError,
    PluginCrashed,
    PluginTimeout,
    ProtocolViolation,
    WorkerRestarted,
)
from lao.host import Plugin
from lao.model.capability import Capability

__all__ = ["BREACHES", "accepted_sample", "call_and_freeze", "freeze", "told"]

BREACHES = (PluginCrashed, WorkerRestarted, ProtocolViolation, PluginTimeout)
"""Errors that a plugin may not cause, whatever it is given."""


def told(error: LaoError) -> str:
    """An error with what the plugin printed before it."""
    tail = getattr(error, "stderr_tail", "")
    return f"{error}\n{tail}".rstrip()


def accepted_sample(plugin: Plugin, capability: Capability, folder: Path) -> tuple[Any, str]:
    """An ordinary input, and its dtype if it is an array: one that the plugin takes, if there is one.

    Raises:
        ImportError: The capability takes arrays, and numpy is not installed.
    """
    kind = capability.input_kind
    for dtype in dtypes(kind):
        sample = plain_sample(kind, folder, dtype)
        try:
            call_and_freeze(plugin, capability, sample)
        except InvalidInput:
            continue
        except LaoError:
            pass  # not because of the input's type; whoever asked will see it again
        return sample, dtype
    return plain_sample(kind, folder), dtypes(kind)[0]


def call_and_freeze(plugin: Plugin, capability: Capability, value: Any, **params: Any) -> Any:
    """Calls, or streams to the end; gives something that can be compared with `==`."""
    if capability.streams:
        return [freeze(part) for part in plugin.stream(capability.name, value, **params)]
    return freeze(plugin.call(capability.name, value, **params))


def freeze(output: Any) -> Any:
    """Something that can be compared with `==`; all of an output was read then."""
    samples = getattr(output, "samples", output)
    return samples.tobytes() if hasattr(samples, "tobytes") else output
