"""Who was granted what, what was denied, and what was ended: an append-only log, `<home>/audit.log`.

One JSON object a line, each written by one call with O_APPEND, so that processes that write at once do not mix
their lines; readable by the owner only. A log that has grown to 4 MiB is renamed to `audit.1.log`, the next to
`audit.2.log`, and so on; nothing is ever removed. A plugin that is denied the same thing a thousand times does
not fill the disk: past a burst, repetitions of one action of one plugin are counted instead of written.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lao.errors import LaoError

__all__ = ["Audit"]

_BYTES_OF_A_FILE = 4 << 20
_BURST = 100  # repetitions of one action of one plugin that are written at once; then one a second
_TEXT_CHARACTERS = 1000
_LINE_BYTES = 16384
_KEYS_KEPT = 1024
_LOCK_TIMEOUT_S = 10.0


class _Bucket:
    """How many more repetitions of one action may be written."""

    __slots__ = ("at", "left", "suppressed")

    def __init__(self) -> None:
        self.left = float(_BURST)
        self.at = time.monotonic()
        self.suppressed = 0

    def take(self) -> bool:
        now = time.monotonic()
        self.left = min(float(_BURST), self.left + now - self.at)
        self.at = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


class Audit:
    """The audit log of one home. May be used from any thread; several processes may write one log."""

    def __init__(self, home: Path, *, max_bytes: int = _BYTES_OF_A_FILE) -> None:
        """
        Args:
            home: LAO's home; made when the first line is written.
            max_bytes: A file of this size is kept under another name, and a new one begun.
        """
        self.file = home / "audit.log"
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def record(
        self, action: str, /, *, plugin: str | None = None, required: bool = False, **fields: Any
    ) -> bool:
        """Appends one line: `at`, `action`, `plugin`, `pid`, `uid`, and the fields.

        Args:
            action: What was done, e.g. `grant`, `denial`, `kill`, `opt_out`.
            plugin: Whose.
            required: What must not go unrecorded is refused instead: raise where the line cannot be written, and
                count no repetition instead of writing it.
            **fields: More facts. What JSON does not know is written as its text; long texts are cut.

        Returns:
            Whether the line was written.

        Raises:
            LaoError: `required`, and the log cannot be written.
        """
        with self._lock:
            bucket = self._bucket(action, plugin or "")
            if not bucket.take() and not required:
                bucket.suppressed += 1
                return False
            try:
                if bucket.suppressed and not required:
                    self._append(_line("suppressed", plugin, {"of": action, "count": bucket.suppressed}))
                    bucket.suppressed = 0
                self._append(_line(action, plugin, fields))
            except OSError as reason:
                if required:
                    raise LaoError(
                        "cannot write the audit log", causes=[str(reason)], where=str(self.file)
                    ) from reason
                return False
        return True

    def entries(self) -> list[dict[str, Any]]:
        """Every line of the log and of its kept parts, oldest first. A damaged line comes as `{"damaged": text}`."""
        return list(self._read())

    def close(self) -> None:
        """Writes how many repetitions were left out."""
        with self._lock, contextlib.suppress(OSError):
            for (action, plugin), bucket in self._buckets.items():
                if bucket.suppressed:
                    self._append(
                        _line("suppressed", plugin or None, {"of": action, "count": bucket.suppressed})
                    )
                    bucket.suppressed = 0

    def _bucket(self, action: str, plugin: str) -> _Bucket:
        bucket = self._buckets.get((action, plugin))
        if bucket is None:
            if len(self._buckets) >= _KEYS_KEPT:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[(action, plugin)] = _Bucket()
        return bucket

    def _append(self, line: bytes) -> None:
        descriptor = self._open()
        try:
            if os.fstat(descriptor).st_size + len(line) > self._max_bytes:
                os.close(descriptor)
                descriptor = -1
                self._rotate(len(line))
                descriptor = self._open()
            # One call: O_APPEND makes it land whole behind the lines of other processes.
            if os.write(descriptor, line) != len(line):
                raise OSError("the disk is full")
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        # A link would have lines of ours written somewhere else; a fifo would have us wait for its reader.
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            descriptor = os.open(self.file, flags, 0o600)
        except FileNotFoundError:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.file, flags, 0o600)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise OSError(f"`{self.file}` is not a regular file")
        if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
            os.fchmod(descriptor, 0o600)
        return descriptor

    def _rotate(self, coming: int) -> None:
        """Renames the full file; under a lock, so that of several processes one does."""
        from filelock import FileLock, Timeout

        try:
            with FileLock(str(self.file.with_suffix(".lock")), timeout=_LOCK_TIMEOUT_S):
                if self.file.stat().st_size + coming <= self._max_bytes:
                    return  # somebody else was first
                number = 1 + max((part for part, _ in self._parts()), default=0)
                os.rename(self.file, self.file.with_name(f"audit.{number}.log"))
        except (Timeout, FileNotFoundError):
            return  # then the file grows a little longer

    def _parts(self) -> list[tuple[int, Path]]:
        """The kept files, oldest first, with their numbers."""
        found = []
        for file in self.file.parent.glob("audit.*.log"):
            number = file.name.split(".")[1]
            if number.isdecimal():
                found.append((int(number), file))
        return sorted(found)

    def _read(self) -> Iterator[dict[str, Any]]:
        for file in [*(part for _, part in self._parts()), self.file]:
            try:
                text = file.read_text(encoding="utf-8", errors="replace")
            except FileNotFoundError:
                continue
            for line in text.split("\n"):
                if not line:
                    continue
                try:
                    entry = json.loads(line)
                except ValueError:
                    entry = None
                yield entry if isinstance(entry, dict) else {"damaged": line}


def _line(action: str, plugin: str | None, fields: dict[str, Any]) -> bytes:
    entry: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "action": action,
        "plugin": plugin,
        "pid": os.getpid(),
        "uid": os.getuid() if hasattr(os, "getuid") else None,
    }
    entry.update({key: _short(value) for key, value in fields.items() if key not in entry})
    # ASCII only: no line break, and nothing that a terminal would obey, gets into the file.
    line = json.dumps(entry, default=_text, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    if len(line) >= _LINE_BYTES:
        entry = {key: entry[key] for key in ("at", "action", "plugin", "pid", "uid")}
        entry["cut"] = f"{len(line)} bytes of facts are too many for a line"
        line = json.dumps(entry, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return line + b"\n"


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _TEXT_CHARACTERS:
        return value[:_TEXT_CHARACTERS] + "..."
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return value


def _text(value: Any) -> str:
    return _short(str(value))  # type: ignore[no-any-return]
