"""Between Python values and the ABI's, where the native fast paths do not apply."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from lao._native import Tensor
from lao.errors import InvalidInput, ProtocolViolation
from lao.model.kinds import Kind
from lao.model.strict_json import refuse_constant
from lao.model.values import (
    CHANNEL_ORDERS,
    COLOR_SPACES,
    Audio,
    Binary,
    File,
    Image,
    Json,
    OutputPath,
    Text,
    Video,
)

__all__ = ["Described", "SentJson", "from_native", "param_to_json", "to_json", "to_native"]

_OPENED = 1  # of a file, in place of a sample rate: its caller named it, so it is opened for the plugin

# (kind, payload, sample_rate_hz, color_space, channel_order, media_type, metadata): what the native side takes
_Described = tuple[int, Any, int, int, int, str | None, str | None]


class Described(tuple[int, Any, int, int, int, str | None, str | None]):
    """What `to_native` gave before, checked in the meantime."""

    __slots__ = ()


def to_json(value: Any) -> str:
    """Compact JSON.

    Raises:
        InvalidInput: The value, or something in it, has no JSON form, or is not a finite number.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput("the input has no JSON form", causes=[str(error)]) from None


class SentJson:
    """A parameter as it is sent, and the value that was checked of it."""

    __slots__ = ("text", "value")

    def __init__(self, text: str, value: Any) -> None:
        self.text = text
        self.value = value


def param_to_json(value: Any) -> str:
    """JSON of a parameter that is no number, text or bytes. Called by the native side, which names the parameter."""
    if type(value) is SentJson:
        return value.text
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """Values of other libraries inside of JSON: numpy's scalars and arrays, paths."""
    if isinstance(value, Json):
        return value.value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def to_native(value: Any, kind: int) -> _Described | None:
    """Describes an input for a capability that takes `kind`. None: the call has no input.

    Raises:
        InvalidInput: The value is not of that kind, and says which kind it is.
    """
    if type(value) is Described:
        return value
    wanted = Kind(kind)
    if wanted is Kind.NONE or (value is None and wanted is Kind.ANY):
        if value is None:
            return None
        raise InvalidInput("the capability takes no input")
    if isinstance(value, Json):
        return _as(wanted, Kind.JSON, to_json(value.value), value)
    if isinstance(value, Audio):
        return _as(
            wanted, Kind.AUDIO, _array(value.data), value, rate=value.sample_rate, metadata=value.metadata
        )
    if isinstance(value, Image):
        spaces = (COLOR_SPACES[value.color_space], CHANNEL_ORDERS[value.channel_order])
        return _as(wanted, Kind.IMAGE, _array(value.data), value, spaces=spaces, metadata=value.metadata)
    if isinstance(value, Video):
        payload = value.data if isinstance(value.data, bytes) else _array(value.data)
        return _as(wanted, Kind.VIDEO, payload, value, media=value.media_type, metadata=value.metadata)
    if isinstance(value, Binary):
        return _as(wanted, Kind.BINARY, value, value, media=value.media_type, metadata=value.metadata)
    if isinstance(value, (File, os.PathLike)):
        given = not isinstance(value, OutputPath)
        return _as(wanted, Kind.FILE, _path(value), value, rate=_OPENED if given else 0)
    if isinstance(value, str):
        return _from_text(wanted, value)
    if isinstance(value, (bytes, bytearray)) or (isinstance(value, memoryview) and wanted is Kind.BINARY):
        return _as(wanted, Kind.BINARY, value, value)
    return _from_object(wanted, value)


def _as(
    wanted: Kind,
    kind: Kind,
    payload: Any,
    value: Any,
    *,
    rate: int = 0,
    spaces: tuple[int, int] = (0, 0),
    media: str | None = None,
    metadata: Any = None,
) -> _Described:
    if wanted not in (Kind.ANY, kind):
        if (
            wanted is Kind.TENSOR
            and kind in (Kind.AUDIO, Kind.IMAGE, Kind.VIDEO)
            and not isinstance(payload, bytes)
        ):
            kind = Kind.TENSOR
        else:
            raise _mismatch(wanted, value)
    return (kind, payload, rate, *spaces, media, to_json(metadata) if metadata else None)


def _from_text(wanted: Kind, text: str) -> _Described:
    is_text = isinstance(text, Text)  # said to be just that
    text = str.__str__(text)  # of an Enum its value, not its name
    if wanted in (Kind.TEXT, Kind.ANY):
        return (Kind.TEXT, text, 0, 0, 0, None, None)
    if wanted is Kind.FILE:
        return (Kind.FILE, _path(text), 0 if is_text else _OPENED, 0, 0, None, None)
    if wanted is Kind.JSON:
        try:
            json.loads(text, parse_constant=refuse_constant)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(
                "the text is not a JSON document",
                causes=[str(error)],
                hint="wrap a plain string in lao.Json(...)",
            ) from None
        return (Kind.JSON, text, 0, 0, 0, None, None)
    raise _mismatch(wanted, text)


def _path(value: str | os.PathLike[str]) -> str:
    path = os.path.abspath(value)
    if "\0" in path:  # the system would take what stands before it
        raise InvalidInput("a path has no NUL characters")
    return path


def _from_object(wanted: Kind, value: Any) -> _Described:
    is_array = not isinstance(value, (dict, list, tuple, int, float, bool, type(None))) and (
        hasattr(value, "__dlpack__") or hasattr(value, "__array__") or _has_buffer(value)
    )
    if is_array and wanted in (Kind.TENSOR, Kind.IMAGE, Kind.AUDIO, Kind.VIDEO, Kind.ANY):
        kind = Kind.TENSOR if wanted is Kind.ANY else wanted
        return (kind, _array(value), 0, *_facts(value, kind))
    if is_array and wanted is Kind.BINARY:
        return (Kind.BINARY, value, 0, 0, 0, None, None)
    if wanted is Kind.JSON and (value is not None or is_array):
        return (Kind.JSON, to_json(value), 0, 0, 0, None, None)
    if wanted is Kind.ANY and isinstance(value, (dict, list, tuple, int, float, bool)):
        return (Kind.JSON, to_json(value), 0, 0, 0, None, None)
    raise _mismatch(wanted, value)


def _facts(array: Any, kind: Kind) -> tuple[int, int, None, str | None]:
    """What a plugin said of it when it gave it."""
    module = sys.modules.get("lao.host.described_array")
    if module is None or not isinstance(array, module.DescribedArray):
        return (0, 0, None, None)
    text = to_json(array.metadata) if array.metadata else None
    if kind is not Kind.IMAGE:
        return (0, 0, None, text)
    return (COLOR_SPACES[array.color_space], CHANNEL_ORDERS[array.channel_order], None, text)


def _has_buffer(value: Any) -> bool:
    try:
        memoryview(value)
    except (TypeError, BufferError):
        return False
    return True


def _array(value: Any) -> Any:
    """Something with the buffer protocol, or a DLPack capsule."""
    if _has_buffer(value):
        return value
    if hasattr(value, "__dlpack__"):
        try:
            return value.__dlpack__(max_version=(1, 0))
        except TypeError:
            return value.__dlpack__()
        except BufferError as error:
            raise InvalidInput("the array cannot be exported", causes=[str(error)]) from None
    if hasattr(value, "__array__"):
        return value.__array__()
    return value


_ACCEPTED = {
    Kind.TEXT: "text (str)",
    Kind.JSON: "JSON (dict, list, number, or a str that is a document)",
    Kind.BINARY: "bytes",
    Kind.FILE: "a path (pathlib.Path or str)",
    Kind.AUDIO: "audio (lao.Audio, or an array [frames, channels])",
    Kind.IMAGE: "an image (an array [height, width, channels])",
    Kind.VIDEO: "video (lao.Video, or an array [frames, height, width, channels])",
    Kind.TENSOR: "an array",
    Kind.ANY: "a value that plugins know",
}


def _mismatch(wanted: Kind, value: Any) -> InvalidInput:
    given = "nothing" if value is None else f"`{type(value).__name__}`"
    return InvalidInput(f"the capability takes {_ACCEPTED[wanted]}; {given} was given")


# --- Outputs ---

_decode = json.JSONDecoder(parse_constant=refuse_constant).decode  # NaN is a number in data, and none in JSON


def from_native(
    plugin: Any,
    payload: Any,
    kind: int,
    sample_rate: int,
    color_space: int,
    channel_order: int,
    media_type: str | None,
    metadata: str | None,
) -> Any:
    """Makes the Python value of an output that is more than text or bytes. Called by the native side.

    Raises:
        ProtocolViolation: The output of `plugin` was declared as JSON and is not.
    """
    match Kind(kind):
        case Kind.JSON:
            try:
                return _decode(payload)
            except (ValueError, RecursionError) as error:
                raise ProtocolViolation(
                    f"the output of `{plugin.info.name}` is declared as JSON and cannot be read",
                    causes=[str(error)],
                ) from None
        case Kind.FILE:
            return OutputPath(payload)
        case Kind.BINARY:
            return Binary(payload, media_type=media_type, metadata=_metadata(metadata))
        case Kind.AUDIO:
            return Audio(_as_array(payload), sample_rate, metadata=_metadata(metadata))
        case Kind.VIDEO:
            data = payload if isinstance(payload, bytes) else _as_array(payload)
            return Video(data, media_type=media_type, metadata=_metadata(metadata))
    array = _as_array(payload)
    if (color_space or channel_order or metadata) and not isinstance(array, Tensor):
        return _described(array, color_space, channel_order, metadata)
    return array


def _described(array: Any, color_space: int, channel_order: int, metadata: str | None) -> Any:
    from lao.host.described_array import described  # it needs numpy

    space, order = _name(COLOR_SPACES, color_space), _name(CHANNEL_ORDERS, channel_order)
    return described(array, space, order, _metadata(metadata))


def _name(numbers: Mapping[str, int], number: int) -> str:
    return next((name for name, known in numbers.items() if known == number), "unspecified")


def _metadata(text: str | None) -> dict[str, Any]:
    try:
        found = _decode(text) if text else {}
    except (ValueError, RecursionError) as error:
        raise ProtocolViolation("the output's metadata is not JSON", causes=[str(error)]) from None
    return found if isinstance(found, dict) else {}


@functools.cache
def _numpy() -> ModuleType | None:
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def _as_array(tensor: Tensor) -> Any:
    """A numpy array over the same memory, where numpy is installed and knows the dtype; the tensor otherwise."""
    numpy = _numpy()
    if numpy is None or tensor.dtype == "bfloat16" or tensor.__dlpack_device__()[0] != 1:
        return tensor
    return numpy.asarray(tensor)
