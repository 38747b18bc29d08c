"""lao.files/1: the host opens a file below a granted directory and hands over the descriptor.

Nothing that lies at a path is trusted: each component is opened by itself, from the directory before it, and no link
is ever followed. A directory that is swapped for a link meanwhile is refused by the kernel, not by a check.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from lao.errors import InvalidInput, LaoError, PermissionDenied

__all__ = ["CREATE", "READ", "WRITE", "Files"]

READ, WRITE, CREATE = 1, 2, 4  # as in lao/ext/services.h

_DIRECTORY = (
    getattr(os, "O_PATH", os.O_RDONLY)
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
# Without O_NONBLOCK, opening a fifo would keep the host waiting for whoever reads it.
_FILE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_LONGEST_PATH = 4096
_DEEPEST = 64


class Files:
    """Opens files for one plugin. Any thread."""

    def __init__(self, data_dir: Path) -> None:
        """
        Args:
            data_dir: The plugin's data directory, absolute. It is opened now: what is put in its place later is not
                what was granted.

        Raises:
            OSError: The data directory cannot be opened, or is a link.
        """
        self._data_dir = data_dir
        self._lock = threading.Lock()
        self._directory = os.open(data_dir, _DIRECTORY)

    def open(self, path: str, mode: int, permissions: Collection[str], roots: Sequence[str]) -> int:
        """Opens a regular file; the caller closes the descriptor.

        Args:
            path: Relative to the data directory, or absolute and below it.
            mode: READ, WRITE, or both, and CREATE with WRITE.
            permissions: What the plugin was granted: `read_files`, `write_files`.
            roots: Directories that were granted, relative to the data directory; `./` is all of it.

        Raises:
            PermissionDenied: It is outside of what was granted, or not a regular file, or leads over a link.
            InvalidInput: The path or the mode is not valid.
            OSError: The system refuses; the file may not exist.
        """
        flags = _flags(mode, permissions)
        parts = self._parts(path, roots)
        with self._lock:
            if self._directory < 0:
                raise LaoError("the plugin was closed")
            held = os.dup(self._directory)
        try:
            for part in parts[:-1]:
                deeper = os.open(part, _DIRECTORY, dir_fd=held)
                os.close(held)
                held = deeper
            descriptor = os.open(parts[-1], flags, 0o600, dir_fd=held)
        except OSError as error:
            # A link gives ELOOP, or ENOTDIR where a directory was wanted.
            if error.errno in (errno.ELOOP, errno.EMLINK) or self._is_link(parts):
                raise PermissionDenied(f"`{path}` leads over a link") from None
            raise
        finally:
            os.close(held)
        return _checked(descriptor, path)

    def close(self) -> None:
        """Opens nothing any more; what was opened stays open."""
        with self._lock:
            directory, self._directory = self._directory, -1
        if directory >= 0:
            os.close(directory)

    def _parts(self, path: str, roots: Sequence[str]) -> tuple[str, ...]:
        if not path or "\0" in path or len(path) > _LONGEST_PATH:
            raise InvalidInput("a path has 1 to 4096 characters, and no NUL")
        pure = PurePosixPath(path)
        if pure.is_absolute():
            try:
                pure = pure.relative_to(self._data_dir)
            except ValueError:
                raise PermissionDenied(f"`{path}` is outside of the plugin's data directory") from None
        if ".." in pure.parts:
            raise PermissionDenied(f"`{path}` leads upwards")
        if not pure.parts or path.endswith("/"):
            raise InvalidInput(f"`{path}` is a directory")
        if len(pure.parts) > _DEEPEST:
            raise InvalidInput(f"a path has at most {_DEEPEST} parts")
        granted = (PurePosixPath(root).parts for root in roots)
        if not any(pure.parts[: len(root)] == root for root in granted):
            raise PermissionDenied(f"`{path}` is outside of the directories that were granted")
        return pure.parts

    def _is_link(self, parts: tuple[str, ...]) -> bool:
        """Whether a refusal came from a link, for the message alone."""
        try:
            held = os.dup(self._directory)
        except OSError:
            return False
        try:
            for part in parts:
                if stat.S_ISLNK(os.stat(part, dir_fd=held, follow_symlinks=False).st_mode):
                    return True
                deeper = os.open(part, _DIRECTORY, dir_fd=held)
                os.close(held)
                held = deeper
        except OSError:
            return False
        finally:
            os.close(held)
        return False


def _flags(mode: int, permissions: Collection[str]) -> int:
    if mode & ~(READ | WRITE | CREATE) or not mode & (READ | WRITE) or (mode & CREATE and not mode & WRITE):
        raise InvalidInput(f"the mode {mode} is none that a file is opened with")
    for bit, permission in ((READ, "read_files"), (WRITE, "write_files")):
        if mode & bit and permission not in permissions:
            raise PermissionDenied(f"it has no permission for `{permission}`")
    access = os.O_RDWR if mode & READ and mode & WRITE else os.O_WRONLY if mode & WRITE else os.O_RDONLY
    return access | _FILE | (os.O_CREAT if mode & CREATE else 0)


def _checked(descriptor: int, path: str) -> int:
    """Refuses what is no plain file, and files that are reachable under another name as well."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PermissionDenied(f"`{path}` is not a regular file")
        if status.st_nlink > 1:
            raise PermissionDenied(f"`{path}` is linked from elsewhere")
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
