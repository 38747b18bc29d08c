"""JSON that a plugin hands to the host."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from lao.errors import InvalidInput

__all__ = ["parse_json", "parse_object"]


def parse_json(document: bytes) -> Any:
    """What a plugin says is one JSON document, UTF-8.

    Raises:
        InvalidInput: It is not, or has numbers that JSON does not know.
    """
    try:
        return json.loads(document.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("it is no JSON document", causes=[str(error)[:200]]) from None


def parse_object(document: bytes) -> dict[str, Any]:
    """The same for one JSON object; nothing at all counts as an empty one.

    Raises:
        InvalidInput: It is none.
    """
    value = parse_json(document) if document else {}
    if not isinstance(value, dict):
        raise InvalidInput("it is no JSON object")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
