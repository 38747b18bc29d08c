"""lao.commands/1: the host runs listed programs for a plugin, each in a sandbox of its own.

No shell is involved: a program and its arguments, an environment of two harmless variables, no input, output that is
cut, a deadline, and the end of everything that the program started. It sees the system's libraries and what the plugin
itself may see, has no network, and cannot leave its process group or its sandbox.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lao import paths
from lao._native import ffi, lib
from lao.errors import InvalidInput, LaoError, PermissionDenied, PluginTimeout, ResourceLimitExceeded
from lao.host.confinement import Bounds, plan_of_command
from lao.model.rights import Rights

__all__ = ["DEFAULT_TIMEOUT_S", "MOST_OUTPUT", "Commands"]

DEFAULT_TIMEOUT_S = 30.0
MOST_OUTPUT = 1 << 20  # bytes of stdout and of stderr that are kept, each
_MOST_AT_ONCE = 4
_MOST_ARGUMENTS = 1024
_LARGEST_ARGUMENTS = 131072  # bytes of all of them
_SEARCHED = os.pathsep.join(("/usr/local/bin", "/usr/bin", "/bin"))
_BOUNDS = Bounds(memory_mb=1024.0, cpu_percent=None, threads=64, disk_mb=None)

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
        bounds: Bounds = _BOUNDS,
    ) -> None:
        """
        Args:
            allowed: Programs: a full path, or a name that is looked for in /usr/local/bin, /usr/bin and /bin.
            data_dir: The plugin's data directory: where they work, if the plugin may see files.
            rights: The plugin's: they see the files that it may see.
            timeout_s: Seconds that one may run.
            max_output: Bytes that are kept of stdout, and of stderr.
            bounds: Memory, processes and the size of files.
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
            PermissionDenied: The program is not on the list.
            InvalidInput: The arguments are none.
            PluginTimeout: It ran too long, and was ended.
            ResourceLimitExceeded: Too many run already; or it wanted more memory than it may have.
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
            with _control_group(self._bounds) as group:
                return self._run(program, arguments, group, register or _unregistered)
        finally:
            self._running.release()

    def _find(self, name: str) -> Path:
        for allowed in self._allowed:
            found = allowed if os.path.isabs(allowed) else shutil.which(allowed, path=_SEARCHED)
            if found is not None and name in (allowed, found):
                return Path(found).resolve()
            if name == allowed:
                raise LaoError(f"there is no program `{name}` on this system")
        raise PermissionDenied(f"the program `{name}` is not one that it may run")

    def _run(self, program: Path, arguments: Sequence[str], group: Any, register: Register) -> dict[str, Any]:
        plan = plan_of_command(
            programs=_with_interpreter(program),
            data_dir=self._data_dir,
            rights=self._rights,
            bounds=self._bounds,
            cgroup_memory=bool(group.kept & _MEMORY),
            cgroup_tasks=bool(group.kept & _TASKS),
            user_namespace=os.geteuid() != 0,
        )
        with _start(program, arguments) as started, register(started.kill):
            if group.kept and not lib.lao__cgroup_join(group, started.pid):
                raise LaoError(f"cannot run `{arguments[0]}`", causes=["its control group does not take it"])
            started.confine(plan)
            stdout, stderr, truncated = started.read(time.monotonic() + self._timeout_s, self._max_output)
            code = started.wait()
        if started.refusal:
            raise LaoError(f"cannot run `{arguments[0]}`", causes=[started.refusal])
        if lib.lao__cgroup_memory_killed(group):
            raise ResourceLimitExceeded(
                f"`{arguments[0]}` wanted more memory than it may have",
                limit="max_memory_mb",
                allowed=self._bounds.memory_mb,
            )
        if started.late:
            raise PluginTimeout(f"`{arguments[0]}` ran too long", timeout_s=self._timeout_s)
        return {
            "exit_code": code if code >= 0 else None,
            "signal": -code if code < 0 else None,
            "stdout": stdout.decode("utf-8", "replace"),
            "stderr": stderr.decode("utf-8", "replace"),
            "truncated": truncated,
        }


# --- The process ---


class _Started:
    """A process that waits for its plan, confines itself, and becomes the program. Leaving it ends it all."""

    def __init__(self, process: subprocess.Popen[bytes], plan: int, status: int) -> None:
        self.late = False
        self.refusal = ""  # why the program was not started
        self._process = process
        self._plan = plan
        self._status = status
        self._ended = os.pidfd_open(process.pid)
        self._lock = threading.Lock()
        self._reaped = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def confine(self, plan: str) -> None:
        """Sends the plan; it goes on when that has arrived."""
        data = plan.encode()
        with contextlib.suppress(BrokenPipeError):  # it is dead: what it wrote says why
            while data:
                data = data[os.write(self._plan, data) :]
        os.close(self._plan)
        self._plan = -1

    def read(self, until: float, most: int) -> tuple[bytes, bytes, bool]:
        """What it writes until it ends: stdout, stderr, and whether some was dropped. What it leaves running ends with
        it; at `until`, everything does."""
        kept = {name: bytearray() for name in ("stdout", "stderr", "status")}
        truncated = False
        with selectors.DefaultSelector() as selector:
            selector.register(self._ended, selectors.EVENT_READ, "end")
            selector.register(self._status, selectors.EVENT_READ, "status")
            for name in ("stdout", "stderr"):
                selector.register(getattr(self._process, name), selectors.EVENT_READ, name)
            while selector.get_map():
                left = until - time.monotonic()
                if left <= 0 and not self.late:
                    self.late = True
                    self.kill()
                for key, _ in selector.select(max(left, 0.0) if not self.late else None):
                    if key.data == "end":
                        self.kill()
                        selector.unregister(key.fileobj)
                        continue
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fileobj)
                    room = most - len(kept[key.data])
                    kept[key.data] += data[:room]
                    truncated = truncated or len(data) > room
        self.refusal = kept["status"].decode("utf-8", "replace")[:1000]
        return bytes(kept["stdout"]), bytes(kept["stderr"]), truncated

    def wait(self) -> int:
        """The exit code, or minus the signal."""
        self.kill()
        with self._lock:
            self._reaped = True  # from here on the number may be another process's
            return self._process.wait()

    def kill(self) -> None:
        """Ends the program and all that it started: the sandbox lets none of it leave the process group."""
        with self._lock:
            if not self._reaped:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def __enter__(self) -> _Started:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._reaped:
            self.wait()
        for descriptor in (self._plan, self._status, self._ended):
            if descriptor >= 0:
                os.close(descriptor)
        for file in (self._process.stdout, self._process.stderr):
            if file is not None:
                file.close()


def _start(program: Path, arguments: Sequence[str]) -> _Started:
    if not hasattr(os, "pidfd_open"):
        raise LaoError("this system has no sandbox for programs")
    plan, plan_end = os.pipe()
    status_end, status = os.pipe()
    try:
        process = subprocess.Popen(
            [str(paths.worker_path()), "--run", str(plan), str(status), str(program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
            pass_fds=(plan, status),
            start_new_session=True,
        )
    except OSError as error:
        os.close(plan_end)
        os.close(status_end)
        raise LaoError(f"cannot run `{arguments[0]}`", causes=[error.strerror or str(error)]) from error
    finally:
        os.close(plan)
        os.close(status)
    return _Started(process, plan_end, status_end)


_MEMORY, _TASKS = 1, 4  # LAO__CGROUP_*


@contextmanager
def _control_group(bounds: Bounds) -> Iterator[Any]:
    """A control group for one program; `kept` is 0 where there are none."""
    group = ffi.new("lao__cgroup_t *")
    limits = ffi.new("lao__cgroup_limits_t *")
    limits.memory_bytes = bounds.memory_bytes
    limits.cpu_permille = bounds.cpu_permille
    limits.tasks = bounds.threads
    lib.lao__cgroup_create(group, limits)
    try:
        yield group
    finally:
        lib.lao__cgroup_destroy(group)


def _with_interpreter(program: Path) -> tuple[Path, ...]:
    """A script needs what its first line names."""
    with program.open("rb") as file:
        first = file.readline(256)
    if not first.startswith(b"#!"):
        return (program,)
    words = first[2:].split()
    interpreter = Path(os.fsdecode(words[0])) if words else None
    if interpreter is None or not interpreter.is_absolute() or not interpreter.is_file():
        raise LaoError(f"`{program}` is a script, and nothing is there to interpret it")
    return (program, interpreter.resolve())


def _check_arguments(arguments: Sequence[str]) -> None:
    if (
        not arguments
        or len(arguments) > _MOST_ARGUMENTS
        or not all(isinstance(one, str) for one in arguments)
    ):
        raise InvalidInput(f"a command is 1 to {_MOST_ARGUMENTS} texts")
    if any("\0" in one for one in arguments):
        raise InvalidInput("an argument has a NUL in it")
    if sum(len(one.encode("utf-8", "surrogatepass")) for one in arguments) > _LARGEST_ARGUMENTS:
        raise InvalidInput(f"the arguments have more than {_LARGEST_ARGUMENTS} bytes")


@contextmanager
def _unregistered(cancel: Callable[[], object]) -> Iterator[None]:
    del cancel
    yield
