"""What the libraries in one process share whether they like it or not: who may be loaded beside whom.

The loader knows a bundled library by its name, so the first of two different files under one name serves both plugins.
And a second copy of a library shares its STB_GNU_UNIQUE symbols with the first, and may find no room for static
thread-local storage. Workers have none of these troubles.
"""

from __future__ import annotations

import threading

from lao.errors import PluginLoadError
from lao.host.private_copy import PrivateCopy
from lao.package.inspect import LibraryInfo

__all__ = ["admit"]

_lock = threading.Lock()
_bundled: dict[str, tuple[str, str]] = {}  # by library name: digest, the plugin that brought it
_plugins: dict[str, tuple[str, bool]] = {}  # by plugin name: digest, shares state with a second copy


def admit(name: str, library: LibraryInfo, copy: PrivateCopy) -> None:
    """Notes that a library is about to be loaded into this process; nothing is ever unloaded.

    Args:
        name: The plugin's name.
        library: Its library, inspected.
        copy: What will be loaded.

    Raises:
        PluginLoadError: Another file of the same name is loaded already, or an earlier build of the plugin whose
            state a second copy would share.
    """
    shares = library.static_tls or library.unique_symbols
    with _lock:
        for file, digest in copy.companions.items():
            known, owner = _bundled.get(file, (digest, name))
            if known != digest:
                raise _refusal(
                    name,
                    library,
                    f"it bundles another `{file}` than `{owner}`, which this process has loaded",
                )
        before, before_shares = _plugins.get(name, (copy.digest, False))
        if before != copy.digest and (shares or before_shares):
            why = (
                "static thread-local storage"
                if library.static_tls
                else "symbols that exist once in a process"
            )
            raise _refusal(name, library, f"another build of it is loaded, and the two would share {why}")
        _bundled.update({file: (digest, name) for file, digest in copy.companions.items()})
        _plugins[name] = (copy.digest, shares)


def _refusal(name: str, library: LibraryInfo, cause: str) -> PluginLoadError:
    return PluginLoadError(
        f"cannot load `{name}` into this process",
        causes=[cause],
        where=str(library.path),
        hint='use isolation="process"',
    )
