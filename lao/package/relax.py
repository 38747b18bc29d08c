"""Makes libraries loadable that need a newer glibc only for weak symbols.

A library built on a newer system may carry a version need such as GLIBC_2.39 to which only weak symbols are
bound: it works without them, but the loader refuses it before looking. Setting VER_FLG_WEAK in that need
    makes the loader pass over
it, and the weak symbols become null. The original file is never changed: the caller loads a patched copy.
"""

from __future__ import annotations

import functools
import os
import re

from lao.errors import LaoError
from lao.package.binary import VersionNeed, View
from lao.package.elf import parse_elf
from lao.package.inspect import LibraryInfo

__all__ = ["needs_relaxing", "relax_weak_versions", "system_glibc", "too_new"]

_VER_FLG_WEAK = 2


@functools.cache
def system_glibc() -> tuple[int, int] | None:
    """The version of this system's glibc, e.g. (2, 36); None where the C library is another one."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return None
    match = re.fullmatch(r"glibc (\d+)\.(\d+).*", text)
    return (int(match[1]), int(match[2])) if match else None


def too_new(needs: tuple[VersionNeed, ...], glibc: tuple[int, int]) -> list[VersionNeed]:
    """The needs on which the loader of a system with `glibc` would stop: versions GLIBC_x.y above it that are
    not marked weak, in the file's order."""
    found = []
    for need in needs:
        match = re.fullmatch(r"GLIBC_(\d{1,4})\.(\d{1,4})(?:\.\d+)?", need.version)
        if match is not None and (int(match[1]), int(match[2])) > glibc and not need.weak:
            found.append(need)
    return found


def _only_weak(need: VersionNeed) -> bool:
    # A version without any symbol stands for a feature of the loader: nothing says that the library can do
    # without.
    return bool(need.weak_symbols) and not need.symbols


def needs_relaxing(info: LibraryInfo, *, glibc: tuple[int, int] | None = None) -> bool:
    """Whether the library loads here only as a relaxed copy, and does load so.

    Args:
        info: The library.
        glibc: The version to judge for; default is this system's.
    """
    glibc = glibc or system_glibc()
    if info.format != "elf" or glibc is None:
        return False
    needs = too_new(info.version_needs, glibc)
    return bool(needs) and all(_only_weak(need) for need in needs)


def relax_weak_versions(data: bytes, *, glibc: tuple[int, int] | None = None) -> bytes:
    """A copy of the library's bytes in which the too-new version needs are weak.

    Args:
        data: The whole file.
        glibc: The version to relax for; default is this system's.

    Raises:
        LaoError: A strong symbol is bound to a too-new version, or the bytes are no ELF library.
    """
    glibc = glibc or system_glibc()
    if glibc is None:
        raise LaoError("cannot relax the library", causes=["this system's C library is not glibc"])
    elf = parse_elf(View.of(data))
    patched = bytearray(data)
    for need in too_new(elf.version_needs, glibc):
        if not _only_weak(need):
            symbols = ", ".join(f"`{name}`" for name in need.symbols) or "no symbol"
            raise LaoError(
                "cannot relax the library",
                causes=[f"{need.version} is needed by {symbols}, which is not weak"],
            )
        order = "big" if elf.big_endian else "little"
        at = need.flags_offset
        flags = int.from_bytes(patched[at : at + 2], order) | _VER_FLG_WEAK  # type: ignore[arg-type]
        patched[at : at + 2] = flags.to_bytes(2, order)  # type: ignore[arg-type]
    return bytes(patched)
