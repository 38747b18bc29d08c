"""Runs a command as an ordinary user: `become_user.py UID FOLDER... -- COMMAND...`, by root.

The user must be able to read the folders, where the interpreter and LAO lie. They may lie where only root may look, so
that in a mount namespace of its own what hides them is covered, and they appear again at the same paths. The command's
process was made by an exec of that user: what belongs to it in /proc belongs to the user.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
import tempfile
from pathlib import Path

_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    arguments = (value.encode() if value is not None else None for value in (source, target, kind))
    if _libc.mount(*arguments, ctypes.c_ulong(flags), data.encode() if data else None) != 0:
        raise OSError(ctypes.get_errno(), f"cannot mount {target}")


def _hiding_ancestor(folder: Path) -> Path | None:
    """The topmost ancestor that others may not enter."""
    for ancestor in reversed(folder.parents):
        if not ancestor.stat().st_mode & stat.S_IXOTH:
            return ancestor
    return None


def _show(folders: list[Path]) -> None:
    hidden: dict[Path, list[Path]] = {}
    for folder in sorted({folder.resolve() for folder in folders}):
        ancestor = _hiding_ancestor(folder)
        if ancestor is not None:
            hidden.setdefault(ancestor, []).append(folder)
    if not hidden:
        return
    if _libc.unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "no mount namespace")
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    for ancestor, inside in hidden.items():
        stages = []
        for folder in inside:
            stages.append(tempfile.mkdtemp())
            _mount(str(folder), stages[-1], None, _MS_BIND | _MS_REC)
        _mount("tmpfs", str(ancestor), "tmpfs", 0, "mode=755")
        for folder, staged in zip(inside, stages, strict=True):
            folder.mkdir(parents=True, exist_ok=True)
            _mount(staged, str(folder), None, _MS_BIND | _MS_REC)
            _libc.umount2(staged.encode(), 2)
            os.rmdir(staged)


def main() -> None:
    split = sys.argv.index("--")
    uid = int(sys.argv[1])
    _show([Path(folder) for folder in sys.argv[2:split]])
    os.chdir(os.getcwd())  # the same path, in the new namespace
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    command = sys.argv[split + 1 :]
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
