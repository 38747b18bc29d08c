"""The rule for plugin names, and the search for what a mistyped name meant."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lao.errors import InvalidInput

__all__ = ["check_plugin_name", "fold_name", "is_library_name", "library_stem", "printable", "suggest"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

# Windows opens these as devices, whatever the extension.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)


def check_plugin_name(name: str) -> str:
    """Returns `name` if a plugin may be called so, since names become folder and file names on every system.

    Args:
        name: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit, without `..`, not ending in a
            dot, and not the name of a Windows device.

    Raises:
        InvalidInput: It is not such a name; the cause says why.

    Example:
        >>> check_plugin_name("my-ai-plugin")
        'my-ai-plugin'
    """
    reason = _objection(name)
    if reason is None:
        return name
    raise InvalidInput(
        f"`{printable(name)}` cannot be used as a plugin name",
        causes=[reason],
        hint="use 1 to 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit",
    )


def fold_name(name: str) -> str:
    """The form in which two spellings of one name are equal: case and `-` against `_` do not matter.

    Example:
        >>> fold_name("My_Plugin") == fold_name("my-plugin")
        True
    """
    return name.casefold().replace("_", "-")


def suggest(name: str, known: Iterable[str], *, limit: int = 3) -> list[str]:
    """Those of `known` that `name` may have meant, best first, at most `limit`.

    Spellings that fold to the same name come first, then those with `name` plus or minus the ending `plugin`
    (as `Echo` and `EchoPlugin`), then those that are close in letters.
    """
    import difflib

    by_fold: dict[str, str] = {}
    for candidate in known:
        by_fold.setdefault(fold_name(candidate), candidate)
    wanted = fold_name(name)
    found = [fold for fold in by_fold if fold == wanted]
    found += [fold for fold in by_fold if fold != wanted and _stem(fold) == _stem(wanted)]
    found += [
        f for f in difflib.get_close_matches(wanted, list(by_fold), n=limit, cutoff=0.6) if f not in found
    ]
    return [by_fold[fold] for fold in found[:limit]]


def printable(text: str, *, limit: int = 80) -> str:
    """`text` safe for a terminal: control and non-ASCII characters escaped, and cut to `limit` characters."""
    shown = text.encode("ascii", "backslashreplace").decode("ascii")
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def _stem(fold: str) -> str:
    return fold.removesuffix("plugin").rstrip("-") or fold


def _objection(name: str) -> str | None:
    if not name:
        return "it is empty"
    if len(name) > 64:
        return f"it has {len(name)} characters, and 64 are allowed"
    if "/" in name or "\\" in name:
        return "it contains a path separator"
    if ".." in name:
        return "it contains `..`"
    if not _NAME.fullmatch(name):
        bad = next((c for c in name if not re.fullmatch(r"[A-Za-z0-9._-]", c)), None)
        if bad is None:
            return f"it begins with `{name[0]}`"
        return f"it contains `{printable(bad)}`"
    if name.endswith("."):
        return "it ends with a dot"
    if name.split(".", 1)[0].lower() in _DEVICES:
        return f"`{name.split('.', 1)[0]}` is the name of a device on Windows"
    return None


def library_stem(file_name: str) -> str:
    """The plugin's name in a library's file name: without `lib` and the suffix.

    Example:
        >>> library_stem("libecho_plugin.so"), library_stem("my-plugin.dll"), library_stem("libfast.so.1.2")
        ('echo_plugin', 'my-plugin', 'fast')
    """
    stem = file_name
    for suffix in (".so", ".dylib", ".dll"):
        head, found, tail = file_name.rpartition(suffix)
        if found and not tail.strip(".0123456789"):
            stem = head
            break
    return stem.removeprefix("lib") or stem


def is_library_name(file_name: str) -> bool:
    """Whether a file is called as shared libraries are, on any system.

    Example:
        >>> is_library_name("libfast.so.1.2"), is_library_name("fast.DLL"), is_library_name("fast.solution")
        (True, True, False)
    """
    return re.search(r"\.(so(\.[0-9.]+)?|dylib|dll)$", file_name, re.IGNORECASE) is not None
