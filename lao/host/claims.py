"""The form of what a library says of itself: it comes out of a worker, where the plugin may say anything."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lao.errors import ProtocolViolation
from lao.model.kinds import Kind
from lao.model.names import printable

__all__ = ["LARGEST_DESCRIPTION", "check_form"]

LARGEST_DESCRIPTION = 1 << 25
"""Bytes of JSON."""

_Name = Annotated[str, Field(min_length=1, max_length=256)]
_Text = Annotated[str | None, Field(max_length=1 << 20)]  # as the core allows, which counts bytes
_Number = Annotated[int, Field(ge=0, lt=1 << 32)]
_Kind = Annotated[int, Field(ge=min(Kind), le=max(Kind))]


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Capability(_Form):
    name: _Name
    description: _Text
    input_kind: _Kind
    output_kind: _Kind
    flags: _Number
    max_batch: _Number
    input_schema: _Text
    output_schema: _Text
    params_schema: _Text


class _Event(_Form):
    name: _Name
    description: _Text
    data_schema: _Text


class _Claim(_Form):
    called: _Text
    name: _Text
    version: _Text
    description: _Text
    author: _Text
    dependencies: _Text
    tags: _Text
    input_schema: _Text
    output_schema: _Text
    capabilities: _Text


class _Description(_Form):
    abi: Literal["lao/1", "lao/0.x"]
    name: Annotated[str, Field(max_length=256)]
    version: Annotated[str, Field(max_length=256)]
    description: _Text
    thread_role: Annotated[int, Field(ge=0, le=2)]
    capabilities: Annotated[list[_Capability], Field(min_length=1, max_length=4096)]
    config_schema: _Text = None
    events: Annotated[list[_Event], Field(max_length=4096)] = []
    extensions: Annotated[list[_Name], Field(max_length=64)] = []
    claim: _Claim | None = None


def check_form(raw: Any, *, plugin: str) -> dict[str, Any]:
    """Returns a description if it has the form that `lao__describe` gives.

    Args:
        raw: Any JSON value.
        plugin: For the message.

    Raises:
        ProtocolViolation: It has not.
    """
    try:
        found = _Description.model_validate(raw).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _refusal(plugin, f"{printable(place)}: {printable(first['msg'])}") from None
    names = [one["name"] for one in found["capabilities"]]
    if len(set(names)) != len(names):
        raise _refusal(plugin, "two of its capabilities have one name")
    if found["abi"] == "lao/1" and not (found["name"] and found["version"]):
        raise _refusal(plugin, "it has no name or no version")
    if (found["abi"] == "lao/0.x") != (found["claim"] is not None):
        raise _refusal(plugin, "it is of no ABI")
    return found


def _refusal(plugin: str, reason: str) -> ProtocolViolation:
    return ProtocolViolation(f"`{plugin}` describes itself in a way that cannot be read", causes=[reason])
