"""Turns what stands on a command line into what a capability takes: `TEXT`, `@FILE` and `KEY=VALUE`."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lao.errors import InvalidInput
from lao.model.kinds import Kind
from lao.model.names import printable

__all__ = ["json_or_text", "parameters", "read_input"]

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")


def read_input(argument: str | None, kind: Kind) -> Any:
    """The value of `--input` for a capability's kind of input.

    Args:
        argument: The text itself, or `@FILE` (`@-` is stdin); text that begins with `@` is written `@@...`;
            None when nothing was given.
        kind: What the capability takes. Text and json are read from the text or the file; a file is a path,
            with or without `@`; binary is the file's bytes; an image comes from a picture or `.npy`, audio
            from `.wav` or `.npy`, a tensor from `.npy`. For `any` the file's suffix decides; else it is text.

    Raises:
        InvalidInput: The file cannot be read or is not of that kind, or a package that reads such files is
            missing; the hint says which.
    """
    if argument is None:
        return None
    if argument.startswith("@@") or not argument.startswith("@"):
        return _from_text(argument.removeprefix("@"), kind)
    if argument == "@-":
        return _from_bytes(sys.stdin.buffer.read(), kind)
    path = Path(argument[1:])
    if not path.is_file():
        raise InvalidInput(
            f"cannot read `{printable(str(path))}`",
            causes=["it is a directory" if path.is_dir() else "there is no such file"],
            hint="write `@@` for a text that begins with `@`",
        )
    return _from_file(path, kind)


def parameters(pairs: Sequence[str]) -> dict[str, Any]:
    """The `--param KEY=VALUE` of a command line; a VALUE that is JSON keeps its type, others are strings.

    Raises:
        InvalidInput: A pair has no `=`, or a key comes twice.

    Example:
        >>> parameters(["width=1920", "mode=fast", "exact=true"])
        {'width': 1920, 'mode': 'fast', 'exact': True}
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InvalidInput(
                f"`--param {printable(pair)}` is not KEY=VALUE", hint="for example `--param width=1920`"
            )
        if key in found:
            raise InvalidInput(f"the parameter `{printable(key)}` is given twice")
        found[key] = json_or_text(value)
    return found


def json_or_text(text: str) -> Any:
    """The value of a JSON literal, else the text itself."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text} is too large")
    return number


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _from_text(text: str, kind: Kind) -> Any:
    if kind in (Kind.TEXT, Kind.JSON, Kind.ANY, Kind.NONE):
        return text
    if kind == Kind.FILE:
        return Path(text)
    raise InvalidInput(
        f"the capability takes {kind.label}, and text was given",
        hint=f"give a file: `--input @{kind.label}-file`",
    )


def _from_bytes(content: bytes, kind: Kind) -> Any:
    if kind == Kind.BINARY:
        return content
    if kind in (Kind.TEXT, Kind.JSON, Kind.ANY):
        return _decoded(content, "stdin", kind)
    raise InvalidInput(f"the capability takes {kind.label}, which is not read from stdin", hint="give a file")


def _from_file(path: Path, kind: Kind) -> Any:
    if kind == Kind.FILE:
        return path
    if kind == Kind.ANY:
        kind = _kind_of_suffix(path.suffix.lower())
    from lao.workflow.media import open_file

    return open_file(path, kind)


def _kind_of_suffix(suffix: str) -> Kind:
    if suffix in _PICTURES:
        return Kind.IMAGE
    return {".npy": Kind.TENSOR, ".wav": Kind.AUDIO, ".bin": Kind.BINARY}.get(suffix, Kind.TEXT)


def _decoded(content: bytes, source: str, kind: Kind) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"`{source}` is not {kind.label}", causes=[f"byte {error.start} is not UTF-8"], where=source
        ) from None
