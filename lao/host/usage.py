"""One worker process, seen from outside: what it uses, and signals that reach it and nobody else."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass

__all__ = ["Usage", "WorkerProcess"]

_CLOCK_OF_A_PROCESS = 2  # CPUCLOCK_SCHED: nanoseconds of all its threads, those that ended too


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process uses.

    Attributes:
        private_bytes: Memory that is its own: resident, without mapped files and what it shares with the host.
        resident_bytes: All of its memory that is resident.
        threads: Its threads, those of the worker itself among them.
        descriptors: Its open descriptors; None where this system does not tell.
    """

    private_bytes: int
    resident_bytes: int
    threads: int
    descriptors: int | None


class WorkerProcess:
    """A child process of this one.

    Its number alone may be another's by the time that it is used: what changes the process goes through a handle,
    where the system has such.

    Raises:
        ProcessLookupError: There is no such child any more.
    """

    def __init__(self, pid: int) -> None:
        import psutil

        self.pid = pid
        self._handle = -1
        self._fast_clock = hasattr(time, "clock_gettime_ns")
        try:
            self._process = psutil.Process(pid)
            if hasattr(os, "pidfd_open"):
                self._handle = os.pidfd_open(pid)
            # The number of a dead child may have gone to somebody else between its being read and the handle.
            if self._process.ppid() != os.getpid() or not self._process.is_running():
                raise ProcessLookupError(f"process {pid} is not ours")
        except (psutil.Error, OSError) as reason:
            self.close()
            raise ProcessLookupError(f"process {pid} is gone") from reason

    def cpu_ns(self) -> int | None:
        """CPU time that it has had, of all threads together; None when it is gone. Costs a microsecond on Linux."""
        if self._fast_clock:
            try:
                return time.clock_gettime_ns((~self.pid << 3) | _CLOCK_OF_A_PROCESS)
            except OSError:
                if os.path.exists("/proc/self/stat"):
                    return None  # it was reaped
                self._fast_clock = False  # this system has no clocks of processes
        import psutil

        try:
            times = self._process.cpu_times()
        except psutil.Error:
            return None
        return int((times.user + times.system) * 1e9)

    def measure(self) -> Usage | None:
        """What it uses now; None when it is gone."""
        import psutil

        try:
            with self._process.oneshot():
                memory = self._process.memory_info()
                threads = self._process.num_threads()
        except psutil.Error:
            return None
        return Usage(
            private_bytes=max(0, memory.rss - getattr(memory, "shared", 0)),
            resident_bytes=memory.rss,
            threads=threads,
            descriptors=self._descriptors(),
        )

    def _descriptors(self) -> int | None:
        # The size of the directory is their number since Linux 6.2, which a process that is closed to us tells too.
        with contextlib.suppress(OSError):
            size = os.stat(f"/proc/{self.pid}/fd").st_size
            if size > 0:
                return size
        import psutil

        try:
            return int(self._process.num_fds()) if hasattr(self._process, "num_fds") else None
        except psutil.Error:
            return None

    def stop(self) -> bool:
        """Halts it, until `resume`. False when it is gone."""
        return self._signal("SIGSTOP")

    def resume(self) -> bool:
        """Lets it go on. Harmless where it was not halted. False when it is gone."""
        return self._signal("SIGCONT")

    def _signal(self, name: str) -> bool:
        import psutil

        try:
            if self._handle >= 0:
                signal.pidfd_send_signal(self._handle, getattr(signal, name))
            elif name == "SIGSTOP":
                self._process.suspend()  # both of these look whether the number is still the same process's
            else:
                self._process.resume()
        except (psutil.Error, OSError):
            return False
        return True

    def close(self) -> None:
        """Closes the handle."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
