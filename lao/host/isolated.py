"""The isolated backend: the plugin runs in worker processes, reached over shared memory."""

from __future__ import annotations

from typing import Any

from lao import paths
from lao._native import ffi, lib
from lao.host.backend import Backend, Order, deadline_ns

__all__ = ["GRACE_S", "OPEN_TIMEOUT_S", "Isolated"]

OPEN_TIMEOUT_S = 30.0  # to start a worker and load the plugin in it
GRACE_S = 0.25  # between the cancel word and the end of the worker
_TAIL_BYTES = 16384


class Isolated(Backend):
    """Opens plugins in worker processes."""

    isolation = "process"

    def _complete(self, order: Order, options: Any, keep: list[Any]) -> None:
        keep.append(ffi.new("char[]", str(paths.worker_path()).encode()))
        options.executable = keep[-1]
        options.workers = order.workers
        options.service_listener = -1
        options.open_timeout_ns = deadline_ns(OPEN_TIMEOUT_S)
        options.grace_ns = deadline_ns(GRACE_S)

    def _open(self, options: Any, target: Any, description: Any, error: Any) -> int:
        return int(lib.lao__glue_open_isolated(options, target, description, error))

    def output(self, pointer: Any, name: str) -> str:
        """The newest lines that its workers printed or logged."""
        buffer = ffi.new("char[]", _TAIL_BYTES)
        size = lib.lao__isolated_output(pointer, buffer, _TAIL_BYTES)
        return bytes(ffi.buffer(buffer, size)).decode("utf-8", "replace")
