"""Says why a library cannot be loaded here, from its bytes and those of the libraries it needs.

The loader's own text (`dlerror`) is neither complete nor stable; this names every reason in the user's words.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lao.errors import PluginLoadError
from lao.model.names import printable
from lao.package.binary import VersionNeed
from lao.package.elf import Elf
from lao.package.inspect import LibraryInfo, this_machine
from lao.package.library_search import Library, Search, read_library
from lao.package.relax import needs_relaxing, system_glibc, too_new

__all__ = ["explain_unloadable", "this_system"]

_SYSTEM_NAMES = {"linux": "Linux", "windows": "Windows", "macos": "macOS"}
_MOST_NAMES = 5  # symbols or libraries named in one cause


def this_system() -> str:
    """The running system, named as `LibraryInfo.system` is."""
    return {"win32": "windows", "cygwin": "windows", "darwin": "macos"}.get(sys.platform, "linux")


def explain_unloadable(
    info: LibraryInfo, *, search: Sequence[Path] = (), glibc: tuple[int, int] | None = None
) -> PluginLoadError | None:
    """The error for a library that cannot be loaded as a plugin on this machine, or None when nothing speaks
    against it.

    Looked at are, in this order: system; architecture; glibc version (a library whose too-new symbols are all
    weak is loaded as a relaxed copy, so that is no reason); needed libraries, found as the loader finds them;
    symbol versions and strong symbols that nothing defines; the plugin's entry. Only the first of system and
    architecture is named; of the others, all that apply.

    Args:
        info: The library.
        search: Folders that are searched for needed libraries before all others.
        glibc: The version of this system's glibc, when it is to be another one.

    Returns:
        An error whose causes say exactly what is missing, e.g. "it needs `libfoo.so.1`, which is not
        installed".
    """
    reason = _wrong_place(info)
    if reason is not None:
        return _error(info, [reason])
    causes: list[str] = []
    if info.format == "elf" and this_system() == "linux":
        causes += _elf_reasons(info, search, glibc or system_glibc())
    if info.entry is None:
        is_data = "lao_plugin_entry" in info.exports  # as a function it would be an entry
        causes.append(
            "its `lao_plugin_entry` is data, not a function"
            if is_data
            else "it has no entry: neither `lao_plugin_entry` nor `plugin_vtable`"
        )
    return _error(info, causes) if causes else None


def _error(info: LibraryInfo, causes: list[str]) -> PluginLoadError:
    return PluginLoadError(f"cannot load `{info.path.name}`", causes=causes, where=str(info.path))


def _wrong_place(info: LibraryInfo) -> str | None:
    machine = _machine_name(info)
    if info.system != this_system():
        system = _SYSTEM_NAMES[info.system]
        return f"it is for {system} ({machine}); this system is {_SYSTEM_NAMES[this_system()]}"
    own_bits = 64 if sys.maxsize > 2**32 else 32
    fits = this_machine() in (info.machines or (info.machine,))
    if not fits or info.bits != own_bits or info.big_endian != (sys.byteorder == "big"):
        return f"it is for {machine}; this machine is {this_machine()}"
    return None


def _machine_name(info: LibraryInfo) -> str:
    if len(info.machines) > 1:
        return " and ".join(info.machines)
    name = {"arm": "ARM"}.get(info.machine, info.machine)
    usually_wide = not info.machine.endswith("32") and info.machine not in (
        "arm",
        "x86",
        "ppc",
        "mips",
        "sparc",
    )
    if info.bits == 32:
        name = f"32-bit {name}"
    elif not usually_wide:
        name = f"64-bit {name}"
    usually_big = info.machine in ("s390x", "ppc", "ppc64", "sparc", "sparc64", "mips")
    if info.format == "elf" and info.big_endian != usually_big:
        name += " (big-endian)" if info.big_endian else " (little-endian)"
    return name


# --- ELF ---


def _elf_reasons(info: LibraryInfo, search: Sequence[Path], glibc: tuple[int, int] | None) -> list[str]:
    causes: list[str] = []
    if glibc is not None and not needs_relaxing(info, glibc=glibc):
        causes += _glibc_reason(too_new(info.version_needs, glibc), glibc)
    elf = Elf(
        info.machine, info.bits, info.big_endian, needed=info.needed, rpath=info.rpath, runpath=info.runpath
    )
    finder = Search(info.machine, info.bits, extra=search)
    libraries, missing = finder.closure(info.path, elf)
    causes += _missing_libraries(info, missing)
    if missing or causes:
        return causes  # what is missing would have defined symbols: naming them as well would only confuse
    causes += _missing_versions(info, libraries)
    defined: frozenset[str] = frozenset().union(
        *(library.names for library in libraries.values()), _global_names()
    )
    absent = [name for name in info.undefined if name not in defined and name not in info.exports]
    if absent:
        names, some = _listed(absent), len(absent) > 1
        causes.append(f"it needs the symbol{'s' if some else ''} {names}, which none of its libraries has")
    return causes


def _glibc_reason(needs: list[VersionNeed], glibc: tuple[int, int]) -> list[str]:
    if not needs:
        return []
    versions = {need.version: tuple(int(n) for n in need.version[6:].split(".")) for need in needs}
    newest = max(versions, key=lambda name: versions[name]).removeprefix("GLIBC_")
    symbols = [name for need in needs for name in (*need.symbols, *need.weak_symbols)]
    which = f" ({_plural('symbol', symbols)} {_listed(symbols, last=', ')})" if symbols else ""
    return [f"it needs glibc {newest}{which}; this system has {glibc[0]}.{glibc[1]}"]


def _missing_libraries(info: LibraryInfo, missing: dict[str, Path]) -> list[str]:
    causes = []
    own = [name for name, wanted_by in missing.items() if wanted_by == info.path]
    if own:
        causes.append(f"it needs {_listed(own)}, which {'are' if len(own) > 1 else 'is'} not installed")
    for name, wanted_by in missing.items():
        if wanted_by != info.path:
            causes.append(f"its library `{wanted_by.name}` needs {_listed([name])}, which is not installed")
    return causes


def _missing_versions(info: LibraryInfo, by_name: dict[str, Library]) -> list[str]:
    """Versions of other libraries than glibc's numbered ones, which were looked at before."""
    glibc = system_glibc()
    numbered = {need.version for need in too_new(info.version_needs, glibc)} if glibc else set()
    causes = []
    for need in info.version_needs:
        library = by_name.get(need.library)
        if library is None or need.weak or need.version in numbered:
            continue
        if need.version not in library.elf.version_defs and library.elf.version_defs:
            symbols = [*need.symbols, *need.weak_symbols]
            which = f" (for {_listed(symbols)})" if symbols else ""
            version, name = _listed([need.version]), _listed([need.library])
            causes.append(f"it needs the version {version}{which} of {name}, which is older here")
    return causes


@functools.cache
def _global_names() -> frozenset[str]:
    """What the running program offers to every library that it loads: its own exports and those of its
    libraries."""
    try:
        path = Path(os.readlink("/proc/self/exe"))
    except OSError:
        return frozenset()
    program = read_library(path, program=True)
    if program is None:
        return frozenset()
    libraries, _ = Search(program.elf.machine, program.elf.bits).closure(path, program.elf)
    preloaded = [
        read_library(Path(part)) for part in os.environ.get("LD_PRELOAD", "").replace(":", " ").split()
    ]
    found = [program, *libraries.values(), *(library for library in preloaded if library is not None)]
    return frozenset().union(*(library.names for library in found))


def _plural(word: str, items: Sequence[str]) -> str:
    return word if len(items) == 1 else f"{word}s"


def _listed(names: Sequence[str], *, last: str = " and ") -> str:
    """Names in backticks; the last ones counted when there are many."""
    shown = [f"`{printable(name)}`" for name in names[:_MOST_NAMES]]
    if len(names) > _MOST_NAMES:
        return ", ".join(shown) + f" and {len(names) - _MOST_NAMES} more"
    return ", ".join(shown[:-1]) + last + shown[-1] if len(shown) > 1 else shown[0]
