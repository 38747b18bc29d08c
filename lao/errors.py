"""Every error that LAO raises, each with its facts as fields.

All of them derive from `LaoError`. A caller that only prints uses `str(error)`; the command line renders the
fields (`message`, `causes`, `where`, `hint`). All survive pickling, so that they can cross to another
process.

Example:
    >>> reason = "it needs glibc 2.39; this system has 2.36"
    >>> error = PluginLoadError("cannot load `denoise` 1.4.0", causes=[reason])
    >>> str(error)
    'cannot load `denoise` 1.4.0: it needs glibc 2.39; this system has 2.36'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "AbiMismatch",
    "Cancelled",
    "DependencyConflict",
    "InvalidInput",
    "LaoError",
    "ManifestError",
    "PermissionDenied",
    "PluginClosed",
    "PluginCrashed",
    "PluginDisabled",
    "PluginError",
    "PluginLoadError",
    "PluginNotFound",
    "PluginTimeout",
    "Problem",
    "ProtocolViolation",
    "ResourceLimitExceeded",
    "VerificationError",
    "WorkerRestarted",
]

# Pickling: BaseException rebuilds with `cls(message)` and then restores __dict__. That is why every field
# below is keyword-only with a default, and why nothing is computed after the fields are set.


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or doubtful, in a file that somebody wrote.

    Attributes:
        file: The file as the user named it, e.g. `plugin.toml`; `plugin.toml:3:7` for a syntax error.
        key: Path of the key, e.g. `capabilities[1].input_type`; empty when it is about the whole file.
        message: What is wrong, in one sentence without a full stop.
        fix: What to write instead, in one sentence; empty when there is nothing to say beyond the message.
        severity: `"error"` or `"warning"`.
    """

    file: str
    key: str
    message: str
    fix: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place}: {self.message}" + (f" ({self.fix})" if self.fix else "")


class LaoError(Exception):
    """The base of all errors of LAO.

    Attributes:
        message: What failed, with names in backticks.
        causes: Why, outermost first; each one sentence.
        where: The file or place it happened at, or None.
        hint: Something the user can do or run, or None.
    """

    message: str
    causes: tuple[str, ...]
    where: str | None
    hint: str | None

    def __init__(
        self, message: str, *, causes: Sequence[str] = (), where: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.causes = (causes,) if isinstance(causes, str) else tuple(causes)
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return ": ".join((self.message, *self.causes))


class ManifestError(LaoError):
    """A manifest cannot be used. `problems` lists every one of its problems, in the order of the file's
    tables."""

    problems: list[Problem]

    def __init__(
        self,
        message: str,
        *,
        problems: Iterable[Problem] = (),
        causes: Sequence[str] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, causes=causes, where=where, hint=hint)
        self.problems = list(problems)


class PluginLoadError(LaoError):
    """A library cannot be loaded as a plugin."""


class AbiMismatch(PluginLoadError):
    """The library is a plugin, but of an ABI that this LAO does not speak."""


class PluginNotFound(PluginLoadError):
    """No plugin of that name is installed or among the projects.

    Attributes:
        name: The name that was asked for.
        suggestions: Names that are close to it, best first.
    """

    name: str
    suggestions: tuple[str, ...]

    def __init__(
        self,
        message: str,
        *,
        name: str = "",
        suggestions: Sequence[str] = (),
        causes: Sequence[str] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        if hint is None and suggestions:
            hint = f"did you mean `{suggestions[0]}`?"
        super().__init__(message, causes=causes, where=where, hint=hint)
        self.name = name
        self.suggestions = tuple(suggestions)


class PluginDisabled(PluginLoadError):
    """The plugin was switched off with `lao plugin toggle NAME false`."""

    name: str

    def __init__(
        self,
        message: str,
        *,
        name: str = "",
        causes: Sequence[str] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        if hint is None and name:
            hint = f"run `lao plugin toggle {name} true`"
        super().__init__(message, causes=causes, where=where, hint=hint)
        self.name = name


class PluginError(LaoError):
    """The plugin ran and reported a failure. `status` is its status code (include/lao/status.h); 1 is
    FAILED."""

    status: int

    def __init__(
        self,
        message: str,
        *,
        status: int = 1,
        causes: Sequence[str] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, causes=causes, where=where, hint=hint)
        self.status = status


class InvalidInput(LaoError, ValueError):
    """A value, a parameter or a name that was passed in is not acceptable.

    Attributes:
        pointer: JSON pointer (RFC 6901) to what is wrong inside a value that was checked against a schema; empty
            when it is the whole value, None when no schema was asked.
    """

    pointer: str | None

    def __init__(self, message: str, *, pointer: str | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.pointer = pointer


class PermissionDenied(LaoError):
    """The plugin tried, or was asked, to do what it has no permission for."""


class PluginCrashed(LaoError):
    """The plugin's process died.

    Attributes:
        signal: Number of the signal that ended it, or None.
        exit_code: Its exit status, or None when a signal ended it.
        stderr_tail: The last lines that it wrote to stderr; may be empty.
    """

    signal: int | None
    exit_code: int | None
    stderr_tail: str

    def __init__(
        self,
        message: str,
        *,
        signal: int | None = None,
        exit_code: int | None = None,
        stderr_tail: str = "",
        causes: Sequence[str] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, causes=causes, where=where, hint=hint)
        self.signal = signal
        self.exit_code = exit_code
        self.stderr_tail = stderr_tail


class WorkerRestarted(LaoError):
    """The call was lost because its worker was restarted. `caused_by` says which call or event did it."""

    caused_by: str

    def __init__(
        self,
        message: str,
        *,
        caused_by: str = "",
        causes: Sequence[str] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, causes=causes, where=where, hint=hint)
        self.caused_by = caused_by


class PluginTimeout(LaoError, TimeoutError):
    """The deadline passed. `timeout_s` is the time that was allowed, in seconds, or None when it is not
    known."""

    timeout_s: float | None

    def __init__(
        self,
        message: str,
        *,
        timeout_s: float | None = None,
        causes: Sequence[str] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, causes=causes, where=where, hint=hint)
        self.timeout_s = timeout_s


class ResourceLimitExceeded(LaoError):
    """A limit was reached.

    Attributes:
        limit: Name of the limit, e.g. `max_memory_mb`.
        used: What was used or asked for, in the limit's unit; None when not known.
        allowed: What was allowed, in the limit's unit; None when not known.
    """

    limit: str
    used: float | None
    allowed: float | None

    def __init__(
        self,
        message: str,
        *,
        limit: str = "",
        used: float | None = None,
        allowed: float | None = None,
        causes: Sequence[str] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, causes=causes, where=where, hint=hint)
        self.limit = limit
        self.used = used
        self.allowed = allowed


class Cancelled(LaoError):
    """The call was cancelled by the caller."""


class ProtocolViolation(LaoError):
    """The plugin broke a rule of the ABI, for example by returning a length that it does not have."""


class DependencyConflict(LaoError):
    """The requirements of the plugins that are asked for cannot hold together."""


class VerificationError(LaoError):
    """A file or package is not what it claims to be: a hash, a signature or its structure is wrong."""


class PluginClosed(LaoError):
    """The handle was used after `close()`, or in a process that was forked after it was opened."""
