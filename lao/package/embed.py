"""The manifest inside a library: how it gets in, and how it is read without loading.

A library carries the text of its `plugin.toml` as the exported data symbol `lao_plugin_manifest` (UTF-8,
ended by a NUL byte that the symbol's size counts), or in a section `.lao_manifest`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lao.model.names import fold_name, is_library_name, library_stem
from lao.package.inspect import inspect_library

if TYPE_CHECKING:
    from lao.model.manifest import Manifest

__all__ = ["MANIFEST_SYMBOL", "embedded_manifest", "library_manifest", "manifest_at", "manifest_source"]

MANIFEST_SYMBOL = "lao_plugin_manifest"


def manifest_at(directory: Path | None, library: Path | None) -> Manifest | None:
    """The manifest of a plugin: the `plugin.toml` of its directory, else what its library carries or has beside it.

    Args:
        directory: Its package or project; None for a bare library, which may lie among others.
        library: Its library; None when there is none yet.

    Raises:
        PluginLoadError: The library cannot be read.
        ManifestError: The manifest has errors.
    """
    from lao.model.manifest import parse_manifest, read_manifest

    file = directory / "plugin.toml" if directory is not None else None
    if file is not None and file.is_file():
        return read_manifest(file)
    found = library_manifest(library) if library is not None else None
    return parse_manifest(found[0], file=found[1]) if found is not None else None


def embedded_manifest(path: str | Path) -> str | None:
    """The text of the manifest that a library carries, or None.

    Raises:
        PluginLoadError: The file cannot be read or is not a shared library.
    """
    return inspect_library(path).manifest_text


def library_manifest(library: Path, *, beside: Path | None = None) -> tuple[str, str] | None:
    """The text of a library's manifest, and what problems with it are to name: the one embedded in it, else the
    `plugin.toml` that lies beside it; or None.

    One folder may hold several libraries, so a file beside a library counts only when no other library lies there, or
    when it names this one.

    Args:
        library: The library.
        beside: The `plugin.toml` to look at; default is the one in the library's folder.

    Raises:
        PluginLoadError: The library cannot be read.
        ManifestError: The file beside it has errors.
    """
    embedded = embedded_manifest(library)
    if embedded is not None:
        return embedded, f"{library.name}: plugin.toml"
    beside = beside or library.with_name("plugin.toml")
    if not beside.is_file():
        return None
    others = [
        file for file in beside.parent.iterdir() if is_library_name(file.name) and file.name != library.name
    ]
    if others:
        from lao.model.manifest import read_manifest

        if fold_name(read_manifest(beside).plugin.name) != fold_name(library_stem(library.name)):
            return None
    return beside.read_bytes().decode("utf-8"), str(beside)


def manifest_source(text: str) -> str:
    """C source that embeds a manifest when it is compiled into the library, as C11 and as C++17.

    The text is written as numbers, so that no character of it needs escaping and no compiler's limit on the
    length of string literals matters.

    Raises:
        ValueError: The text contains a NUL character.
    """
    data = text.encode("utf-8")
    if b"\0" in data:
        raise ValueError("a manifest cannot contain a NUL character")
    rows = [data[at : at + 24] for at in range(0, len(data), 24)]
    declaration = f"LAO_MANIFEST_EXPORT const unsigned char {MANIFEST_SYMBOL}[{len(data) + 1}]"
    body = "".join("    " + ", ".join(str(byte) for byte in row) + ",\n" for row in rows)
    return (
        "/* Generated from plugin.toml. */\n"
        "#if defined(_WIN32)\n"
        "#define LAO_MANIFEST_EXPORT __declspec(dllexport)\n"
        "#else\n"
        '#define LAO_MANIFEST_EXPORT __attribute__((visibility("default"), used))\n'
        "#endif\n"
        "#if defined(__cplusplus)\n"
        f'extern "C" {{\nextern {declaration};\n}}\n'
        "#endif\n"
        f"{declaration} = {{\n{body}    0,\n}};\n"
    )
