"""What happens to plugins and their workers, as events: a bus, a bounded history, and counters.

`emit` never waits for anybody: an event is counted, remembered and queued, and one thread of the bus calls the
subscribers. What a plugin says itself may come as a flood, so everything here is bounded: of the events that
wait, and of the history, each plugin and name has a share of its own, and what had to be left out is counted.

Example:
    >>> events = Events()
    >>> seen = []
    >>> _ = events.subscribe(lambda event: seen.append(event.data["limit"]), "limit_*")
    >>> events.emit("limit_warning", "denoise", limit="max_memory_mb", used=205.0, allowed=256.0)
    >>> events.flush()
    True
    >>> seen, events.count("limit_warning")
    (['max_memory_mb'], 1)
"""

from __future__ import annotations

import fnmatch
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any

__all__ = ["NAMES", "Event", "Events", "Subscription"]

# The events of LAO itself. Others are a plugin's own, which its manifest declares.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "plugin_loaded": "a plugin can be called now",
        "plugin_unloaded": "a plugin was closed, or another load of it took its place",
        "plugin_updated": "what a running plugin may do or use was changed",
        "plugin_error": "a call failed",
        "worker_started": "a worker process has loaded the plugin",
        "worker_died": "a worker process ended that should not have",
        "worker_restarted": "another worker took the place of a dead one",
        "worker_recycled": "a worker was replaced for its age, its memory or its number of calls",
        "worker_collected": "an idle worker was closed; the next call starts another",
        "limit_warning": "a worker uses most of what it may",
        "limit_throttled": "a worker is being slowed down to its share of the CPU",
        "limit_cancelled": "the calls of a worker were told to stop, for a limit that it passed",
        "limit_killed": "a worker was ended for a limit that it passed",
        "permission_denied": "a plugin asked for what it has no permission for",
        "protocol_violation": "a worker sent what the protocol does not allow; it was ended",
        "permission_changed": "what a plugin may do was changed",
        "promise_waived": "a user accepted that a promise of isolation does not hold",
    }
)

_HISTORY = 1000  # events, of all names
_HISTORY_OF_A_NAME = 200  # of one name and plugin: a flood of one leaves the others readable
_WAITING_OF_A_PLUGIN = 1000  # events in the queue
_NAME_CHARACTERS = 128
_COUNTED_NAMES = 4096  # pairs of name and plugin

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        name: One of `NAMES`, or what a plugin's manifest declares.
        plugin: The plugin it is about; empty when it is about none.
        data: Its facts; read-only.
        at: When, in seconds since the epoch.
    """

    name: str
    plugin: str = ""
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    at: float = 0.0


class Subscription:
    """One subscriber; `close()` ends it. A context manager too."""

    def __init__(
        self, events: Events, callback: Callable[[Event], object], pattern: str, plugin: str | None
    ) -> None:
        self._events = events
        self.callback = callback
        self.pattern = pattern
        self.plugin = plugin

    def wants(self, event: Event) -> bool:
        """Whether its pattern and plugin fit."""
        return (self.plugin is None or self.plugin == event.plugin) and fnmatch.fnmatchcase(
            event.name, self.pattern
        )

    def close(self) -> None:
        """Calls the subscriber no more, but for a call that is being made right now."""
        self._events._remove(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Events:
    """The bus. All methods may be called from any thread, from a subscriber too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._subscriptions: tuple[Subscription, ...] = ()
        self._waiting: deque[tuple[Event, tuple[Subscription, ...]]] = deque()
        self._waiting_of: Counter[str] = Counter()
        self._delivering = False
        self._history: deque[Event] = deque()
        self._history_of: Counter[tuple[str, str]] = Counter()
        self._counters: Counter[tuple[str, str]] = Counter()
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    def emit(self, name: str, plugin: str = "", /, **data: Any) -> None:
        """Tells what happened. Costs microseconds, and never waits for a subscriber.

        Args:
            name: The event's name; up to 128 characters.
            plugin: The plugin it is about.
            **data: The facts of it.
        """
        event = Event(name[:_NAME_CHARACTERS], plugin, MappingProxyType(data), time.time())
        with self._lock:
            key = (event.name, plugin)
            if key in self._counters or len(self._counters) < _COUNTED_NAMES:
                self._counters[key] += 1
            self._remember(event, key)
            takers = () if self._closed else tuple(one for one in self._subscriptions if one.wants(event))
            if not takers:
                return
            if self._waiting_of[plugin] >= _WAITING_OF_A_PLUGIN:
                self._dropped += 1
                return
            self._waiting_of[plugin] += 1
            self._waiting.append((event, takers))
            if self._thread is None or not self._thread.is_alive():  # a forked process has no such thread
                self._thread = threading.Thread(target=self._deliver, name="lao-events", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def subscribe(
        self, callback: Callable[[Event], object], pattern: str = "*", *, plugin: str | None = None
    ) -> Subscription:
        """Calls `callback` with every later event that fits, one at a time, on a thread of the bus.

        An exception of the callback is logged, and ends nothing. A callback that takes long delays the others.

        Args:
            callback: Gets the `Event`.
            pattern: A name, or a shell pattern of names: `"limit_*"`.
            plugin: Only the events of this plugin; None for all.
        """
        subscription = Subscription(self, callback, pattern, plugin)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def history(self, pattern: str = "*", *, plugin: str | None = None) -> list[Event]:
        """The latest events that fit, oldest first: up to 1000 of all, up to 200 of one name of one plugin."""
        with self._lock:
            events = list(self._history)
        return [
            event
            for event in events
            if (plugin is None or event.plugin == plugin) and fnmatch.fnmatchcase(event.name, pattern)
        ]

    def count(self, name: str, *, plugin: str | None = None) -> int:
        """How often an event happened since the bus was made, for one plugin or for all together."""
        with self._lock:
            if plugin is not None:
                return self._counters[(name, plugin)]
            return sum(number for (one, _), number in self._counters.items() if one == name)

    @property
    def counters(self) -> dict[str, int]:
        """How often each event happened, by name."""
        totals: Counter[str] = Counter()
        with self._lock:
            for (name, _), number in self._counters.items():
                totals[name] += number
        return dict(totals)

    @property
    def dropped(self) -> int:
        """Events that no subscriber saw, because too many of the same plugin were waiting already."""
        return self._dropped

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Waits until the subscribers have seen everything that was emitted. False when that took longer.

        From within a subscriber it cannot wait for itself: False at once.
        """
        if threading.current_thread() is self._thread:
            return False
        with self._lock:
            return self._changed.wait_for(lambda: not self._waiting and not self._delivering, timeout_s)

    def close(self) -> None:
        """Delivers what waits (for up to a second), and calls no subscriber after that. Counting goes on."""
        self.flush(1.0)
        with self._lock:
            self._closed = True
            self._subscriptions = ()
            self._waiting.clear()
            self._waiting_of.clear()
            self._changed.notify_all()

    def _remember(self, event: Event, key: tuple[str, str]) -> None:
        if self._history_of[key] >= _HISTORY_OF_A_NAME:
            oldest = next(one for one in self._history if (one.name, one.plugin) == key)
            self._history.remove(oldest)
            self._history_of[key] -= 1
        elif len(self._history) >= _HISTORY:
            first = self._history.popleft()
            self._history_of[(first.name, first.plugin)] -= 1
            if not self._history_of[(first.name, first.plugin)]:
                del self._history_of[(first.name, first.plugin)]
        self._history.append(event)
        self._history_of[key] += 1

    def _remove(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions = tuple(one for one in self._subscriptions if one is not subscription)

    def _deliver(self) -> None:
        while True:
            with self._lock:
                self._delivering = False
                self._changed.notify_all()
                while not self._waiting:
                    if self._closed:
                        return
                    self._changed.wait()
                event, takers = self._waiting.popleft()
                self._waiting_of[event.plugin] -= 1
                if not self._waiting_of[event.plugin]:
                    del self._waiting_of[event.plugin]
                self._delivering = True
            for taker in takers:
                if taker not in self._subscriptions:  # closed meanwhile
                    continue
                try:
                    taker.callback(event)
                except Exception:
                    logger.exception("a subscriber of `%s` failed", event.name)
