"""What the host asks of a plugin besides calls: its state, its configuration, its health, the delivery of events.

Each needs an extension of the plugin (`include/lao/ext`); with workers, each instance is asked by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lao._native import ffi, lib
from lao.errors import LaoError, PluginTimeout
from lao.host.backend import deadline_ns
from lao.host.failure import exception_of

if TYPE_CHECKING:
    from lao.host.plugin import Plugin

__all__ = [
    "ANY_WORKER",
    "SavedState",
    "check_health",
    "configure",
    "deliver",
    "held",
    "let_go",
    "load_state",
    "running",
    "save_state",
]

ANY_WORKER = 0xFFFF_FFFF

# As in native/core/operation.h.
_SAVE_STATE, _LOAD_STATE, _CONFIGURE, _CHECK_HEALTH, _DELIVER_EVENT = range(1, 6)
_HEALTH_TIMEOUT_S = 1.0
_MOST_WORKERS = 64


@dataclass(frozen=True, slots=True)
class SavedState:
    """What an instance saved.

    Attributes:
        data: Bytes that mean something to the plugin.
        version: Of their form.
    """

    data: bytes
    version: int


def running(plugin: Plugin, pointer: Any) -> list[int]:
    """The indices of the instances that there are: of workers those that run, one in-process."""
    if plugin.info.isolation != "process":
        return [0]
    views = ffi.new("lao__worker_view_t[]", _MOST_WORKERS)
    count = lib.lao__isolated_workers(pointer, views, _MOST_WORKERS)
    return [view.index for view in views[0:count] if view.pid != 0]


def save_state(plugin: Plugin, pointer: Any, worker: int) -> SavedState:
    """The state of one instance; no call may be running.

    Raises:
        LaoError: As a call does.
    """
    return _operate(plugin, pointer, worker, _SAVE_STATE, timeout_s=plugin.timeout_s)


def load_state(plugin: Plugin, pointer: Any, worker: int, state: SavedState) -> None:
    """Hands a state to an instance that has served no call yet. A worker that does not run is started.

    Raises:
        InvalidInput: The plugin does not know this version, or the bytes.
        LaoError: As a call does.
    """
    _operate(
        plugin, pointer, worker, _LOAD_STATE, data=state.data, version=state.version,
        timeout_s=plugin.timeout_s,
    )  # fmt: skip


def configure(plugin: Plugin, pointer: Any, worker: int, settings: Mapping[str, Any]) -> None:
    """Replaces the configuration of one instance.

    Raises:
        InvalidInput: The plugin refused it; the old one stays in force.
        LaoError: As a call does.
    """
    data = json.dumps(dict(settings)).encode()
    _operate(plugin, pointer, worker, _CONFIGURE, data=data, timeout_s=plugin.timeout_s)


def check_health(plugin: Plugin, pointer: Any, worker: int) -> None:
    """Asks an instance whether it can serve.

    Raises:
        LaoError: As the plugin says; PluginTimeout after a second.
    """
    _operate(plugin, pointer, worker, _CHECK_HEALTH, timeout_s=_HEALTH_TIMEOUT_S)


def deliver(plugin: Plugin, pointer: Any, callback: str, event: str, payload: Any) -> None:
    """Hands an event to one instance.

    Raises:
        LaoError: As a call does.
    """
    _operate(
        plugin, pointer, ANY_WORKER, _DELIVER_EVENT, data=json.dumps(payload).encode(),
        callback=callback, event=event, timeout_s=plugin.timeout_s,
    )  # fmt: skip


def held(plugin: Plugin, pointer: Any, timeout_s: float) -> None:
    """Lets new calls wait until `let_go` or until the target is closed, once those in flight have ended.

    Raises:
        PluginTimeout: They did not end in time; nothing waits any more.
        LaoError: It is held by somebody else, or closed.
    """
    error = ffi.new("lao__error_t *")
    status = lib.lao__target_hold(pointer, deadline_ns(timeout_s), error)
    if status != 0:
        problem = _exception(plugin, status, error)
        if isinstance(problem, PluginTimeout):
            problem.causes = ("calls are still running, and its state can be handed over between calls only",)
        raise problem


def let_go(pointer: Any) -> None:
    """Ends what `held` began."""
    lib.lao__target_let_go(pointer)


def _operate(
    plugin: Plugin,
    pointer: Any,
    worker: int,
    kind: int,
    *,
    timeout_s: float | None,
    data: bytes = b"",
    version: int = 0,
    callback: str | None = None,
    event: str | None = None,
) -> SavedState:
    error = ffi.new("lao__error_t *")
    state = ffi.new("char **")
    size = ffi.new("uint64_t *")
    number = ffi.new("uint32_t *", version)
    status = lib.lao__glue_operate(
        pointer,
        worker,
        deadline_ns(timeout_s if timeout_s is not None else float("inf")),
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
