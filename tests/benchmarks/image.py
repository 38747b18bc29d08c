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

import io
import sys
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
from tests.benchmarks._contest import contest, race, report

WIDTH, HEIGHT, QUALITY = 3840, 2160, 90
HALF = (WIDTH // 2, HEIGHT // 2)
CUT_OFF = float(np.exp(-4.5))  # at three sigma, as everybody else; on its own pyvips stops at 1.8
ROWS = ("half size, area", "half size, Lanczos", "blur, sigma 3", "gray", "JPEG decode", "JPEG encode")
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
        "blur, sigma 3": lambda: picture.gaussblur(3, min_ampl=CUT_OFF).numpy(),
        "gray": lambda: picture.colourspace("b-w").numpy(),
        "JPEG decode": lambda: pyvips.Image.new_from_buffer(file, "").numpy(),
        "JPEG encode": lambda: picture.jpegsave_buffer(Q=QUALITY),
    }


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


def tell(threads: int, found: dict[str, dict[str, float]]) -> int:
    return report(threads, found, ["opencv", "pillow", "pyvips"])


if __name__ == "__main__":
    sys.exit(contest(__file__, __doc__, "image-processor", 41, measure, tell, "VIPS_CONCURRENCY"))
