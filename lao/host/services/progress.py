"""lao.progress/1: how far a call is, told to whoever wants to know."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

__all__ = ["Listener", "Progress"]

Listener = Callable[[float | None, str], object]
"""Gets the fraction (0 to 1, None where the plugin does not know) and a text, which may be empty."""

_LONGEST_TEXT = 1024

logger = logging.getLogger(__name__)


class Progress:
    """Hands one plugin's reports to its listener. Any thread.

    A plugin that reports faster than the listener takes it skips reports: the newest is what counts.
    """

    def __init__(self) -> None:
        self.listener: Listener | None = None
        self._lock = threading.Lock()
        self._newest: tuple[float | None, str] | None = None
        self._delivering = False

    def report(self, fraction: float, text: str) -> None:
        """Tells the listener right away, in this thread."""
        self.put(fraction, text)
        self.deliver()

    def put(self, fraction: float, text: str) -> bool:
        """Keeps a report; True when somebody has to `deliver` it, and nobody is about to."""
        if self.listener is None:
            return False
        known = fraction if 0.0 <= fraction <= 1.0 else None
        with self._lock:
            waiting = self._newest is not None or self._delivering
            self._newest = (known, text[:_LONGEST_TEXT])
            return not waiting

    def deliver(self) -> None:
        """Calls the listener until there is nothing new. An exception of the listener is logged, and ends nothing."""
        with self._lock:
            if self._delivering:
                return
            self._delivering = True
        while True:
            with self._lock:
                report, self._newest = self._newest, None
                if report is None:
                    self._delivering = False
                    return
            listener = self.listener
            if listener is None:
                continue
            try:
                listener(*report)
            except Exception:
                logger.exception("a listener to the progress of a plugin failed")
