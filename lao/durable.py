"""Files and directories that survive a power cut or a killed process either whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

__all__ = ["make_read_only", "remove_tree", "sync_directory", "write_atomic"]


def make_read_only(folder: Path) -> None:
    """Puts every file and directory on the disk and takes the right to write, but for the top directory's."""
    for root, directories, names in os.walk(folder, topdown=False):
        for name in names:
            file = os.path.join(root, name)
            executable = os.stat(file).st_mode & stat.S_IXUSR
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.chmod(file, 0o555 if executable else 0o444)
        for name in directories:
            os.chmod(os.path.join(root, name), 0o555)
        sync_directory(Path(root))


def remove_tree(folder: Path) -> None:
    """Removes a directory, or a file in its place, including what is read-only in it."""
    import shutil

    if not folder.is_dir() or folder.is_symlink():
        with contextlib.suppress(FileNotFoundError):
            os.unlink(folder)
        return
    for root, _, _ in os.walk(folder):
        os.chmod(root, 0o755)
    shutil.rmtree(folder)


def write_atomic(file: Path, text: str, *, durable: bool = True, private: bool = False) -> None:
    """Replaces a file by one rename. The temporary file beside it is hidden by its leading dot.

    Args:
        file: The file.
        text: Its new content.
        durable: Put it on the disk before it gets its name.
        private: Let nobody but the owner read it.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            if private:
                os.chmod(temporary, 0o600)
            stream.write(text)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(temporary, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        sync_directory(file.parent)


def sync_directory(folder: Path) -> None:
    """Makes the renames in a directory last."""
    if os.name == "nt":  # has no handles of directories, and writes them through
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
