"""A million calls of each kind, with errors among them, on both backends: nothing grows, every output is released once.

    python tests/soak/calls.py [--calls N]

Exit 1 when memory or descriptors grew, or when an output was not released exactly once.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import psutil

import lao
from tests import plugins

MOST_GROWTH_MB = 4.0
"""In the second half of the calls. Allocators and the garbage collector take what they need once, in the first; a leak
of 16 bytes a call would show as 8 MB in half a million."""

Kind = tuple[str, Callable[[lao.Plugin], Any]]


def failing(plugin: lao.Plugin) -> None:
    try:
        plugin.call("fail", message="on purpose")
    except lao.PluginError:
        return
    raise AssertionError("it did not fail")


def refused(plugin: lao.Plugin) -> None:
    try:
        plugin.call("text", 5)
    except lao.InvalidInput:
        return
    raise AssertionError("it was not refused")


def kinds() -> list[Kind]:
    text, data, document = "x" * 64, b"x" * 64, {"a": [1, 2, 3]}
    array = np.arange(300, dtype=np.float32).reshape(10, 30)
    return [
        ("text", lambda plugin: plugin.call("text", text)),
        ("text from malloc", lambda plugin: plugin.call("text", text, allocator="malloc")),
        ("bytes", lambda plugin: plugin.call("binary", data)),
        ("json", lambda plugin: plugin.call("json", document)),
        ("array", lambda plugin: plugin.call("tensor", array)),
        ("array view", lambda plugin: plugin.call("sum", array[::2, ::-3])),
        ("array out", lambda plugin: plugin.call("ramp", rows=20, columns=30)),
        (
            "parameters",
            lambda plugin: plugin.call("params", a=1, b=2.5, c="text", d=[1, {"e": None}], f=b"raw"),
        ),
        ("failures", failing),
        ("refusals", refused),
    ]


def anonymous_mb(pid: int) -> float:
    """Megabytes of memory that no file stands behind. (What a process has for itself alone also changes when others
    that share its libraries come and go.)"""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) / 1024


def descriptors_of(pid: int) -> int:
    """The least of a few looks: the watchdog has files of /proc open for moments."""
    counts = []
    for _ in range(5):
        counts.append(psutil.Process(pid).num_fds())
        time.sleep(0.002)
    return min(counts)


def let_the_watchdog_look(plugin: lao.Plugin) -> None:
    """Waits for its first look at every worker, for which it keeps a descriptor of the process."""
    until = time.monotonic() + 30
    while plugin.info.isolation == "process" and not plugin.usage:
        if time.monotonic() > until:
            raise AssertionError("the watchdog does not look")
        time.sleep(0.01)


def memory_of(plugin: lao.Plugin) -> dict[str, tuple[float, int]]:
    """Megabytes of memory, and open descriptors, of the host and of its worker where it has one."""
    found = {}
    for pid, name in {plugin.call("where")["pid"]: "worker", os.getpid(): "host"}.items():
        found[name] = (anonymous_mb(pid), descriptors_of(pid))
    return found


def run(plugin: lao.Plugin, name: str, call: Callable[[lao.Plugin], Any], count: int) -> list[str]:
    """Runs one kind; returns what is wrong."""
    for _ in range(count // 2):
        call(plugin)
    gc.collect()
    before = memory_of(plugin)
    start = time.monotonic()
    for _ in range(count - count // 2):
        call(plugin)
    took = (time.monotonic() - start) * 2
    gc.collect()
    after = memory_of(plugin)
    problems = []
    for process, (megabytes, descriptors) in after.items():
        grown = megabytes - before[process][0]
        if grown > MOST_GROWTH_MB:
            problems.append(f"{name}: the {process} grew by {grown:.1f} MB in {count} calls")
        if descriptors > before[process][1]:
            problems.append(f"{name}: the {process} has {descriptors - before[process][1]} more descriptors")
    growth = ", ".join(
        f"{process} {after[process][0] - before[process][0]:+.2f} MB" for process in sorted(after)
    )
    print(f"    {name:18}{count:>9} calls {took / count * 1e6:8.2f} us each, {growth}", flush=True)
    return problems


def unreleased(plugin: lao.Plugin) -> list[str]:
    gc.collect()
    plugin.call("text", "the worker hears of the last releases with the next request")
    counts = plugin.call("released")
    return [
        f"{allocator}: {one['made']} outputs made, {one['released']} released"
        for allocator, one in counts.items()
        if one["made"] != one["released"]
    ]


def soak(count: int) -> list[str]:
    """Both backends; returns what is wrong."""
    problems = []
    for isolation in ("none", "process"):
        print(f"isolation={isolation}", flush=True)
        with lao.Host() as host, host.load(plugins.build("echo"), isolation=isolation) as plugin:
            plugin.call("where")
            let_the_watchdog_look(plugin)
            for name, call in kinds():
                problems += [f"{isolation}: {problem}" for problem in run(plugin, name, call, count)]
            problems += [f"{isolation}: {problem}" for problem in unreleased(plugin)]
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000, help="of each kind; default a million")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["LAO_HOME"] = home
        problems = soak(options.calls)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
