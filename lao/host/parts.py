"""Inputs and outputs in parts: what feeds a call that takes them, and what puts an output together again."""

from __future__ import annotations

import contextvars
import threading
import weakref
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lao._native import Feed, Stream, Tensor, lib
from lao.model.capability import Capability
from lao.model.kinds import Kind
from lao.model.values import Audio

if TYPE_CHECKING:
    from lao.host.validation import Checks

__all__ = ["FedStream", "Feeding", "are_parts", "joined"]

_LISTS_OF_PARTS = (Kind.TEXT, Kind.BINARY, Kind.FILE, Kind.AUDIO, Kind.IMAGE, Kind.VIDEO)


def are_parts(capability: Capability, value: Any) -> bool:
    """Whether a value is an input in parts: an iterator; of kinds that a list cannot be, also a list or a tuple."""
    if not capability.streams_input:
        return False
    return isinstance(value, Iterator) or (
        isinstance(value, (list, tuple)) and capability.input_kind in _LISTS_OF_PARTS
    )


class Feeding:
    """Takes the parts of an input from their iterator, on a thread of its own, and hands them to a call. The iterator
    sees the context variables and the deadline of the thread that began the call.

    Args:
        capability: What takes them.
        parts: The parts; it is closed when the call ends before it, where it can be.
        checks: What each part has to pass, if anything.
    """

    def __init__(self, capability: Capability, parts: Any, checks: Checks | None) -> None:
        self.feed = Feed(int(capability.input_kind))
        self._parts = iter(parts)
        self._checks = checks
        self._failure: BaseException | None = None
        self._deadline_ns = lib.lao__glue_get_deadline()
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="lao-feed", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """The call is over.

        Raises:
            BaseException: What the iterator raised, or the refusal of one of its parts, if the call heard of it: a
                plugin that had enough before is not harmed by what comes behind.
        """
        self.feed.stop()
        if self._failure is not None and self.feed.told():
            failure, self._failure = self._failure, None
            raise failure

    def _run(self) -> None:
        lib.lao__glue_set_deadline(self._deadline_ns)
        try:
            for part in self._parts:
                if not self.feed.put(part if self._checks is None else self._checks.input(part)):
                    break
        except BaseException as failure:
            self._failure = failure  # before the call hears of it
            self.feed.end(True)
        else:
            self.feed.end(False)
        finally:
            close = getattr(self._parts, "close", None)
            if close is not None:
                close()


class FedStream:
    """The parts of a streaming call whose input comes in parts too; as `Stream`."""

    def __init__(self, stream: Stream, feeding: Feeding) -> None:
        self._stream = stream
        self._feeding = feeding
        weakref.finalize(self, feeding.feed.stop)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._stream)
        except BaseException:
            self._feeding.end()
            raise

    def close(self) -> None:
        """Stops the call and waits for its end."""
        self._feeding.feed.stop()
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def joined(capability: Capability, parts: list[Any]) -> Any:
    """One value of the parts of an output: text, bytes and audio are put together, anything else is a list; so are
    parts of audio that differ in rate, element type or channels. Of their metadata, what later parts say counts."""
    if capability.output_kind is Kind.TEXT:
        return "".join(parts)
    if capability.output_kind is Kind.BINARY and all(type(part) is bytes for part in parts):
        return b"".join(parts)
    if capability.output_kind is Kind.AUDIO and parts:
        return _joined_audio(parts)
    return parts


def _joined_audio(parts: list[Any]) -> Any:
    if isinstance(parts[0].samples, Tensor):  # without numpy
        return parts
    if len({(part.sample_rate, part.samples.dtype, part.samples.shape[1:]) for part in parts}) != 1:
        return parts
    import numpy

    metadata = {key: value for part in parts for key, value in part.metadata.items()}
    return Audio(numpy.concatenate([part.samples for part in parts]), parts[0].sample_rate, metadata=metadata)
