"""Mutation fuzzing of what the template `image-processor` decodes: in C++ under ASan and UBSan, in Rust in a worker.
`make fuzz` runs this file as a script, and longer; see `test_package_parsers.py` for its time and seed."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from lao.paths import templates_dir
from tests.fuzz.fed_program import build, fuzz_decode, fuzz_program


def saved(image: PIL.Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def seeds() -> list[bytes]:
    """A small file of every kind that is decoded."""
    noise = np.random.default_rng(1).integers(0, 256, (11, 23, 4), np.uint8)
    whole = PIL.Image.fromarray(noise)
    found = [saved(whole.convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]
    found.append(saved(PIL.Image.fromarray(noise[:, :, 0].astype(np.uint16) * 200), "PNG"))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    for mode in ("L", "RGB", "CMYK"):
        for progressive in (False, True):
            found.append(saved(whole.convert(mode), "JPEG", progressive=progressive, exif=exif))
    for lossless in (False, True):
        found.append(saved(whole, "WEBP", lossless=lossless, method=0))
        found.append(saved(whole.convert("RGB"), "WEBP", lossless=lossless, method=0, exif=exif))
    frames = [PIL.Image.new("RGBA", (9, 7), color) for color in ((255, 0, 0, 99), (0, 255, 0, 255))]
    found += [saved(frames[0], kind, save_all=True, append_images=frames[1:]) for kind in ("PNG", "WEBP")]
    return [
        *found,
        b"P3 2 1 255\n0 1 2 # three\n 3 4 5\n",
        b"P5 3 2 15 " + bytes(6),
        saved(whole.convert("RGB"), "PPM"),
    ]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = templates_dir() / "cpp" / "image-processor" / "src"
    return build(
        tmp_path_factory.mktemp("fuzz") / "image_processor",
        Path(__file__).with_name("image_processor.cpp"),
        [sources / f"{part}.cpp" for part in ("codec", "exif", "jpeg", "png", "pnm", "webp")],
        ("libturbojpeg", "libpng", "libwebp", "libwebpdemux"),
    )


@pytest.mark.matrix
def test_fuzz_image_files_in_cpp(program: Path) -> None:
    fuzz_program("image files in C++", program, seeds())


@pytest.mark.matrix
def test_fuzz_image_files_in_rust(tmp_path: Path) -> None:
    def check(image: np.ndarray[Any, Any]) -> None:
        assert image.ndim == 3
        assert image.shape[2] in (1, 3, 4)

    fuzz_decode("image files in Rust", "image-processor", tmp_path, seeds(), check, {"max_pixels": 1 << 20})


if __name__ == "__main__":
    os.environ.setdefault("LAO_FUZZ_SECONDS", "60")
    raise SystemExit(pytest.main([__file__, "-q", "-s", "-m", "matrix"]))
