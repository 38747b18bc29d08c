"""Inputs for the conformance test: sound ones, and ones that try a plugin's patience. All follow from one seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lao.model.kinds import Kind
from lao.model.values import Audio, Binary, File, Image, Json, Text

__all__ = ["Sample", "dtypes", "hard_samples", "plain_sample", "samples_of_other_kinds", "variants"]

_DTYPES = ("uint8", "float32", "uint16", "int16", "float64", "int64", "bool", "complex64")
_HUGE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """One input and what it is for, e.g. `"empty"`."""

    label: str
    value: Any


def plain_sample(kind: Kind, folder: Path, dtype: str = "") -> Any:
    """An ordinary, small input of a kind; None for a capability that takes none. `dtype` is that of an array.

    Raises:
        ImportError: The kind is made of arrays, and numpy is not installed.
    """
    if kind in (Kind.TEXT, Kind.ANY):
        return Text("Hello, wide world. Zwölf Bären.")
    if kind == Kind.JSON:
        return Json({"text": "hello", "numbers": [1, 2, 3]})
    if kind == Kind.BINARY:
        return Binary(b"some bytes \x00\xff")
    if kind == Kind.FILE:
        file = folder / "sample.txt"
        file.write_text("Hello, wide world.\n", "utf-8")
        return File(file)
    if kind == Kind.NONE:
        return None
    return _wrapped(kind, _ramp(_shape(kind, 8), dtype or dtypes(kind)[0]))


def dtypes(kind: Kind) -> tuple[str, ...]:
    """The element types to try for a kind, the likeliest first; one empty name for what is no array."""
    if kind in (Kind.TENSOR, Kind.IMAGE, Kind.AUDIO, Kind.VIDEO):
        return ("float32", "int16") if kind == Kind.AUDIO else _DTYPES
    return ("",)


def variants(kind: Kind, plain: Any, count: int, dtype: str = "") -> list[Any]:
    """`count` inputs of a kind that differ in content and, where that can be, in size; some kinds have only the one."""
    if kind in (Kind.TEXT, Kind.ANY):
        return [Text(f"{index} {plain} " * (1 + 7 * index)) for index in range(count)]
    if kind == Kind.JSON:
        return [Json({"text": "x" * (1 + 50 * index), "number": index}) for index in range(count)]
    if kind == Kind.BINARY:
        return [Binary(bytes([index]) * (10 + 100 * index)) for index in range(count)]
    if kind in (Kind.NONE, Kind.FILE):
        return [plain] * count
    dtype = dtype or dtypes(kind)[0]
    return [
        _wrapped(kind, (_ramp(_shape(kind, 8 + 5 * index), dtype) + index).astype(dtype))
        for index in range(count)
    ]


def hard_samples(kind: Kind, folder: Path, seed: int) -> Iterator[Sample]:
    """Inputs of the right kind that are empty, huge, random, and for arrays strided, reversed and misaligned.

    Raises:
        ImportError: As in `plain_sample`.
    """
    source = random.Random(f"{seed} {kind}")
    if kind in (Kind.TEXT, Kind.ANY):
        yield Sample("empty text", Text(""))
        yield Sample("NUL characters", Text("\0a\0\0b\0"))
        yield Sample(
            "rare characters",
            Text("\U0010ffff\u202e\ufeff\u0301\U0001f468\u200d\U0001f469 \u0130\u0149\ufb03"),
        )
        yield Sample("huge text", Text("wörd " * (_HUGE_BYTES // 6)))
        for index in range(5):
            yield Sample(f"random text {index}", Text(_random_text(source)))
    if kind in (Kind.JSON, Kind.ANY):
        documents: list[Any] = [None, {}, [], "", 0, {"": {"": [None, True, 1e300]}}]
        for document in documents:
            yield Sample(f"json {document!r}", Json(document))
        deep: Any = []
        for _ in range(200):
            deep = [deep]
        yield Sample("deep json", Json(deep))
        yield Sample("huge json", Json([["x" * 100, 1.5]] * 20_000))
        yield Sample("random json", Json(_random_json(source, 4)))
    if kind in (Kind.BINARY, Kind.ANY):
        yield Sample("no bytes", Binary(b""))
        yield Sample("huge binary", Binary(bytes(_HUGE_BYTES)))
        for index in range(5):
            yield Sample(f"random binary {index}", Binary(source.randbytes(source.randrange(1, 5000))))
    if kind == Kind.FILE:
        empty = folder / "empty"
        empty.write_bytes(b"")
        random_file = folder / "rändom file"
        random_file.write_bytes(source.randbytes(4096))
        yield Sample("no such file", File(folder / "nothing here"))
        yield Sample("a folder", File(folder))
        yield Sample("empty file", File(empty))
        yield Sample("random file", File(random_file))
    if kind in (Kind.TENSOR, Kind.IMAGE, Kind.AUDIO, Kind.VIDEO):
        yield from _arrays(kind, source)


def samples_of_other_kinds(kind: Kind, folder: Path) -> Iterator[Sample]:
    """One ordinary input of every kind that a capability did not ask for, and none at all."""
    if kind != Kind.NONE:
        yield Sample("no input", None)
    for other in (Kind.TEXT, Kind.JSON, Kind.BINARY, Kind.FILE, Kind.TENSOR, Kind.IMAGE, Kind.AUDIO):
        if other != kind:
            try:
                yield Sample(f"{other.label} instead of {kind.label}", plain_sample(other, folder))
            except ImportError:
                continue


def _random_text(source: random.Random) -> str:
    planes = (
        (0x20, 0x7E),
        (0xA0, 0x24F),
        (0x370, 0x5FF),
        (0x2000, 0x206F),
        (0x4E00, 0x9FFF),
        (0x1F300, 0x1FAFF),
    )
    characters = (chr(source.randint(*source.choice(planes))) for _ in range(source.randrange(1, 2000)))
    return "".join(characters)


def _random_json(source: random.Random, depth: int) -> Any:
    kind = source.randrange(6 if depth else 4)
    if kind == 4:
        return [_random_json(source, depth - 1) for _ in range(source.randrange(5))]
    if kind == 5:
        return {f"key {index}": _random_json(source, depth - 1) for index in range(source.randrange(5))}
    return (None, source.random() < 0.5, source.uniform(-1e9, 1e9), _random_text(source)[:50])[kind]


def _shape(kind: Kind, length: int) -> tuple[int, ...]:
    return {Kind.IMAGE: (length, length, 3), Kind.AUDIO: (length, 2), Kind.VIDEO: (2, length, length, 3)}.get(
        kind, (length, length)
    )


def _ramp(shape: tuple[int, ...], dtype: str) -> Any:
    import numpy

    count = 1
    for length in shape:
        count *= length
    return (numpy.arange(count) % 251).astype(dtype).reshape(shape)


def _wrapped(kind: Kind, array: Any) -> Any:
    if kind == Kind.IMAGE:
        return Image(array)
    if kind == Kind.AUDIO:
        return Audio(array, 16000)
    return array


def _arrays(kind: Kind, source: random.Random) -> Iterator[Sample]:
    import numpy

    for dtype in _DTYPES:
        array = _ramp(_shape(kind, 6), dtype)
        yield Sample(f"{dtype}", _wrapped(kind, array))
        yield Sample(f"{dtype}, reversed", _wrapped(kind, array[::-1, ::-1]))
        yield Sample(f"{dtype}, every second", _wrapped(kind, array[::2]))
        yield Sample(f"{dtype}, transposed", _wrapped(kind, numpy.asfortranarray(array)))
        raw = numpy.zeros(array.nbytes + 1, "uint8")
        shifted = raw[1:].view(dtype).reshape(array.shape)
        shifted[...] = array
        yield Sample(f"{dtype}, misaligned", _wrapped(kind, shifted))
        empty = numpy.zeros((0, *array.shape[1:]), dtype)
        yield Sample(f"{dtype}, empty", _wrapped(kind, empty))
    yield Sample("one element", _wrapped(kind, _ramp(_shape(kind, 1), "uint8")))
    yield Sample("huge", _wrapped(kind, _ramp(_shape(kind, 1000), "uint8")))
    length = source.randrange(2, 200)
    noise = numpy.random.default_rng(source.getrandbits(32)).integers(0, 255, _shape(kind, length))
    yield Sample("random", _wrapped(kind, noise.astype("uint8")))
    nans = numpy.full(_shape(kind, 4), numpy.nan, "float32")
    yield Sample("not numbers", _wrapped(kind, nans))
