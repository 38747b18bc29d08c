"""YAML 1.2 as plain Python values, with the lines of the upper keys, and with all problems, not the first.

ruamel.yaml parses; the values are built here, because its own constructor stops at the first duplicate key
and forgets where things stood. Plain types only: no tag can name a Python object, and what looks like a date
stays text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lao.errors import Problem

__all__ = ["MAX_VALUES", "LocatedYaml", "key_path", "read_yaml"]

MAX_VALUES = 200_000
"""Values that a document may hold once its aliases are written out; a few lines of them can make billions."""

_LINE_DEPTH = 4  # steps[0].params[...]: deeper places are reported at the line of what holds them

Path = tuple[str | int, ...]


@dataclass(slots=True)
class LocatedYaml:
    """One document.

    Attributes:
        value: Dicts with text keys, lists, str, int, float, bool, bytes and None; None for an empty document.
            Parts that are aliases of each other are the same object.
        lines: Line (from 1) of a key or list entry by its path, e.g. `("steps", 0, "run")`.
        problems: What is wrong with the YAML itself. Each `file` ends in `:LINE`.
    """

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_yaml(text: str, *, file: str) -> LocatedYaml:
    """Reads one YAML 1.2 document.

    Args:
        text: The document.
        file: Its name, for the problems.

    Example:
        >>> read_yaml("workflow: on\\n", file="a.yaml").value
        {'workflow': 'on'}
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
        if root is None:
            return LocatedYaml()
        return _Reader(yaml.constructor, file).read(root)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        said = " ".join(str(part).strip() for part in (error.context, error.problem) if part)
        return _failed(f"{file}:{line}", f"it is not valid YAML: {said or 'it cannot be parsed'}")
    except YAMLError as error:  # the reader's, for characters that YAML does not allow: it has no mark
        reason = getattr(error, "reason", "") or "it cannot be read"
        return _failed(file, f"it is not valid YAML: {reason}")
    except RecursionError:
        return _failed(file, "it is nested too deeply")


def _failed(place: str, message: str) -> LocatedYaml:
    return LocatedYaml(problems=[Problem(place, "", message)])


class _Reader:
    """Builds the value of a node tree. One per document."""

    def __init__(self, constructor: Any, file: str) -> None:
        self._constructor = constructor
        self._file = file
        self._result = LocatedYaml()
        self._sizes: dict[int, int] = {}
        self._built: dict[int, Any] = {}

    def read(self, root: Any) -> LocatedYaml:
        size = self._size(root, set())
        if size > MAX_VALUES:
            self._problem(
                root, (), f"it expands to {size} values, and {MAX_VALUES} are allowed", "use fewer aliases"
            )
        elif not self._result.problems:
            self._result.lines[()] = _line(root)
            self._result.value = self._build(root, ())
        return self._result

    def _problem(self, node: Any, path: Path, message: str, fix: str = "") -> None:
        self._result.problems.append(Problem(f"{self._file}:{_line(node)}", key_path(path), message, fix))

    def _size(self, node: Any, open_nodes: set[int]) -> int:
        """Values that `node` holds when every alias is written out. Reports a node that contains itself."""
        known = self._sizes.get(id(node))
        if known is not None:
            return known
        if id(node) in open_nodes:
            self._problem(node, (), "an alias refers to the value that it is part of")
            return 1
        open_nodes.add(id(node))
        size = 1
        if isinstance(node.value, list):
            for child in node.value:
                for part in child if isinstance(child, tuple) else (child,):
                    size += self._size(part, open_nodes)
        open_nodes.discard(id(node))
        self._sizes[id(node)] = size
        return size

    def _build(self, node: Any, path: Path) -> Any:
        # Near the top every place gets its line, aliases too; below, an alias is the same object as its
        # anchor.
        if len(path) >= _LINE_DEPTH and id(node) in self._built:
            return self._built[id(node)]
        kind = node.tag.rpartition(":")[2] if str(node.tag).startswith("tag:yaml.org,2002:") else ""
        if kind == "map" and _is_mapping(node):
            value: Any = self._mapping(node, path)
        elif kind == "seq" and not _is_mapping(node) and isinstance(node.value, list):
            value = [self._child(child, child, (*path, index)) for index, child in enumerate(node.value)]
        elif kind in _SCALARS and isinstance(node.value, str):
            value = self._scalar(node, path, kind)
        else:
            value = None
            self._problem(node, path, f"the tag `{node.tag}` is not supported", "use plain YAML values")
        if len(path) >= _LINE_DEPTH:
            self._built[id(node)] = value
        return value

    def _child(self, place: Any, node: Any, path: Path) -> Any:
        """The value of `node`, which stands at `place` (its key, or itself in a list)."""
        if len(path) <= _LINE_DEPTH:
            self._result.lines[path] = _line(place)
        return self._build(node, path)

    def _scalar(self, node: Any, path: Path, kind: str) -> Any:
        if kind in ("str", "timestamp"):
            return node.value
        try:
            return self._constructor.construct_object(node)
        except (
            Exception
        ) as error:  # a forced tag on the wrong text: ruamel raises whatever int(), float() ... raise
            if isinstance(error, RecursionError | MemoryError):
                raise
            self._problem(node, path, f"`{node.value[:40]}` is not a valid {kind}")
            return None

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        first_lines: dict[str, int] = {}
        merged: list[Any] = []
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged.append(value)
            elif key.tag != "tag:yaml.org,2002:str":
                name = key.value if isinstance(key.value, str) else "a list or mapping"
                self._problem(key, path, f"the key `{name}` is not text", "put it in quotes")
            elif key.value in first_lines:
                said = f"`{key.value}` is given twice; the first one is in line {first_lines[key.value]}"
                self._problem(key, (*path, key.value), said)
            else:
                first_lines[key.value] = _line(key)
                mapping[key.value] = self._child(key, value, (*path, key.value))
        for value in merged:
            self._merge(value, path, mapping)
        return mapping

    def _merge(self, node: Any, path: Path, mapping: dict[str, Any]) -> None:
        """`<<: *anchor`, or a list of them: keys that the mapping does not have itself; earlier ones win."""
        for source in node.value if not _is_mapping(node) and isinstance(node.value, list) else [node]:
            if not _is_mapping(source):
                self._problem(source, path, "`<<` takes a mapping, or a list of mappings")
                continue
            lines = dict(self._result.lines)
            inherited = self._mapping(source, path)
            for key, value in inherited.items():
                mapping.setdefault(key, value)
            self._result.lines.update(lines)  # keys that the mapping has itself keep their own line


# The scalars of YAML's core schema, and two of 1.1 that ruamel still resolves.
_SCALARS = frozenset({"str", "int", "float", "bool", "null", "timestamp", "binary"})


def _is_mapping(node: Any) -> bool:
    return type(node).__name__ == "MappingNode"


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def key_path(path: Path) -> str:
    """A path as messages have it.

    Example:
        >>> key_path(("steps", 0, "run"))
        'steps[0].run'
    """
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown
