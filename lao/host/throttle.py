"""Holds processes to a share of the CPU where no kernel mechanism does: halting and resuming them, with feedback.

Each process has an account: time passing pays its share in, the CPU time that it really had is taken out. Overdrawn, it
is halted until the account has a little again. What one turn got wrong (this thread is late on a busy machine) the next
ones make good, so that the average keeps to the share within a point or so.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from lao.host.usage import WorkerProcess

__all__ = ["Throttle"]

_NS = 1_000_000_000
_BURST_NS = 100_000_000  # what a process saves at most by not running, in time
_DEBT_NS = 2 * _NS  # what it owes at most, in time
_TURN_NS = 20_000_000  # a halt lasts until so much time has been paid in
_LEAST_TURN_NS = 1_000_000  # of CPU time; shorter turns would be all overhead
_LOOK_NS = 50_000_000  # a process that runs is looked at this often at least
_SOON_NS = 1_000_000

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Account:
    process: WorkerProcess
    share: float  # of one CPU; 1.5 is one and a half
    balance_ns: float
    cpu_ns: int
    at_ns: int
    next_ns: int
    halted: bool = False
    halted_ns: int = 0
    full_since_ns: int = field(default=0)

    def step(self, now_ns: int) -> bool:
        """Settles, and halts or resumes. False when the process is gone."""
        cpu_ns = self.process.cpu_ns()
        if cpu_ns is None:
            return False
        passed_ns, used_ns = now_ns - self.at_ns, cpu_ns - self.cpu_ns
        self.at_ns, self.cpu_ns = now_ns, cpu_ns
        full_ns = self.share * _BURST_NS
        self.balance_ns += self.share * passed_ns - used_ns
        self.balance_ns = max(min(self.balance_ns, full_ns), -self.share * _DEBT_NS)
        if self.balance_ns < full_ns:
            self.full_since_ns = now_ns
        if self.halted:
            self.halted_ns += passed_ns
        turn_ns = max(self.share * _TURN_NS, min(_LEAST_TURN_NS, full_ns))
        if self.halted and self.balance_ns >= turn_ns:
            self.halted = False
            if not self.process.resume():
                return False
        elif not self.halted and self.balance_ns <= 0:
            if not self.process.stop():
                return False
            self.halted = True
        if self.halted:
            wait_ns = (turn_ns - self.balance_ns) / self.share
        else:
            rate = max(used_ns / passed_ns if passed_ns > 0 else 0.0, 1.0) - self.share
            wait_ns = min(self.balance_ns / rate if rate > 0 else _LOOK_NS, _LOOK_NS)
        self.next_ns = now_ns + max(int(wait_ns), _SOON_NS)
        return True


class Throttle:
    """The processes that are being held, and the thread that does it. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._accounts: dict[WorkerProcess, _Account] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def hold(self, process: WorkerProcess, share: float, *, owed_ns: float = 0.0) -> None:
        """Holds a process to a share of the CPU from now on, or to another one than before.

        Args:
            process: Which.
            share: Of one CPU, above 0; 1.5 is one and a half.
            owed_ns: CPU time that it had beyond its share already.
        """
        cpu_ns = process.cpu_ns()
        if cpu_ns is None:
            return
        now_ns = time.monotonic_ns()
        with self._lock:
            if self._closed:
                return
            account = self._accounts.get(process)
            if account is not None:
                account.share = share
                account.next_ns = now_ns
            else:
                self._accounts[process] = _Account(
                    process, share, -owed_ns, cpu_ns, now_ns, now_ns, full_since_ns=now_ns
                )
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="lao-throttle", daemon=True)
                self._thread.start()
            self._changed.notify()

    def holds(self, process: WorkerProcess) -> bool:
        """Whether a process is being held."""
        with self._lock:
            return process in self._accounts

    def calm_s(self, process: WorkerProcess) -> float:
        """Seconds since a held process last used more than it was paid; 0 for one that is not held."""
        with self._lock:
            account = self._accounts.get(process)
            return 0.0 if account is None else (time.monotonic_ns() - account.full_since_ns) / _NS

    def halted_s(self, process: WorkerProcess) -> float:
        """Seconds that a held process was halted, in all; 0 for one that is not held."""
        with self._lock:
            account = self._accounts.get(process)
            return 0.0 if account is None else account.halted_ns / _NS

    def release(self, process: WorkerProcess) -> None:
        """Holds it no more; afterwards it runs."""
        with self._lock:
            if self._accounts.pop(process, None) is not None:
                process.resume()

    def close(self) -> None:
        """Releases all, and takes no more."""
        with self._lock:
            self._closed = True
            for account in self._accounts.values():
                account.process.resume()
            self._accounts.clear()
            self._changed.notify()

    def _run(self) -> None:
        with self._lock:
            while not self._closed:
                now_ns = time.monotonic_ns()
                for process, account in list(self._accounts.items()):
                    if account.next_ns <= now_ns:
                        self._step(process, account, now_ns)
                if not self._accounts:
                    self._changed.wait()
                    continue
                next_ns = min(account.next_ns for account in self._accounts.values())
                self._changed.wait(max(0, next_ns - time.monotonic_ns()) / _NS)

    def _step(self, process: WorkerProcess, account: _Account, now_ns: int) -> None:
        try:
            alive = account.step(now_ns)
        except Exception:
            logger.exception("process %d cannot be throttled", process.pid)
            alive = False
        if not alive:
            del self._accounts[process]
            process.resume()  # whatever went wrong: nobody stays halted
