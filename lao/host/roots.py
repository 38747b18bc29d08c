"""The directories that a plugin may write to: made before its worker starts, and looked through for traps."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lao.errors import PermissionDenied

__all__ = ["prepare_write_roots"]

_MOST_FILES = 200_000  # more than the host lets a plugin have


def prepare_write_roots(name: str, roots: tuple[Path, ...]) -> None:
    """Makes the directories that are missing.

    Raises:
        PermissionDenied: One is a symbolic link, or holds what leads out of it: a hard link, which is a file with
            another name elsewhere, or a device.
    """
    for root in roots:
        _refuse_links(name, root)  # before anything is made: it would be made at the link's end
        root.mkdir(parents=True, exist_ok=True)
        _refuse_links(name, root)
        for file, what, why in _ways_out(root):
            raise PermissionDenied(
                f"`{name}` may write to `{root}`, which holds {what}",
                causes=[f"`{file}` {why}"],
                hint=f"replace it by a copy, or remove `{file}`",
            )


def _refuse_links(name: str, root: Path) -> None:
    if os.path.realpath(root) != str(root):
        raise PermissionDenied(
            f"`{name}` may write to `{root}`, which is not a directory of its own",
            causes=["there is a symbolic link in its path"],
            hint="remove the link",
        )


def _ways_out(root: Path) -> Iterator[tuple[Path, str, str]]:
    """What the kernel, which is told of directories, would let a plugin open although it lies elsewhere."""
    left = _MOST_FILES
    for directory, _, names in os.walk(root):
        for name in names:
            left -= 1
            path = Path(directory, name)
            if left < 0:
                yield path, "too many files to look at", f"is one of more than {_MOST_FILES}"
                return
            try:
                status = path.lstat()
            except OSError:
                continue
            if stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode):
                yield path, "a device", "is a device: writing to it would change what is behind it"
            elif status.st_nlink > 1 and not stat.S_ISLNK(status.st_mode):
                why = "is a hard link: writing to it would change that file too"
                yield path, "a file with a second name elsewhere", why
