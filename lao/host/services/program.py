"""One program in a sandbox of its own: started, confined, listened to, and ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lao import paths
from lao._native import ffi, lib
from lao.errors import LaoError
from lao.host.confinement import Bounds

__all__ = ["Program", "control_group", "kept_by", "over_memory", "start"]

_MOST_DROPPED = 64 << 20  # bytes of output; dropping them costs the host time
_LOOK_S = 0.1  # how often the memory is looked at
_ORPHANS_S = 2.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Program:
    """A process that waits for its plan, confines itself, and becomes the program. Leaving it ends it all.

    Attributes:
        over: The limit that it was ended for: `"time"`, `"memory"` or `"output"`; empty for none.
        refusal: Why it was not started; empty where it was.
        truncated: Some of what it wrote was dropped.
    """

    def __init__(self, process: subprocess.Popen[bytes], plan: int, status: int) -> None:
        self.over = ""
        self.refusal = ""
        self.truncated = False
        self._process = process
        self._plan = plan
        self._status = status
        self._lock = threading.Lock()
        self._reaped = False
        try:
            self._ended = os.pidfd_open(process.pid)
        except OSError:
            self._ended = -1
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of the process, and of its group."""
        return self._process.pid

    def confine(self, plan: str) -> None:
        """Sends the plan; it goes on when that has arrived."""
        data = plan.encode()
        with contextlib.suppress(BrokenPipeError):  # it is dead: what it wrote says why
            while data:
                data = data[os.write(self._plan, data) :]
        os.close(self._plan)
        self._plan = -1

    def read(self, until: float, most: int, is_over: Callable[[], bool]) -> tuple[bytes, bytes]:
        """What it writes until it ends: stdout and stderr. What it leaves running ends with it.

        Args:
            until: When all of it is ended, of the monotonic clock.
            most: Bytes that are kept of each.
            is_over: Asked again and again whether it took more memory than it may have; see `over_memory`.
        """
        kept = {"stdout": bytearray(), "stderr": bytearray(), "status": bytearray()}
        dropped = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._ended, selectors.EVENT_READ, "end")
            selector.register(self._status, selectors.EVENT_READ, "status")
            for name, file in self._outputs():
                selector.register(file, selectors.EVENT_READ, name)
            while selector.get_map():
                for key, _ in selector.select(self._patience(until, is_over)):
                    if key.data == "end":
                        self.kill()
                        selector.unregister(key.fileobj)
                        continue
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fileobj)
                    room = most - len(kept[key.data])
                    kept[key.data] += data[:room]
                    dropped += max(0, len(data) - room)
                    if dropped > _MOST_DROPPED:
                        self._end("output")
        self.truncated = dropped > 0
        self.refusal = kept["status"].decode("utf-8", "replace")[:1000]
        return bytes(kept["stdout"]), bytes(kept["stderr"])

    def _patience(self, until: float, is_over: Callable[[], bool]) -> float | None:
        """Seconds to wait for what comes next; ends what is over a limit. None once it was ended."""
        left = until - time.monotonic()
        if left <= 0:
            self._end("time")
        elif is_over():
            self._end("memory")
        return None if self.over else min(left, _LOOK_S)

    def _end(self, reason: str) -> None:
        if not self.over:
            self.over = reason
            self.kill()

    def wait(self) -> int:
        """The exit code, or minus the signal."""
        self.kill()
        with self._lock:
            self._reaped = True  # from here on the number may be another process's
            code = self._process.wait()
        self._reap_orphans()
        return code

    def _reap_orphans(self) -> None:
        """Where this process adopts orphans, as the first one of a container does, it is the one to wait for them."""
        until = time.monotonic() + _ORPHANS_S
        with contextlib.suppress(ChildProcessError):  # there are none, or no more
            while os.waitpid(-self._process.pid, os.WNOHANG)[0] > 0 or time.monotonic() < until:
                time.sleep(0.001)  # they are dead as soon as the kernel comes to it

    def kill(self) -> None:
        """Ends the program and all that it started: the sandbox lets none of it leave the process group. Any thread."""
        with self._lock:
            if not self._reaped:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Ends it, and closes what is open."""
        if not self._reaped:
            self.wait()
        for descriptor in (self._plan, self._status, self._ended):
            if descriptor >= 0:
                os.close(descriptor)
        for _, file in self._outputs():
            file.close()

    def _outputs(self) -> list[tuple[str, IO[bytes]]]:
        named = (("stdout", self._process.stdout), ("stderr", self._process.stderr))
        return [(name, file) for name, file in named if file is not None]

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start(program: Path, arguments: Sequence[str]) -> Program:
    """Starts what will become the program.

    Args:
        program: Its file, absolute.
        arguments: Its name as it is told, and the arguments.

    Raises:
        LaoError: This system has no sandbox for programs, or cannot start it.
    """
    if not hasattr(os, "pidfd_open"):
        raise LaoError("this system has no sandbox for programs")
    plan, plan_end = os.pipe()
    status_end, status = os.pipe()
    started = False
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
        started = True
    except OSError as error:
        raise LaoError(f"cannot run `{arguments[0]}`", causes=[error.strerror or str(error)]) from error
    finally:
        os.close(plan)
        os.close(status)
        if not started:
            os.close(plan_end)
            os.close(status_end)
    return Program(process, plan_end, status_end)


def _memory_of_group(group: int) -> int:
    """Bytes that the processes of a group have for themselves."""
    total = 0
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            if int(fields[2]) == group:
                with open(f"/proc/{entry}/statm", "rb") as file:
                    pages = file.read().split()
                total += (int(pages[1]) - int(pages[2])) * _PAGE  # resident, less what it shares
        except (OSError, IndexError, ValueError):
            continue  # it has ended
    return total


def over_memory(group: Any, program: Program, bounds: Bounds) -> bool:
    """Whether a program and what it started took more memory than they may have: the kernel ended one of them for it,
    or, without a control group, all together have more.
    """
    if kept_by(group)[0]:
        return bool(lib.lao__cgroup_memory_killed(group))
    return _memory_of_group(program.pid) > bounds.memory_bytes


_MEMORY, _TASKS = 1, 4  # LAO__CGROUP_*


@contextmanager
def control_group(bounds: Bounds) -> Iterator[Any]:
    """A control group for one program, a `lao__cgroup_t *`; see `kept_by`."""
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


def kept_by(group: Any) -> tuple[bool, bool]:
    """Whether a control group bounds memory, and the number of processes; neither where there are none."""
    return bool(group.kept & _MEMORY), bool(group.kept & _TASKS)
