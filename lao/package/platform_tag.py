"""Platform tags of libraries, named as wheels name theirs, derived from the binary and never from what its
author says.
"""

from __future__ import annotations

import functools

from lao.errors import PluginLoadError
from lao.package.inspect import LibraryInfo

__all__ = ["fits_this_machine", "platform_tag"]

_WINDOWS = {"x86_64": "win_amd64", "x86": "win32", "aarch64": "win_arm64", "arm": "win_arm32"}
_MACOS = {"aarch64": "arm64", "x86": "i386"}
_LINUX = {"x86": "i686", "arm": "armv7l", "ppc64": "ppc64le"}

# The least glibc for which wheels are tagged, by machine; the first versions that ran on the others.
_LEAST_GLIBC = {"x86_64": (2, 5), "x86": (2, 5)}
_OTHER_LEAST_GLIBC = (2, 17)


def platform_tag(info: LibraryInfo) -> str:
    """The tag of the systems on which a library runs.

    Of glibc, versions that only weak symbols are bound to do not count: LAO loads such a library on older
    systems too. A library that needs no C library at all is tagged for the oldest glibc.

    Raises:
        PluginLoadError: There is no tag for such a machine.

    Example:
        >>> platform_tag(inspect_library("libdenoise.so"))  # doctest: +SKIP
        'manylinux_2_34_x86_64'
    """
    if info.system == "windows":
        if info.machine in _WINDOWS:
            return _WINDOWS[info.machine]
        raise PluginLoadError(f"there is no platform tag for Windows on {info.machine}", where=str(info.path))
    if info.system == "macos":
        machines = set(info.machines)
        machine = (
            "universal2" if machines >= {"x86_64", "aarch64"} else _MACOS.get(info.machine, info.machine)
        )
        least = (11, 0) if machine == "arm64" else (10, 9)
        major, minor = max(info.min_macos or least, least)
        return f"macosx_{major}_{minor if major < 11 else 0}_{machine}"
    machine = _LINUX.get(info.machine, info.machine)
    if any(name == "libc.so" or name.startswith("libc.musl-") for name in info.needed):
        return (
            f"musllinux_1_2_{machine}"  # musl has no symbol versions; 1.2 is the one that is built for today
        )
    least = _LEAST_GLIBC.get(info.machine, _OTHER_LEAST_GLIBC)
    major, minor = max(info.glibc_strong_need or least, least)
    return f"manylinux_{major}_{minor}_{machine}"


def fits_this_machine(tag: str) -> bool:
    """Whether a platform tag is among those of the running system."""
    return tag in _own_tags()


@functools.cache
def _own_tags() -> frozenset[str]:
    from packaging.tags import platform_tags

    return frozenset(platform_tags())
