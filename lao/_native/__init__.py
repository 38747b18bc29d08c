"""The native core, seen from Python. Only `lao.host` imports this.

One shared object holds two modules: `_glue`, which cffi made (`ffi` and `lib`), and `_hot`, the C types that calls go
through. They share the core, which two objects would each have a copy of.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from dataclasses import dataclass
from types import ModuleType

from lao._native import _glue

__all__ = [
    "Caller",
    "Feed",
    "SharedMemory",
    "StatusRow",
    "Stream",
    "Tensor",
    "ffi",
    "lib",
    "setup",
    "statuses",
    "takes_description",
]

ffi = _glue.ffi
lib = _glue.lib


def _load_hot() -> ModuleType:
    name = "lao._native._hot"
    loader = importlib.machinery.ExtensionFileLoader(name, str(_glue.__file__))
    spec = importlib.util.spec_from_file_location(name, _glue.__file__, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    sys.modules[name] = module
    return module


_load_hot()

from lao._native._hot import (  # noqa: E402 - it exists from here on
    Caller,
    Feed,
    SharedMemory,
    Stream,
    Tensor,
    setup,
    takes_description,
)


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One row of the status list of `include/lao/status.h`.

    Attributes:
        code: The number that crosses the ABI.
        name: As in C, without the prefix `LAO_`.
        origin: `"P"`: a plugin may return it; `"H"`: only the host produces it.
        python_exception: Name of the class in `lao.errors`; `"None"` for success.
        message: For people.
    """

    code: int
    name: str
    origin: str
    python_exception: str
    message: str


def statuses() -> tuple[StatusRow, ...]:
    """The whole list, in its order."""
    rows = []
    for index in range(lib.lao__glue_status_count()):
        row = lib.lao__glue_status(index)
        texts = (
            ffi.string(text).decode() for text in (row.name, row.origin, row.python_exception, row.message)
        )
        rows.append(StatusRow(row.code, *texts))
    return tuple(rows)
