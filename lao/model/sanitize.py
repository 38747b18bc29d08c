"""Sanitisers that a capability declares: they change the text of an input before anything checks it."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Collection
from typing import Any

from lao.errors import InvalidInput
from lao.model.names import printable

__all__ = ["SANITIZERS", "sanitize", "sanitizer_of"]

SANITIZERS: dict[str, Callable[[str], str]] = {
    "trim": str.strip,
    "nfc": lambda text: unicodedata.normalize("NFC", text),
    "html-escape": lambda text: html.escape(text, quote=True),
}
"""By name, in the order in which they run whatever the order in the manifest: what comes after the escaping
could undo it, since NFC makes one character of `<` and an overlay behind it."""


def sanitizer_of(names: Collection[str]) -> Callable[[str], str] | None:
    """One function for all of `names`, which are keys of `SANITIZERS`; None for none.

    Example:
        >>> sanitizer_of(["html-escape", "trim"])("  <b> ")
        '&lt;b&gt;'
    """
    steps = [function for name, function in SANITIZERS.items() if name in names]
    if not steps:
        return None

    def clean(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return clean


def sanitize(value: Any, clean: Callable[[str], str]) -> Any:
    """A JSON value with every text in it cleaned, keys included.

    Raises:
        InvalidInput: Two keys of an object became one.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [sanitize(child, clean) for child in value]
    if isinstance(value, dict):
        cleaned = {clean(key): sanitize(child, clean) for key, child in value.items()}
        if len(cleaned) != len(value):
            keys = ", ".join(f"`{printable(key)}`" for key in list(value)[:4])
            raise InvalidInput(
                "two keys are the same once they are sanitised", causes=[f"they are among {keys}"]
            )
        return cleaned
    return value
