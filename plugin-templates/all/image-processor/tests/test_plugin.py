"""The plugin as its users see it, through LAO. Run by `lao plugin test`, after a build."""

import contextlib
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

import lao

PLUGIN = Path(__file__).resolve().parent.parent
SAMPLE = (PLUGIN / "sample.ppm").read_bytes()
DTYPES = [np.uint8, np.uint16, np.float32]


@pytest.fixture(params=["process", "none"], scope="module")
def plugin(request):
    with lao.Host() as host:
        yield host.load(PLUGIN, isolation=request.param)


def pattern(height=30, width=40, channels=3, dtype=np.uint8):
    numbers = np.random.default_rng(5).integers(0, 256, (height, width, channels))
    return numbers.astype(dtype) if dtype != np.float32 else (numbers / 255).astype(dtype)


def test_files_round_trip(plugin):
    for format, channels in [("png", 1), ("png", 3), ("png", 4), ("webp", 3), ("webp", 4)]:
        array = pattern(channels=channels)
        file = plugin.call("encode", array, format=format)
        assert file.media_type == f"image/{format}"
        assert np.array_equal(np.asarray(plugin.call("decode", file)), array)
    file = plugin.call("encode", np.full((16, 16, 3), 77, np.uint8), format="jpeg", quality=95)
    assert np.abs(np.asarray(plugin.call("decode", file)).astype(int) - 77).max() <= 2


def test_the_sample(plugin):
    assert np.asarray(plugin.call("decode", SAMPLE)).shape == (24, 32, 3)
    small = plugin(SAMPLE, size=8)
    assert small.media_type == "image/png"
    assert np.asarray(plugin.call("decode", small)).shape == (6, 8, 3)


def test_files_in_a_batch(plugin, tmp_path):
    paths = [tmp_path / f"{number}.ppm" for number in range(5)]
    for path in paths:
        path.write_bytes(SAMPLE)
    files = list(plugin.map("convert", paths, format="webp", size=10))
    assert [file.media_type for file in files] == ["image/webp"] * 5
    assert {np.asarray(plugin.call("decode", file)).shape for file in files} == {(8, 10, 3)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sizes(plugin, dtype, channels):
    image = pattern(channels=channels, dtype=dtype)
    for filter in ("area", "bilinear", "bicubic", "lanczos"):
        small = np.asarray(plugin.call("resize", image, width=20, filter=filter))
        assert (small.shape, small.dtype) == ((15, 20, channels), dtype)
    if channels < 4:
        halved = np.asarray(plugin.call("resize", image, width=20, height=15, filter="area"))
        mean = image.reshape(15, 2, 20, 2, channels).mean(axis=(1, 3))
        assert np.abs(halved - mean).max() <= (0.001 if dtype == np.float32 else 1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_parts_and_turns(plugin, dtype):
    image = pattern(dtype=dtype)
    assert np.array_equal(np.asarray(plugin.call("crop", image, x=3, y=5, width=7, height=9)), image[5:14, 3:10])
    for degrees, turns in (("90", -1), ("180", 2), ("270", 1)):
        turned = np.asarray(plugin.call("rotate", image, degrees=degrees))
        assert np.array_equal(turned, np.rot90(image, turns))
    strided = image[::-2, ::3]
    assert np.array_equal(np.asarray(plugin.call("crop", strided, width=4, height=3)), strided[:3, :4])


def blurred(image, sigma):
    """The same in numpy: cut off at three sigma, the border goes on outside."""
    radius = max(int(np.ceil(3 * sigma)), 1)
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    padded = np.pad(image.astype(float), [(radius, radius), (radius, radius), (0, 0)], mode="edge")
    rows = sum(w * padded[:, at : at + image.shape[1]] for at, w in enumerate(weights))
    return sum(w * rows[at : at + image.shape[0]] for at, w in enumerate(weights))


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0, 9.5])
def test_blur(plugin, sigma):
    image = pattern()
    assert np.abs(np.asarray(plugin.call("blur", image, sigma=sigma)) - blurred(image, sigma)).max() <= 0.6


def test_blur_where_it_is_wanted(plugin):
    image = pattern()
    here = plugin.call("blur", image, sigma=2.0)
    there = plugin.call("blur", image, sigma=2.0, device="gpu")
    assert here.metadata == {"device": "cpu"}
    # Without OpenCL it is done here, and the reason is told.
    assert (there.metadata["device"] == "cpu") == ("reason" in there.metadata)
    assert np.abs(np.asarray(here).astype(int) - np.asarray(there)).max() <= 1


def test_gray_and_edges(plugin):
    image = pattern()
    gray = np.asarray(plugin.call("gray", image))
    assert gray.shape == (30, 40, 1)
    assert np.abs(gray[:, :, 0] - image @ [0.299, 0.587, 0.114]).max() <= 0.51
    step = np.zeros((20, 20, 1), np.uint8)
    step[:, 10:] = 50
    edges = np.asarray(plugin.call("edges", step))
    assert set(np.flatnonzero(edges[10, :, 0])) == {9, 10}
    assert edges.max() == 200


def test_colors(plugin):
    image = pattern(dtype=np.float32)
    assert np.array_equal(np.asarray(plugin.call("color", image, to="bgr")), image[:, :, ::-1])
    again = plugin.call("color", plugin.call("color", image, to="bgr"), to="rgb")
    assert np.array_equal(np.asarray(again), image)
    clear = np.asarray(plugin.call("color", image, to="rgba"))
    assert np.array_equal(clear[:, :, :3], image)
    assert (clear[:, :, 3] == 1).all()
    luma = image @ np.float32([0.299, 0.587, 0.114])
    ycbcr = np.asarray(plugin.call("color", image, to="ycbcr"))
    assert np.allclose(ycbcr[:, :, 0], luma, atol=1e-5)
    assert np.allclose(ycbcr[:, :, 2], (image[:, :, 0] - luma) / 1.402 + 0.5, atol=1e-5)
    hsv = np.asarray(plugin.call("color", np.uint8([[[255, 0, 0], [0, 128, 0]]]), to="hsv"))
    assert hsv.tolist() == [[[0, 255, 255], [85, 255, 128]]]


def test_corners(plugin):
    image = np.zeros((60, 60, 1), np.uint8)
    image[20:40, 15:45] = 200
    found = plugin.call("corners", image, most=10)["corners"]
    assert len(found) == 4
    for y, x in [(20, 15), (20, 44), (39, 15), (39, 44)]:
        assert any(abs(one["x"] - x) < 3 and abs(one["y"] - y) < 3 for one in found)
    assert plugin.call("corners", np.full((20, 20, 3), 7, np.uint8)) == {"corners": []}


def png(width, height, data):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"no image at all",
        b"\x89PNG\r\n\x1a\n",
        png(10, 10, b"\0" * 31),  # too little
        png(2**31 - 1, 2**31 - 1, b""),  # it lies
        png(100_000, 100_000, b"\0"),
        b"\xff\xd8\xff\xe0" + b"\0" * 100,
        b"RIFF\x20\0\0\0WEBPVP8 " + b"\xff" * 20,
        b"P6\n999999999 999999999\n255\n",
    ],
)
def test_files_that_are_none(plugin, file):
    with pytest.raises(lao.InvalidInput):
        plugin.call("decode", file)
    assert np.asarray(plugin.call("decode", SAMPLE)).shape == (24, 32, 3)


def test_cut_and_spoiled_files(plugin):
    numbers = np.random.default_rng(9)
    for format in ("png", "jpeg", "webp"):
        whole = plugin.call("encode", pattern(), format=format)
        for _ in range(40):
            spoiled = bytearray(whole[: numbers.integers(1, len(whole))])
            for place in numbers.integers(0, len(spoiled), 3):
                spoiled[place] = numbers.integers(0, 256)
            with contextlib.suppress(lao.InvalidInput):
                plugin.call("decode", bytes(spoiled))


@pytest.mark.parametrize(
    ("capability", "params"),
    [
        ("resize", {}),
        ("resize", {"width": 10**6, "height": 10**6}),
        ("resize", {"width": 5, "filter": "magic"}),
        ("crop", {"x": 35, "width": 10, "height": 10}),
        ("crop", {}),
        ("rotate", {"degrees": "45"}),
        ("blur", {"sigma": 0}),
    ],
)
def test_wrong_parameters(plugin, capability, params):
    with pytest.raises(lao.InvalidInput):
        plugin.call(capability, pattern(), **params)


@pytest.mark.parametrize(
    "array", [np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5, 2), np.uint8), np.zeros((5, 5, 3))]
)
def test_arrays_that_are_no_images(plugin, array):
    with pytest.raises(lao.InvalidInput):
        plugin.call("gray", array)


def test_the_limit_of_pixels():
    with lao.Host() as host:
        plugin = host.load(PLUGIN, isolation="process", config={"max_pixels": 700})
        with pytest.raises(lao.InvalidInput, match="max_pixels"):
            plugin.call("decode", SAMPLE)
        assert plugin.call("encode", pattern())[:4] == b"\x89PNG"
