"""The private copy of a library that is loaded instead of the file that the user named.

A file can be overwritten in place while it is mapped, and a library that was hashed can be another one when it is
opened. So the host copies it, with the libraries that lie beside it and that it needs, into a read-only folder named
by the digest of what was copied, and loads it from there by absolute path.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from lao import paths
from lao.errors import PluginLoadError
from lao.package.inspect import LibraryInfo
from lao.package.relax import needs_relaxing, relax_weak_versions

__all__ = ["PrivateCopy", "make_private_copy"]


class PrivateCopy:
    """A library that is safe to load.

    Attributes:
        library: Absolute path of the copy.
        digest: SHA-256, in hex, of the original file.
        companions: SHA-256 of the libraries that were copied with it, by name.
        relaxed: The copy differs from the original: its weak symbols of a too-new glibc are optional.
    """

    __slots__ = ("companions", "digest", "library", "relaxed")

    def __init__(self, library: Path, digest: str, companions: dict[str, str], *, relaxed: bool) -> None:
        self.library = library
        self.digest = digest
        self.companions = companions
        self.relaxed = relaxed


def make_private_copy(info: LibraryInfo) -> PrivateCopy:
    """Copies a library that was inspected; an identical copy that exists already is used.

    Raises:
        PluginLoadError: The file cannot be read, or the copy cannot be written.
    """
    root = paths.cache_dir() / "loaded"
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=root))
        try:
            return _copy(info, root, staging)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise PluginLoadError(
            f"cannot load `{info.path.name}`",
            causes=[f"its private copy cannot be made: {error.strerror or error}"],
            where=str(root),
        ) from error


def _copy(info: LibraryInfo, root: Path, staging: Path) -> PrivateCopy:
    relaxed = needs_relaxing(info)
    digest = _copy_file(info.path, staging / info.path.name, relaxed=relaxed)
    whole = hashlib.sha256(f"{info.path.name} {digest} {relaxed}\n".encode())
    companions = {name: _copy_file(info.path.parent / name, staging / name) for name in _companions(info)}
    for name, companion in companions.items():
        whole.update(f"{name} {companion}\n".encode())
    folder = root / whole.hexdigest()
    if not _holds(folder, staging):
        if folder.exists():  # somebody changed it
            folder.chmod(0o700)
            shutil.rmtree(folder)
        staging.chmod(0o500)
        try:
            staging.rename(folder)
        except OSError:
            if not _holds(folder, staging):  # else another process made the same one just now
                raise
        finally:
            if staging.exists():
                staging.chmod(0o700)
    return PrivateCopy(folder / info.path.name, digest, companions, relaxed=relaxed)


def _companions(info: LibraryInfo) -> list[str]:
    """Needed libraries that lie beside it: the ones that `$ORIGIN` finds."""
    return [name for name in info.needed if "/" not in name and (info.path.parent / name).is_file()]


def _copy_file(source: Path, target: Path, *, relaxed: bool = False) -> str:
    data = source.read_bytes()
    target.write_bytes(relax_weak_versions(data) if relaxed else data)
    target.chmod(0o500 if os.name == "posix" else 0o444)
    return hashlib.sha256(data).hexdigest()


def _holds(folder: Path, staging: Path) -> bool:
    """True when the folder holds exactly the staged files."""
    if not folder.is_dir():
        return False
    staged = {file.name: file for file in staging.iterdir()}
    kept = {file.name: file for file in folder.iterdir()}
    return staged.keys() == kept.keys() and all(
        not kept[name].is_symlink() and kept[name].read_bytes() == file.read_bytes()
        for name, file in staged.items()
    )
