"""What the host asks of a plugin besides calls: its state, its configuration, its health, the delivery of events.

Each needs an extension of the plugin (`include/lao/ext`); with workers, each instance is asked by itself.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lao._native import ffi, lib
from lao.errors import InvalidInput, LaoError, PluginTimeout
from lao.host.backend import deadline_ns
from lao.host.failure import exception_of

if TYPE_CHECKING:
    from lao.host.plugin import Loaded, Plugin

__all__ = [
    "LIFECYCLE",
    "STATE",
    "SavedState",
    "check_health",
    "configure",
    "deliver",
    "hand_over",
    "let_go",
    "load_state",
    "save_state",
]

STATE, LIFECYCLE = "lao.state/1", "lao.lifecycle/1"

_ANY_WORKER = 0xFFFF_FFFF
# As in native/core/operation.h.
_SAVE_STATE, _LOAD_STATE, _CONFIGURE, _CHECK_HEALTH, _DELIVER_EVENT = range(1, 6)
_HEALTH_TIMEOUT_S = 1.0
_MOST_WORKERS = 64

logger = logging.getLogger(__name__)


# --- State ---


@dataclass(frozen=True, slots=True)
class SavedState:
    """What an instance saved: bytes that mean something to the plugin, and the version of their form."""

    data: bytes
    version: int


def hand_over(plugin: Plugin, before: Loaded, after: Loaded) -> str:
    """Carries the state of each instance that runs to the one in its place.

    From here on new calls wait: until the old target is closed, or until `let_go`, also where this fails.

    Returns:
        What became of the state: `"none"`, `"carried"` or `"refused"`; see `Plugin.reload`.

    Raises:
        PluginTimeout: The calls in flight did not end in time.
        LaoError: The state cannot be saved, or the new instance failed in another way than by refusing it.
    """
    if not all(STATE in one.description.extensions for one in (before, after)):
        return "none"
    places = after.workers if after.info.isolation == "process" else 1
    state = "none"
    _hold(plugin, before)
    for worker in _running(before):
        if worker >= places:
            continue
        saved = save_state(plugin, before, worker)
        try:
            load_state(plugin, after, worker, saved)
            state = "carried" if state == "none" else state
        except InvalidInput as error:
            state = "refused"
            logger.warning("`%s` begins afresh: %s", plugin.info.name, error)
    return state


def _hold(plugin: Plugin, loaded: Loaded) -> None:
    error = ffi.new("lao__error_t *")
    status = lib.lao__target_hold(loaded.target.pointer, deadline_ns(loaded.decision.timeout_s), error)
    if status != 0:
        problem = _exception(plugin, status, error)
        if isinstance(problem, PluginTimeout):
            problem.causes = ("calls are still running, and its state can be handed over between calls only",)
        raise problem


def let_go(loaded: Loaded) -> None:
    """Calls that wait since `hand_over` go on with the old target, which must not be closed."""
    lib.lao__target_let_go(loaded.target.pointer)


def save_state(plugin: Plugin, loaded: Loaded, worker: int) -> SavedState:
    """The state of one instance; no call may be running.

    Raises:
        LaoError: As a call does.
    """
    return _operate(plugin, loaded, worker, _SAVE_STATE)


def load_state(plugin: Plugin, loaded: Loaded, worker: int, state: SavedState) -> None:
    """Hands a state to an instance that has served no call yet. A worker that does not run is started.

    Raises:
        InvalidInput: The plugin does not know this version, or the bytes.
        LaoError: As a call does.
    """
    _operate(plugin, loaded, worker, _LOAD_STATE, data=state.data, version=state.version)


# --- Configuration, health, events ---


def configure(plugin: Plugin, loaded: Loaded, settings: Mapping[str, Any]) -> None:
    """Replaces the configuration of every instance that runs, and of workers that start later; all of them, or none.

    Raises:
        InvalidInput: The plugin refused it; the old one stays in force.
        LaoError: As a call does.
    """
    changed = []
    try:
        _configure_later_workers(loaded, settings)
        for worker in _running(loaded):
            _configure(plugin, loaded, worker, settings)
            changed.append(worker)
    except BaseException:
        _configure_later_workers(loaded, loaded.settings)
        for worker in changed:
            _put_back(plugin, loaded, worker)
        raise


def _configure(plugin: Plugin, loaded: Loaded, worker: int, settings: Mapping[str, Any]) -> None:
    _operate(plugin, loaded, worker, _CONFIGURE, data=_json(dict(settings)))


def _put_back(plugin: Plugin, loaded: Loaded, worker: int) -> None:
    """One that refuses what it had before stays different from its siblings; the others are asked all the same."""
    try:
        _configure(plugin, loaded, worker, loaded.settings)
    except LaoError as error:
        logger.error(
            "`%s`, worker %d, did not take its old settings back: %s", plugin.info.name, worker, error
        )


def _configure_later_workers(loaded: Loaded, settings: Mapping[str, Any]) -> None:
    if loaded.info.isolation == "process":
        lib.lao__isolated_set_config(loaded.target.pointer, ffi.new("char[]", _json(dict(settings))))


def check_health(plugin: Plugin, loaded: Loaded) -> None:
    """Asks every instance that runs whether it can serve; those of a plugin without `lao.lifecycle/1` can.

    Raises:
        LaoError: As the plugin says; PluginTimeout after a second.
    """
    if LIFECYCLE in loaded.description.extensions:
        for worker in _running(loaded):
            _operate(plugin, loaded, worker, _CHECK_HEALTH, timeout_s=_HEALTH_TIMEOUT_S)


def deliver(plugin: Plugin, loaded: Loaded, callback: str, event: str, payload: Any) -> None:
    """Hands an event to one instance.

    Raises:
        LaoError: As a call does.
    """
    _operate(plugin, loaded, _ANY_WORKER, _DELIVER_EVENT, data=_json(payload), callback=callback, event=event)


# --- One operation ---


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _running(loaded: Loaded) -> list[int]:
    """The indices of the instances that there are: of workers those that run, one in-process."""
    if loaded.info.isolation != "process":
        return [0]
    views = ffi.new("lao__worker_view_t[]", _MOST_WORKERS)
    count = lib.lao__isolated_workers(loaded.target.pointer, views, _MOST_WORKERS)
    return [view.index for view in views[0:count] if view.pid != 0]


def _operate(
    plugin: Plugin,
    loaded: Loaded,
    worker: int,
    kind: int,
    *,
    timeout_s: float | None = None,
    data: bytes = b"",
    version: int = 0,
    callback: str | None = None,
    event: str | None = None,
) -> SavedState:
    """Runs one within `timeout_s`, or within the time that a call may take."""
    error = ffi.new("lao__error_t *")
    state = ffi.new("char **")
    size = ffi.new("uint64_t *")
    number = ffi.new("uint32_t *", version)
    status = lib.lao__glue_operate(
        loaded.target.pointer,
        worker,
        deadline_ns(loaded.decision.timeout_s if timeout_s is None else timeout_s),
        kind,
        ffi.NULL if callback is None else ffi.new("char[]", callback.encode()),
        ffi.NULL if event is None else ffi.new("char[]", event.encode()),
        ffi.from_buffer("char[]", data + b"\0"),
        len(data),
        state,
        size,
        number,
        error,
    )
    if status != 0:
        raise _exception(plugin, status, error)
    if state[0] == ffi.NULL:
        return SavedState(b"", number[0])
    try:
        return SavedState(bytes(ffi.buffer(state[0], size[0])), number[0])
    finally:
        lib.lao__glue_free(state[0])


def _exception(plugin: Plugin, status: int, error: Any) -> LaoError:
    text = bytes(ffi.buffer(error.text, error.size))
    return exception_of(status, text, error.signal, error.exit_code, "", -1.0, -1.0, plugin)
