"""The directories that a plugin may write to: made before its worker starts, and looked through for traps."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lao.errors import PermissionDenied

__all__ = ["prepare_write_roots"]

_MOST_FILES = 200_000  # looked at; a plugin's directory with more is its own affair


def prepare_write_roots(name: str, roots: tuple[Path, ...]) -> None:
    """Makes the directories that are missing.

    Raises:
        PermissionDenied: One is a symbolic link, or holds a hard link: a file with another name elsewhere, which the
            plugin could change although it lies outside of what it was granted.
    """
    for root in roots:
        root.mkdir(parents=True, exist_ok=True)
        if os.path.realpath(root) != str(root):
            raise PermissionDenied(
                f"`{name}` may write to `{root}`, which is not a directory of its own",
                causes=["there is a symbolic link in its path"],
                hint="remove the link",
            )
        for file in _hard_links(root):
            raise PermissionDenied(
                f"`{name}` may write to `{root}`, which holds a file with a second name elsewhere",
                causes=[f"`{file}` is a hard link: writing to it would change that file too"],
                hint=f"replace it by a copy, or remove `{file}`",
            )


def _hard_links(root: Path) -> Iterator[Path]:
    left = _MOST_FILES
    for directory, _, names in os.walk(root):
        for name in names:
            left -= 1
            if left < 0:
                return
            path = Path(directory, name)
            try:
                status = path.lstat()
            except OSError:
                continue
            if status.st_nlink > 1 and not stat.S_ISLNK(status.st_mode):
                yield path
