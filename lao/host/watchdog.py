"""The threads that watch every worker of a host: one that looks, one that counts files, one that throttles.

An idle worker costs a look a few times a second: asking the kernel for its CPU time, which has not moved. Only what ran
is measured. How often is also a matter of what measuring costs: together the looks take no more than a hundredth of a
CPU, unless workers are busy, and then no more than three.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lao.audit import Audit
from lao.events import Events
from lao.host.throttle import Throttle
from lao.host.watch import Limits, Watch, WorkerSample

__all__ = ["Limits", "Watch", "Watchdog", "WorkerSample"]

_IDLE_LOOK_S = 0.25
_BUSY_LOOK_S = 0.1
_LONGEST_LOOK_S = 1.0
_IDLE_SHARE = 0.01  # of a CPU
_BUSY_SHARE = 0.03
_DISK_LOOK_S = 0.25
_DISK_SHARE = 0.05

logger = logging.getLogger(__name__)


class Watchdog:
    """Watches workers. Any thread may use it.

    Args:
        events: Where it tells what it does: `limit_warning`, `limit_throttled`, `limit_cancelled`, `limit_killed`,
            `worker_*`; each with a counter.
        audit: Where it records the workers that it ended; None for nowhere.
    """

    def __init__(self, events: Events, audit: Audit | None = None) -> None:
        self._events = events
        self._audit = audit
        self._throttle = Throttle()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._watches: tuple[Watch, ...] = ()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._process_id = os.getpid()
        # A host that exits without closing must not leave anybody halted.
        reference = weakref.ref(self)
        self._at_exit = lambda: _close(reference)
        atexit.register(self._at_exit)

    def watch(
        self,
        plugin: str,
        target: Any,
        limits: Limits,
        write_roots: Sequence[Path] = (),
        *,
        owner: object,
    ) -> Watch:
        """Watches the workers of one isolated target, from now until `close()` of what it returns.

        Args:
            plugin: Its name, for the events.
            target: The cffi pointer to the target.
            limits: What its workers are held to.
            write_roots: The directories whose size counts.
            owner: Who keeps the target alive. The watch does not keep the owner alive, but for the time of a look.
        """
        made = Watch(
            plugin,
            target,
            limits,
            write_roots,
            owner=owner,
            events=self._events,
            audit=self._audit,
            throttle=self._throttle,
            forget=self._remove,
        )
        with self._lock:
            if self._closed or self._process_id != os.getpid():
                return made
            self._watches = (*self._watches, made)
            self._start("lao-watchdog", self._look)
            if write_roots:
                self._start("lao-watchdog-disk", self._count)
            self._changed.notify_all()
        return made

    def close(self) -> None:
        """Watches nobody any more; nobody stays halted. Idempotent."""
        atexit.unregister(self._at_exit)
        if self._process_id != os.getpid():
            return
        with self._lock:
            self._closed = True
            watches, self._watches = self._watches, ()
            threads, self._threads = self._threads, []
            self._changed.notify_all()
        for watch in watches:
            watch.close()
        self._throttle.close()
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(5.0)

    def _remove(self, watch: Watch) -> None:
        with self._lock:
            self._watches = tuple(one for one in self._watches if one is not watch)

    def _start(self, name: str, run: Any) -> None:
        if not any(thread.name == name and thread.is_alive() for thread in self._threads):
            thread = threading.Thread(target=run, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _look(self) -> None:
        self._rest(_BUSY_LOOK_S)  # what a look needs is loaded after the first calls, not in their way
        while True:
            with self._lock:
                while not self._watches and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                watches = self._watches
            began_s = time.thread_time()
            busy = False
            for watch in watches:
                try:
                    busy = watch.look() or busy
                except Exception:
                    logger.exception("the workers of `%s` cannot be watched", watch.plugin)
            took_s = time.thread_time() - began_s
            del watches
            share, least_s = (_BUSY_SHARE, _BUSY_LOOK_S) if busy else (_IDLE_SHARE, _IDLE_LOOK_S)
            self._rest(min(max(took_s / share, least_s), _LONGEST_LOOK_S))

    def _count(self) -> None:
        while True:
            with self._lock:
                while not any(watch.write_roots for watch in self._watches) and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                watches = self._watches
            began_s = time.thread_time()
            for watch in watches:
                try:
                    if watch.wants_disk():
                        watch.judge_disk(watch.count_disk())
                except Exception:
                    logger.exception("the files of `%s` cannot be counted", watch.plugin)
            took_s = time.thread_time() - began_s
            del watches
            self._rest(max(took_s / _DISK_SHARE, _DISK_LOOK_S))

    def _rest(self, span_s: float) -> None:
        until = time.monotonic() + span_s
        with self._lock:
            while not self._closed and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)


def _close(reference: weakref.ref[Watchdog]) -> None:
    watchdog = reference()
    if watchdog is not None:
        watchdog.close()
