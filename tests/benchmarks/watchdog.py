"""What watching costs, and what an idle worker costs.

Run `python tests/benchmarks/watchdog.py [--workers N] [--seconds S]`. Measures the CPU time of the watchdog's threads
over idle workers (as one plugin's and as plugins of one worker each) and over busy ones, and the private memory, the
CPU time and the wake-ups of an idle worker. Exit 1 when an aim was missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import lao  # noqa: E402
from tests import plugins  # noqa: E402

AIM_PERCENT = 1.0  # of one CPU: all threads of the watchdog, 32 idle workers
AIM_MIB = 4.0  # private memory of an idle worker
AIM_WORKER_CPU_MS = 1.0  # of an idle worker, in the time that is measured: none

MIB = 1 << 20


def thread_times() -> dict[str, float]:
    """CPU seconds of this process's threads, by name."""
    found: dict[str, float] = {}
    for thread in threading.enumerate():
        try:
            text = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text()
        except OSError:
            continue
        found[thread.name] = found.get(thread.name, 0.0) + int(text.split()[0]) / 1e9
    return found


def watchdog_s() -> float:
    """CPU seconds of all threads of the watchdog."""
    names = ("lao-watchdog", "lao-watchdog-disk", "lao-throttle")
    return sum(seconds for name, seconds in thread_times().items() if name in names)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process."""
    return time.clock_gettime((~pid << 3) | 2)


def wakeups(pid: int) -> int:
    """How often the threads of a process began to run."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if "ctxt_switches" in line:
                total += int(line.split()[1])
    return total


def private_bytes(pid: int) -> int | None:
    """Memory that nobody shares, or None where this user may not ask."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Private_"))


def share(seconds: float, measure: Callable[[], float]) -> float:
    """Per cent of one CPU by which `measure` grows."""
    began, before = time.monotonic(), measure()
    time.sleep(seconds)
    return 100 * (measure() - before) / (time.monotonic() - began)


@contextmanager
def idle_workers(count: int, *, one_plugin: bool) -> Iterator[list[lao.Plugin]]:
    """A host with so many workers that have been called once."""
    library = plugins.build("echo")
    with tempfile.TemporaryDirectory() as home, lao.Host(home) as host:
        options: dict[str, Any] = {"isolation": "process", "prewarm": True}
        if one_plugin:
            made = [host.load(library, workers=count, **options)]
        else:
            made = [host.load(library, **options) for _ in range(count)]
        for plugin in made:
            plugin.call("text", "x")
        while sum(len(plugin.usage) for plugin in made) < count:
            time.sleep(0.1)
        time.sleep(1)
        yield made


def measure_idle(
    count: int, seconds: float, *, one_plugin: bool
) -> tuple[float, list[tuple[float, int, int | None]]]:
    """The watchdog's share, and of each worker: CPU seconds, wake-ups, private memory."""
    with idle_workers(count, one_plugin=one_plugin) as made:
        pids = [sample.pid for plugin in made for sample in plugin.usage]
        before = [(cpu_s(pid), wakeups(pid)) for pid in pids]
        percent = share(seconds, watchdog_s)
        after = [(cpu_s(pid), wakeups(pid), private_bytes(pid)) for pid in pids]
    return percent, [
        (cpu - cpu_before, woken - woken_before, private)
        for (cpu, woken, private), (cpu_before, woken_before) in zip(after, before, strict=True)
    ]


def measure_busy(seconds: float) -> tuple[float, float]:
    """The watchdog's share while two workers compute, and while it throttles one to half a CPU."""
    library = plugins.build("greedy")
    with tempfile.TemporaryDirectory() as home, lao.Host(home) as host:
        found = []
        for percent in (0.0, 50.0):
            pair = [
                host.load(library, isolation="process", timeout=None) for _ in range(2 if percent == 0 else 1)
            ]
            for plugin in pair:
                _hold(plugin, percent)
            calls = [
                threading.Thread(target=_burn, args=(plugin, int((seconds + 2) * 1000)), name="caller")
                for plugin in pair
            ]
            for call in calls:
                call.start()
            time.sleep(1)
            found.append(share(seconds, watchdog_s))
            for call in calls:
                call.join()
            for plugin in pair:
                plugin.close()
    return found[0], found[1]


def _hold(plugin: lao.Plugin, percent: float) -> None:
    from dataclasses import replace

    watch = plugin._watch
    assert watch is not None
    watch.change(replace(watch.limits, cpu_percent=percent))


def _burn(plugin: lao.Plugin, ms: int) -> None:
    plugin.call("burn", ms=ms)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    missed = False

    def line(what: str, value: float, unit: str, aim: float | None) -> None:
        nonlocal missed
        verdict = "" if aim is None else f"   aim < {aim:g} {unit}: {'met' if value < aim else 'MISSED'}"
        missed = missed or (aim is not None and value >= aim)
        print(f"{what:<58}{value:>9.3f} {unit}{verdict}")

    for one_plugin in (True, False):
        percent, workers = measure_idle(options.workers, options.seconds, one_plugin=one_plugin)
        kind = "of one plugin" if one_plugin else "of a plugin each"
        line(f"watchdog, {options.workers} idle workers {kind}", percent, "% of a CPU", AIM_PERCENT)
        line(
            "  an idle worker: CPU time, the worst",
            1e3 * max(cpu for cpu, _, _ in workers),
            "ms",
            AIM_WORKER_CPU_MS,
        )
        line("  an idle worker: wake-ups, the worst", max(woken for _, woken, _ in workers), "", None)
        private = [size for _, _, size in workers if size is not None]
        if private:
            line("  an idle worker: private memory, the worst", max(private) / MIB, "MiB", AIM_MIB)
        else:
            print("  an idle worker: private memory is not to be seen by this user")
    busy, throttling = measure_busy(options.seconds)
    line("watchdog, two busy workers", busy, "% of a CPU", None)
    line("watchdog, one worker held to 50 % by it", throttling, "% of a CPU", None)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
