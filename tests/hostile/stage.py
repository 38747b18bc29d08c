"""What a test stands on: a host, the hostile plugin, and a sibling that is served all the while."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

import lao
from lao.errors import PluginNotFound
from lao.host import Host
from lao.host.source import Source
from lao.model.rights import NO_RIGHTS, Rights

__all__ = ["Stage"]

_PAUSE_S = 0.003  # between two calls of the sibling
_PATIENCE_S = 20.0  # a busy machine may keep the sibling waiting, but not for ever


class Stage:
    """A host with a sibling plugin that a thread calls all the time.

    Attributes:
        host: The host.
        library: The hostile plugin's library.
        scratch: An empty folder of this test, of this user.
        is_root: Whether the host is root.
        home: LAO's folder.
        sibling_pid: The process of the sibling's worker.
    """

    def __init__(self, library: Path | None, sibling: Path, home: Path, scratch: Path) -> None:
        self.library = library
        self.scratch = scratch
        self.is_root = os.geteuid() == 0
        self._rights = NO_RIGHTS
        self.host = Host(home, locator=self)
        self._stop = threading.Event()
        self._served = 0
        self._failure: BaseException | None = None
        self.home = home
        before = set(psutil.Process().children())
        self._sibling = self.host.load(sibling, isolation="process", timeout=_PATIENCE_S)
        self.sibling_pid = (set(psutil.Process().children()) - before).pop().pid
        self._caller = threading.Thread(target=self._call_sibling, name="sibling", daemon=True)

    def load(self, *, rights: Rights = NO_RIGHTS, **options: Any) -> lao.Plugin:
        """Loads the hostile plugin, as one that has these rights; `options` as for `lao.Host.load`."""
        self._rights = rights
        options = {"isolation": "process", "timeout": 10.0, "data_dir": self.scratch / "data", **options}
        return self.host.load("hostile", **options)

    def locate(self, target: str) -> Source:
        """Its host knows the one name `hostile`."""
        if target != "hostile" or self.library is None:
            raise PluginNotFound(f"there is no plugin `{target}`", name=target)
        return Source(target, self.library, rights=self._rights)

    def complete(self, source: Source) -> Source:
        """Nothing was decided about any plugin."""
        return source

    def signature(self) -> object:
        """And nothing will be."""
        return None

    def assert_serves(self, plugin: lao.Plugin) -> None:
        """The next call works."""
        assert plugin.call("echo", "the next call") == "the next call"

    def wait_for_event(self, name: str, patience_s: float = 10.0) -> Any:
        """The first event of that name, waited for."""
        until = time.monotonic() + patience_s
        while not (found := self.host.events.history(name)):
            assert time.monotonic() < until, f"no event `{name}` but {self.host.events.counters}"
            time.sleep(0.01)
        return found[0]

    def __enter__(self) -> Self:
        self._caller.start()
        self._await_sibling()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._await_sibling()
                assert self._sibling.stats.restarts == 0, "the sibling lost its worker"
        finally:
            self._stop.set()
            self._caller.join(_PATIENCE_S)
            self.host.close()
        if error is None and self._failure is not None:
            raise AssertionError("the sibling was not served") from self._failure

    def _await_sibling(self) -> None:
        """Waits until a call that began after now was served."""
        wanted = self._served + 2
        until = time.monotonic() + _PATIENCE_S
        while self._served < wanted and self._failure is None:
            assert time.monotonic() < until, "the sibling waits in vain"
            time.sleep(_PAUSE_S)

    def _call_sibling(self) -> None:
        while not self._stop.wait(_PAUSE_S):
            try:
                text = f"call {self._served}"
                answer = self._sibling.call("echo", text)
                assert answer == text, answer
            except BaseException as error:
                self._failure = error
                return
            self._served += 1
