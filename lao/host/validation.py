"""What is checked, and cleaned, before a call reaches a plugin: sizes, numbers and schemas that it declares.

Kinds, UTF-8 and the form of JSON are checked for every call where values are converted. Here is what a capability
declares besides. A capability that declares nothing has no checks, and its calls never come here.

What is checked is what is sent: an input is converted first, cleaned, checked in the form in which it travels, and
that form goes to the plugin. An object that changes its mind in between changes nothing.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Mapping
from typing import Any

from lao.errors import InvalidInput, LaoError, PluginLoadError
from lao.host.convert import Described, SentJson, param_to_json, to_native
from lao.model.capability import Capability
from lao.model.instance_check import InstanceCheck
from lao.model.kinds import Kind
from lao.model.sanitize import sanitize, sanitizer_of
from lao.model.strict_json import read_json

__all__ = ["Checks", "Row", "row_of"]

Row = tuple[str, int, int, "Checks | None", bool, bool]
"""A capability as the native side takes it: name, kind to convert inputs to, index in the library's table, its checks,
whether a call without parameters has anything to check, and whether its input or output comes in parts."""

_ARRAYS = (Kind.AUDIO, Kind.IMAGE, Kind.VIDEO, Kind.TENSOR)


def row_of(capability: Capability, kind: Kind, index: int, *, plugin: str) -> Row:
    """The row of a capability.

    Args:
        capability: What it declares.
        kind: What its inputs are converted to.
        index: Its place in the library's table.
        plugin: For messages.

    Raises:
        PluginLoadError: One of its schemas cannot be used.
    """
    try:
        checks = Checks(capability, kind, plugin=plugin)
    except LaoError as error:
        raise PluginLoadError(
            f"cannot load `{plugin}`",
            causes=[f"a schema of its capability `{capability.name}` cannot be used", str(error)],
            hint=error.hint,
        ) from None
    streams = capability.streams or capability.streams_input
    return (capability.name, int(kind), index, checks if checks.any else None, checks.always, streams)


class Checks:
    """Checks and sanitisers of one capability, compiled once. Called with an input and parameters, it gives the
    pair that is to be sent.

    Attributes:
        any: It has something to do.
        always: It has, also for a call without parameters.
    """

    def __init__(self, capability: Capability, kind: Kind, *, plugin: str) -> None:
        self._capability = capability
        self._kind = kind
        self._plugin = plugin
        self._clean = sanitizer_of(capability.sanitize)
        takes_json = capability.input_kind in (Kind.JSON, Kind.ANY)
        schema = capability.input_schema if takes_json else None
        self._input = InstanceCheck(schema) if schema else None
        schema = capability.params_schema
        self._params = InstanceCheck(schema, must_be_object=True) if schema else None
        self._sized = capability.min_bytes is not None or capability.max_bytes is not None
        self._bounded = capability.min_value is not None or capability.max_value is not None
        needs_params = self._params is not None and self._params.mismatch({}, 2) is not None
        on_input = self._clean is not None or self._input is not None or self._sized or self._bounded
        self.any = on_input or self._params is not None
        self.always = on_input or needs_params

    def __call__(self, value: Any, params: Mapping[str, Any] | None) -> tuple[Any, Any]:
        return self.input(value), self.params(params)

    def input(self, value: Any) -> Any:
        """What is sent for an input, or for a part of one.

        Raises:
            InvalidInput: It is not what the capability takes.
        """
        return self._checked_input(value)

    def params(self, params: Mapping[str, Any] | None) -> Any:
        """What is sent for the parameters.

        Raises:
            InvalidInput: They are not what the capability takes.
        """
        return self._checked_params(params or {})

    # --- The input ---

    def _checked_input(self, value: Any) -> Any:
        if type(value) is str and self._kind in (Kind.TEXT, Kind.ANY):
            return self._text(value)
        if isinstance(value, str) and self._kind is Kind.JSON:  # a document: read once, and strictly
            return Described((Kind.JSON, self._json(str.__str__(value)), 0, 0, 0, None, None))
        described = to_native(value, self._kind)
        if described is None:
            return None
        kind, payload = Kind(described[0]), described[1]
        if kind is Kind.TEXT:
            return self._text(payload)
        if kind is Kind.JSON:
            payload = self._json(payload)
        elif kind is Kind.FILE:
            if self._clean is not None:
                payload = self._clean(payload)
        elif kind in _ARRAYS and not isinstance(payload, bytes):
            payload = self._array(payload)
        else:
            payload = memoryview(payload)  # holds the size of a bytearray
            self._check_size(payload.nbytes)
        return Described((kind, payload, *described[2:]))

    def _text(self, text: str) -> str:
        if self._clean is not None:
            text = self._clean(text)
        if self._sized:
            self._check_size(_size(text))
        return text

    def _json(self, text: str) -> str:
        if self._sized and self._clean is None:
            self._check_size(_size(text))  # before it is read: it may be large
        try:
            value = read_json(text)
            if self._clean is not None:
                text = _plain_json(sanitize(value, self._clean))
                value = json.loads(text)
        except InvalidInput as error:
            raise self._refusal("input", [error.message, *error.causes], "") from None
        except RecursionError:  # called from deep inside of a program
            raise self._refusal("input", ["it is nested too deep"], "") from None
        if self._sized and self._clean is not None:
            self._check_size(_size(text))
        found = self._input.mismatch(value, len(text)) if self._input is not None else None
        if found is not None:
            raise self._refusal("input", [_placed(*found)], found[0])
        return text

    def _array(self, payload: Any) -> Any:
        """The array that is sent: the very view that was checked, since an object may give another each time."""
        if not (self._sized or self._bounded):
            return payload
        array = self._read_array(payload)
        self._check_size(array.nbytes)
        if not self._bounded or array.size == 0:
            return array
        if array.dtype.kind not in "biuf":
            raise self._refusal("input", [f"elements of {array.dtype} cannot be held against bounds"])
        least, most = array.min(), array.max()  # not a number if one of them is none
        low, high = self._capability.min_value, self._capability.max_value
        if math.isnan(least):
            raise self._refusal("input", ["one of its elements is not a number"])
        if low is not None and least.item() < low:
            raise self._refusal(
                "input", [f"its least element is {least.item()}, and {_short(low)} is the least allowed"]
            )
        if high is not None and most.item() > high:
            raise self._refusal(
                "input", [f"its greatest element is {most.item()}, and at most {_short(high)} is allowed"]
            )
        return array

    def _read_array(self, payload: Any) -> Any:
        try:
            import numpy
        except ImportError as error:
            raise LaoError(
                f"the bounds of `{self._capability.name}` of `{self._plugin}` are checked with numpy",
                hint="pip install numpy",
            ) from error
        try:
            array = (
                numpy.from_dlpack(_Capsule(payload)) if not _is_buffer(payload) else numpy.asarray(payload)
            )
        except (TypeError, ValueError, BufferError, RuntimeError):
            array = None
        if array is None or array.dtype.kind not in "biufc":
            raise self._refusal("input", ["its elements cannot be read in this process to check them"])
        return array

    def _check_size(self, size: int) -> None:
        low, high = self._capability.min_bytes, self._capability.max_bytes
        if low is not None and size < low:
            raise self._refusal("input", [f"it has {size} bytes, and at least {low} are needed"])
        if high is not None and size > high:
            raise self._refusal("input", [f"it has {size} bytes, and at most {high} are allowed"])

    # --- The parameters ---

    def _checked_params(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._params is None and self._clean is None:
            return params
        sent = {name: self._param(name, value) for name, value in params.items()}
        if self._params is not None:
            form = {name: _form_of(value) for name, value in sent.items()}
            found = self._params.mismatch(form, _characters(sent))
            if found is not None:
                raise self._refusal("parameters", [_placed(*found)], found[0])
        return sent

    def _param(self, name: str, value: Any) -> Any:
        """A parameter as it is sent: a value of Python's own types, read once from what was given."""
        if isinstance(value, str):
            text = str.__str__(value)  # of an Enum its value, not its name
            return self._clean(text) if self._clean is not None else text
        if value is None or isinstance(value, (bool, bytes)):
            return value
        try:
            if isinstance(value, int) or hasattr(value, "__index__"):
                return operator.index(value)
            if hasattr(value, "__float__"):
                number = float(value)
                if not math.isfinite(number):
                    raise ValueError("it is not a finite number")
                return number
            text = param_to_json(value)
            plain = read_json(text)
            if self._clean is not None:
                plain = sanitize(plain, self._clean)
                text = _plain_json(plain)
            return SentJson(text, plain)
        except (TypeError, ValueError, RecursionError) as error:
            causes = [error.message, *error.causes] if isinstance(error, InvalidInput) else [str(error)]
            raise self._refusal("parameters", [f"`{name}` has no JSON form", *causes]) from None

    def _refusal(self, what: str, causes: list[str], pointer: str | None = None) -> InvalidInput:
        verb = "is" if what == "input" else "are"
        return InvalidInput(
            f"the {what} of `{self._capability.name}` of `{self._plugin}` {verb} not valid",
            causes=causes,
            pointer=pointer,
        )


class _Capsule:
    """A DLPack capsule as numpy takes it."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


def _is_buffer(value: Any) -> bool:
    try:
        memoryview(value)
    except (TypeError, BufferError):
        return False
    return True


def _size(text: str) -> int:
    """Bytes of a text in UTF-8; a lone surrogate, which is refused later, counts as one."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _plain_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _form_of(value: Any) -> Any:
    """A parameter as JSON: bytes are base64, as for the plugin."""
    if isinstance(value, bytes):
        from base64 import b64encode

        return b64encode(value).decode()
    return value.value if type(value) is SentJson else value


def _characters(params: Mapping[str, Any]) -> int:
    """About as many as they have as JSON."""
    return sum(len(name) + 4 + _length(value) for name, value in params.items())


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, bytes):
        return 4 * (len(value) // 3 + 1)
    return len(value.text if type(value) is SentJson else _plain_json(value))


def _placed(pointer: str, message: str) -> str:
    return f"{pointer}: {message}" if pointer else message


def _short(number: float) -> str:
    return f"{number:g}"
