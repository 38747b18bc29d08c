"""Arrays that one plugin hands to another: their elements in C order, and what they are beside them."""

from __future__ import annotations

import importlib.util
import math
import struct
from collections.abc import Mapping
from typing import Any

from lao.errors import InvalidInput
from lao.host.services.framing import Reply
from lao.model.kinds import Kind
from lao.model.values import CHANNEL_ORDERS, COLOR_SPACES, Audio, Image

__all__ = ["array_input", "array_reply"]

_HEAD = struct.Struct("=BBxxiIII")  # struct lao__service_tensor of native/core/service_tensor.h
_DEEPEST = 32  # axes
# (DLPack code, bits) -> the buffer protocol's character
_FORMATS = {
    **{(0, bits): character for bits, character in ((8, "b"), (16, "h"), (32, "i"), (64, "q"))},
    **{(1, bits): character for bits, character in ((8, "B"), (16, "H"), (32, "I"), (64, "Q"))},
    **{(2, bits): character for bits, character in ((16, "e"), (32, "f"), (64, "d"))},
    **{(5, bits): character for bits, character in ((64, "Zf"), (128, "Zd"))},
    (6, 8): "?",
}
_CODES = {character: code for (code, _), character in _FORMATS.items()} | {"l": 0, "L": 1}


def array_input(kind: Kind, header: Mapping[str, Any], body: bytes) -> Any:
    """The array that a plugin hands on: numpy's where that is installed, else a memoryview.

    Raises:
        InvalidInput: It is none, or its bytes are not as many as it says.
    """
    shape = header.get("shape")
    code, bits = header.get("dtype_code"), header.get("dtype_bits")
    character = _FORMATS.get((code, bits)) if type(code) is int and type(bits) is int else None
    if (
        character is None
        or not isinstance(shape, list)
        or len(shape) > _DEEPEST
        or any(type(length) is not int or length < 0 for length in shape)
        or math.prod(shape) * (bits or 0) // 8 != len(body)
        or kind not in (Kind.TENSOR, Kind.IMAGE, Kind.AUDIO, Kind.VIDEO)
    ):
        raise InvalidInput("the array is none that can be handed on")
    array = _array(character, tuple(shape), body)
    if kind is Kind.AUDIO:
        rate = header.get("sample_rate", 0)
        return Audio(array, rate if type(rate) is int and rate >= 0 else 0)
    if kind is Kind.IMAGE:
        return Image(
            array,
            color_space=_named(COLOR_SPACES, header.get("color_space")),
            channel_order=_named(CHANNEL_ORDERS, header.get("channel_order")),
        )
    return array


def _array(character: str, shape: tuple[int, ...], body: bytes) -> Any:
    if importlib.util.find_spec("numpy") is None:
        if character.startswith("Z") or 0 in shape:
            raise InvalidInput("such an array can be handed on only where numpy is installed")
        return memoryview(body).cast(character, shape) if shape else memoryview(body).cast(character)  # type: ignore[call-overload]
    import numpy

    names = {"Zf": "complex64", "Zd": "complex128"}
    return numpy.frombuffer(body, dtype=names.get(character, character)).reshape(shape)


def _named(names: Mapping[str, int], number: Any) -> str:
    return next((name for name, known in names.items() if known == number), "unspecified")


def array_reply(kind: Kind, payload: Any, rate: int, color_space: int, channel_order: int) -> Reply:
    """An array as the caller's worker reads it.

    Raises:
        InvalidInput: It has no buffer, or elements that cannot be handed back.
    """
    try:
        view = memoryview(payload)
    except (TypeError, BufferError, ValueError):
        raise InvalidInput("the other plugin's output has elements that cannot be handed back") from None
    code = _CODES.get(view.format.lstrip("@=<"))
    if code is None:
        raise InvalidInput("the other plugin's output has elements that cannot be handed back")
    shape = tuple(view.shape or ())
    head = _HEAD.pack(code, view.itemsize * 8, len(shape), rate, color_space, channel_order)
    return Reply(kind=kind, header=head + struct.pack(f"={len(shape)}q", *shape), body=view.tobytes())
