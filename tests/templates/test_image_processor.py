"""The template `image-processor`: its own tests, conformance, and real files against Pillow."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import lao
from lao.errors import PluginLoadError
from lao.host.runtimes import find_runtimes
from lao.model.rights import Rights
from tests.host.test_runtimes import host_granting
from tests.templates.made import Made, languages, make, passed


@pytest.fixture(scope="module", params=languages("image-processor"))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    language = str(request.param)
    return make(
        "image-processor",
        language,
        tmp_path_factory.mktemp(language) / "dark room",
        libraries=("libturbojpeg", "libpng", "libwebp", "libwebpdemux"),
    )


@pytest.fixture(params=["process", "none"])
def plugin(request: pytest.FixtureRequest, made: Made) -> Iterator[lao.Plugin]:
    with lao.Host() as host:
        yield host.load(made.project.directory, isolation=request.param)


def test_its_own_tests_and_conformance(made: Made) -> None:
    sample = (made.project.directory / "sample.ppm").read_bytes()
    passed(made, lambda _: lao.Binary(sample))


def photograph(mode: str = "RGB") -> PIL.Image.Image:
    """Smooth, with some texture."""
    row, column = np.mgrid[0:120, 0:160]
    noise = np.random.default_rng(3).normal(0, 4, (120, 160, 3))
    planes = np.stack([row * 2, column * 1.5, 128 + 100 * np.sin(row / 9) * np.cos(column / 7)], axis=2)
    return PIL.Image.fromarray(np.clip(planes + noise, 0, 255).astype(np.uint8)).convert(mode)


def saved(image: PIL.Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "format", "options"),
    [
        ("RGB", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("L", "PNG", {}),
        ("P", "PNG", {}),
        ("1", "PNG", {}),
        ("RGB", "JPEG", {"quality": 92}),
        ("RGB", "JPEG", {"quality": 92, "progressive": True}),
        ("L", "JPEG", {}),
        ("RGB", "WEBP", {"lossless": True}),
        ("RGBA", "WEBP", {"quality": 90}),
    ],
)
def test_files_of_pillow(plugin: lao.Plugin, mode: str, format: str, options: dict[str, object]) -> None:
    data = saved(photograph(mode), format, **options)
    found = np.asarray(plugin.call("decode", data)).astype(int)
    whole = PIL.Image.open(io.BytesIO(data))
    wanted = {1: "L", 3: "RGB", 4: "RGBA"}[found.shape[2]]
    expected = np.asarray(whole.convert(wanted)).reshape(found.shape).astype(int)
    lossy = format == "JPEG" or options.get("quality")
    assert np.abs(found - expected).mean() <= (1.0 if lossy else 0.0)


def test_sixteen_bits_stay(plugin: lao.Plugin) -> None:
    deep = np.arange(0, 60000, 100, dtype=np.uint16).reshape(20, 30)
    found = np.asarray(plugin.call("decode", saved(PIL.Image.fromarray(deep), "PNG")))
    assert found.dtype == np.uint16
    assert np.array_equal(found[:, :, 0], deep)


def test_cmyk(plugin: lao.Plugin) -> None:
    data = saved(photograph("CMYK"), "JPEG", quality=95)
    expected = np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(np.asarray(plugin.call("decode", data)).astype(int) - expected).mean() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_camera(plugin: lao.Plugin, orientation: int) -> None:
    from PIL import ImageOps

    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    data = saved(photograph(), "JPEG", quality=95, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data)))).astype(int)
    found = np.asarray(plugin.call("decode", data)).astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 2


def test_an_animation_gives_its_first_frame(plugin: lao.Plugin) -> None:
    frames = [PIL.Image.new("RGB", (20, 10), color) for color in ((255, 0, 0), (0, 255, 0))]
    for format in ("WEBP", "PNG"):
        data = saved(
            frames[0],
            format,
            save_all=True,
            append_images=frames[1:],
            **({"lossless": True} if format == "WEBP" else {}),
        )
        found = np.asarray(plugin.call("decode", data))
        assert found.shape[:2] == (10, 20)
        assert (found[:, :, 0] > 200).all()


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_pillow_reads_what_it_writes(plugin: lao.Plugin, format: str) -> None:
    image = np.asarray(photograph())
    file = plugin.call("encode", image, format=format, quality=92)
    found = np.asarray(PIL.Image.open(io.BytesIO(file)).convert("RGB")).astype(int)
    theirs = PIL.Image.open(io.BytesIO(saved(photograph(), "JPEG", quality=92)))
    lost = np.abs(np.asarray(theirs).astype(int) - image).mean() if format == "jpeg" else 0
    assert np.abs(found - image).mean() <= lost * 1.25


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_threads_write_one_jpeg(made: Made, mode: str) -> None:
    image = np.asarray(photograph(mode).resize((1203, 1777)))
    with lao.Host() as host:
        files = [
            host.load(made.project.directory, isolation="none", config={"threads": threads}).call(
                "encode", image, format="jpeg"
            )
            for threads in (1, 2)
        ]
    one, two = (np.asarray(PIL.Image.open(io.BytesIO(file))) for file in files)
    assert one.shape == image.shape
    assert np.array_equal(one, two)


def patched(data: bytes, marker: bytes, offset: int, value: bytes) -> bytes:
    at = data.index(marker) + offset
    return data[:at] + value + data[at + len(value) :]


def test_jpegs_that_lie(plugin: lao.Plugin) -> None:
    """Another size than there are pixels of, another depth, another kind, no end."""
    data = saved(photograph(), "JPEG", quality=90)
    frame = b"\xff\xc0"
    for spoiled, reason in (
        (patched(data, frame, 5, b"\xff\xff\xff\xff"), "max_pixels"),
        (patched(data, frame, 5, b"\0\0"), "no pixels"),
        (patched(data, frame, 4, b"\x0c"), "12 bits"),
        (patched(data, frame, 1, b"\xc3"), "SOF3"),
        (patched(data, frame, 9, b"\x02"), "2 components"),
        (data[:-2], "ends before"),
        (data[: len(data) // 2], "ends before"),
        (data[:100], "cut off|ends"),
    ):
        with pytest.raises(lao.InvalidInput, match=reason):
            plugin.call("decode", spoiled)
    # Fewer pixels than it says: refused, or gray below, but never a crash.
    taller = patched(data, frame, 5, (400).to_bytes(2, "big"))
    with contextlib.suppress(lao.InvalidInput):
        assert np.asarray(plugin.call("decode", taller)).shape == (400, 160, 3)


@pytest.mark.parametrize(
    ("filter", "theirs"), [("bilinear", "BILINEAR"), ("bicubic", "BICUBIC"), ("lanczos", "LANCZOS")]
)
def test_sizes_as_pillow_makes_them(plugin: lao.Plugin, filter: str, theirs: str) -> None:
    image = photograph()
    expected = np.asarray(image.resize((61, 47), PIL.Image.Resampling[theirs])).astype(int)
    found = np.asarray(plugin.call("resize", np.asarray(image), width=61, height=47, filter=filter)).astype(
        int
    )
    assert np.abs(found - expected).mean() < 1


def needs_opencl(tmp_path: Path) -> None:
    try:
        find_runtimes(["opencl"], gpu=False, cache_dir=tmp_path / "probe")
    except PluginLoadError as error:
        pytest.skip(f"{error}; `apt install pocl-opencl-icd` has one that needs no graphics processor")


def blurred_twice(plugin: lao.Plugin) -> None:
    image = np.asarray(photograph())
    for array in (image, image.astype(np.uint16) * 200, (image / np.float32(255)).astype(np.float32)):
        here = plugin.call("blur", array, sigma=3.0)
        there = plugin.call("blur", array, sigma=3.0, device="gpu")
        assert there.metadata["device"] != "cpu", there.metadata
        step = 1e-5 if array.dtype == np.float32 else 1
        assert np.abs(np.asarray(here).astype(float) - np.asarray(there)).max() <= step


def test_blur_by_opencl(made: Made, tmp_path: Path) -> None:
    needs_opencl(tmp_path)
    with lao.Host() as host:
        blurred_twice(host.load(made.project.directory, isolation="none"))


def test_blur_by_opencl_in_the_sandbox(made: Made, tmp_path: Path) -> None:
    """PoCL needs a linker for the first call, and its cache for those after it."""
    needs_opencl(tmp_path)
    linker = shutil.which("ld")
    if linker is None:
        pytest.skip("no linker, which PoCL needs to build a kernel; `apt install binutils` has one")
    building = Rights(runtimes=("opencl",), programs=(linker,))
    for rights in (building, Rights(runtimes=("opencl",))):
        with host_granting(tmp_path, made.result.library, rights) as host:
            plugin = host.load("opencl")
            assert plugin.enforced["P1"].level == "kernel"
            blurred_twice(plugin)
