"""One call whose result can be compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lao.authoring.samples import dtypes, plain_sample, variants
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

__all__ = [
    "BREACHES",
    "GIVEN_INPUTS",
    "Ordinary",
    "ReadInput",
    "accepted_sample",
    "call_and_freeze",
    "freeze",
    "told",
]

ReadInput = Callable[[Capability], Any]
"""Gives the author's input for a capability, read as its kind; raises a LaoError where it cannot be that."""

GIVEN_INPUTS = "inputs.pickle"
"""The file in which the process of `lao.authoring.probe` finds the author's inputs, by capability."""

BREACHES = (PluginCrashed, WorkerRestarted, ProtocolViolation, PluginTimeout)
"""Errors that a plugin may not cause, whatever it is given."""


def told(error: LaoError) -> str:
    """An error with what the plugin printed before it."""
    tail = getattr(error, "stderr_tail", "")
    return f"{error}\n{tail}".rstrip()


@dataclass(frozen=True, slots=True)
class Ordinary:
    """An ordinary input of a capability.

    Attributes:
        value: The input.
        dtype: Of its elements, if it is an array that was made up.
        given: Whether it is the author's, since the plugin refuses those that are made up.
    """

    value: Any
    dtype: str = ""
    given: bool = False

    def variants(self, capability: Capability, count: int) -> list[Any]:
        """Inputs that differ, as far as that can be."""
        if self.given:
            return [self.value] * count
        return variants(capability.input_kind, self.value, count, self.dtype)


def accepted_sample(
    plugin: Plugin, capability: Capability, folder: Path, read_input: ReadInput | None = None
) -> Ordinary:
    """An ordinary input: one that the plugin takes, if there is one.

    Args:
        plugin: What is asked.
        capability: One of its.
        folder: Where files may be made.
        read_input: Gives the author's input, which counts where those that are made up are refused.

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
        return Ordinary(sample, dtype)
    if read_input is not None and (given := _given(plugin, capability, read_input)) is not None:
        return given
    return Ordinary(plain_sample(kind, folder), dtypes(kind)[0])


def _given(plugin: Plugin, capability: Capability, read_input: ReadInput) -> Ordinary | None:
    try:
        value = read_input(capability)
    except LaoError:
        return None
    try:
        call_and_freeze(plugin, capability, value)
    except InvalidInput:
        return None
    except LaoError:
        pass  # as above
    return Ordinary(value, given=True)


def call_and_freeze(plugin: Plugin, capability: Capability, value: Any, **params: Any) -> Any:
    """Calls, or streams to the end; gives something that can be compared with `==`."""
    if capability.streams:
        return [freeze(part) for part in plugin.stream(capability.name, value, **params)]
    return freeze(plugin.call(capability.name, value, **params))


def freeze(output: Any) -> Any:
    """Something that can be compared with `==`; all of an output was read then."""
    samples = getattr(output, "samples", output)
    return samples.tobytes() if hasattr(samples, "tobytes") else output
