"""Placeholders in text: `${step1}`, `${resize.output}`, `${input.name}`. Pure.

A placeholder is replaced once, by the value as it is: what a plugin returned, or what the caller passed in,
is never searched for placeholders again. `${...}` around anything that cannot be a step's name is ordinary
text, as in LAO 0.x, and `$${step1}` stands for the text `${step1}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lao.errors import InvalidInput
from lao.model.names import suggest

__all__ = [
    "Mistake",
    "Reference",
    "as_text",
    "check_path",
    "fill",
    "find_references",
    "parse",
    "whole_reference",
]

_PLACEHOLDER = re.compile(r"(\$?)\$\{([^${}\r\n]{1,200})\}")
_STEP_LIKE = re.compile(r"step[0-9]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Reference:
    """What a placeholder stands for: the output of a step, or an input of the run.

    Attributes:
        name: Name of the step (as results have it) or of the input.
        is_input: It is an input of the run.
    """

    name: str
    is_input: bool = False

    def __str__(self) -> str:
        return f"${{input.{self.name}}}" if self.is_input else f"${{{self.name}}}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A placeholder that stands for nothing, with what to write instead."""

    message: str
    fix: str


Part = str | Reference | Mistake


def parse(text: str, aliases: Mapping[str, str]) -> list[Part]:
    """Splits a text into its literal parts and placeholders.

    Args:
        text: Any text.
        aliases: Every name that a step answers to, with the name that results use.

    Example:
        >>> parse("Sum up: ${step1}", {"step1": "step1"})
        ['Sum up: ', Reference(name='step1', is_input=False)]
    """
    parts: list[Part] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        found = _meaning(match[2].strip(), aliases)
        if found is None:
            continue
        literal = text[end : match.start()]
        if match[1]:  # `$${step1}`: the text `${step1}`
            literal, found = literal + match[0][1:], None
        if literal:
            parts.append(literal)
        if found is not None:
            parts.append(found)
        end = match.end()
    if end < len(text) or not parts:
        parts.append(text[end:])
    return parts


def _meaning(body: str, aliases: Mapping[str, str]) -> Reference | Mistake | None:
    """What `${body}` stands for; None for ordinary text."""
    head, dot, tail = body.partition(".")
    if head == "input":
        if dot and _NAME.fullmatch(tail):
            return Reference(tail, is_input=True)
        return Mistake(f"`${{{body}}}` names no input of the run", "write `${input.NAME}`")
    known = aliases.get(head)
    if known is not None:
        if not dot or tail == "output":
            return Reference(known)
        return Mistake(
            f"`${{{body}}}`: a step has no `{tail}`", f"write `${{{head}}}` or `${{{head}.output}}`"
        )
    if _STEP_LIKE.fullmatch(head) or (tail == "output" and _NAME.fullmatch(head)):
        close = suggest(head, aliases)
        fix = f"did you mean `${{{close[0]}}}`?" if close else "write `$${...}` for the text itself"
        return Mistake(f"`${{{body}}}`: there is no step `{head}`", fix)
    return None


def whole_reference(value: Any, aliases: Mapping[str, str]) -> Reference | None:
    """The placeholder that makes up all of a text; it then stands for the value itself, whatever its type.

    Example:
        >>> whole_reference("${step1}", {"step1": "step1"})
        Reference(name='step1', is_input=False)
    """
    if type(value) is str and value.startswith("${"):
        parts = parse(value, aliases)
        if len(parts) == 1 and isinstance(parts[0], Reference):
            return parts[0]
    return None


def find_references(value: Any, aliases: Mapping[str, str]) -> Iterator[Reference | Mistake]:
    """Every placeholder in a text, and in the texts of nested dicts and lists; keys are left alone."""
    if type(value) is str:
        yield from (part for part in parse(value, aliases) if not isinstance(part, str))
    elif isinstance(value, dict):
        for child in value.values():
            yield from find_references(child, aliases)
    elif isinstance(value, list):
        for child in value:
            yield from find_references(child, aliases)


def fill(value: Any, aliases: Mapping[str, str], lookup: Callable[[Reference], Any]) -> Any:
    """`value` with its placeholders replaced; everything else is the same object.

    A text that is one placeholder becomes the value that it stands for. In a longer text, and inside a dict
    or list, values take the form of `as_text` and of plain JSON.

    Raises:
        InvalidInput: A value cannot stand there, e.g. an image in the middle of a text.
    """
    whole = whole_reference(value, aliases)
    return lookup(whole) if whole is not None else _fill_nested(value, aliases, lookup)


def _fill_nested(value: Any, aliases: Mapping[str, str], lookup: Callable[[Reference], Any]) -> Any:
    if type(value) is str:
        whole = whole_reference(value, aliases)
        if whole is not None:
            return _as_plain(lookup(whole), str(whole))
        parts = parse(value, aliases)
        texts = (as_text(lookup(p), str(p)) if isinstance(p, Reference) else str(p) for p in parts)
        return "".join(texts)
    if isinstance(value, dict):
        return {key: _fill_nested(child, aliases, lookup) for key, child in value.items()}
    if isinstance(value, list):
        return [_fill_nested(child, aliases, lookup) for child in value]
    return value


def check_path(
    template: str, path: str, aliases: Mapping[str, str], lookup: Callable[[Reference], Any]
) -> None:
    """Lets outputs of steps name a file in a path that the workflow's author wrote, but not lead it elsewhere: the
    file is read by the host, which may read more than the plugin that names it.

    Args:
        template: The path as it was written.
        path: The same with its placeholders filled in.
        aliases: See `parse`.
        lookup: The value of a placeholder.

    Raises:
        InvalidInput: An output holds a separator or a NUL, or makes the path go up.
    """
    parts = parse(template, aliases)
    literal = "".join(part if isinstance(part, str) else "x" for part in parts)
    outputs = [part for part in parts if isinstance(part, Reference) and not part.is_input]
    for part in outputs:
        text = as_text(lookup(part), str(part))
        if set(text) & set("/\\\0"):
            raise InvalidInput(f"the output `{part}` is part of a path and holds a separator")
    if outputs and path.replace("\\", "/").split("/").count("..") > literal.split("/").count(".."):
        raise InvalidInput("the outputs in a path make it lead upwards")


def as_text(value: Any, name: str) -> str:
    """A value inside a longer text: text as it is, a path as its text, other JSON values as compact JSON.

    Raises:
        InvalidInput: The value called `name` is none of these.

    Example:
        >>> as_text({"a": [1, "ä"]}, "${step1}")
        '{"a":[1,"ä"]}'
    """
    plain = _as_plain(value, name)
    if isinstance(plain, str):
        return plain
    try:
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"the value of `{name}` cannot be written as text", causes=[str(error)]) from error


def _as_plain(value: Any, name: str) -> Any:
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, str | int | float | bool | dict | list | tuple):
        return value
    raise InvalidInput(
        f"the value of `{name}` is of type `{type(value).__name__}`, which cannot be part of a text",
        hint="pass it alone, as the whole input of the step",
    )
