"""Where LAO keeps its data, and where the files that it ships are found.

Shipped files are found from a wheel (`lao/_share/` beside this file), from an editable install and from a
checkout (the source tree around this file) alike. Nothing here creates a directory.
"""

from __future__ import annotations

import os
from pathlib import Path

from lao.errors import InvalidInput, LaoError

__all__ = [
    "cache_dir",
    "cmake_dir",
    "config_file",
    "data_dir",
    "home",
    "include_dir",
    "sdk_rust_dir",
    "templates_dir",
    "worker_path",
]

_PACKAGE = Path(__file__).resolve().parent


def home() -> Path:
    """The directory of everything LAO stores: `$LAO_HOME`, else the platform's user data directory for `lao`.

    Returns:
        An absolute path; it need not exist yet. A relative or `~` value of LAO_HOME is made absolute.
    """
    value = os.environ.get("LAO_HOME")
    if value:
        return Path(os.path.abspath(os.path.expanduser(value)))
    import platformdirs

    return Path(platformdirs.user_data_dir("lao", appauthor=False))


def cache_dir() -> Path:
    """The directory of what can be made again: `$LAO_HOME/cache`, else the platform's user cache
    directory."""
    if os.environ.get("LAO_HOME"):
        return home() / "cache"
    import platformdirs

    return Path(platformdirs.user_cache_dir("lao", appauthor=False))


def data_dir(name: str) -> Path:
    """The plugin's own writable directory, `<home>/data/<name>`.

    Raises:
        InvalidInput: `name` is not one plain path component.
    """
    return home() / "data" / _component(name)


def config_file(name: str) -> Path:
    """The file of the plugin's settings, `<home>/config/<name>.json`.

    Raises:
        InvalidInput: `name` is not one plain path component.
    """
    return home() / "config" / f"{_component(name)}.json"


def include_dir() -> Path:
    """The folder that contains `lao/lao.h`: what a plugin's compiler gets as `-I`."""
    return _resource("the C headers", "include", "include", "lao/lao.h")


def cmake_dir() -> Path:
    """The folder that contains `LaoPlugin.cmake`."""
    return _resource("the CMake module", "cmake", "native/cmake", "LaoPlugin.cmake")


def templates_dir() -> Path:
    """The folder of the plugin templates: `<language>/<template>/`."""
    return _resource("the plugin templates", "plugin-templates", "plugin-templates", "")


def sdk_rust_dir() -> Path:
    """The folder of the crate `lao-plugin`."""
    return _resource("the Rust SDK", "sdk-rust", "native/sdk-rust", "Cargo.toml")


def worker_path() -> Path:
    """The worker executable, which lies beside the extension module.

    Raises:
        LaoError: The extension is not built, or the executable is not beside it.
    """
    import importlib.util

    try:
        spec = importlib.util.find_spec("lao._native._glue")
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        raise LaoError(
            "cannot find the worker executable",
            causes=["the extension module `lao._native._glue` is not built"],
            hint="install LAO again: `pip install --force-reinstall lao-orchestrator`",
        )
    path = Path(spec.origin).parent / ("lao-worker.exe" if os.name == "nt" else "lao-worker")
    if not path.is_file():
        raise LaoError(
            "cannot find the worker executable",
            causes=[f"there is no file `{path}`"],
            hint="install LAO again: `pip install --force-reinstall lao-orchestrator`",
        )
    return path


def _resource(what: str, shared: str, source: str, marker: str) -> Path:
    """The first folder that exists and holds `marker`: the installed one, then the source tree's."""
    candidates = (_PACKAGE / "_share" / shared, _PACKAGE.parent / source)
    for folder in candidates:
        if folder.is_dir() and (not marker or (folder / marker).is_file()):
            return folder
    looked_for = " and ".join(f"`{folder / marker}`" for folder in candidates)
    raise LaoError(f"cannot find {what}", causes=[f"looked for {looked_for}"])


def _component(name: str) -> str:
    """Refuses what would leave the folder; the full rule for names is `lao.model.names.check_plugin_name`."""
    if not name or name in (".", "..") or any(character in name for character in "/\\:\0"):
        shown = name.encode("unicode_escape").decode("ascii")
        raise InvalidInput(
            f"`{shown}` cannot be used as a plugin name", causes=["it is not one plain path component"]
        )
    return name
