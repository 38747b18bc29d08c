"""What the watchdog knows of one plugin's workers, and the steps that it takes: warn, throttle, cancel, kill.

What the kernel bounds (see `cgroup_kept`) it bounds more strictly than anybody could who looks from time to time; there
the watchdog warns and tells what happened. Everything else it enforces itself.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lao._native import ffi, lib
from lao.audit import Audit
from lao.events import Events
from lao.host.disk_usage import DiskUsage, measure_disk, measure_unlinked
from lao.host.throttle import Throttle
from lao.host.usage import Usage, WorkerProcess

__all__ = ["WORKERS", "Limits", "Watch", "WorkerSample"]

WORKERS = 64  # at most, of one plugin

_MEMORY, _CPU, _TASKS = 1, 2, 4  # bits of cgroup_kept
_MEBIBYTE = 1 << 20
_NS = 1_000_000_000
_WARN_AT = 0.8  # of a limit
_CALM_BELOW = 0.7  # of a limit: below it the next warning may come
_AT_ONCE_FROM = 1.5  # of a limit: no time is given to stop in good order
_GRACE_NS = 250_000_000  # between telling the calls to stop and ending their worker
_CPU_WINDOW_NS = 200_000_000  # CPU per cent are measured over this long at least
_BUSY_WINDOWS = 5  # in a row, near the limit: worth a warning
_SLACK_PERCENT = 3.0  # of one CPU, above the limit, that a window may show by chance
_CALM_S = 1.0  # a throttled worker that was calm for so long is let go
_WAITED_SHARE = 0.05  # of the time that a worker waits for its control group: it is being throttled
_REMEASURE_NS = 10 * _NS  # a worker that did run is measured; one that did not, this often


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one plugin's workers are held to; 0 is no limit.

    Attributes:
        memory_bytes: Memory of each worker.
        cpu_percent: CPU time of each worker; 100 is one CPU.
        threads: Of each worker, besides its own.
        own_threads: What a worker needs itself, at most.
        descriptors: Open in each worker.
        disk_bytes: In the directories that the plugin may write to.
        disk_files: Files and directories in there.
        recycle_age_s: An idle worker that is older is replaced.
        recycle_bytes: An idle worker that holds more memory is replaced.
        idle_s: A worker that had nothing to do for so long is closed; the next call starts another.
    """

    memory_bytes: int = 0
    cpu_percent: float = 0.0
    threads: int = 0
    own_threads: int = 10
    descriptors: int = 0
    disk_bytes: int = 0
    disk_files: int = 0
    recycle_age_s: float = 0.0
    recycle_bytes: int = 0
    idle_s: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkerSample:
    """What a worker used when it was last looked at.

    Attributes:
        index: Which of the plugin's workers.
        pid: Its process.
        memory_bytes: Its own memory, and what it wrote to the memory of its outputs.
        cpu_percent: Over the last quarter of a second or more; 100 is one CPU.
        threads: Besides its own.
        descriptors: Open ones; None where this system does not tell.
        throttled: Whether it is being held to its share of the CPU.
    """

    index: int
    pid: int
    memory_bytes: int
    cpu_percent: float
    threads: int
    descriptors: int | None
    throttled: bool


@dataclass(slots=True)
class _Stop:
    """A worker whose calls were told to stop."""

    at_ns: int  # it is ended then
    limit: str
    used: float
    allowed: float


@dataclass(slots=True)
class _Worker:
    index: int
    generation: int
    process: WorkerProcess
    started_ns: int
    cpu_ns: int = -1
    measured_ns: int = 0
    window_cpu_ns: int = 0
    window_ns: int = 0
    busy_windows: int = 0
    memory_bytes: int = 0
    cpu_percent: float = 0.0
    threads: int = 0
    descriptors: int | None = None
    waited_ns: int = 0  # for its control group's share of the CPU
    waited_at_ns: int = 0  # when that was last seen to grow
    refused: int = 0
    throttled: bool = False
    warned: set[str] = field(default_factory=set)
    stop: _Stop | None = None


class Watch:
    """The workers of one plugin, being watched. Made by `Watchdog.watch`."""

    def __init__(
        self,
        plugin: str,
        target: Any,
        limits: Limits,
        write_roots: Sequence[Path],
        *,
        owner: object,
        events: Events,
        audit: Audit | None,
        throttle: Throttle,
        forget: Callable[[Watch], None],
    ) -> None:
        self.plugin = plugin
        self.limits = limits
        self.write_roots = tuple(write_roots)
        self.disk = DiskUsage(0, 0, complete=True)
        self._target = target
        self._owner = weakref.ref(owner)
        self._events = events
        self._audit = audit
        self._throttle = throttle
        self._forget = forget
        self._lock = threading.RLock()
        self._closed = False
        self._process_id = os.getpid()
        self._workers: dict[int, _Worker] = {}
        self._known: dict[int, tuple[int, int, int]] = {}  # generation, deaths, memory kills; by index
        self._views = ffi.new("lao__worker_view_t[]", WORKERS)
        self._usage = ffi.new("lao__worker_usage_t *")
        self._ran = True  # since the disk was last looked at

    @property
    def samples(self) -> list[WorkerSample]:
        """What each worker used when it was last looked at."""
        with self._lock:
            return [
                WorkerSample(
                    worker.index,
                    worker.process.pid,
                    worker.memory_bytes,
                    worker.cpu_percent,
                    worker.threads,
                    worker.descriptors,
                    worker.throttled,
                )
                for worker in self._workers.values()
            ]

    def change(self, limits: Limits) -> None:
        """Other limits from now on. What the kernel bounds is changed by whoever made its control group."""
        with self._lock:
            self.limits = limits
            for worker in self._workers.values():
                worker.warned.clear()
                if self._throttle.holds(worker.process):
                    if limits.cpu_percent > 0:
                        self._throttle.hold(worker.process, limits.cpu_percent / 100.0)
                    else:
                        self._let_go(worker)

    def close(self) -> None:
        """Watches no more; nothing stays halted. Must come before the target is given up. Idempotent."""
        if self._process_id != os.getpid():
            return  # forked: neither the workers nor the threads are this process's
        with self._lock:
            if self._closed:
                return
            for worker in list(self._workers.values()):
                if worker.stop is not None:  # nobody else would end it
                    self._end(worker, worker.stop.limit, worker.stop.used, worker.stop.allowed)
                self._drop(worker)
            self._closed = True
        self._forget(self)

    # --- Looking ---

    def look(self) -> bool:
        """Looks at every worker once, and does what is due. Returns whether any of them is busy."""
        owner = self._owner()  # while this holds it, nobody frees the target
        if owner is None or self._process_id != os.getpid():
            return False
        busy = False
        with self._lock:
            if self._closed:
                return False
            count = lib.lao__isolated_workers(self._target, self._views, WORKERS)
            for index in range(count):
                busy = self._look_at(self._views[index]) or busy
        del owner
        return busy

    def _look_at(self, view: Any) -> bool:
        self._tell_life(view)
        worker = self._workers.get(view.index)
        if worker is not None and (view.pid == 0 or worker.generation != view.generation):
            self._drop(worker)
            worker = None
        if view.pid == 0:
            return False
        if worker is None:
            try:
                process = WorkerProcess(view.pid)
            except ProcessLookupError:
                return False  # it died just now
            worker = _Worker(view.index, view.generation, process, view.started_ns)
            self._workers[view.index] = worker
        cpu_ns = worker.process.cpu_ns()
        if cpu_ns is None:
            return False
        now_ns = time.monotonic_ns()
        ran = cpu_ns != worker.cpu_ns
        worker.cpu_ns = cpu_ns
        if ran or now_ns - worker.measured_ns > _REMEASURE_NS:
            # What did not run has not taken anything either: most looks at an idle worker end before this.
            self._ran = self._ran or ran
            self._measure(worker, view, now_ns)
        self._follow_cpu(worker, view, now_ns)
        if worker.stop is not None and (now_ns >= worker.stop.at_ns or view.in_flight == 0):
            self._end(worker, worker.stop.limit, worker.stop.used, worker.stop.allowed)
        elif worker.stop is None and view.in_flight == 0 and not view.starting:
            self._tidy(worker, view, now_ns)
        return ran or view.in_flight > 0 or worker.throttled

    def _measure(self, worker: _Worker, view: Any, now_ns: int) -> None:
        usage = worker.process.measure()
        if usage is None:
            return
        told = self._usage if self._native_usage(worker) else None
        worker.measured_ns = now_ns
        worker.memory_bytes = usage.private_bytes + (told.output_bytes if told is not None else 0)
        worker.threads = max(0, usage.threads - self.limits.own_threads)
        worker.descriptors = usage.descriptors
        self._check_memory(worker, view)
        self._check_counts(worker, view, usage)
        if told is not None:
            self._tell_refused(worker, told.tasks_refused)

    def _native_usage(self, worker: _Worker) -> bool:
        return bool(lib.lao__isolated_usage(self._target, worker.index, worker.generation, self._usage))

    def _check_memory(self, worker: _Worker, view: Any) -> None:
        if self.limits.memory_bytes:
            allowed = self.limits.memory_bytes / _MEBIBYTE
            used = worker.memory_bytes / _MEBIBYTE
            by_kernel = bool(view.cgroup_kept & _MEMORY)
            self._check(worker, view, "max_memory_mb", used, allowed, enforce=not by_kernel)

    def _check_counts(self, worker: _Worker, view: Any, usage: Usage) -> None:
        limits = self.limits
        if limits.threads:
            by_kernel = bool(view.cgroup_kept & _TASKS)
            self._check(worker, view, "max_threads", worker.threads, limits.threads, enforce=not by_kernel)
        if limits.descriptors and usage.descriptors is not None:
            self._check(worker, view, "max_descriptors", usage.descriptors, limits.descriptors, enforce=True)

    def _check(
        self, worker: _Worker, view: Any, limit: str, used: float, allowed: float, *, enforce: bool
    ) -> None:
        if used < _CALM_BELOW * allowed:
            worker.warned.discard(limit)
        elif used >= _WARN_AT * allowed:
            self._warn(worker, limit, used, allowed)
        if enforce and used > allowed and worker.stop is None:
            self._pass(worker, view, limit, used, allowed)

    def _tell_refused(self, worker: _Worker, refused: int) -> None:
        if refused > worker.refused:
            worker.warned.discard("max_threads")
            self._warn(
                worker,
                "max_threads",
                self.limits.threads,
                self.limits.threads,
                refused=refused - worker.refused,
            )
            worker.refused = refused

    # --- CPU ---

    def _follow_cpu(self, worker: _Worker, view: Any, now_ns: int) -> None:
        if worker.window_ns == 0:
            worker.window_ns, worker.window_cpu_ns = now_ns, worker.cpu_ns
            return
        passed_ns = now_ns - worker.window_ns
        if passed_ns < _CPU_WINDOW_NS:
            return
        used_ns = worker.cpu_ns - worker.window_cpu_ns
        worker.window_ns, worker.window_cpu_ns = now_ns, worker.cpu_ns
        worker.cpu_percent = 100.0 * used_ns / passed_ns
        allowed = self.limits.cpu_percent
        if allowed <= 0 or (used_ns == 0 and not worker.throttled):
            worker.busy_windows = 0
            return
        worker.busy_windows = worker.busy_windows + 1 if worker.cpu_percent >= _WARN_AT * allowed else 0
        if worker.busy_windows >= _BUSY_WINDOWS:
            self._warn(worker, "max_cpu_percent", worker.cpu_percent, allowed)
        elif worker.cpu_percent < _CALM_BELOW * allowed:
            worker.warned.discard("max_cpu_percent")
        if view.cgroup_kept & _CPU:
            self._follow_group(worker, passed_ns, now_ns)
        elif self._throttle.holds(worker.process):
            if self._throttle.calm_s(worker.process) >= _CALM_S:
                self._let_go(worker)
        elif worker.cpu_percent > allowed + _SLACK_PERCENT:
            self._throttle.hold(
                worker.process, allowed / 100.0, owed_ns=used_ns - passed_ns * allowed / 100.0
            )
            self._tell_throttled(worker, by="host")

    def _follow_group(self, worker: _Worker, passed_ns: int, now_ns: int) -> None:
        """The kernel throttles: tell when it begins to."""
        if not self._native_usage(worker):
            return
        waited_ns, worker.waited_ns = self._usage.throttled_ns - worker.waited_ns, self._usage.throttled_ns
        if waited_ns > 0:
            worker.waited_at_ns = now_ns
        if waited_ns > _WAITED_SHARE * passed_ns and not worker.throttled:
            self._tell_throttled(worker, by="kernel")
        elif now_ns - worker.waited_at_ns > _CALM_S * _NS:
            worker.throttled = False

    def _tell_throttled(self, worker: _Worker, *, by: str) -> None:
        worker.throttled = True
        self._emit(
            "limit_throttled", worker, "max_cpu_percent", worker.cpu_percent, self.limits.cpu_percent, by=by
        )

    def _let_go(self, worker: _Worker) -> None:
        self._throttle.release(worker.process)
        worker.throttled = False

    # --- Steps ---

    def _warn(self, worker: _Worker, limit: str, used: float, allowed: float, **more: Any) -> None:
        if limit not in worker.warned:
            worker.warned.add(limit)
            self._emit("limit_warning", worker, limit, used, allowed, **more)

    def _pass(self, worker: _Worker, view: Any, limit: str, used: float, allowed: float) -> None:
        """A limit was passed: the calls are told to stop, and soon after that the worker is ended."""
        if (
            used < _AT_ONCE_FROM * allowed
            and view.in_flight > 0
            and lib.lao__isolated_stop(
                self._target, worker.index, worker.generation, limit.encode(), used, allowed
            )
        ):
            if worker.throttled:
                self._let_go(worker)  # it should have its chance to stop in good order
            worker.stop = _Stop(time.monotonic_ns() + _GRACE_NS, limit, used, allowed)
            self._emit("limit_cancelled", worker, limit, used, allowed)
        else:
            self._end(worker, limit, used, allowed)

    def _end(self, worker: _Worker, limit: str, used: float, allowed: float) -> None:
        lib.lao__isolated_end(self._target, worker.index, worker.generation, limit.encode(), used, allowed)
        self._emit("limit_killed", worker, limit, used, allowed, by="host")
        self._record_kill(worker.index, limit, used, allowed, by="host")
        self._drop(worker)

    def _record_kill(self, index: int, limit: str, used: float | None, allowed: float, *, by: str) -> None:
        if self._audit is not None:
            self._audit.record(
                "kill", plugin=self.plugin, worker=index, limit=limit, used=used, allowed=allowed, by=by
            )

    def _emit(self, name: str, worker: _Worker, limit: str, used: float, allowed: float, **more: Any) -> None:
        self._events.emit(
            name,
            self.plugin,
            limit=limit,
            used=round(float(used), 3),
            allowed=float(allowed),
            worker=worker.index,
            pid=worker.process.pid,
            **more,
        )

    # --- Life ---

    def _tell_life(self, view: Any) -> None:
        """Starts and deaths since the last look."""
        generation, deaths, memory_kills = self._known.get(view.index, (0, 0, 0))
        if (generation, deaths, memory_kills) == (view.generation, view.deaths, view.memory_kills):
            return
        self._known[view.index] = (view.generation, view.deaths, view.memory_kills)
        allowed = self.limits.memory_bytes / _MEBIBYTE
        for _ in range(view.memory_kills - memory_kills):
            self._events.emit(
                "limit_killed",
                self.plugin,
                limit="max_memory_mb",
                used=None,
                allowed=allowed,
                worker=view.index,
                by="kernel",
            )
            self._record_kill(view.index, "max_memory_mb", None, allowed, by="kernel")
        for _ in range(min(view.deaths - deaths, 100)):
            self._events.emit("worker_died", self.plugin, worker=view.index)
        if view.generation != generation:
            name = "worker_started" if generation == 0 else "worker_restarted"
            self._events.emit(name, self.plugin, worker=view.index, generation=view.generation, pid=view.pid)

    def _tidy(self, worker: _Worker, view: Any, now_ns: int) -> None:
        """Replaces or closes a worker that has nothing to do."""
        limits = self.limits
        lived_s = (lib.lao__glue_now_ns() - view.started_ns) / _NS
        idle_s = (lib.lao__glue_now_ns() - max(view.idle_since_ns, view.started_ns)) / _NS
        if limits.recycle_bytes and worker.memory_bytes > limits.recycle_bytes:
            self._retire(worker, "worker_recycled", reason="memory", memory_bytes=worker.memory_bytes)
        elif limits.threads and worker.threads >= _WARN_AT * limits.threads:
            self._retire(worker, "worker_recycled", reason="threads", threads=worker.threads)
        elif limits.recycle_age_s and lived_s > limits.recycle_age_s:
            self._retire(worker, "worker_recycled", reason="age", age_s=round(lived_s, 3))
        elif limits.idle_s and idle_s > limits.idle_s:
            self._retire(worker, "worker_collected", idle_s=round(idle_s, 3))

    def _retire(self, worker: _Worker, event: str, **facts: Any) -> None:
        if worker.throttled:
            self._let_go(worker)  # a halted worker could not close in good order
        if lib.lao__isolated_retire(self._target, worker.index, worker.generation):
            self._events.emit(event, self.plugin, worker=worker.index, pid=worker.process.pid, **facts)
            self._drop(worker)

    def _drop(self, worker: _Worker) -> None:
        self._throttle.release(worker.process)
        worker.process.close()
        if self._workers.get(worker.index) is worker:
            del self._workers[worker.index]

    # --- Disk ---

    def wants_disk(self) -> bool:
        """Whether there is something to count: a limit, and a worker that ran since the last time."""
        if self._closed or not self.write_roots or not (self.limits.disk_bytes or self.limits.disk_files):
            return False
        ran, self._ran = self._ran, False
        return ran

    def judge_disk(self, usage: DiskUsage) -> None:
        """Takes what was counted, and steps in where it is too much: with every worker that has a call."""
        owner = self._owner()
        if owner is None:
            return
        with self._lock:
            if self._closed:
                return
            self.disk = usage
            count = lib.lao__isolated_workers(self._target, self._views, WORKERS)
            for index in range(count):
                view = self._views[index]
                worker = self._workers.get(view.index)
                if worker is None or worker.generation != view.generation or view.in_flight == 0:
                    continue
                if self.limits.disk_bytes:
                    self._check(
                        worker,
                        view,
                        "disk_quota_mb",
                        usage.size_bytes / _MEBIBYTE,
                        self.limits.disk_bytes / _MEBIBYTE,
                        enforce=True,
                    )
                if self.limits.disk_files and self._workers.get(view.index) is worker:
                    self._check(worker, view, "disk_files", usage.files, self.limits.disk_files, enforce=True)
        del owner

    def count_disk(self) -> DiskUsage:
        """Counts, no further than what is too much. May take a while, and holds up nobody."""
        limits = self.limits
        with self._lock:
            pids = [worker.process.pid for worker in self._workers.values()]
        named = measure_disk(
            self.write_roots,
            enough_bytes=int(limits.disk_bytes * _AT_ONCE_FROM) or None,
            enough_files=int(limits.disk_files * _AT_ONCE_FROM) or None,
        )
        return replace(named, size_bytes=named.size_bytes + measure_unlinked(pids, self.write_roots))
