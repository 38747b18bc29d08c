"""lao.commands/1: the host runs listed programs for a plugin, each in a sandbox of its own.

No shell is involved: a program and its arguments, an environment of two harmless variables, no input, output that is
cut, a deadline, and the end of everything that the program started. It sees the system's libraries and what the plugin
itself may see, has no network, and cannot leave its process group or its sandbox.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lao._native import lib
from lao.errors import InvalidInput, LaoError, PermissionDenied, PluginTimeout, ResourceLimitExceeded
from lao.host.confinement import Bounds, plan_of_command, write_roots
from lao.host.services.program import control_group, kept_by, over_memory, start
from lao.model.rights import Rights

__all__ = ["DEFAULT_TIMEOUT_S", "MOST_OUTPUT", "Commands"]

DEFAULT_TIMEOUT_S = 30.0
MOST_OUTPUT = 1 << 20  # bytes of stdout and of stderr that are kept, each
_MOST_AT_ONCE = 4
_MOST_ARGUMENTS = 1024
_LARGEST_ARGUMENTS = 131072  # bytes of all of them
_SEARCHED = os.pathsep.join(("/usr/local/bin", "/usr/bin", "/bin"))
DEFAULT_BOUNDS = Bounds(memory_mb=1024.0, cpu_percent=None, threads=64, disk_mb=None)

Register = Callable[[Callable[[], object]], contextlib.AbstractContextManager[None]]


class Commands:
    """Runs the programs of one plugin. Any thread; a few at once."""

    def __init__(
        self,
        allowed: Sequence[str],
        *,
        data_dir: Path,
        rights: Rights,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        max_output: int = MOST_OUTPUT,
        bounds: Bounds = DEFAULT_BOUNDS,
    ) -> None:
        """
        Args:
            allowed: Programs: a full path, or a name that is looked for in /usr/local/bin, /usr/bin and /bin.
            data_dir: The plugin's data directory: where they work, if the plugin may see files.
            rights: The plugin's: they see the files that it may see.
            timeout_s: Seconds that one may run.
            max_output: Bytes that are kept of stdout, and of stderr.
            bounds: What each of them is held to, with all that it starts.
        """
        self._allowed = tuple(allowed)
        self._data_dir = data_dir
        self._rights = rights
        self._timeout_s = timeout_s
        self._max_output = max_output
        self._bounds = bounds
        self._running = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def run(self, arguments: Sequence[str], register: Register | None = None) -> dict[str, Any]:
        """Runs a program to its end.

        Args:
            arguments: The program as it was allowed, by name or full path, and its arguments.
            register: Gets a function that ends the program; its result is a context that lasts as long as it runs.

        Returns:
            `exit_code` (None where a signal ended it), `signal` (or None), `stdout` and `stderr` as text (what is no
            UTF-8 is repaired), and `truncated`: some output was dropped.

        Raises:
            PermissionDenied: The program is not on the list, or lies where the plugin may write.
            InvalidInput: The arguments are none.
            PluginTimeout: It ran too long, and was ended.
            ResourceLimitExceeded: Too many run already; or it wanted more memory than it may have, or wrote
                without end.
            LaoError: It cannot be started, or not be confined.
        """
        _check_arguments(arguments)
        program = self._find(arguments[0])
        if not self._running.acquire(blocking=False):
            raise ResourceLimitExceeded(
                f"{_MOST_AT_ONCE} programs of the plugin run already",
                limit="commands",
                used=_MOST_AT_ONCE + 1,
                allowed=_MOST_AT_ONCE,
            )
        try:
            with control_group(self._bounds) as group:
                return self._run(program, arguments, group, register or _unregistered)
        finally:
            self._running.release()

    def _find(self, name: str) -> Path:
        for allowed in self._allowed:
            found = allowed if os.path.isabs(allowed) else _searched(allowed)
            if name != allowed and (found is None or name != found):
                continue
            if found is None or not os.path.isfile(found):
                raise LaoError(f"there is no program `{name}` on this system")
            program = Path(found).resolve()
            for root in write_roots(self._rights, self._data_dir):
                if program.is_relative_to(root.resolve()):
                    raise PermissionDenied(
                        f"the program `{name}` lies where the plugin may write", where=str(program)
                    )
            return program
        raise PermissionDenied(f"the program `{name}` is not one that it may run")

    def _run(self, program: Path, arguments: Sequence[str], group: Any, register: Register) -> dict[str, Any]:
        counts_memory, counts_tasks = kept_by(group)
        plan = plan_of_command(
            programs=(program, *_interpreters_of(program)),
            data_dir=self._data_dir,
            rights=self._rights,
            bounds=self._bounds,
            cgroup_memory=counts_memory,
            cgroup_tasks=counts_tasks,
            user_namespace=os.geteuid() != 0,
            host=os.getpid(),
        )
        with start(program, arguments) as started, register(started.kill):
            if group.kept and not lib.lao__cgroup_join(group, started.pid):
                raise LaoError(f"cannot run `{arguments[0]}`", causes=["its control group does not take it"])
            started.confine(plan)
            until = time.monotonic() + self._timeout_s
            stdout, stderr = started.read(
                until, self._max_output, lambda: over_memory(group, started, self._bounds)
            )
            code = started.wait()
        if started.refusal:
            raise LaoError(f"cannot run `{arguments[0]}`", causes=[started.refusal])
        if started.over == "memory" or (counts_memory and lib.lao__cgroup_memory_killed(group)):
            raise ResourceLimitExceeded(
                f"`{arguments[0]}` wanted more memory than it may have",
                limit="max_memory_mb",
                allowed=self._bounds.memory_mb,
            )
        if started.over == "output":
            raise ResourceLimitExceeded(f"`{arguments[0]}` wrote far too much", limit="command_output")
        if started.over:
            raise PluginTimeout(f"`{arguments[0]}` ran too long", timeout_s=self._timeout_s)
        return {
            "exit_code": code if code >= 0 else None,
            "signal": -code if code < 0 else None,
            "stdout": stdout.decode("utf-8", "replace"),
            "stderr": stderr.decode("utf-8", "replace"),
            "truncated": started.truncated,
        }


# --- What is asked for ---


def _searched(name: str) -> str | None:
    return shutil.which(name, path=_SEARCHED)


def _interpreters_of(program: Path) -> tuple[Path, ...]:
    """A script needs what its first line names; where that is `env`, also what this is told to find."""
    with program.open("rb") as file:
        first = file.readline(256)
    if not first.startswith(b"#!"):
        return ()
    words = os.fsdecode(first[2:]).split()
    interpreter = Path(words[0]) if words else Path()
    if not interpreter.is_absolute() or not interpreter.is_file():
        raise LaoError(f"`{program}` is a script, and nothing is there to interpret it")
    if interpreter.name != "env":
        return (interpreter.resolve(),)
    wanted = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
    found = wanted if os.path.isabs(wanted) else _searched(wanted)
    if not found or not os.path.isfile(found):
        raise LaoError(f"`{program}` is a script, and there is no `{wanted}` to interpret it")
    return (interpreter.resolve(), Path(found).resolve())


def _check_arguments(arguments: Sequence[str]) -> None:
    if (
        not arguments
        or len(arguments) > _MOST_ARGUMENTS
        or not all(isinstance(one, str) for one in arguments)
    ):
        raise InvalidInput(f"a command is 1 to {_MOST_ARGUMENTS} texts")
    if any("\0" in one for one in arguments):
        raise InvalidInput("an argument has a NUL in it")
    try:
        size = sum(len(os.fsencode(one)) for one in arguments)
    except UnicodeEncodeError:
        raise InvalidInput("an argument is no text") from None
    if size > _LARGEST_ARGUMENTS:
        raise InvalidInput(f"the arguments have more than {_LARGEST_ARGUMENTS} bytes")


@contextmanager
def _unregistered(cancel: Callable[[], object]) -> Iterator[None]:
    del cancel
    yield
