"""How much of the disk lies below the directories that a plugin may write to."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DiskUsage", "measure_disk", "measure_unlinked"]

_BLOCK_BYTES = 512  # what st_blocks counts, on every file system
_CHECKED_EVERY = 256  # entries, between looks at the clock


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """What was found.

    Attributes:
        size_bytes: Of the blocks that are allocated; a file with several names counts once.
        files: Files, directories and links.
        complete: Whether all was seen; otherwise it is more.
    """

    size_bytes: int
    files: int
    complete: bool


def measure_unlinked(pids: Iterable[int], roots: Iterable[Path]) -> int:
    """Bytes of files that processes still hold open after they removed their names.

    Args:
        pids: The processes; those that are closed to us count for nothing, as on systems without /proc.
        roots: Only files on the file systems of these directories count.
    """
    devices = set()
    for root in roots:
        with contextlib.suppress(OSError):
            devices.add(os.lstat(root).st_dev)
    held: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as listing:
            for entry in listing:
                with contextlib.suppress(OSError):
                    found = os.stat(entry.path)
                    if stat.S_ISREG(found.st_mode) and found.st_nlink == 0 and found.st_dev in devices:
                        held[(found.st_dev, found.st_ino)] = found.st_blocks * _BLOCK_BYTES
    return sum(held.values())


def measure_disk(
    roots: Iterable[Path],
    *,
    enough_bytes: int | None = None,
    enough_files: int | None = None,
    within_s: float = 2.0,
) -> DiskUsage:
    """Counts, without following links.

    Args:
        roots: The directories; one that lies in another counts once.
        enough_bytes: Stop once more than this was found.
        enough_files: Stop once more than so many were found.
        within_s: Stop after so many seconds: a plugin may make more files than anybody can count.
    """
    until = time.monotonic() + within_s
    size_bytes = files = 0
    linked: set[tuple[int, int]] = set()
    seen: set[tuple[int, int]] = set()
    waiting = [os.fspath(root) for root in roots]
    while waiting:
        folder = waiting.pop()
        try:
            status = os.lstat(folder)
            if not stat.S_ISDIR(status.st_mode) or (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            listing = os.scandir(folder)
        except OSError:
            continue  # gone meanwhile, or closed to us
        with listing:
            for entry in listing:
                files += 1
                try:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
                    if (found.st_dev, found.st_ino) in linked:
                        continue
                    linked.add((found.st_dev, found.st_ino))
                size_bytes += getattr(found, "st_blocks", -(-found.st_size // _BLOCK_BYTES)) * _BLOCK_BYTES
                if (enough_bytes is not None and size_bytes > enough_bytes) or (
                    enough_files is not None and files > enough_files
                ):
                    return DiskUsage(size_bytes, files, complete=False)
                if files % _CHECKED_EVERY == 0 and time.monotonic() > until:
                    return DiskUsage(size_bytes, files, complete=False)
    return DiskUsage(size_bytes, files, complete=True)
