"""What a command line gives to a plugin, and what becomes of the answer."""

from __future__ import annotations

import builtins
import io
import json
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lao
from lao.cli.inputs import parameters, read_input
from lao.cli.outputs import as_json, joined, show, store, summary
from lao.errors import InvalidInput, LaoError
from lao.model.kinds import Kind

# Inputs


@pytest.mark.parametrize(
    ("argument", "kind", "value"),
    [
        (None, Kind.TEXT, None),
        ("Hello", Kind.TEXT, "Hello"),
        ("", Kind.TEXT, ""),
        ("@@home", Kind.TEXT, "@home"),
        ('{"a": 1}', Kind.JSON, '{"a": 1}'),
        ("Hello", Kind.ANY, "Hello"),
        ("a/b.txt", Kind.FILE, Path("a/b.txt")),
    ],
)
def test_texts(argument: str | None, kind: Kind, value: Any) -> None:
    assert read_input(argument, kind) == value


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.AUDIO, Kind.TENSOR, Kind.BINARY])
def test_text_for_what_takes_a_file(kind: Kind) -> None:
    with pytest.raises(InvalidInput, match=f"the capability takes {kind.label}"):
        read_input("Hello", kind)


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes("grüße\n".encode())
    assert read_input(f"@{file}", Kind.TEXT) == "grüße\n"
    assert read_input(f"@{file}", Kind.BINARY) == "grüße\n".encode()
    assert read_input(f"@{file}", Kind.FILE) == file
    (tmp_path / "latin.txt").write_bytes(b"gr\xfc\xdfe")
    with pytest.raises(InvalidInput, match="is not text") as caught:
        read_input(f"@{tmp_path / 'latin.txt'}", Kind.TEXT)
    assert caught.value.causes == ("byte 2 is not UTF-8",)
    for missing in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InvalidInput, match="cannot read"):
            read_input(f"@{missing}", Kind.TEXT)


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    assert read_input("@-", Kind.TEXT) == "piped"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    assert read_input("@-", Kind.BINARY) == b"\xff"
    with pytest.raises(InvalidInput, match="not read from stdin"):
        read_input("@-", Kind.IMAGE)


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("RGBA", 4), ("L", 1), ("P", 3), ("CMYK", 3)])
def test_pictures(tmp_path: Path, mode: str, channels: int) -> None:
    file = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    Image.new(mode, (5, 3)).save(file)
    image = read_input(f"@{file}", Kind.IMAGE)
    assert (image.shape, image.dtype) == ((3, 5, channels), np.uint8)
    assert read_input(f"@{file}", Kind.ANY).shape == image.shape


def test_arrays(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "x.npy", array)
    for kind in (Kind.TENSOR, Kind.IMAGE, Kind.AUDIO, Kind.ANY):
        assert np.array_equal(read_input(f"@{tmp_path / 'x.npy'}", kind), array)
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    for name, content in (("objects.npy", None), ("text.npy", b"text"), ("empty.npy", b"")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidInput, match=r"is not a \.npy file"):
            read_input(f"@{tmp_path / name}", Kind.TENSOR)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_sounds(tmp_path: Path, width: int, channels: int) -> None:
    frames = 10
    half = {1: b"\xc0", 2: b"\x00\x40", 3: b"\x00\x00\x40", 4: b"\x00\x00\x00\x40"}[width]
    with wave.open(str(tmp_path / "x.wav"), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(16000)
        sound.writeframes(half * frames * channels)
    audio = read_input(f"@{tmp_path / 'x.wav'}", Kind.AUDIO)
    assert audio.sample_rate == 16000
    samples = np.asarray(audio.samples)
    assert samples.shape == (frames, channels)
    assert samples.dtype == (np.int16 if width == 2 else np.float32)
    assert np.all(samples == (16384 if width == 2 else 0.5))


def test_no_picture_and_no_sound(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    (tmp_path / "x.wav").write_bytes(b"no sound")
    with pytest.raises(InvalidInput, match="is not a picture"):
        read_input(f"@{tmp_path / 'x.png'}", Kind.IMAGE)
    with pytest.raises(InvalidInput, match="is not a PCM WAV file"):
        read_input(f"@{tmp_path / 'x.wav'}", Kind.AUDIO)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "x.png")
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".", maxsplit=1)[0] == "PIL":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for name in [module for module in sys.modules if module.split(".")[0] == "PIL"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(LaoError) as caught:
        read_input(f"@{tmp_path / 'x.png'}", Kind.IMAGE)
    assert caught.value.causes == ("the package `pillow` is not installed",)
    assert caught.value.hint == "pip install pillow"


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("k=1", 1),
        ("k=-1.5", -1.5),
        ("k=true", True),
        ("k=null", None),
        ("k=text", "text"),
        ('k="1"', "1"),
        ("k=", ""),
        ("k=a=b", "a=b"),
        ('k={"a": [1]}', {"a": [1]}),
        ("k=NaN", "NaN"),
        ("k=" + "[" * 100_000, "[" * 100_000),
    ],
)
def test_parameters(pair: str, value: Any) -> None:
    assert parameters([pair]) == {"k": value}


@pytest.mark.parametrize("pairs", [["width"], ["=1"], ["a=1", "a=2"]])
def test_bad_parameters(pairs: list[str]) -> None:
    with pytest.raises(InvalidInput):
        parameters(pairs)


# Outputs

IMAGE = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        ("text", Kind.TEXT, "text\n"),
        ("line\n", Kind.TEXT, "line\n"),
        ({"b": 1, "a": "ü"}, Kind.JSON, '{\n  "b": 1,\n  "a": "ü"\n}\n'),
        ([], Kind.JSON, "[]\n"),
        (True, Kind.JSON, "true\n"),
        (Path("/x/y"), Kind.FILE, "/x/y\n"),
        (b"\x00\x01", Kind.BINARY, "binary 2 bytes\n"),
        (IMAGE, Kind.IMAGE, "image 2x4x3 uint8\n"),
        (IMAGE, Kind.ANY, "tensor 2x4x3 uint8\n"),
        (None, Kind.NONE, ""),
    ],
)
def test_showing(capsys: pytest.CaptureFixture[str], value: Any, kind: Kind, shown: str) -> None:
    show(value, kind)
    assert capsys.readouterr().out == shown


def test_showing_sound() -> None:
    audio = lao.Audio(np.zeros((100, 2), np.float32), sample_rate=48000)
    assert summary(audio) == "audio 100x2 float32 48000 Hz"
    assert as_json(audio) == {"summary": "audio 100x2 float32 48000 Hz"}


@pytest.mark.parametrize(
    ("value", "name", "content"),
    [
        ("grüße", "x.txt", "grüße".encode()),
        ({"a": 1}, "x.json", b'{\n  "a": 1\n}\n'),
        (b"\x00\xff", "x.bin", b"\x00\xff"),
        (memoryview(b"ab"), "x", b"ab"),
        (IMAGE, "x.raw", IMAGE.tobytes()),
    ],
)
def test_storing(tmp_path: Path, value: Any, name: str, content: bytes) -> None:
    store(value, tmp_path / name)
    assert (tmp_path / name).read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_storing_a_file(tmp_path: Path) -> None:
    (tmp_path / "made").write_text("made")
    store(tmp_path / "made", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "made"


@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 4, 4), (2, 4, 1), (2, 4)])
def test_storing_pictures(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(1).integers(0, 255, shape, np.uint8)
    store(array, tmp_path / "x.png")
    back = read_input(f"@{tmp_path / 'x.png'}", Kind.IMAGE)
    assert np.array_equal(back, array.reshape(back.shape))
    store(array[::-1], tmp_path / "flipped.jpg")
    assert read_input(f"@{tmp_path / 'flipped.jpg'}", Kind.IMAGE).shape[:2] == (2, 4)


def test_storing_pictures_of_floats(tmp_path: Path) -> None:
    store(np.array([[[0.0, 0.5, 1.0]]], np.float32), tmp_path / "x.png")
    assert read_input(f"@{tmp_path / 'x.png'}", Kind.IMAGE).tolist() == [[[0, 128, 255]]]


def test_storing_arrays_and_sound(tmp_path: Path) -> None:
    store(IMAGE, tmp_path / "x.npy")
    assert np.array_equal(np.load(tmp_path / "x.npy"), IMAGE)
    samples = np.array([[0.5, -0.5], [1.0, -2.0]], np.float32)
    store(lao.Audio(samples, sample_rate=8000), tmp_path / "x.wav")
    audio = read_input(f"@{tmp_path / 'x.wav'}", Kind.AUDIO)
    assert audio.sample_rate == 8000
    assert np.asarray(audio.samples).tolist() == [[16384, -16384], [32767, -32767]]


@pytest.mark.parametrize(
    ("value", "name", "reason"),
    [
        (np.zeros((2, 2, 7), np.uint8), "x.png", "cannot be written as .png"),
        (np.zeros((2, 2), np.complex64), "x.png", "cannot be written as .png"),
        (IMAGE, "x.wav", "only audio is written as .wav"),
        ("text", "no/such/folder/x.txt", "cannot write"),
    ],
)
def test_what_cannot_be_stored_leaves_nothing(tmp_path: Path, value: Any, name: str, reason: str) -> None:
    (tmp_path / "x.png").write_text("before")
    with pytest.raises(LaoError, match=reason) as caught:
        store(value, tmp_path / name)
    assert caught.value.where == str(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]
    assert (tmp_path / "x.png").read_text() == "before"


def test_json_output_is_json() -> None:
    for value in ("x", {"a": 1}, [1], 1.5, None, b"x", Path("y"), IMAGE):
        json.dumps(as_json(value, Kind.IMAGE))


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        (["a", "b"], "ab"),
        ([b"a", memoryview(b"b")], b"ab"),
        ([{"a": 1}], {"a": 1}),
        ([1, "a"], (1, "a")),
        ([], ()),
    ],
)
def test_joining_parts(parts: list[Any], value: Any) -> None:
    assert joined(parts) == value


def test_parts_that_cannot_be_one_file(tmp_path: Path) -> None:
    parts = joined([{"a": 1}, {"b": 2}])
    assert as_json(parts) == [{"a": 1}, {"b": 2}]
    with pytest.raises(InvalidInput, match="2 parts of a stream cannot be written to one file"):
        store(parts, tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []
