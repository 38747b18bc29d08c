"""The isolated backend: the plugin runs in worker processes, reached over shared memory."""

from __future__ import annotations

import json
from typing import Any

from lao import paths
from lao._native import ffi, lib
from lao.host.backend import Backend, Order, deadline_ns
from lao.host.confinement import Bounds

__all__ = ["GRACE_S", "OPEN_TIMEOUT_S", "Isolated", "tasks_of"]

OPEN_TIMEOUT_S = 30.0  # to start a worker and load the plugin in it
GRACE_S = 0.25  # between the cancel word and the end of the worker
_TAIL_BYTES = 16384
_REPORT_BYTES = 16384
_OWN_THREADS = 10  # of a worker: one for each call at a time, one that watches the host


def tasks_of(bounds: Bounds) -> int:
    """Threads that a worker's control group admits: the plugin's and its own."""
    return bounds.threads + _OWN_THREADS


class Isolated(Backend):
    """Opens plugins in worker processes."""

    isolation = "process"

    def _complete(self, order: Order, options: Any, keep: list[Any]) -> None:
        keep.append(ffi.new("char[]", str(paths.worker_path()).encode()))
        options.executable = keep[-1]
        keep.append(ffi.new("char[]", order.sandbox_plan.encode()))
        options.sandbox_plan = keep[-1]
        options.workers = order.workers
        options.service_listener = order.counter.listener_descriptor
        options.memory_bytes = order.bounds.memory_bytes
        options.cpu_permille = order.bounds.cpu_permille
        options.tasks = tasks_of(order.bounds)
        options.max_threads = order.bounds.threads
        options.stable = order.stable
        options.recycle_calls = order.recycle_calls
        options.open_timeout_ns = deadline_ns(OPEN_TIMEOUT_S)
        options.grace_ns = deadline_ns(GRACE_S)

    def _open(self, options: Any, target: Any, description: Any, error: Any) -> int:
        return int(lib.lao__glue_open_isolated(options, target, description, error))

    def report(self, pointer: Any) -> dict[str, Any]:
        """By promise `[level, reason]`, and `"facts"`."""
        buffer = ffi.new("char[]", _REPORT_BYTES)
        size = lib.lao__isolated_report(pointer, buffer, _REPORT_BYTES)
        text = bytes(ffi.buffer(buffer, size))
        report: dict[str, Any] = json.loads(text) if text else {}
        return report

    def output(self, pointer: Any, name: str) -> str:
        """The newest lines that its workers printed or logged."""
        buffer = ffi.new("char[]", _TAIL_BYTES)
        size = lib.lao__isolated_output(pointer, buffer, _TAIL_BYTES)
        return bytes(ffi.buffer(buffer, size)).decode("utf-8", "replace")

    def output_count(self, pointer: Any) -> tuple[int, int]:
        """Bytes that its workers printed and logged, and how many of them are gone."""
        written, dropped = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        lib.lao__isolated_output_count(pointer, written, dropped)
        return int(written[0]), int(dropped[0])
