"""Files as inputs: what a step gets of them, and what is said about those that are not what they should be."""

from __future__ import annotations

import builtins
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lao.errors import InvalidInput
from lao.model.kinds import Kind
from lao.model.values import Audio, Video
from lao.workflow.media import open_file


def test_text_json_bytes_and_paths(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes('{"ä": 1}'.encode())
    assert open_file(file, Kind.TEXT) == open_file(file, Kind.JSON) == '{"ä": 1}'
    assert open_file(file, Kind.BINARY) == '{"ä": 1}'.encode()
    assert open_file(file, Kind.FILE) is open_file(file, Kind.ANY) is file


@pytest.mark.parametrize(
    ("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4), ("P", 3), ("1", 1), ("CMYK", 3), ("LA", 4)]
)
def test_images_are_height_width_channels(tmp_path: Path, mode: str, channels: int) -> None:
    file = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.new(mode, (5, 3)).save(file)
    pixels = open_file(file, Kind.IMAGE)
    assert (pixels.shape, pixels.dtype) == ((3, 5, channels), np.uint8)


def test_pixels_are_those_of_the_file_turned_as_it_says(tmp_path: Path) -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(open_file(tmp_path / "a.png", Kind.IMAGE), pixels)
    turned = Image.Exif()
    turned[0x0112] = 6  # to be shown turned clockwise
    Image.fromarray(pixels).save(tmp_path / "b.png", exif=turned)
    assert np.array_equal(open_file(tmp_path / "b.png", Kind.IMAGE), np.rot90(pixels, -1))


def write_wav(path: Path, width: int, channels: int, data: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(16000)
        file.writeframes(data)


@pytest.mark.parametrize(
    ("width", "data", "expected"),
    [
        (1, bytes([0, 128, 192]), [-1.0, 0.0, 0.5]),
        (2, np.array([-32768, 0, 16384], "<i2").tobytes(), [-32768, 0, 16384]),
        (3, bytes([0, 0, 0x80, 0, 0, 0, 0, 0, 0x40]), [-1.0, 0.0, 0.5]),
        (4, np.array([-(2**31), 0, 2**30], "<i4").tobytes(), [-1.0, 0.0, 0.5]),
    ],
)
def test_sound_of_every_width(tmp_path: Path, width: int, data: bytes, expected: list[float]) -> None:
    write_wav(tmp_path / "a.wav", width, 1, data)
    sound = open_file(tmp_path / "a.wav", Kind.AUDIO)
    assert isinstance(sound, Audio)
    assert (sound.sample_rate, sound.shape) == (16000, (3, 1))
    assert sound.dtype == (np.int16 if width == 2 else np.float32)
    assert sound.samples[:, 0].tolist() == expected


def test_stereo_is_frames_by_channels(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", 2, 2, np.array([1, 2, 3, 4, 5, 6], "<i2").tobytes())
    assert open_file(tmp_path / "a.wav", Kind.AUDIO).samples.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_video_is_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"frames")
    video = open_file(tmp_path / "a.mp4", Kind.VIDEO)
    assert isinstance(video, Video)
    assert (video.data, video.media_type) == (b"frames", "video/mp4")


@pytest.mark.parametrize("kind", [Kind.TENSOR, Kind.IMAGE, Kind.AUDIO, Kind.VIDEO])
def test_arrays_from_npy(tmp_path: Path, kind: Kind) -> None:
    array = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "a.npy", array)
    assert np.array_equal(open_file(tmp_path / "a.npy", kind), array)


@pytest.mark.parametrize(
    ("name", "content", "kind", "said"),
    [
        ("a.txt", b"\xe4", Kind.TEXT, "is not text: byte 0 is not UTF-8"),
        ("a.png", b"text", Kind.IMAGE, "is not a picture"),
        ("a.png", b"", Kind.IMAGE, "is not a picture"),
        ("a.wav", b"RIFF", Kind.AUDIO, "is not a PCM WAV file"),
        ("a.wav", b"", Kind.AUDIO, "is not a PCM WAV file"),
        ("a.npy", b"", Kind.TENSOR, "is not a .npy file"),
        ("a.npy", b"text", Kind.TENSOR, "is not a .npy file"),
        ("a.bin", None, Kind.BINARY, "no such file"),
        ("a.png", None, Kind.IMAGE, "no such file"),
    ],
)
def test_files_that_are_not_what_they_should_be(
    tmp_path: Path, name: str, content: bytes | None, kind: Kind, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=said):
        open_file(tmp_path / name, kind)


def test_a_truncated_picture(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput):
        open_file(tmp_path / "a.png", Kind.IMAGE)


def test_objects_in_npy_are_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidInput, match=r"is not a \.npy file"):
        open_file(tmp_path / "a.npy", Kind.TENSOR)


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def without_pillow(name: str, *rest: Any) -> Any:
        if name.startswith("PIL"):
            raise ImportError(name)
        return found(name, *rest)

    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    monkeypatch.setattr("importlib.import_module", without_pillow)
    with pytest.raises(InvalidInput, match="the package `pillow` is not installed") as caught:
        open_file(tmp_path / "a.png", Kind.IMAGE)
    assert caught.value.hint == "pip install pillow"
