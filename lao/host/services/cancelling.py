"""Cancelling what is done for a plugin in this process: its call has a cancel word, which native code writes."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

__all__ = ["cancelled_by"]

_SLICE_S = 0.02  # a cancel is noticed this late

logger = logging.getLogger(__name__)


class _Watch:
    """One thread that looks at all the words, while there are any."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """As if it were new: in a process that was forked, the thread is the other one's, and the lock may be."""
        self._lock = threading.Lock()
        self._entries: dict[object, tuple[Sequence[int], Callable[[], object]]] = {}
        self._thread: threading.Thread | None = None

    def add(self, word: Sequence[int], cancel: Callable[[], object]) -> object:
        key = object()
        with self._lock:
            self._entries[key] = (word, cancel)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="lao-cancelling", daemon=True)
                self._thread.start()
        return key

    def remove(self, key: object) -> None:
        with self._lock:
            self._entries.pop(key, None)

    def _look(self) -> None:
        while True:
            time.sleep(_SLICE_S)
            with self._lock:  # a word is there as long as its entry
                due = [key for key, (word, _) in self._entries.items() if word[0] != 0]
                cancels = [self._entries.pop(key)[1] for key in due]
                if not self._entries:
                    self._thread = None
            for cancel in cancels:
                try:
                    cancel()
                except Exception:
                    logger.exception("what a plugin asked for cannot be cancelled")
            if self._thread is not threading.current_thread():
                return


_watch = _Watch()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_watch.begin)


@contextmanager
def cancelled_by(word: Sequence[int], cancel: Callable[[], object]) -> Iterator[None]:
    """A context in which `cancel` is called once when `word[0]` is other than 0, on another thread.

    Args:
        word: Has to be there as long as the context; native code may write it at any time.
        cancel: Called at most once.
    """
    key = _watch.add(word, cancel)
    try:
        yield
    finally:
        _watch.remove(key)
