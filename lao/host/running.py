"""The hosts that run in one home, and what is asked of them from outside: `lao plugin reload` goes this way.

    <home>/running/<pid>-<random>/
        host.json              who it is
        lock                   held for as long as the host lives; its end, however it comes, lets it go
        asked/<token>.json     questions; the host takes each away
        answered/<token>.json  its answers; who asked takes them away

A host looks for questions a few times a second. A folder whose lock is free belongs to nobody any more and is swept by
whoever comes by. No plugin in a worker can reach any of it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Answer", "Mailbox", "Question", "ask_hosts"]

_POLL_S = 0.05
_LARGEST = 1 << 20  # bytes of a question or an answer
_TICK_NS = 100_000_000
_UNFINISHED_S = 3600.0  # after which a folder that was never put in place is nobody's

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a host.

    Attributes:
        token: Its own name.
        content: A JSON object; `"what"` says what is asked.
    """

    token: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answered.

    Attributes:
        pid: The process that it runs in.
        program: How that was called.
        content: The answer, or None: the host did not answer in time.
    """

    pid: int
    program: str
    content: Any


# --- The host's side ---


class Mailbox:
    """Where a running host is asked. Nothing is written before `open`."""

    def __init__(self, home: Path) -> None:
        self._root = home / "running"
        self._folder: Path | None = None
        self._pid = os.getpid()
        self._lock = -1
        self._seen = -1
        self._finalizer: weakref.finalize[[Path, int, int], Mailbox] | None = None

    def open(self) -> None:
        """Makes it known that this host runs. Where the home cannot be written, it cannot be asked."""
        if self._folder is not None:
            return
        name = f"{self._pid}-{secrets.token_hex(6)}"
        staged = self._root / f".{name}"
        try:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sweep(self._root)
            for folder in (staged, staged / "asked", staged / "answered"):
                folder.mkdir(mode=0o700, parents=True)  # a sweep may have taken the empty root away just now
            program = Path(sys.argv[0]).name if sys.argv else ""  # no arguments: they may hold secrets
            _write(staged / "host.json", {"pid": self._pid, "program": program})
            self._lock = _try_lock(staged / "lock")
            staged.rename(self._root / name)  # with the lock held, so that nobody takes it for a dead one's
        except OSError as error:
            logger.debug("this host cannot be asked from outside: %s", error)
            _unlock(self._lock)
            shutil.rmtree(staged, ignore_errors=True)
            return
        self._folder = self._root / name
        self._finalizer = weakref.finalize(self, _leave, self._folder, self._lock, self._pid)
        if hasattr(os, "register_at_fork"):
            # A child that outlives this process must not keep the lock.
            lock = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _forget(lock()))

    def take(self) -> list[Question]:
        """The questions that came since the last time. Costs one `stat` where there is none."""
        if self._folder is None:
            return []
        asked = self._folder / "asked"
        try:
            changed = asked.stat().st_mtime_ns
        except OSError:  # somebody removed it
            return []
        if changed == self._seen:
            return []
        # Within one tick of the file system's clock another question may come that changes nothing here.
        self._seen = changed if time.time_ns() - changed > _TICK_NS else -1
        found = []
        for file in sorted(asked.glob("[!.]*.json")):
            content = _read(file)
            file.unlink(missing_ok=True)
            if isinstance(content, dict):
                found.append(Question(file.stem, content))
        return found

    def answer(self, question: Question, content: Any) -> None:
        """Answers a question; who asked may have gone."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                _write(self._folder / "answered" / f"{question.token}.json", content)

    def close(self) -> None:
        """Nobody can ask it any more. Idempotent."""
        if self._finalizer is not None:
            self._finalizer()
        self._folder = None


def _leave(folder: Path, lock: int, pid: int) -> None:
    if os.getpid() != pid:  # a forked child: the folder is its parent's
        return
    shutil.rmtree(folder, ignore_errors=True)
    _unlock(lock)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()  # when it was the last


def _forget(mailbox: Mailbox | None) -> None:
    if mailbox is not None and mailbox._folder is not None:
        mailbox._folder = None
        _unlock(mailbox._lock)


# --- The asking side ---


def ask_hosts(
    home: Path, content: Mapping[str, Any], *, timeout_s: float, on_wait: Callable[[int], None] | None = None
) -> list[Answer]:
    """Asks every running host of a home the same, and waits for the answers.

    Args:
        home: LAO's folder.
        content: A JSON object.
        timeout_s: For all of them together; who takes longer has not answered, and is not to do it any more.
        on_wait: Called once with the number of hosts that are asked.

    Returns:
        An answer for each host that ran to the end of it.
    """
    token = secrets.token_hex(8)
    waiting = []
    for folder in _living(home / "running"):
        with contextlib.suppress(OSError):  # it ended just now
            _write(folder / "asked" / f"{token}.json", dict(content))
            waiting.append(folder)
    if on_wait is not None:
        on_wait(len(waiting))
    answers = []
    until = time.monotonic() + timeout_s
    while waiting:
        for folder in list(waiting):
            file = folder / "answered" / f"{token}.json"
            late = time.monotonic() > until
            if not file.is_file() and not late and not _is_dead(folder):
                continue
            waiting.remove(folder)
            answered = _read(file)
            file.unlink(missing_ok=True)
            who = _read(folder / "host.json")
            (folder / "asked" / f"{token}.json").unlink(missing_ok=True)
            if isinstance(who, dict) and (answered is not None or late):
                answers.append(Answer(int(who.get("pid", 0)), str(who.get("program", "")), answered))
        if waiting:
            time.sleep(_POLL_S)
    return sorted(answers, key=lambda answer: answer.pid)


def _living(root: Path) -> Iterator[Path]:
    _sweep(root)
    with contextlib.suppress(OSError):
        yield from sorted(one for one in root.iterdir() if not one.name.startswith("."))


def _sweep(root: Path) -> None:
    """Removes what hosts left that were killed."""
    try:
        folders = list(root.iterdir())
    except OSError:
        return
    for folder in folders:
        if folder.name.startswith("."):
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > _UNFINISHED_S:
                    shutil.rmtree(folder, ignore_errors=True)
        elif _is_dead(folder):
            shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        root.rmdir()  # where none runs


def _is_dead(folder: Path) -> bool:
    try:
        lock = _try_lock(folder / "lock", create=False)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    _unlock(lock)
    return True


# --- Files ---


def _write(file: Path, content: Any) -> None:
    """Whole or not at all; to read back what a crash of the machine left is nobody's need."""
    staged = file.with_name(f".{file.name}.new")
    staged.write_text(json.dumps(content), "utf-8")
    os.replace(staged, file)


def _read(file: Path) -> Any:
    """What a file holds, or None."""
    try:
        with file.open("rb") as stream:
            return json.loads(stream.read(_LARGEST))
    except (OSError, ValueError):
        return None


def _try_lock(file: Path, *, create: bool = True) -> int:
    """A descriptor that holds the lock.

    Raises:
        OSError: Somebody else holds it; FileNotFoundError where there is none.
    """
    descriptor = os.open(file, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _unlock(descriptor: int) -> None:
    if descriptor >= 0:
        with contextlib.suppress(OSError):
            os.close(descriptor)
