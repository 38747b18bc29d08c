"""The in-process backend: the plugin runs in the host's own process, at the full speed of a call and with nothing between."""

from __future__ import annotations

from typing import Any

from lao._native import lib
from lao.host.backend import Backend

__all__ = ["InProcess"]


class InProcess(Backend):
    """Opens instances in this process."""

    isolation = "none"

    def _open(self, options: Any, target: Any, description: Any, error: Any) -> int:
        return int(lib.lao__glue_open_in_process(options, target, description, error))
