"""ONNX models through LAO, in-process and isolated, against ONNX Runtime's Python API.

    python tests/benchmarks/inference.py [--quick]

The plugin is the template `ai-model` in Rust, built for release. Models: the one that the template makes, and those of
`magika` and `silero-vad` where they are installed. All calls of a model are interleaved, on one thread each; medians,
and the overhead over a bare `session.run`. Exit 1 when an aim is missed: 5 us over it in-process; isolated within 5 %
of in-process on all but the smallest model.
"""

from __future__ import annotations

import argparse
import base64
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import onnxruntime

import lao
from lao.authoring import build_checked, find_source
from lao.templates import create_project

OVERHEAD_AIM_US = 5.0
ISOLATION_AIM = 1.05


def model_of(package: str, pattern: str) -> Path | None:
    """A model that an installed package ships."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return next(iter(sorted(Path(spec.submodule_search_locations[0]).rglob(pattern))), None)


def models(project: Path) -> dict[str, tuple[Path, dict[str, Any]]]:
    """By name: the file, and its inputs, the first of which travels as an array."""
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


def feed_of(array: Any) -> Any:
    """An input besides the first, as `feeds` takes it."""
    return (
        {"shape": array.shape, "data": base64.b64encode(array).decode()}
        if array.size > 16
        else array.tolist()
    )


def measure(project: Path, quick: bool) -> dict[str, dict[str, float]]:
    """By model and contestant."""
    found: dict[str, dict[str, float]] = {}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with lao.Host() as host:
        for title, (path, inputs) in models(project).items():
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            first, *others = session.get_inputs()
            array = inputs.get(first.name, next(iter(inputs.values())))
            shared = host.empty(array.shape, array.dtype)
            shared[...] = array
            feeds = {one.name: feed_of(inputs[one.name]) for one in others}
            params = {"feeds": feeds} if feeds else {}
            given = {first.name: array, **{one.name: inputs[one.name] for one in others}}
            settings = {"model_path": str(path), "threads": 1}
            inside = host.load(project, isolation="none", config=settings)
            apart = host.load(project, isolation="process", config=settings)
            names = [session.get_outputs()[0].name]
            expected = session.run(names, given)[0]
            for plugin in (inside, apart):
                assert np.allclose(np.asarray(plugin.call("predict", shared, **params)), expected, atol=1e-5)
            found[title] = race(
                {
                    "session.run": lambda run=session.run, given=given, names=names: run(names, given),
                    "lao, in-process": lambda p=inside, a=shared, k=params: p.call("predict", a, **k),
                    "lao, isolated": lambda p=apart, a=shared, k=params: p.call("predict", a, **k),
                },
                5 if quick else 20,
                0.5 if quick else 3.0,
            )
    return found


def main() -> int:
    """Measures, prints, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LAO_HOME"] = folder
        project = Path(folder) / "ai"
        create_project("ai", project, template="ai-model", language="rust", author="a", description="d")
        build_checked(find_source(project), release=True)
        found = measure(project, options.quick)
    missed = 0
    print(f"{'model':24} {'call':18} {'us':>10}  over session.run")
    for place, (title, times) in enumerate(found.items()):
        bare = times["session.run"]
        for name, took in times.items():
            print(f"{title:24} {name:18} {took / 1e3:10.1f}  {(took - bare) / 1e3:+8.1f} us")
        over_us = (times["lao, in-process"] - bare) / 1e3
        ratio = times["lao, isolated"] / times["lao, in-process"]
        kept = over_us <= OVERHEAD_AIM_US and (place == 0 or ratio <= ISOLATION_AIM)
        missed += not kept
        verdict = "kept" if kept else "MISSED"
        print(f"{title:24} overhead {over_us:+.1f} us, isolated {ratio:.2f} of in-process: {verdict}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
