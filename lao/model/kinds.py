"""The kinds of value that a capability takes and gives; the numbers are those of `include/lao/value.h`."""

from __future__ import annotations

from enum import IntEnum

from lao.errors import InvalidInput

__all__ = ["KIND_ALIASES", "Kind", "compatible"]


class Kind(IntEnum):
    """What a value is. `ANY` stands only in declarations, `NONE` means that there is no value."""

    NONE = 0
    TEXT = 1
    JSON = 2
    BINARY = 3
    FILE = 4
    AUDIO = 5
    IMAGE = 6
    VIDEO = 7
    ANY = 8
    TENSOR = 9

    @property
    def label(self) -> str:
        """The name as manifests and messages have it, e.g. `text`."""
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Kind:
        """The kind that a manifest, a workflow or a 0.x plugin names, in any case and with the old aliases.

        Args:
            text: A label (`text`, `Text`, `TEXT`) or an alias such as `string`, `object` or `path`; the empty
                string means `any`, as old manifests have it.

        Raises:
            InvalidInput: It names no kind; the hint suggests one or lists them.

        Example:
            >>> Kind.parse("Markdown")
            <Kind.TEXT: 1>
        """
        kind = KIND_ALIASES.get(text.strip().lower())
        if kind is not None:
            return kind
        from lao.model.names import printable, suggest

        close = suggest(text, KIND_ALIASES)
        labels = ", ".join(known.label for known in cls)
        hint = f"did you mean `{close[0]}`?" if close else f"use one of {labels}"
        raise InvalidInput(f"`{printable(text)}` is not a kind of value", hint=hint)


# Old words for kinds that exist in the wild, besides the labels themselves.
KIND_ALIASES: dict[str, Kind] = {
    **{kind.label: kind for kind in Kind},
    "": Kind.ANY,
    "string": Kind.TEXT,
    "str": Kind.TEXT,
    "markdown": Kind.TEXT,
    "object": Kind.JSON,
    "structured": Kind.JSON,
    "taggeddata": Kind.JSON,
    "bytes": Kind.BINARY,
    "path": Kind.FILE,
    "audiofile": Kind.AUDIO,
}

_MEDIA = frozenset({Kind.AUDIO, Kind.IMAGE, Kind.VIDEO})


def compatible(output: Kind, input: Kind) -> bool:
    """Whether a value of kind `output` may go where kind `input` is wanted.

    Equal kinds go together; `any` goes with every kind except `none`; audio, image and video go to and from
    `file`, since a file can hold them.

    Example:
        >>> compatible(Kind.FILE, Kind.IMAGE), compatible(Kind.TEXT, Kind.JSON)
        (True, False)
    """
    if output == input:
        return True
    if Kind.NONE in (output, input):
        return False
    if Kind.ANY in (output, input):
        return True
    return (output in _MEDIA and input == Kind.FILE) or (output == Kind.FILE and input in _MEDIA)
