"""`python -m lao.authoring.probe LIBRARY HOME`: one process that makes and ends instances of a plugin, calls it
many times, and watches its own memory. Prints a JSON list of checks as its last line."""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from lao.authoring.check import Check
from lao.authoring.samples import plain_sample
from lao.errors import LaoError
from lao.host import Host, Plugin
from lao.model.capability import Capability

__all__ = ["main"]

_INSTANCES = 300
_WARM_UP_CALLS = 500
_ROUND_S = 0.25
_ROUNDS = 6
# Growth of every one of the last rounds, in bytes: less is noise of the allocators.
_ALLOWED_BYTES = 256 << 10


def main(library: str, home: str) -> int:
    """Runs the checks and prints them."""
    with tempfile.TemporaryDirectory(prefix="lao-") as folder, Host(home) as host:
        checks = [_life_cycle(host, library), *_memory(host, library, Path(folder))]
    sys.stdout.write(json.dumps([check.to_dict() for check in checks]) + "\n")
    return 0


def _resident() -> int:
    import psutil

    gc.collect()
    return int(psutil.Process().memory_info().rss)


def _life_cycle(host: Host, library: str) -> Check:
    def once() -> None:
        host.load(Path(library), isolation="none").close()

    name = f"{_INSTANCES} instances made and ended"
    for _ in range(_INSTANCES // 3):
        once()
    before = _resident()
    for _ in range(_INSTANCES - _INSTANCES // 3):
        once()
    grown = _resident() - before
    per_instance = grown // (_INSTANCES - _INSTANCES // 3)
    if per_instance > 8192:
        return Check(name, "failed", f"each leaves about {per_instance} bytes behind")
    return Check(name, "passed")


def _memory(host: Host, library: str, folder: Path) -> list[Check]:
    checks = []
    with host.load(Path(library), isolation="none") as plugin:
        for capability in plugin.capabilities:
            try:
                value = plain_sample(capability.input_kind, folder)
            except ImportError:
                continue
            checks.append(_leak(f"{capability.name}: memory", partial(_call, plugin, capability, value)))
    return checks


def _call(plugin: Plugin, capability: Capability, value: Any) -> None:
    if capability.streams:
        for _ in plugin.stream(capability.name, value):
            pass
    else:
        plugin.call(capability.name, value)


def _leak(name: str, call: Callable[[], Any]) -> Check:
    for _ in range(_WARM_UP_CALLS):
        _quietly(call)
    sizes, calls = [_resident()], 0
    for _ in range(_ROUNDS):
        until = time.monotonic() + _ROUND_S
        while time.monotonic() < until:
            _quietly(call)
            calls += 1
        sizes.append(_resident())
    growth = [after - before for before, after in pairwise(sizes)]
    if min(growth[1:]) > _ALLOWED_BYTES:
        return Check(
            name, "failed", f"{calls} calls left {sizes[-1] - sizes[0]} bytes behind, and it goes on growing"
        )
    return Check(name, "passed", f"{calls} calls")


def _quietly(call: Callable[[], Any]) -> None:
    try:
        call()
    except LaoError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
