"""Work on a photograph of 3840 x 2160 through LAO, in-process and isolated, against OpenCV, Pillow and pyvips.

    python tests/benchmarks/image.py [--quick]

The plugin is the template `image-processor` in Rust, built for release; its inputs are from `host.empty`. The
photograph is one of scikit-image's, laid out in mirrored tiles, so that it keeps a camera's detail. Every row is run
interleaved, once with one thread each and once with all; medians in milliseconds. Contestants that are not installed
are left out (`pip install opencv-python-headless pyvips pyvips-binary`); JPEG needs libjpeg-turbo
(`apt install libturbojpeg0`) to be as fast as theirs. Exit 1 when an aim is missed: as fast as the best of them, and
isolated within 5 % of in-process.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import PIL.Image
import PIL.ImageFilter
import skimage.data

import lao
from lao.authoring import build_checked, find_source
from lao.templates import create_project

WIDTH, HEIGHT, QUALITY = 3840, 2160, 90
HALF = (WIDTH // 2, HEIGHT // 2)
ROWS = ("half size, area", "half size, Lanczos", "blur, sigma 3", "gray", "JPEG decode", "JPEG encode")
ISOLATION_AIM = 1.05
SPREAD = 1.03  # what two runs of the same code differ by
Calls = dict[str, dict[str, Callable[[], Any]]]


def photograph() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Coffee, mirrored at every border so that no edge is made that a camera would not see."""
    one = skimage.data.coffee()
    pair = np.concatenate([one, one[:, ::-1]], axis=1)
    tile = np.concatenate([pair, pair[::-1]], axis=0)
    times = (-(-HEIGHT // tile.shape[0]), -(-WIDTH // tile.shape[1]), 1)
    return np.ascontiguousarray(np.tile(tile, times)[:HEIGHT, :WIDTH])


def of_lao(plugin: lao.Plugin, image: Any, file: bytes) -> dict[str, Callable[[], Any]]:
    width, height = HALF
    return {
        "half size, area": lambda: plugin.call("resize", image, width=width, height=height, filter="area"),
        "half size, Lanczos": lambda: plugin.call(
            "resize", image, width=width, height=height, filter="lanczos"
        ),
        "blur, sigma 3": lambda: plugin.call("blur", image, sigma=3.0),
        "gray": lambda: plugin.call("gray", image),
        "JPEG decode": lambda: plugin.call("decode", file),
        "JPEG encode": lambda: plugin.call("encode", image, format="jpeg", quality=QUALITY),
    }


def of_opencv(image: Any, file: bytes, threads: int) -> dict[str, Callable[[], Any]]:
    """Its Lanczos does not average when an image gets smaller, and is left out."""
    import cv2

    cv2.setNumThreads(threads)
    data = np.frombuffer(file, np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    return {
        "half size, area": lambda: cv2.resize(image, HALF, interpolation=cv2.INTER_AREA),
        "blur, sigma 3": lambda: cv2.GaussianBlur(image, (0, 0), 3),
        "gray": lambda: cv2.cvtColor(image, cv2.COLOR_RGB2GRAY),
        "JPEG decode": lambda: cv2.imdecode(data, cv2.IMREAD_COLOR),
        "JPEG encode": lambda: cv2.imencode(".jpg", image, options),
    }


def of_pillow(image: Any, file: bytes) -> dict[str, Callable[[], Any]]:
    """It has one thread."""
    picture = PIL.Image.fromarray(image)
    return {
        "half size, area": lambda: picture.reduce(2),
        "half size, Lanczos": lambda: picture.resize(HALF, PIL.Image.Resampling.LANCZOS),
        "blur, sigma 3": lambda: picture.filter(PIL.ImageFilter.GaussianBlur(3)),
        "gray": lambda: picture.convert("L"),
        "JPEG decode": lambda: PIL.Image.open(io.BytesIO(file)).load(),
        "JPEG encode": lambda: picture.save(io.BytesIO(), "JPEG", quality=QUALITY),
    }


def of_pyvips(image: Any, file: bytes) -> dict[str, Callable[[], Any]]:
    """Its number of threads is that of VIPS_CONCURRENCY."""
    import pyvips

    picture = pyvips.Image.new_from_array(image)
    return {
        "half size, area": lambda: picture.shrink(2, 2).numpy(),
        "half size, Lanczos": lambda: picture.resize(0.5, kernel="lanczos3").numpy(),
        "blur, sigma 3": lambda: picture.gaussblur(3).numpy(),
        "gray": lambda: picture.colourspace("b-w").numpy(),
        "JPEG decode": lambda: pyvips.Image.new_from_buffer(file, "").numpy(),
        "JPEG encode": lambda: picture.jpegsave_buffer(Q=QUALITY),
    }


def race(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each, in turns."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 2):
        for name, call in calls.items():
            start = time.perf_counter()
            result = call()
            if number >= 2:
                took[name].append((time.perf_counter() - start) * 1e3)
            del result
    return {name: statistics.median(times) for name, times in took.items()}


def measure(project: Path, threads: int, rounds: int) -> dict[str, dict[str, float]]:
    """Of each row, by contestant."""
    photo = photograph()
    file = io.BytesIO()
    PIL.Image.fromarray(photo).save(file, "JPEG", quality=QUALITY)
    jpeg = file.getvalue()
    with lao.Host() as host:
        image = host.empty(photo.shape, photo.dtype)
        image[...] = photo
        settings = {"threads": threads}
        calls: Calls = {
            "lao, in-process": of_lao(host.load(project, isolation="none", config=settings), image, jpeg),
            "lao, isolated": of_lao(host.load(project, isolation="process", config=settings), image, jpeg),
            "pillow": of_pillow(photo, jpeg),
        }
        if find_spec("cv2"):
            calls["opencv"] = of_opencv(photo, jpeg, threads)
        if find_spec("pyvips"):
            calls["pyvips"] = of_pyvips(photo, jpeg)
        for row in ("half size, area", "half size, Lanczos"):
            mine, theirs = calls["lao, in-process"][row](), calls["pillow"][row]()
            assert np.abs(np.asarray(mine).astype(int) - np.asarray(theirs)).mean() < 1, row
        return {row: race({name: of[row] for name, of in calls.items() if row in of}, rounds) for row in ROWS}


def report(threads: int, found: dict[str, dict[str, float]]) -> int:
    """Prints a table; returns how many aims were missed."""
    names = ["lao, in-process", "lao, isolated", "opencv", "pillow", "pyvips"]
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, ms")
    print(f"{'':20}" + "".join(f"{name:>17}" for name in names) + f"{'of the best':>13}{'isolated':>10}")
    missed = 0
    for row, times in found.items():
        best = min(took for name, took in times.items() if not name.startswith("lao"))
        ratio = times["lao, in-process"] / best
        apart = times["lao, isolated"] / times["lao, in-process"]
        kept = ratio <= SPREAD and apart <= ISOLATION_AIM
        missed += not kept
        cells = "".join(f"{times[name]:17.2f}" if name in times else f"{'-':>17}" for name in names)
        print(f"{row:20}{cells}{ratio:13.2f}{apart:10.2f}  {'kept' if kept else 'MISSED'}")
    return missed


def main() -> int:
    """Measures, prints, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--project", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    rounds = 7 if options.quick else 41
    if options.project is not None:
        print(json.dumps(measure(options.project, options.threads, rounds)))
        return 0
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LAO_HOME"] = folder
        project = Path(folder) / "image"
        create_project(
            "image", project, template="image-processor", language="rust", author="a", description="d"
        )
        build_checked(find_source(project), release=True)
        for threads in sorted({1, os.cpu_count() or 1}):
            command = [sys.executable, __file__, "--project", str(project), "--threads", str(threads)]
            command += ["--quick"] if options.quick else []
            # libvips reads its number of threads once, when it is loaded.
            variables = {**os.environ, "VIPS_CONCURRENCY": str(threads)}
            output = subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=True).stdout
            missed += report(threads, json.loads(output))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
