"""JSON that a plugin hands to the host."""

from __future__ import annotations

from typing import Any

from lao.errors import InvalidInput
from lao.model.strict_json import read_json

__all__ = ["parse_json", "parse_object"]


def parse_json(document: bytes) -> Any:
    """What a plugin says is one JSON document, UTF-8, read strictly.

    Raises:
        InvalidInput: It is not, or not one that every parser reads alike.
    """
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("it is no JSON document", causes=["it is not UTF-8"]) from None
    return read_json(text)


def parse_object(document: bytes) -> dict[str, Any]:
    """The same for one JSON object; nothing at all counts as an empty one.

    Raises:
        InvalidInput: It is none.
    """
    value = parse_json(document) if document else {}
    if not isinstance(value, dict):
        raise InvalidInput("it is no JSON object")
    return value
