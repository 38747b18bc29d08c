"""What a call costs, beside what a user would otherwise pick and beside the limit.

    python tests/benchmarks/call_overhead.py [--quick] [--json]

Everything runs interleaved in one process: in each round every contestant gets a few milliseconds, and the median over
the rounds counts. The extension is written by hand for the job and releases the GIL: the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

import lao
from tests.benchmarks import rivals

Contestant = tuple[str, Callable[..., Any], str | None]
"""A name, what is called, and the capability that comes before the value where there is one."""


def loop_ns(call: Callable[..., Any], capability: str | None, value: Any, count: int) -> float:
    """Nanoseconds of one call, over `count` in a row."""
    if capability is None:
        start = time.perf_counter_ns()
        for _ in range(count):
            call(value)
    else:
        start = time.perf_counter_ns()
        for _ in range(count):
            call(capability, value)
    return (time.perf_counter_ns() - start) / count


def race(contestants: list[Contestant], value: Any, rounds: int, slice_ns: float) -> dict[str, float]:
    """Median nanoseconds by name."""
    counts = {}
    for name, call, capability in contestants:
        loop_ns(call, capability, value, 3)
        once = loop_ns(call, capability, value, 20)
        counts[name] = max(3, min(200_000, int(slice_ns / max(50.0, once))))
    seen: dict[str, list[float]] = {name: [] for name, _, _ in contestants}
    for _ in range(rounds):
        for name, call, capability in contestants:
            seen[name].append(loop_ns(call, capability, value, counts[name]))
    return {name: statistics.median(times) for name, times in seen.items()}


def calls_per_second(call: Callable[[], Any], threads: int, seconds: float) -> float:
    """Calls of all threads together."""
    counts = [0] * threads
    go = threading.Barrier(threads + 1)
    end = 0.0

    def work(index: int) -> None:
        go.wait()
        done = 0
        while time.perf_counter() < end:
            for _ in range(20):
                call()
            done += 20
        counts[index] = done

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    end = time.perf_counter() + 3600
    for worker in workers:
        worker.start()
    end = time.perf_counter() + seconds
    start = time.perf_counter()
    go.wait()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - start)


def measure(rounds: int, slice_ns: float) -> dict[str, dict[str, float]]:
    """Nanoseconds by payload and contestant."""
    print("building the rivals", file=sys.stderr)
    library = rivals.build_plugin()
    found: dict[str, dict[str, float]] = {}
    with lao.Host() as host:
        inside = host.load(library, isolation="none")
        worker = host.load(library, isolation="process")
        others = rivals.rivals()

        def entrants(attribute: str, capability: str) -> list[Contestant]:
            made: list[Contestant] = [(rival.name, getattr(rival, attribute), None) for rival in others]
            for where, plugin in (("lao", inside), ("lao isolated", worker)):
                made.append((f"{where} .call", plugin.call, capability))
            return made

        for size, label in ((64, "64 B"), (4096, "4 KiB"), (1 << 20, "1 MiB")):
            text = "x" * size
            list_of = entrants("text", "text")
            list_of += [("lao ()", inside, None), ("lao isolated ()", worker, None)]
            found[f"str {label}"] = race(list_of, text, rounds, slice_ns)
            found[f"bytes {label}"] = race(entrants("binary", "binary"), text.encode(), rounds, slice_ns)
        for height, width in ((216, 384), (2160, 3840)):
            array = np.zeros((height, width, 3), np.uint8)
            arrays = [one for one in entrants("array", "look") if "isolated" not in one[0]]
            found[f"array {width}x{height}x3"] = race(arrays, array, rounds, slice_ns)
            shared = host.empty(array.shape, array.dtype)
            shared[:] = 0
            isolated = [one for one in entrants("array", "look") if "isolated" in one[0]]
            found[f"host.empty {width}x{height}x3"] = race(isolated, shared, rounds, slice_ns)
        seconds = slice_ns / 1e9 * 40
        ratios = []
        for _ in range(5):
            one = calls_per_second(lambda: inside.call("spin"), 1, seconds)
            two = calls_per_second(lambda: inside.call("spin"), 2, seconds)
            ratios.append(two / one)
        found["threads"] = {"two over one": statistics.median(ratios)}
    return found


def judge(found: dict[str, dict[str, float]]) -> list[tuple[str, float, float, bool]]:
    """(aim, reached, bound, kept)."""

    def ratio(row: str, ours: str, theirs: str) -> float:
        return found[row][ours] / found[row][theirs]

    small, large = found["array 384x216x3"]["lao .call"], found["array 3840x2160x3"]["lao .call"]
    aims = [
        ("str 64 B against the extension", ratio("str 64 B", "lao .call", "extension"), 2.0),
        ("str 64 B against ctypes", ratio("str 64 B", "lao .call", "ctypes"), 0.15),
        ("str 1 MiB against the extension", ratio("str 1 MiB", "lao .call", "extension"), 1.1),
        ("bytes 1 MiB against the extension", ratio("bytes 1 MiB", "lao .call", "extension"), 1.1),
        ("an array 100 times as large", large / small, 1.2),
    ]
    judged = [(name, reached, bound, reached <= bound) for name, reached, bound in aims]
    two = found["threads"]["two over one"]
    return [*judged, ("two threads on calls of 20 us", two, 1.8, two >= 1.8)]


def show(found: dict[str, dict[str, float]]) -> None:
    for row, times in found.items():
        if row == "threads":
            continue
        limit = times.get("extension", min(times.values()))
        print(f"\n{row}")
        for name, ns in times.items():
            print(f"    {name:18}{ns:12,.0f} ns{ns / limit:9.2f} x")
    print("\naims")
    for name, reached, bound, kept in judge(found):
        print(f"    {name:38}{reached:8.3f}   {'kept' if kept else 'MISSED'} (bound {bound})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--json", action="store_true", help="the medians in nanoseconds, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["LAO_HOME"] = home
        found = measure(7 if options.quick else 25, 2e6 if options.quick else 8e6)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
