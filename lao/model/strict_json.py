"""JSON read strictly: a document that two parsers could read differently is refused.

A check is worth nothing if the plugin reads another document than the host did. So there is no key that comes
twice, no NaN, no number that overflows to infinity, no half of a surrogate pair, and no nesting that only some
parsers survive.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from lao.errors import InvalidInput
from lao.model.names import printable

__all__ = ["DEEPEST", "depth_of", "read_json", "refuse_constant"]

DEEPEST = 256
"""Levels of lists and objects that a document may have."""

_LARGE_EXPONENT = re.compile(r"[eE]\+?[0-9]{3}")
_MANY_DIGITS = re.compile(r"[0-9]{3}")  # in every hundredth character: 300 in a row have three of those
_NO_BRACKETS = re.compile(r'(?:"[^"\\]*(?:\\.[^"\\]*)*"|[^\[\]{}"]+)+', re.DOTALL)
_INNERMOST = re.compile(r"\[\]|\{\}")
_MAY_BE_LONE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(text: str) -> Any:
    """The value of a JSON document.

    Raises:
        InvalidInput: It is not one, or not one that every parser reads alike; the cause says why.

    Example:
        >>> read_json('{"a": [1, 2.5]}')
        {'a': [1, 2.5]}
    """
    if text.count("[") + text.count("{") > DEEPEST and _is_deep(text):
        raise _refusal(f"it is nested more than {DEEPEST} levels deep")
    try:
        options: dict[str, Any] = {"parse_float": _finite} if _may_overflow(text) else {}
        value = json.loads(text, parse_constant=refuse_constant, object_pairs_hook=_unique, **options)
        if _MAY_BE_LONE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _refusal("it has a lone surrogate, which UTF-8 cannot carry") from None
    except RecursionError:
        raise _refusal(f"it is nested more than {DEEPEST} levels deep") from None
    except ValueError as error:
        raise _refusal(str(error)) from None
    return value


def _may_overflow(text: str) -> bool:
    """Whether a number may be beyond a double; reading all of them one by one would be slow."""
    return bool(_LARGE_EXPONENT.search(text) or _MANY_DIGITS.search(text[::100]))


def _is_deep(text: str) -> bool:
    """Whether a text has more levels than DEEPEST, told before it is read: the reader recurses."""
    brackets = _NO_BRACKETS.sub("", text)
    for _ in range(DEEPEST):
        fewer = _INNERMOST.sub("", brackets)
        if fewer == brackets:
            break  # nothing is left, or the brackets do not match
        brackets = fewer
    return brackets.count("[") + brackets.count("{") > DEEPEST or bool(_INNERMOST.search(brackets))


def depth_of(value: Any) -> int:
    """Levels of lists and objects in a JSON value; 0 for a plain one.

    Example:
        >>> depth_of({"a": [1, [2]]})
        3
    """
    level = [value] if isinstance(value, (list, dict)) else []
    depth = 0
    while level:
        depth += 1
        level = [
            child
            for outer in level
            for child in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(child, (list, dict))
        ]
    return depth


def refuse_constant(name: str) -> Any:
    """For `json.loads`, which otherwise takes `NaN`, `Infinity` and `-Infinity`."""
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key `{printable(twice)}` comes twice")
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {printable(digits, limit=24)} is too large")
    return number


def _refusal(reason: str) -> InvalidInput:
    return InvalidInput("the text is not a JSON document", causes=[reason])
