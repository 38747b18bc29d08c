"""lao.calls/1: one plugin calls another, with its own rights and within its own deadline.

A call is refused where the other plugin may do what the caller may not: otherwise a plugin without the network would
only have to ask one that has it. It is refused as well where it would come back to a plugin that is waiting for it, and
past a depth that no sensible chain of plugins reaches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lao.errors import InvalidInput, PermissionDenied, ResourceLimitExceeded
from lao.host.services.arrays import array_input, array_reply
from lao.host.services.documents import parse_json
from lao.host.services.framing import LARGEST_BODY, Reply
from lao.model.kinds import Kind
from lao.model.rights import Rights
from lao.model.values import Binary, Json, OutputPath, Text

__all__ = ["DEEPEST", "Chains", "Target", "check_rights", "input_of", "reply_of"]

DEEPEST = 8  # plugins that wait for each other


@dataclass(frozen=True, slots=True)
class Target:
    """The plugin that is called.

    Attributes:
        name: Its name.
        rights: What it may do.
        reentrant: Whether it may be called while it waits for another plugin.
        chains: Who waits for it.
        run: (capability, input, params, token) -> output, and the kind that the capability declares for it.
        cancel: (token): ends that call.
    """

    name: str
    rights: Rights
    reentrant: bool
    chains: Chains
    run: Callable[[str, Any, dict[str, Any], int], tuple[Any, Kind]]
    cancel: Callable[[int], object]


class Chains:
    """Which plugins wait for one plugin right now.

    Nobody can tell for which of its calls a worker asks something, and what it says itself is not believed. So the
    longest chain that leads to it counts: too much is refused at worst, never too little.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._inbound: list[tuple[str, ...]] = []

    def current(self) -> tuple[str, ...]:
        """The plugins that wait, this one last."""
        with self._lock:
            longest: tuple[str, ...] = max(self._inbound, key=len, default=())
        return (*longest, self._name)

    @contextmanager
    def waiting(self, chain: tuple[str, ...]) -> Iterator[None]:
        """While `chain` waits for this plugin."""
        with self._lock:
            self._inbound.append(chain)
        try:
            yield
        finally:
            with self._lock:
                self._inbound.remove(chain)


def check_rights(caller: str, rights: Rights, chain: tuple[str, ...], target: Target) -> None:
    """Whether `caller`, which has `rights` and for which `chain` waits, may call `target`.

    Raises:
        PermissionDenied: The target may do more than the caller, or waits for this very call.
        ResourceLimitExceeded: Too many plugins wait for each other.
    """
    if len(chain) >= DEEPEST:
        raise ResourceLimitExceeded(
            f"{DEEPEST} plugins wait for each other", limit="call_depth", used=len(chain) + 1, allowed=DEEPEST
        )
    if target.name in chain and not target.reentrant:
        raise PermissionDenied(f"`{target.name}` waits for this call, and takes one at a time")
    theirs = target.rights
    more = sorted(theirs.permissions - rights.permissions - {"plugin_communication"})
    if more:
        named = ", ".join(f"`{permission}`" for permission in more)
        raise PermissionDenied(f"`{target.name}` may do what `{caller}` may not: {named}")
    if "network_access" in theirs.permissions and (
        (rights.hosts and not (theirs.hosts and set(theirs.hosts) <= set(rights.hosts)))
        or (theirs.private_addresses and not rights.private_addresses)
    ):
        raise PermissionDenied(f"`{target.name}` may reach hosts that `{caller}` may not")
    if not {*theirs.commands, *theirs.programs} <= {*rights.commands, *rights.programs}:
        raise PermissionDenied(f"`{target.name}` may run programs that `{caller}` may not")
    if not set(theirs.connect) <= set(rights.connect):
        raise PermissionDenied(f"`{target.name}` may connect to where `{caller}` may not")
    if theirs.working_directory not in (None, rights.working_directory):
        raise PermissionDenied(f"`{target.name}` may read directories that `{caller}` may not")


def input_of(kind: Kind, header: Mapping[str, Any], body: bytes) -> Any:
    """The value that a plugin hands on.

    Raises:
        InvalidInput: It is not what its kind says, or of no kind that can be handed on.
    """
    media = header.get("media_type")
    if "shape" in header:
        return array_input(kind, header, body)
    match kind:
        case Kind.NONE:
            return None
        case Kind.TEXT:
            return Text(_text(body))
        case Kind.JSON:
            return Json(parse_json(body))
        case Kind.BINARY:
            return Binary(body, media_type=media if isinstance(media, str) else None)
        case Kind.FILE:
            return OutputPath(_text(body))
    raise InvalidInput(f"a value of the kind {kind.label} cannot be handed to another plugin")


def reply_of(described: tuple[int, Any, int, int, int, str | None, str | None] | None) -> Reply:
    """What goes back to the caller: an output, as `lao.host.convert.to_native` describes it.

    Raises:
        InvalidInput: The output is of no kind that can be handed back.
        ResourceLimitExceeded: It is too large.
    """
    if described is None:
        return Reply(kind=Kind.JSON, body=b"null")
    kind, payload, rate, color_space, channel_order, _, _ = described
    if isinstance(payload, str):
        reply = Reply(kind=Kind(kind), body=payload.encode("utf-8", "surrogateescape"))
    elif isinstance(payload, bytes):
        reply = Reply(kind=Kind(kind), body=bytes(payload))
    else:
        reply = array_reply(Kind(kind), payload, rate, color_space, channel_order)
    if len(reply.body) > LARGEST_BODY:
        raise ResourceLimitExceeded(
            f"the other plugin's output has {len(reply.body)} bytes; {LARGEST_BODY} can be handed back",
            limit="call_output_bytes",
            used=len(reply.body),
            allowed=LARGEST_BODY,
        )
    return reply


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("the text is not UTF-8") from None
