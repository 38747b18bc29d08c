"""What a host process holds, counted before and after a case."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import time
from collections import Counter
from pathlib import Path

import psutil

__all__ = ["Holdings", "adopt_orphans"]

_PR_SET_CHILD_SUBREAPER = 36
_CGROUPS = "/sys/fs/cgroup"


def adopt_orphans() -> None:
    """Processes whose parent died become ours, instead of leaving our sight: nothing escapes by a double fork."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


class Holdings:
    """Descriptors by kind, mapped memory files, processes with their states, cgroups, temporary files, SysV memory."""

    def __init__(self, temporary: Path, home: Path) -> None:
        self._places = (temporary, home)
        self.counts: Counter[str] = Counter()
        for look in (
            self._descriptors,
            self._mappings,
            self._processes,
            self._cgroups,
            self._files,
            self._sysv,
        ):
            self.counts.update(look())

    def leaked_since(self, before: Holdings, patience_s: float) -> list[str]:
        """What is held now and was not before; empty as soon as that is nothing. What is ended by another thread, such
        as the reaping of a worker, may take `patience_s` to be so."""
        until = time.monotonic() + patience_s
        leaked = self._more_than(before)
        while leaked and time.monotonic() < until:
            time.sleep(0.01)
            leaked = Holdings(*self._places)._more_than(before)
        return leaked

    def _more_than(self, before: Holdings) -> list[str]:
        return [f"{count} x {what}" for what, count in sorted((self.counts - before.counts).items())]

    def _descriptors(self) -> Counter[str]:
        kinds: Counter[str] = Counter()
        for entry in os.scandir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # the listing's own is gone
                kinds["descriptor " + re.sub(r"\d+", "#", os.readlink(entry.path))] += 1
        return kinds

    def _mappings(self) -> Counter[str]:
        lines = Path("/proc/self/maps").read_text().splitlines()
        return Counter(f"mapping {line.split('/memfd:')[1]}" for line in lines if "/memfd:lao" in line)

    def _processes(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                found[f"process {child.pid} {child.name()} ({child.status()})"] += 1
        return found

    def _cgroups(self) -> Counter[str]:
        ours = re.compile(rf"^lao.*\D{os.getpid()}(\D|$)")
        return Counter(
            f"cgroup {folder}/{name}"
            for folder, names, _ in os.walk(_CGROUPS)  # others make and remove theirs meanwhile
            for name in names
            if ours.search(name)
        )

    def _files(self) -> Counter[str]:
        """But for what is kept on purpose: copies of libraries, and what happened."""
        return Counter(
            f"file {folder}/{name}"
            for place in self._places
            for folder, folders, files in os.walk(place)
            for name in folders + files
            if ("/loaded" not in folder or name.startswith(".staging-")) and not name.startswith("audit.log")
        )

    def _sysv(self) -> Counter[str]:
        try:
            rows = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
        except OSError:
            return Counter()
        owned = [row.split() for row in rows]
        return Counter(
            f"SysV memory {row[1]}" for row in owned if len(row) > 7 and int(row[7]) == os.geteuid()
        )
