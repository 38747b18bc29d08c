"""The in-process backend: the plugin runs in the host's own process, as fast as a call can be, with nothing between."""

from __future__ import annotations

from typing import Any

from lao._native import lib
from lao.host.backend import Backend, Order

__all__ = ["InProcess"]


class InProcess(Backend):
    """Opens instances in this process."""

    isolation = "none"

    def _complete(self, order: Order, options: Any, keep: list[Any]) -> None:
        """Nothing but the common options."""

    def _open(self, options: Any, target: Any, description: Any, error: Any) -> int:
        return int(lib.lao__glue_open_in_process(options, target, description, error))
