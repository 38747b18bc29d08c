"""The services of one host: what its plugins share, and how a plugin that is being loaded gets its own."""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lao._native import lib
from lao.events import Events
from lao.host.confinement import Bounds
from lao.host.convert import to_json, to_native
from lao.host.services.bridge import admit
from lao.host.services.calls import Target
from lao.host.services.dispatch import Denied, HostSide, PluginServices
from lao.host.services.scratch import Scratch
from lao.host.services.server import Server, WorkerId
from lao.model.manifest import Event
from lao.model.rights import Rights

__all__ = ["Counter", "Desk"]

Violated = Callable[[str, WorkerId, str], object]
"""Told of a worker that was ended for breaking the protocol: (plugin, worker, reason)."""


class Counter:
    """Where one loaded plugin asks: its services, and what the native side needs to know of them."""

    def __init__(self, services: PluginServices) -> None:
        self.services = services
        self.listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._target: Any = None  # cffi pointer; valid while the owner lives
        self._owner: weakref.ref[Any] | None = None
        self._broken: WorkerId | None = None

    @property
    def granted(self) -> int:
        """LAO__SERVICE_* as a number."""
        return self.services.granted

    @property
    def listener_descriptor(self) -> int:
        """For `service_listener`; -1 in-process."""
        return self.listener.fileno() if self.listener is not None else -1

    def attach(self, owner: object, target: Any) -> None:
        """The target is open; `owner` keeps it.

        A worker that broke the protocol while it was loading is ended now.
        """
        with self._lock:
            self._target, self._owner = target, weakref.ref(owner)
            broken = self._broken
        if broken is not None:
            self.end_worker(broken)

    def end_worker(self, worker: WorkerId) -> None:
        """Ends a worker that broke the protocol; its calls raise ProtocolViolation. Waits until it is gone."""
        with self._lock:
            owner = self._owner() if self._owner is not None else None
            if owner is None:
                self._broken = worker
                return
            target = self._target
        # `owner` is held here, so that the target cannot go meanwhile.
        lib.lao__isolated_end_for_violation(target, worker.index, worker.generation)
        del owner

    def close(self) -> None:
        """Answers nothing any more. Idempotent."""
        self.services.close()
        if self.listener is not None:
            self.listener.close()


class Desk:
    """Opens counters. Any thread."""

    def __init__(
        self, events: Events, denied: Denied, find: Callable[[str], Target], violated: Violated
    ) -> None:
        """
        Args:
            events: The host's bus.
            denied: Told of each refusal.
            find: Another plugin by its name, loaded if need be.
            violated: Told of workers that broke the protocol.
        """
        self._violated = violated
        self._server = Server()
        self._host = HostSide(
            scratch=Scratch(),
            events=events,
            denied=denied,
            find=find,
            to_json=to_json,
            describe=to_native,
            within=_within,
            new_token=lambda: int(lib.lao__flight_token()),
        )

    def open(
        self,
        plugin: str,
        rights: Rights,
        data_dir: Path,
        events: Sequence[Event],
        *,
        isolated: bool,
        bounds: Bounds | None = None,
    ) -> Counter:
        """A counter for a plugin that is about to be loaded.

        Args:
            plugin: Its name.
            rights: What it may do.
            data_dir: Its data directory, absolute; exists.
            events: What its manifest declares.
            isolated: It runs in workers.
            bounds: What it is held to, and each program that is run for it.
        """
        counter = Counter(PluginServices(plugin, rights, data_dir, events, self._host, bounds))
        if isolated:
            held = weakref.ref(counter)

            def violated(worker: WorkerId, reason: str) -> None:
                found = held()
                if found is not None:
                    found.end_worker(worker)
                self._violated(plugin, worker, reason)

            counter.listener = self._server.listen(counter.services, violated)
            weakref.finalize(counter, counter.listener.close)
        else:
            admit(counter.services)
        return counter

    def close(self) -> None:
        """Cuts off all workers. Idempotent."""
        self._server.close()


@contextmanager
def _within(deadline_ns: int) -> Iterator[None]:
    before = lib.lao__glue_get_deadline()
    lib.lao__glue_set_deadline(min(before, deadline_ns))
    try:
        yield
    finally:
        lib.lao__glue_set_deadline(before)
