"""What the conformance test tries beyond single calls: batches, inputs in parts, state, settings, health and events."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lao.authoring.building import loaded
from lao.authoring.calling import BREACHES, Ordinary, freeze, told
from lao.authoring.check import Check
from lao.errors import InvalidInput, LaoError
from lao.host import Plugin, operations
from lao.model.capability import Capability

__all__ = ["capability_extensions", "plugin_extensions"]

_TIMEOUT_S = 20.0


def capability_extensions(plugin: Plugin, capability: Capability, ordinary: Ordinary) -> Iterator[Check]:
    """Batches and inputs in parts, where the capability takes them. A plugin may refuse, and not break the rules.

    Args:
        plugin: Loaded without the host's checks.
        capability: One of its.
        ordinary: An input that it takes.
    """
    inputs = ordinary.variants(capability, 9)
    if capability.max_batch > 1:
        many = inputs[: min(capability.max_batch, 8) + 1]
        yield _tried(
            f"{capability.name}: batches",
            lambda: _count(plugin.map(capability.name, many), len(many)),
        )
    if capability.streams_input:
        yield _tried(f"{capability.name}: parts", lambda: _drain(plugin, capability, inputs[:3]))
        yield _tried(f"{capability.name}: no part", lambda: _drain(plugin, capability, []))


def plugin_extensions(library: Path, seed: int) -> Iterator[Check]:
    """State, settings, health and events, where the plugin has them."""
    with loaded(library, timeout_s=_TIMEOUT_S) as plugin:
        offered = plugin._loaded.description.extensions
        if "lao.lifecycle/1" in offered:
            yield _tried("health", plugin.check_health, must="it says that it cannot serve, as it was made")
            yield _tried("settings that do not change", lambda: plugin.configure({}))
        if "lao.events/1" in offered:
            yield _tried("events", lambda: _events(plugin))
    if "lao.state/1" in offered:
        yield from _state(library, random.Random(f"{seed} state"))


def _tried(name: str, action: Callable[[], object], *, must: str = "") -> Check:
    """Runs it; a breach fails, a refusal only where it `must` not be."""
    try:
        problem = action()
    except BREACHES as error:
        return Check(name, "failed", told(error))
    except LaoError as error:
        return Check(name, "failed", f"{must}: {error}") if must else Check(name, "passed", "refused")
    return Check(name, "failed", problem) if isinstance(problem, str) else Check(name, "passed")


def _count(outputs: Iterator[Any], wanted: int) -> str | None:
    count = sum(1 for _ in outputs)
    return None if count == wanted else f"{wanted} inputs gave {count} outputs"


def _drain(plugin: Plugin, capability: Capability, parts: list[Any]) -> None:
    for part in plugin.stream(capability.name, iter(parts)):
        freeze(part)


def _events(plugin: Plugin) -> None:
    plugin.deliver("conformance", "tested", {"deep": [[[["ä" * 10_000]]]], "null": None})
    plugin.deliver("", "", [])


def _state(library: Path, source: random.Random) -> Iterator[Check]:
    with loaded(library, timeout_s=_TIMEOUT_S) as plugin:
        try:
            saved = operations.save_state(plugin, plugin._loaded, 0)
        except LaoError as error:
            yield Check("state", "failed", f"it cannot be saved: {told(error)}")
            return
    must = "it does not take what it saved"
    yield _tried("state: taken over", lambda: _load(library, saved.data, saved.version), must=must)
    yield _tried("state: of another version", lambda: _other_version(library, saved.data, saved.version + 1))
    broken = (b"", saved.data[: len(saved.data) // 2], source.randbytes(100), source.randbytes(100_000))
    yield _tried("state: short and random bytes", lambda: _broken_states(library, broken, saved.version))


def _broken_states(library: Path, states: tuple[bytes, ...], version: int) -> None:
    for data in states:
        try:
            _load(library, data, version)
        except BREACHES:
            raise
        except LaoError:
            continue


def _load(library: Path, data: bytes, version: int) -> None:
    with loaded(library, timeout_s=_TIMEOUT_S) as plugin:
        operations.load_state(plugin, plugin._loaded, 0, operations.SavedState(data, version))


def _other_version(library: Path, data: bytes, version: int) -> str | None:
    try:
        _load(library, data, version)
    except InvalidInput:
        return None
    return "it takes a state of a version that it does not know"
