"""The two ways to run a plugin, behind one face: a target that the native side calls, and what it said of itself."""

from __future__ import annotations

import json
import math
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lao._native import ffi, lib
from lao.errors import LaoError, ProtocolViolation
from lao.host.claims import LARGEST_DESCRIPTION, check_form
from lao.host.confinement import Bounds
from lao.host.failure import load_error
from lao.host.services.desk import Counter
from lao.model.strict_json import read_json

__all__ = ["Backend", "OpenedTarget", "Order", "deadline_ns"]

_NO_LIMIT_NS = 2**63 - 1


def deadline_ns(seconds: float) -> int:
    """Nanoseconds as the core takes them: `math.inf` is its mark for none."""
    return _NO_LIMIT_NS if math.isinf(nanoseconds := seconds * 1e9) else min(int(nanoseconds), _NO_LIMIT_NS)


@dataclass(frozen=True, slots=True)
class Order:
    """What to open.

    Attributes:
        name: What the user asked for, for messages.
        library: Absolute path of the private copy.
        original: The file that the user named.
        config: The instance's configuration; None makes no instance, for a description alone (in workers only).
        resource_dir: The plugin's package, or None.
        data_dir: Its data directory, or None.
        timeout_s: Of each call; `math.inf` for none.
        counter: Where it asks for the host's services.
        workers: Worker processes; this and the rest are for the isolated backend.
        sandbox_plan: What the workers confine themselves to.
        bounds: What they are held to.
        stable: Arrays are copied out of the workers' memory.
        recycle_calls: A worker is replaced after so many calls; 0 for never.
    """

    name: str
    library: Path
    original: Path
    config: dict[str, Any] | None
    resource_dir: Path | None
    data_dir: Path | None
    timeout_s: float
    workers: int
    counter: Counter
    sandbox_plan: str
    bounds: Bounds
    stable: bool
    recycle_calls: int


@dataclass(frozen=True, slots=True)
class OpenedTarget:
    """A target that is ready to be called.

    Attributes:
        pointer: cffi pointer to the core's target.
        description: What `lao__describe` writes, parsed.
        report: What a worker said of its sandbox; empty without one.
    """

    pointer: Any
    description: dict[str, Any]
    report: dict[str, Any]

    @property
    def address(self) -> int:
        """The target's address."""
        return int(ffi.cast("uintptr_t", self.pointer))


class Backend(ABC):
    """Opens targets and tells what is particular to one way of running them."""

    isolation: str

    @abstractmethod
    def _open(self, options: Any, target: Any, description: Any, error: Any) -> int:
        """Calls the core's function; returns its status."""

    @abstractmethod
    def _complete(self, order: Order, options: Any, keep: list[Any]) -> None:
        """Fills in the options that only this backend has; `keep` holds what they point to."""

    @abstractmethod
    def output(self, pointer: Any, name: str) -> str:
        """The newest lines that the plugin logged, as `[level] text`, and printed, where the host sees that."""

    @abstractmethod
    def report(self, pointer: Any) -> dict[str, Any]:
        """What a worker reported of its sandbox; empty without workers."""

    def output_count(self, pointer: Any) -> tuple[int, int]:
        """Bytes that it printed and logged, and how many of them are gone; nothing where the host does not see them."""
        del pointer
        return 0, 0

    def open(self, order: Order) -> OpenedTarget:
        """Loads the library and creates an instance.

        Raises:
            PluginLoadError: The library cannot be loaded, or its plugin refused.
            AbiMismatch: It does not speak an ABI that this LAO speaks.
            PluginCrashed: Its worker died while loading it.
            PluginTimeout: Loading took too long.
            ProtocolViolation: What it says of itself has not the form that it must have.
        """
        keep: list[Any] = []
        options = ffi.new("lao__glue_options_t *")
        target = ffi.new("lao__target_t **")
        description = ffi.new("char **")
        error = ffi.new("lao__error_t *")

        def text(value: str) -> Any:
            keep.append(ffi.new("char[]", os.fsencode(value)))
            return keep[-1]

        options.library = text(str(order.library))
        options.config_json = text(json.dumps(order.config) if order.config is not None else "")
        options.resource_dir = text(str(order.resource_dir)) if order.resource_dir else ffi.NULL
        options.data_dir = text(str(order.data_dir)) if order.data_dir else ffi.NULL
        options.timeout_ns = deadline_ns(order.timeout_s)
        options.services = order.counter.granted
        options.tenant = order.counter.services.tenant
        self._complete(order, options, keep)
        status = self._open(options, target, description, error)
        if status != 0:
            raise load_error(
                status,
                bytes(ffi.buffer(error.text, error.size)),
                name=order.name,
                where=str(order.original),
                signal=error.signal,
                exit_code=error.exit_code,
            )
        try:
            parsed = read_json(ffi.string(description[0], LARGEST_DESCRIPTION).decode())
            parsed = check_form(parsed, plugin=order.name)
        except (LaoError, UnicodeDecodeError) as problem:
            lib.lao__target_close(target[0])
            if isinstance(problem, ProtocolViolation):
                raise
            raise ProtocolViolation(
                f"`{order.name}` describes itself in a way that cannot be read"
            ) from problem
        finally:
            lib.lao__glue_free(description[0])
        return OpenedTarget(target[0], parsed, self.report(target[0]))
