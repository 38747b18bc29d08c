"""A JSON Schema that was compiled once, to hold values against it before every call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lao.model.json_schema import LARGEST_PATTERN, SchemaError, check_schema, compile_schema, explain
from lao.model.names import printable
from lao.model.schema_cost import cost_of
from lao.model.strict_json import depth_of

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = ["InstanceCheck", "Mismatch", "pointer_of"]

_FREE_STEPS = 64  # schemas of people stay below; such a schema may be asked about a document of any size
_WHOLE_BUDGET = 50_000_000  # steps for one document, about a second
_SEARCH_BUDGET = 1 << 37  # characters searched, times bytes of the pattern: five seconds at the very worst
_PATTERN_BYTES = (1 << 12, 1 << 14, 1 << 16, 1 << 18, LARGEST_PATTERN)
_DETAIL_BUDGET = 50_000  # steps for a message that says where; each failed alternative becomes an object

Mismatch = tuple[str, str]
"""A JSON pointer into the value, and what is wrong there."""


def pointer_of(path: Sequence[str | int]) -> str:
    """A path as a JSON pointer (RFC 6901), printable.

    Example:
        >>> pointer_of(["items", 3, "a/b"])
        '/items/3/a~1b'
    """
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return printable("".join(f"/{part}" for part in parts), limit=200)


class InstanceCheck:
    """Holds values against one schema.

    Args:
        schema: A JSON Schema, from a manifest or a library.
        must_be_object: It describes named values.

    Raises:
        SchemaError: It is not a schema, refers to another document, or asks too many questions.
    """

    def __init__(self, schema: object, *, must_be_object: bool = False) -> None:
        known = check_schema(schema, must_be_object=must_be_object)
        self._cost = cost_of(known)
        self._validator, self._search_cost = self._compiled(known)

    def _compiled(self, schema: dict[str, Any]) -> tuple[jsonschema_rs.Validator, int]:
        """The validator, and what searching one character may cost: all patterns times the size of the largest."""
        if self._cost.patterns == 0:
            return compile_schema(schema, mask="it"), 0
        for size in _PATTERN_BYTES[:-1]:
            try:
                found = compile_schema(schema, mask="it", pattern_bytes=size)
            except SchemaError:
                continue
            return found, self._cost.patterns * size
        return compile_schema(schema, mask="it"), self._cost.patterns * _PATTERN_BYTES[-1]

    def mismatch(self, value: Any, size: int) -> Mismatch | None:
        """What is wrong with a value, the first thing of it; None if it fits.

        Args:
            value: JSON types only, no deeper than `strict_json.DEEPEST`.
            size: Characters of its JSON text: a bound of how many values are in it.
        """
        values = size // 2 + 1
        steps = self._cost.steps
        if steps > _FREE_STEPS and steps * values > _WHOLE_BUDGET:
            return "", "it is too large to be checked against this schema"
        if self._search_cost * size > _SEARCH_BUDGET:
            return "", "it is too large to be searched for the patterns of this schema"
        try:
            if self._validator.is_valid(value):
                return None
            return self._first(value, values)
        except ValueError as error:  # of the validator: its own limits
            return "", f"it cannot be checked: {printable(str(error))}"

    def _first(self, value: Any, values: int) -> Mismatch:
        import jsonschema_rs

        if self._cost.alternatives:
            again = self._cost.branches ** min(depth_of(value), 64) if self._cost.branches > 1 else 1
            if self._cost.steps * values * again > _DETAIL_BUDGET:
                return "", "it does not match the schema"
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            return _described(error)
        return "", "it does not match the schema"


def _described(error: jsonschema_rs.ValidationError) -> Mismatch:
    path, message = explain(error)
    return pointer_of(path), printable(message, limit=300)
