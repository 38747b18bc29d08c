"""Mutation fuzzing of what the template `image-processor` decodes: in C++ under ASan and UBSan, in Rust in a worker.
`make fuzz` runs this file as a script, and longer; see `test_package_parsers.py` for its time and seed."""

import io
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import lao
from lao.authoring import build_checked, find_source
from lao.paths import include_dir, templates_dir
from lao.templates import create_project
from tests.fuzz.test_package_parsers import fuzz

LIBRARIES = ["libturbojpeg", "libpng", "libwebp", "libwebpdemux"]


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
    tool = shutil.which("pkg-config")
    if tool is None or subprocess.run([tool, "--exists", *LIBRARIES], check=False).returncode != 0:
        pytest.skip("no libraries for it; `apt install libturbojpeg0-dev libpng-dev libwebp-dev pkg-config`")
    needs = subprocess.run(
        [tool, "--cflags", "--libs", *LIBRARIES], check=True, capture_output=True, text=True
    )
    made = tmp_path_factory.mktemp("fuzz") / "image_processor"
    sources = templates_dir() / "cpp" / "image-processor" / "src"
    flags = ["-std=c++17", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
    parts = [str(sources / f"{part}.cpp") for part in ("codec", "exif", "jpeg", "png", "pnm", "webp")]
    folders = [f"-I{include_dir()}", f"-I{sources}"]
    driver = str(Path(__file__).with_suffix(".cpp")).replace("test_", "")
    command = ["c++", *flags, *folders, driver, *parts, "-o", str(made), *needs.stdout.split()]
    subprocess.run(command, check=True, timeout=300)
    return made


@pytest.mark.matrix
def test_fuzz_image_files_in_cpp(program: Path) -> None:
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        writing, reading, saying = running.stdin, running.stdout, running.stderr

        def target(data: bytes) -> None:
            writing.write(b"%d\n%s" % (len(data), data))
            writing.flush()
            if reading.readline() != b"read\n":
                raise AssertionError(saying.read().decode("utf-8", "replace"))

        fuzz("image files in C++", seeds(), target)
        writing.close()
    assert running.returncode == 0


@pytest.mark.matrix
def test_fuzz_image_files_in_rust(tmp_path: Path) -> None:
    """Built for debugging, so that an overflow is a panic, which is no refusal."""
    create_project(
        "fuzzed",
        tmp_path / "fuzzed",
        template="image-processor",
        language="rust",
        author="a",
        description="d",
    )
    build_checked(find_source(tmp_path / "fuzzed"))
    with lao.Host(tmp_path / "home") as host:
        plugin = host.load(tmp_path / "fuzzed", isolation="process", config={"max_pixels": 1 << 20})

        def target(data: bytes) -> None:
            try:
                found = np.asarray(plugin.call("decode", data))
            except lao.InvalidInput:
                return
            except lao.LaoError as error:
                raise AssertionError(f"no refusal: {error!r}") from error
            assert found.ndim == 3
            assert found.shape[2] in (1, 3, 4)

        fuzz("image files in Rust", seeds(), target)


if __name__ == "__main__":
    os.environ.setdefault("LAO_FUZZ_SECONDS", "60")
    raise SystemExit(pytest.main([__file__, "-q", "-s", "-m", "matrix"]))
