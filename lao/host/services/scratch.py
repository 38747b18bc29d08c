"""lao.scratch/1: a small key-value store of a plugin, which outlives its instances and workers."""

from __future__ import annotations

import threading
from collections import defaultdict

from lao.errors import ResourceLimitExceeded

__all__ = ["LARGEST_VALUE", "MOST_BYTES", "MOST_KEYS", "Scratch"]

LARGEST_VALUE = 1 << 20  # bytes
MOST_KEYS = 1024
MOST_BYTES = 8 << 20  # of one plugin, keys included


class Scratch:
    """What all plugins of a host keep, in the host's memory. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: defaultdict[object, dict[str, bytes]] = defaultdict(dict)
        self._bytes: defaultdict[object, int] = defaultdict(int)

    def get(self, owner: object, key: str) -> bytes | None:
        """The value, or None."""
        with self._lock:
            values = self._values.get(owner)
            return None if values is None else values.get(key)

    def put(self, owner: object, key: str, value: bytes) -> None:
        """Keeps a value.

        Args:
            owner: Whose store it is.
            key: Text.
            value: Up to 1 MiB.

        Raises:
            ResourceLimitExceeded: The value, the keys or all of it together are too many.
        """
        if len(value) > LARGEST_VALUE:
            raise _limit("a scratch value", "scratch_value_bytes", len(value), LARGEST_VALUE)
        with self._lock:
            values = self._values[owner]
            before = values.get(key)
            if before is None and len(values) >= MOST_KEYS:
                raise _limit("the scratch store", "scratch_keys", len(values) + 1, MOST_KEYS)
            size = self._bytes[owner] + len(value) + len(key)
            size -= 0 if before is None else len(before) + len(key)
            if size > MOST_BYTES:
                raise _limit("the scratch store", "scratch_bytes", size, MOST_BYTES)
            values[key] = value
            self._bytes[owner] = size

    def remove(self, owner: object, key: str) -> None:
        """Forgets a value, if there is one."""
        with self._lock:
            value = self._values[owner].pop(key, None)
            if value is not None:
                self._bytes[owner] -= len(value) + len(key)


def _limit(what: str, limit: str, used: int, allowed: int) -> ResourceLimitExceeded:
    return ResourceLimitExceeded(
        f"{what} is full: {used} of at most {allowed}", limit=limit, used=used, allowed=allowed
    )
