"""The systems that a plugin can be built for, by the names that `--target` takes; and what a library must be to run
on one."""

from __future__ import annotations

import fnmatch
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lao.errors import InvalidInput, LaoError
from lao.model.names import suggest
from lao.package.inspect import LibraryInfo, this_machine

__all__ = ["TARGETS", "Target", "find_target", "require_target"]

LEAST_GLIBC = (2, 17)
"""The oldest glibc that is built for: every Linux distribution since 2014 has it, and manylinux2014 means it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A system to build for.

    Attributes:
        name: As `--target` takes it.
        system: `"linux"`, `"windows"` or `"macos"`.
        machine: `"x86_64"` or `"aarch64"`.
        zig: What zig calls it.
        rust: What rustc calls it.
        cmake: CMake's name of the system.
        glibc: The glibc that it must run with, or None.
        needed: The libraries that a plugin finds on any such system; a shell pattern each.
    """

    name: str
    system: str
    machine: str
    zig: str
    rust: str
    cmake: str
    glibc: tuple[int, int] | None = None
    needed: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """Of its libraries."""
        return {"windows": ".dll", "macos": ".dylib"}.get(self.system, ".so")

    @property
    def runs_here(self) -> bool:
        """Whether what is built for it can be loaded by this very Python."""
        if sys.platform != "linux" or self.system != "linux" or self.machine != this_machine():
            return False
        try:  # musl has no such name
            here = os.confstr("CS_GNU_LIBC_VERSION") or ""
        except (ValueError, OSError):
            here = ""
        version = re.fullmatch(r"glibc (\d+)\.(\d+).*", here)
        if self.glibc is None or version is None:
            return False
        return (int(version[1]), int(version[2])) >= self.glibc


_GLIBC = ("ld-linux*", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1")
_MUSL = ("libc.so", "libc.musl-*", "ld-musl-*")
_WINDOWS = (
    "kernel32.dll", "ntdll.dll", "user32.dll", "advapi32.dll", "ws2_32.dll", "bcrypt.dll", "bcryptprimitives.dll",
    "shell32.dll", "ole32.dll", "userenv.dll", "msvcrt.dll", "ucrtbase.dll", "api-ms-win-*",
)  # fmt: skip
_MACOS = ("/usr/lib/*", "/System/Library/*")


def _linux(machine: str, libc: str) -> Target:
    return Target(
        name=f"{machine}-linux-{libc}",
        system="linux",
        machine=machine,
        zig=f"{machine}-linux-musl" if libc == "musl" else f"{machine}-linux-gnu.2.17",
        rust=f"{machine}-unknown-linux-{libc}",
        cmake="Linux",
        glibc=None if libc == "musl" else LEAST_GLIBC,
        needed=_MUSL if libc == "musl" else _GLIBC,
    )


def _macos(machine: str, least: str) -> Target:
    return Target(
        name=f"{machine}-macos",
        system="macos",
        machine=machine,
        zig=f"{machine}-macos.{least}",
        rust=f"{machine}-apple-darwin",
        cmake="Darwin",
        needed=_MACOS,
    )


TARGETS: tuple[Target, ...] = (
    _linux("x86_64", "gnu"),
    _linux("aarch64", "gnu"),
    _linux("x86_64", "musl"),
    _linux("aarch64", "musl"),
    Target(
        name="x86_64-windows",
        system="windows",
        machine="x86_64",
        zig="x86_64-windows-gnu",
        rust="x86_64-pc-windows-gnu",
        cmake="Windows",
        needed=_WINDOWS,
    ),
    _macos("x86_64", "10.13"),
    _macos("aarch64", "11.0"),
)


def find_target(name: str) -> Target:
    """The target of that name; `-gnu.2.28` behind one of glibc asks for another than 2.17.

    Raises:
        InvalidInput: There is none.
    """
    base, glibc = name, None
    versioned = re.fullmatch(r"(\w+-linux-gnu)\.(\d{1,2})\.(\d{1,3})", name)
    if versioned:
        base, glibc = versioned[1], (int(versioned[2]), int(versioned[3]))
    found = next((target for target in TARGETS if target.name == base), None)
    if found is None:
        near = suggest(name, [target.name for target in TARGETS], limit=1)
        raise InvalidInput(
            f"there is no target `{name}`",
            causes=[f"there are {', '.join(f'`{target.name}`' for target in TARGETS)}"],
            hint=f"did you mean `{near[0]}`?" if near else None,
        )
    if glibc is None:
        return found
    if glibc < LEAST_GLIBC:
        raise InvalidInput(
            f"there is no target `{name}`", causes=["the oldest glibc that can be built for is 2.17"]
        )
    text = f"{glibc[0]}.{glibc[1]}"
    return replace(found, name=name, glibc=glibc, zig=f"{found.machine}-linux-gnu.{text}")


def require_target(info: LibraryInfo, target: Target) -> None:
    """Reads from the library whether it is one for the target, and whether any such system has what it needs.

    Raises:
        LaoError: It is not; with everything that is wrong.
    """
    wrong = [*_wrong_machine(info, target), *_wrong_needs(info, target)]
    if wrong:
        raise LaoError(
            f"what was built is no plugin for {target.name}",
            causes=wrong,
            where=str(info.path),
            hint="link what it needs statically, or ship it in the plugin's package",
        )


def _wrong_machine(info: LibraryInfo, target: Target) -> Sequence[str]:
    if info.system != target.system or info.machine != target.machine or info.bits != 64 or info.big_endian:
        return [f"it is a library for {info.system} on {info.machine}"]
    return []


def _wrong_needs(info: LibraryInfo, target: Target) -> list[str]:
    wrong = []
    foreign = [name for name in info.needed if not _ships(name, target)]
    if foreign:
        wrong.append(f"it needs {', '.join(f'`{name}`' for name in foreign)}, which such systems may not have")
    if target.glibc is not None and info.glibc_strong_need is not None and info.glibc_strong_need > target.glibc:
        wanted = "{}.{}".format(*target.glibc)
        wrong.append("it needs glibc {}.{}, not {}".format(*info.glibc_strong_need, wanted))
    return wrong


def _ships(library: str, target: Target) -> bool:
    name = library.lower() if target.system == "windows" else library
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in target.needed)
