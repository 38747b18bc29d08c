"""ONNX models through LAO, in-process and isolated, against ONNX Runtime's Python API.

    python tests/benchmarks/inference.py [--quick]

The plugin is the template `ai-model` in Rust, built for release. Models: the one that the template makes, and those of
`magika` and `silero-vad` where they are installed. One input travels as an array; several, and all outputs, by their
names in a block (`safetensors`): once made and read within the measured time, which is mostly the work of that package
in Python, and once as bytes that are there already (`block kept`). All calls of a model are interleaved, on one thread
each; medians, and the overhead over a bare `session.run`. Exit 1 when an aim is missed, with either kind of block: 5 us
over it in-process; isolated within 5 % of in-process on all but the smallest model.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import onnxruntime

import lao
from tests.benchmarks._contest import ISOLATION_AIM, made

OVERHEAD_AIM_US = 5.0
IN_PROCESS, ISOLATED = "lao, in-process", "lao, isolated"
KEPT = ", block kept"


def model_of(package: str, pattern: str) -> Path | None:
    """A model that an installed package ships."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return next(iter(sorted(Path(spec.submodule_search_locations[0]).rglob(pattern))), None)


def models(project: Path) -> dict[str, tuple[Path, dict[str, Any]]]:
    """By name: the file, and its inputs."""
    numbers = np.random.default_rng(3)
    found = {
        "characters, 1 x 64": (
            project / "resources" / "characters-1.onnx",
            {"tokens": numbers.integers(0, 256, (1, 64))},
        )
    }
    magika = model_of("magika", "model.onnx")
    if magika is not None:
        found["magika, 1 x 2048"] = (magika, {"bytes": numbers.integers(0, 257, (1, 2048), dtype=np.int32)})
    silero = model_of("silero_vad", "silero_vad.onnx")
    if silero is not None:
        found["silero-vad, 1 x 576"] = (
            silero,
            {
                "input": numbers.normal(0, 0.1, (1, 576)).astype(np.float32),
                "state": np.zeros((2, 1, 128), dtype=np.float32),
                "sr": np.array(16000, dtype=np.int64),
            },
        )
    return found


def race(calls: dict[str, Callable[[], Any]], rounds: int, seconds: float) -> dict[str, float]:
    """Median nanoseconds of each, in turns."""
    took: dict[str, list[int]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(5):
            call()
    for _ in range(rounds):
        for name, call in calls.items():
            until = time.perf_counter() + seconds / rounds
            while time.perf_counter() < until:
                start = time.perf_counter_ns()
                call()
                took[name].append(time.perf_counter_ns() - start)
    return {name: statistics.median(times) for name, times in took.items()}


def calls_of(plugin: lao.Plugin, inputs: dict[str, Any], shared: Any) -> dict[str, Callable[[], Any]]:
    """One input travels as an array; several by their names in one block, made and read anew each time, or kept."""
    if len(inputs) == 1:
        return {"": lambda: plugin.call("predict", shared)}
    from safetensors.numpy import load, save

    block = save(inputs)
    return {"": lambda: load(plugin.call("run", save(inputs))), KEPT: lambda: plugin.call("run", block)}


def measure(project: Path, quick: bool) -> dict[str, dict[str, float]]:
    """By model and contestant."""
    found: dict[str, dict[str, float]] = {}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with lao.Host() as host:
        for title, (path, inputs) in models(project).items():
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            first = session.get_inputs()[0].name
            array = next(iter(inputs.values()))
            shared = host.empty(array.shape, array.dtype)
            shared[...] = array
            given = inputs if len(inputs) > 1 else {first: array}
            names = [output.name for output in session.get_outputs()]
            settings = {"model_path": str(path), "threads": 1}
            calls = {"session.run": partial(session.run, names, given)}
            expected = calls["session.run"]()
            for contestant, isolation in ((IN_PROCESS, "none"), (ISOLATED, "process")):
                plugin = host.load(project, isolation=isolation, config=settings)
                ways = calls_of(plugin, given, shared)
                calls |= {contestant + way: call for way, call in ways.items()}
                answer = ways[""]()
                outputs = [answer[name] for name in names] if len(given) > 1 else [np.asarray(answer)]
                assert all(map(partial(np.allclose, atol=1e-5), outputs, expected))
            found[title] = race(calls, 5 if quick else 20, 0.5 if quick else 3.0)
    return found


def main() -> int:
    """Measures, prints, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with made("ai-model") as project:
        found = measure(project, options.quick)
    missed = 0
    print(f"{'model':24} {'call':28} {'us':>10}  over session.run")
    for place, (title, times) in enumerate(found.items()):
        bare = times["session.run"]
        for name, took in times.items():
            print(f"{title:24} {name:28} {took / 1e3:10.1f}  {(took - bare) / 1e3:+8.1f} us")
        for way in ("", KEPT):
            if IN_PROCESS + way not in times:
                continue
            over_us = (times[IN_PROCESS + way] - bare) / 1e3
            ratio = times[ISOLATED + way] / times[IN_PROCESS + way]
            kept = over_us <= OVERHEAD_AIM_US and (place == 0 or ratio <= ISOLATION_AIM)
            missed += not kept
            verdict = "kept" if kept else "MISSED"
            print(
                f"{title + way:36} overhead {over_us:+.1f} us, isolated {ratio:.2f} of in-process: {verdict}"
            )
        print()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
