"""What the benchmarks of the templates share: contestants in turns, once with one thread each and once with all."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lao.authoring import build_checked, find_source
from lao.templates import create_project

ISOLATION_AIM = 1.05
SPREAD = 1.03  # what two runs of the same code differ by
Times = dict[str, float]
"""Milliseconds by contestant; those of LAO are `lao, in-process` and `lao, isolated`."""


def race(calls: dict[str, Callable[[], Any]], rounds: int, warm_up: int = 2) -> Times:
    """Median milliseconds of each, in turns."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + warm_up):
        for name, call in calls.items():
            start = time.perf_counter()
            result = call()
            if number >= warm_up:
                took[name].append((time.perf_counter() - start) * 1e3)
            del result
    return {name: statistics.median(times) for name, times in took.items()}


@contextmanager
def made(template: str, language: str = "rust") -> Iterator[Path]:
    """A project of a template, built for release, in a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LAO_HOME"] = folder
        project = Path(folder) / "made"
        create_project("made", project, template=template, language=language, author="a", description="d")
        build_checked(find_source(project), release=True)
        yield project


def report(threads: int, rows: dict[str, Times], names: list[str]) -> int:
    """Prints a table; returns how many aims were missed: as fast as the best, isolated as in-process."""
    names = ["lao, in-process", "lao, isolated", *names]
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, ms")
    print(f"{'':22}" + "".join(f"{name:>17}" for name in names) + f"{'of the best':>13}{'isolated':>10}")
    missed = 0
    for row, times in rows.items():
        best = min(took for name, took in times.items() if not name.startswith("lao"))
        ratio = times["lao, in-process"] / best
        apart = times["lao, isolated"] / times["lao, in-process"]
        kept = ratio <= SPREAD and apart <= ISOLATION_AIM
        missed += not kept
        cells = "".join(f"{times[name]:17.2f}" if name in times else f"{'-':>17}" for name in names)
        print(f"{row:22}{cells}{ratio:13.2f}{apart:10.2f}  {'kept' if kept else 'MISSED'}")
    return missed


def contest(
    script: str,
    description: str | None,
    template: str,
    rounds: int,
    measure: Callable[[Path, int, int], dict[str, Any]],
    tell: Callable[[int, dict[str, Any]], int],
    threads_variable: str,
) -> int:
    """Runs a script; returns its exit status.

    Args:
        script: Its file, which is run again for each number of threads: libraries read it once, when they are loaded.
        description: What `--help` says.
        template: Whose plugin is measured.
        rounds: Of each row, a quarter with `--quick`.
        measure: Takes the project, the threads and the rounds; what it gives travels as JSON.
        tell: Prints what `measure` gave; returns how many aims were missed.
        threads_variable: The environment variable that tells a library its threads.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--project", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.project is not None:
        found = measure(options.project, options.threads, max(rounds // 4, 1) if options.quick else rounds)
        print(json.dumps(found))
        return 0
    missed = 0
    with made(template) as project:
        for threads in sorted({1, os.cpu_count() or 1}):
            command = [sys.executable, script, "--project", str(project), "--threads", str(threads)]
            command += ["--quick"] if options.quick else []
            variables = {**os.environ, threads_variable: str(threads)}
            output = subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=True).stdout
            missed += tell(threads, json.loads(output))
    return 1 if missed else 0
