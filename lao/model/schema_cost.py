"""What checking a value against a JSON Schema may cost, read from the schema alone. Pure.

A schema comes from a plugin's author, who may be hostile, and it is checked in the host. Forty definitions that each
refer twice to the next one ask 2**40 questions about a single number. The validator remembers its answers only where
a reference leads back to where it came from; everything else is counted here, as the questions on one way from the
root of a value to a leaf.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lao.errors import InvalidInput

__all__ = ["Cost", "cost_of"]

_LARGEST = 10**9  # what is above that is all the same

# Where a keyword holds schemas. "Beside" they are asked about the same value, "below" about a value in it.
_BESIDE_LISTS = ("allOf", "anyOf", "oneOf")
_BESIDE = ("not", "if", "then", "else")
_BESIDE_TABLES = ("dependentSchemas", "dependencies")
_ITEMS = ("items", "additionalItems", "contains", "unevaluatedItems")
_OTHERS = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one value costs.

    Attributes:
        steps: Questions on the way from the root of a value to one leaf of it; each level of a recursion counts anew.
        patterns: Those of them that search a text for a pattern.
        branches: Ways that lead from one level of a recursion to the next; 0 without a recursion.
        alternatives: It has `anyOf` or `oneOf`, whose every failure an error message lists.
    """

    steps: int
    patterns: int
    branches: int
    alternatives: bool


def cost_of(schema: dict[str, Any]) -> Cost:
    """The cost of a schema that can be compiled."""
    counter = _Counter(schema)
    steps, patterns, branches = counter.of(schema, schema)
    for target, base in counter.recursive.values():  # each is entered once for every value
        more = counter.of(target, base)
        steps, patterns, branches = steps + more[0], patterns + more[1], max(branches, more[2])
    return Cost(min(steps, _LARGEST), min(patterns, _LARGEST), min(branches, _LARGEST), counter.alternatives)


_Counts = tuple[int, int, int]


class _Counter:
    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.recursive: dict[int, tuple[Any, Any]] = {}
        self.alternatives = False
        self._known: dict[int, _Counts] = {}
        self._open: set[int] = set()
        self._anchors: dict[str, list[Any]] = {}
        self._bases: dict[int, Any] = {}
        self._index(root, root)

    def _index(self, value: Any, base: Any) -> None:
        """Remembers every anchor, and for each schema the resource (`$id`) that its pointers are relative to."""
        if isinstance(value, dict):
            if isinstance(value.get("$id"), str) and not value["$id"].startswith("#"):
                base = value
            self._bases[id(value)] = base
            for key in ("$anchor", "$dynamicAnchor"):
                if isinstance(value.get(key), str):
                    self._anchors.setdefault(value[key], []).append(value)
            if isinstance(value.get("$id"), str) and value["$id"].startswith("#"):  # draft 4 to 7
                self._anchors.setdefault(value["$id"][1:], []).append(value)
        for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            self._index(child, base)

    def of(self, schema: Any, base: Any) -> _Counts:
        if not isinstance(schema, dict):
            return (1, 0, 0)
        key = id(schema)
        if key in self._known:
            return self._known[key]
        self._open.add(key)
        own = self._bases.get(key, base)
        beside = [self._refer(target, own) for target in self._targets(schema, own)]
        beside += [self.of(child, own) for child in _beside(schema)]
        items, named, others = [], [], []
        for child in _items(schema):
            items.append(self.of(child, own))
        properties = schema.get("properties")
        for child in properties.values() if isinstance(properties, dict) else ():
            named.append(self.of(child, own))
        patterned = schema.get("patternProperties")
        searched = len(patterned) if isinstance(patterned, dict) else 0
        for child in patterned.values() if isinstance(patterned, dict) else ():
            others.append(self.of(child, own))
        for name in _OTHERS:
            if name in schema:
                others.append(self.of(schema[name], own))
        self.alternatives = self.alternatives or "anyOf" in schema or "oneOf" in schema
        self._open.discard(key)
        # A value is a list or an object, and one property has one name: of those, the dearest counts.
        largest = tuple(max((one[i] for one in named), default=0) for i in range(3))
        below = (_sum(items), _sum([*others, (largest[0], largest[1], largest[2])]))
        deeper = tuple(max(way[i] for way in below) for i in range(3))
        own_patterns = searched + ("pattern" in schema) + ("format" in schema)
        total = _sum([*beside, (deeper[0], deeper[1], deeper[2]), (1 + searched, own_patterns, 0)])
        self._known[key] = total
        return total

    def _refer(self, target: Any, base: Any) -> _Counts:
        if id(target) in self._open or id(target) in self.recursive:
            self.recursive[id(target)] = (target, base)
            return (1, 0, 1)
        return self.of(target, base)

    def _targets(self, schema: dict[str, Any], base: Any) -> Iterator[Any]:
        for name in _REFERENCES:
            reference = schema.get(name)
            if not isinstance(reference, str):
                continue
            if reference in ("#", "") or name == "$recursiveRef":
                yield base
                if name == "$recursiveRef" and base is not self.root:
                    yield self.root
            elif reference.startswith("#/"):
                yield _at(base, reference)
            else:
                anchors = self._anchors.get(reference[1:])
                if not anchors:
                    raise _unknown(reference)
                yield from anchors if name == "$dynamicRef" else anchors[:1]


def _sum(counts: list[_Counts]) -> _Counts:
    steps, patterns, branches = (min(_LARGEST, sum(one[i] for one in counts)) for i in range(3))
    return steps, patterns, branches


def _beside(schema: dict[str, Any]) -> Iterator[Any]:
    for name in _BESIDE_LISTS:
        children = schema.get(name)
        yield from children if isinstance(children, list) else ()
    for name in _BESIDE:
        if name in schema:
            yield schema[name]
    for name in _BESIDE_TABLES:
        children = schema.get(name)
        yield from children.values() if isinstance(children, dict) else ()


def _items(schema: dict[str, Any]) -> Iterator[Any]:
    for name in (*_ITEMS, "prefixItems"):
        child = schema.get(name)
        yield from child if isinstance(child, list) else (child,) if child is not None else ()


def _at(base: Any, reference: str) -> Any:
    """What a JSON pointer in a fragment leads to."""
    from urllib.parse import unquote

    found = base
    for escaped in unquote(reference[2:]).split("/"):
        part = escaped.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            raise _unknown(reference)
    return found


def _unknown(reference: str) -> InvalidInput:
    from lao.model.names import printable

    return InvalidInput(f"`{printable(reference)}` refers to nothing in the schema")
