"""The in-process backend: the plugin runs in the host's own process, as fast as a call can be, with nothing between."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from typing import Any

from lao._native import ffi, lib
from lao.host.backend import Backend, Order

__all__ = ["InProcess"]

_LINES = 512  # kept of each plugin's log
_logs: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_LINES))
_logs_lock = threading.Lock()


class InProcess(Backend):
    """Opens instances in this process."""

    isolation = "none"

    def _complete(self, order: Order, options: Any, keep: list[Any]) -> None:
        """Nothing but the common options."""

    def _open(self, options: Any, target: Any, description: Any, error: Any) -> int:
        return int(lib.lao__glue_open_in_process(options, target, description, error))

    def report(self, pointer: Any) -> dict[str, Any]:
        """Nothing: there is no sandbox here."""
        del pointer
        return {}

    def output(self, pointer: Any, name: str) -> str:
        """The newest lines of its log; what it prints goes to the host's own stdout and stderr."""
        line = ffi.new("lao__log_line_t *")
        with _logs_lock:
            while lib.lao__log_take(line):
                text = ffi.string(line.text).decode("utf-8", "replace")
                _logs[ffi.string(line.plugin).decode("utf-8", "replace")].append(f"[{line.level}] {text}\n")
            return "".join(_logs[name])
