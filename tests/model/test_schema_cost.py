"""What a schema costs is bounded from above, and what people write stays far below the limit."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lao.model.instance_check import InstanceCheck, pointer_of
from lao.model.json_schema import MOST_STEPS, SchemaError, check_schema
from lao.model.schema_cost import cost_of

TREE = {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}, "value": {"type": "integer"}}}
JSON_LIKE = {
    "$ref": "#/$defs/any",
    "$defs": {
        "any": {
            "anyOf": [
                {"type": ["string", "number", "boolean", "null"]},
                {"type": "array", "items": {"$ref": "#/$defs/any"}},
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/any"}},
            ]
        }
    },
}
WIDE = {"properties": {f"p{i}": {"type": "string", "maxLength": i} for i in range(2000)}}
ONE_OF = {"oneOf": [{"properties": {"kind": {"const": i}, "x": {"type": "integer"}}} for i in range(100)]}


def chain(levels: int, keyword: str = "allOf") -> dict[str, Any]:
    below = {
        f"d{i}": {keyword: [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]}
        for i in range(levels)
    }
    return {"$defs": {**below, f"d{levels}": {"type": "string"}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize("schema", [{}, TREE, JSON_LIKE, WIDE, ONE_OF, {"items": WIDE}])
def test_ordinary_schemas_are_cheap(schema: dict[str, Any]) -> None:
    assert cost_of(schema).steps < 500
    assert check_schema(schema) == schema


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_doubling_is_counted(keyword: str) -> None:
    assert cost_of(chain(10, keyword)).steps >= 2**10
    assert cost_of(chain(60, keyword)).steps > MOST_STEPS


@pytest.mark.parametrize(
    "link",
    [
        {"allOf": [{"$ref": "#/$defs/NEXT"}], "not": {"$ref": "#/$defs/NEXT"}},
        {"if": {"$ref": "#/$defs/NEXT"}, "then": {"$ref": "#/$defs/NEXT"}},
        {"dependentSchemas": {"a": {"$ref": "#/$defs/NEXT"}, "b": {"$ref": "#/$defs/NEXT"}}},
        {"items": {"allOf": [{"$ref": "#/$defs/NEXT"}, {"$ref": "#/$defs/NEXT"}]}},
        {"contains": {"$ref": "#/$defs/NEXT"}, "items": {"$ref": "#/$defs/NEXT"}},
        {"patternProperties": {"a": {"$ref": "#/$defs/NEXT"}, "b": {"$ref": "#/$defs/NEXT"}}},
        {"properties": {"a": {"$ref": "#/$defs/NEXT"}}, "patternProperties": {"a": {"$ref": "#/$defs/NEXT"}}},
        {"allOf": [{"$ref": "#next_NEXT"}, {"$ref": "#/$defs/NEXT"}]},
        {"allOf": [{"$ref": "#/%24defs/NEXT"}, {"$ref": "#/$defs/NEXT"}]},
    ],
    ids="-".join,
)
def test_every_way_to_double_is_counted(link: dict[str, Any]) -> None:
    import json

    definitions = {
        f"d{i}": {**json.loads(json.dumps(link).replace("NEXT", f"d{i + 1}")), "$anchor": f"next_d{i}"}
        for i in range(40)
    }
    schema = {"$defs": {**definitions, "d40": {"$anchor": "next_d40"}}, "$ref": "#/$defs/d0"}
    with pytest.raises(SchemaError, match="take too long"):
        check_schema(schema)


def test_a_long_way_of_references_is_refused() -> None:
    long = {f"d{i}": {"properties": {"a": {"$ref": f"#/$defs/d{i + 1}"}}} for i in range(5000)}
    with pytest.raises(SchemaError, match="too often"):
        check_schema({"$defs": {**long, "d5000": {}}, "$ref": "#/$defs/d0"})
    few = {f"d{i}": {"properties": {"a": {"$ref": f"#/$defs/d{i + 1}"}}} for i in range(50)}
    check_schema({"$defs": {**few, "d50": {}}, "$ref": "#/$defs/d0"})


def test_a_recursion_is_answered_once_for_every_value() -> None:
    """What the count relies on: without the validator's memory this would take 2**60 steps."""
    again = {"required": ["a"], "properties": {"a": {"anyOf": [{"$ref": "#"}]}}}
    schema = {"anyOf": [{"required": ["a"], "properties": {"a": {"$ref": "#"}}}, again]}
    check = InstanceCheck(schema)
    value: dict[str, Any] = {}
    for _ in range(60):
        value = {"a": value}
    began = time.monotonic()
    assert check.mismatch(value, 400) == ("", "it does not match the schema")
    assert time.monotonic() - began < 30


def test_the_dearest_schema_that_is_let_in_ends() -> None:
    check = InstanceCheck(chain(14))
    assert check.mismatch("x", 3) is None
    assert check.mismatch([1] * 1000, 3000) is not None
    assert check.mismatch([1] * 100_000, 300_000) == ("", "it is too large to be checked against this schema")


def test_pointers() -> None:
    assert pointer_of([]) == ""
    assert pointer_of(["a/b", 0, "m~n", ""]) == "/a~1b/0/m~0n/"
    assert pointer_of(["\x1b[2J"]) == "/\\x1b[2J"
    assert len(pointer_of(["k" * 10_000])) == 200
