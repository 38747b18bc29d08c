"""How long short commands take to start, against `python -c pass`.

Run `python tests/benchmarks/start.py [--rounds N] [--plugins N]`. Commands are interleaved, so that a slow
moment of the machine meets all of them; medians and ratios are printed. Exit 1 when a command with an aim
missed it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AIM = 8.0
"""Times the start of bare Python that `lao --help` and `lao plugin list` may take."""


def fill(home: Path, count: int) -> None:
    """Makes `count` installed plugins: real records of packages that hold one small file."""
    installed = home / "installed"
    installed.mkdir(parents=True)
    (home / "config").mkdir()
    for number in range(count):
        digest = f"{number:064x}"
        name = f"plugin-{number:04d}"
        folder = home / "objects" / digest
        folder.mkdir(parents=True)
        (folder / f"lib{name}.so").write_bytes(b"\x7fELF: nothing opens this")
        record = {
            "format": 1,
            "name": name,
            "version": "1.0.0",
            "description": f"The plugin with the number {number}, which does something worth a line",
            "digest": digest,
            "library": f"lib{name}.so",
            "origin": {"kind": "file", "source": f"/somewhere/lib{name}.so", "sha256": digest},
            "installed_at": 1.7e9,
            "capabilities": [{"name": "process", "input_type": "text", "output_type": "text"}],
            "abi": "lao/1",
            "has_manifest": True,
        }
        (installed / f"{name}.json").write_text(json.dumps(record, indent=2))
        if number % 10 == 0:
            (home / "config" / f"{name}.json").write_text('{"enabled": false, "settings": {}}')


def commands() -> dict[str, tuple[list[str], float | None]]:
    """What is measured: the words, and the ratio to bare Python that it may have, if any."""
    python = sys.executable
    found: dict[str, tuple[list[str], float | None]] = {
        "python -c pass": ([python, "-c", "pass"], None),
        "python -I -S -c pass": ([python, "-I", "-S", "-c", "pass"], None),
    }
    for words in (["--help"], ["plugin", "list"]):
        found[f"python -m lao {' '.join(words)}"] = ([python, "-m", "lao", *words], AIM)
    script = Path(python).parent / "lao"
    if script.exists():
        for words in (["--help"], ["plugin", "list"]):
            found[f"lao {' '.join(words)}"] = ([str(script), *words], AIM)
    typer = "import sys; from lao.cli.app import run; sys.exit(run(sys.argv[1:]))"
    found["lao plugin list, through typer"] = ([python, "-c", typer, "plugin", "list"], None)
    found["lao plugin info, through typer"] = ([python, "-m", "lao", "plugin", "info", "plugin-0001"], None)
    return found


def measure(words: list[str], environment: dict[str, str], place: Path) -> float:
    """Seconds of wall time of one run."""
    begun = time.perf_counter()
    nowhere = subprocess.DEVNULL
    done = subprocess.run(words, env=environment, cwd=place, stdout=nowhere, stderr=nowhere, check=False)
    took_s = time.perf_counter() - begun
    if done.returncode not in (0, 1):  # `info` finds that such a library is none
        raise SystemExit(f"{' '.join(words)}: exit {done.returncode}")
    return took_s


def main() -> int:
    """Measures, prints, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--plugins", type=int, default=1000)
    options = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="lao-start-"))
    try:
        fill(place / "home", options.plugins)
        environment = {**os.environ, "LAO_HOME": str(place / "home")}
        measured = commands()
        for words, _ in measured.values():
            measure(words, environment, place)  # the first run writes caches and the index
        times: dict[str, list[float]] = {name: [] for name in measured}
        for _ in range(options.rounds):
            for name, (words, _) in measured.items():
                times[name].append(measure(words, environment, place))
    finally:
        shutil.rmtree(place)
    return report(measured, times, options.plugins)


def report(
    measured: dict[str, tuple[list[str], float | None]], times: dict[str, list[float]], plugins: int
) -> int:
    """Prints medians and ratios; 1 when an aim was missed."""
    bare = statistics.median(times["python -c pass"])
    print(f"{plugins} installed plugins, {len(times['python -c pass'])} rounds")
    print(f"{'command':34}  {'median ms':>9}  {'ratio':>6}  aim")
    missed = 0
    for name, (_, aim) in measured.items():
        median = statistics.median(times[name])
        ratio = median / bare
        verdict = "" if aim is None else f"{aim:g}" + ("" if ratio <= aim else "  MISSED")
        missed += aim is not None and ratio > aim
        print(f"{name:34}  {median * 1000:9.1f}  {ratio:6.2f}  {verdict}".rstrip())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
