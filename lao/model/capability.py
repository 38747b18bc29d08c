"""One capability of a plugin, as the manifest declares it and as the library reports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lao.model.kinds import Kind

__all__ = ["Capability"]

_BOUNDS = ("min_bytes", "max_bytes", "min_value", "max_value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a plugin can do: one named function with typed input, output and parameters.

    Attributes:
        name: Unique within the plugin.
        description: One line for people; may be empty.
        input_kind: Kind of the input; `NONE` means that it takes none.
        output_kind: Kind of the output.
        input_schema: JSON Schema of a json input, or None.
        output_schema: JSON Schema of a json output, or None.
        params_schema: JSON Schema of the parameters (an object), or None.
        sanitize: What is done to the text of an input, and of parameters, before any check: `trim`, `nfc`,
            `html-escape` (`lao.model.sanitize`).
        min_bytes: Bytes that an input has at least, as it crosses: text and json in UTF-8; None for no bound.
        max_bytes: Bytes that an input has at most.
        min_value: The least number that may stand in an array; None for no bound.
        max_value: The greatest.
        idempotent: Repeating a call that was interrupted does no harm.
        streams: It gives its result in parts.
        streams_input: It takes its input in parts.
        max_batch: Requests that the plugin takes in one call; 1 means no batches.
    """

    name: str
    description: str = ""
    input_kind: Kind = Kind.ANY
    output_kind: Kind = Kind.ANY
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    params_schema: dict[str, Any] | None = None
    sanitize: tuple[str, ...] = ()
    min_bytes: int | None = None
    max_bytes: int | None = None
    min_value: float | None = None
    max_value: float | None = None
    idempotent: bool = False
    streams: bool = False
    streams_input: bool = False
    max_batch: int = 1

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types, with the manifest's key names; what is at its default is left out.

        Example:
            >>> Capability(name="echo", input_kind=Kind.TEXT, output_kind=Kind.TEXT).to_dict()
            {'name': 'echo', 'description': '', 'input_type': 'text', 'output_type': 'text'}
        """
        plain: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "input_type": self.input_kind.label,
            "output_type": self.output_kind.label,
        }
        for key in ("input_schema", "output_schema", "params_schema"):
            if (schema := getattr(self, key)) is not None:
                plain[key] = schema
        if self.sanitize:
            plain["sanitize"] = list(self.sanitize)
        for key in _BOUNDS:
            if (bound := getattr(self, key)) is not None:
                plain[key] = bound
        if self.idempotent:
            plain["idempotent"] = True
        if self.streams:
            plain["streams"] = True
        if self.streams_input:
            plain["streams_input"] = True
        if self.max_batch != 1:
            plain["max_batch"] = self.max_batch
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Capability:
        """The inverse of `to_dict`; a missing kind is `any`.

        Raises:
            KeyError: There is no `name`.
            InvalidInput: A type names no kind.
        """
        return cls(
            name=str(plain["name"]),
            description=str(plain.get("description", "")),
            input_kind=Kind.parse(str(plain.get("input_type", "any"))),
            output_kind=Kind.parse(str(plain.get("output_type", "any"))),
            input_schema=plain.get("input_schema"),
            output_schema=plain.get("output_schema"),
            params_schema=plain.get("params_schema"),
            sanitize=tuple(plain.get("sanitize", ())),
            **{key: plain.get(key) for key in _BOUNDS},
            idempotent=bool(plain.get("idempotent", False)),
            streams=bool(plain.get("streams", False)),
            streams_input=bool(plain.get("streams_input", False)),
            max_batch=int(plain.get("max_batch", 1)),
        )
