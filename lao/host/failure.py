"""From a status code to the exception that its row in the status list names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lao import errors
from lao._native import statuses
from lao.errors import LaoError
from lao.model.names import suggest

if TYPE_CHECKING:
    from lao.host.plugin import Plugin

__all__ = ["exception_of", "load_error", "status_code"]

_ROWS = {row.code: row for row in statuses()}
_CODES = {row.name: row.code for row in statuses()}


def status_code(name: str) -> int:
    """The number of a status, e.g. `status_code("CANCELLED")`."""
    return _CODES[name]


def exception_of(
    status: int,
    text: bytes,
    signal: int,
    exit_code: int,
    limit: str,
    used: float,
    allowed: float,
    plugin: Plugin | None,
) -> LaoError:
    """The exception of a call that failed. Called by the native side.

    Args:
        status: A code of the status list.
        text: What the plugin or the core said, UTF-8; repaired where it is not.
        signal: Of a crash: the signal that ended the worker, or 0.
        exit_code: Of a crash: the worker's exit code, or -1.
        limit: Of a limit that was reached: its name in the manifest, or empty.
        used: Of that limit, in its unit; negative when not known.
        allowed: As `used`.
        plugin: Whose call it was; None when a value was refused before any plugin saw it.
    """
    cause = text.decode("utf-8", "replace")
    row = _ROWS.get(status) or _ROWS[_CODES["FAILED"]]
    if plugin is None:
        return _class_of(row.python_exception)(cause)
    name = plugin.info.name
    match row.python_exception:
        case "PluginError":
            return errors.PluginError(f"`{name}` failed", status=status, causes=[cause])
        case "PluginTimeout":
            return errors.PluginTimeout(
                f"`{name}` did not answer in time", timeout_s=plugin.timeout_s, causes=[cause]
            )
        case "PluginCrashed":
            return errors.PluginCrashed(
                f"`{name}` crashed",
                signal=signal or None,
                exit_code=exit_code if exit_code >= 0 else None,
                stderr_tail=plugin.output,
                causes=[cause],
            )
        case "InvalidInput" if row.name == "UNKNOWN_CAPABILITY":
            return _unknown_capability(plugin, cause)
        case "InvalidInput":
            return errors.InvalidInput(f"`{name}` refused the call", causes=[cause])
        case "ResourceLimitExceeded":
            return errors.ResourceLimitExceeded(
                f"`{name}` reached a limit",
                limit=limit or _limit_of(row.name),
                used=used if used >= 0 else None,
                allowed=allowed if allowed >= 0 else None,
                causes=[cause],
            )
        case "WorkerRestarted":
            return errors.WorkerRestarted(f"a call of `{name}` was lost", caused_by=cause, causes=[cause])
    return _class_of(row.python_exception)(f"`{name}`: {row.message}", causes=[cause])


def load_error(status: int, text: bytes, *, name: str, where: str, signal: int, exit_code: int) -> LaoError:
    """The exception of a library that could not be loaded.

    Args:
        status: A code of the status list.
        text: The core's reason; of a crash, what the worker printed follows its first line.
        name: What the user asked for.
        where: The library file.
        signal: As in `exception_of`.
        exit_code: As in `exception_of`.
    """
    cause = text.decode("utf-8", "replace")
    row = _ROWS.get(status) or _ROWS[_CODES["LOAD_FAILED"]]
    message = f"cannot load `{name}`"
    output = ""
    if row.python_exception == "PluginCrashed":
        cause, _, output = cause.partition("\n")
    if row.python_exception == "PluginCrashed":
        return errors.PluginCrashed(
            message,
            signal=signal or None,
            exit_code=exit_code if exit_code >= 0 else None,
            stderr_tail=output,
            causes=[cause.replace("in the middle of a call", "while it loaded the plugin")],
            where=where,
        )
    if row.python_exception == "PluginTimeout":
        return errors.PluginTimeout(message, causes=["loading took too long"], where=where)
    kind = _class_of(row.python_exception)
    if kind in (errors.PluginError, errors.InvalidInput) and row.name != "INVALID_CONFIG":
        kind = errors.PluginLoadError
    return kind(message, causes=[cause], where=where)


def _class_of(name: str) -> type[LaoError]:
    found: type[LaoError] = getattr(errors, name)
    return found


def _limit_of(status_name: str) -> str:
    return "memory" if status_name == "OUT_OF_MEMORY" else "size"


def _unknown_capability(plugin: Plugin, wanted: str) -> LaoError:
    known = [capability.name for capability in plugin.capabilities]
    near = suggest(wanted, known)
    hint = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(f'`{name}`' for name in known)}"
    return errors.InvalidInput(f"`{plugin.info.name}` has no capability `{wanted}`", hint=hint)
