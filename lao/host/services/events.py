"""lao.events/1, the host's side: a plugin emits the events that its manifest declares, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lao.errors import InvalidInput, PermissionDenied
from lao.events import Events
from lao.host.services.documents import parse_json
from lao.model.instance_check import InstanceCheck
from lao.model.manifest import Event

__all__ = ["LARGEST_PAYLOAD", "CustomEvents"]

LARGEST_PAYLOAD = 65536  # bytes of JSON


class CustomEvents:
    """Emits one plugin's events."""

    def __init__(self, plugin: str, declared: Iterable[Event], events: Events) -> None:
        self._plugin = plugin
        self._events = events
        self._declared: Mapping[str, Event] = {event.name: event for event in declared}
        self._checks: dict[str, InstanceCheck] = {}  # made when they are needed first

    def emit(self, name: str, document: bytes) -> None:
        """Puts an event on the host's bus, as `Event(name, plugin, {"payload": ...})`.

        Args:
            name: As the manifest declares it.
            document: One JSON document of up to 64 KiB; empty: null.

        Raises:
            PermissionDenied: The manifest does not declare it.
            InvalidInput: The document is no JSON, too long, or not what its schema says.
        """
        event = self._declared.get(name)
        if event is None:
            raise PermissionDenied(f"its manifest declares no event `{name}`")
        if len(document) > LARGEST_PAYLOAD:
            raise InvalidInput(
                f"the event `{name}` carries {len(document)} bytes; {LARGEST_PAYLOAD} are the most"
            )
        payload = parse_json(document) if document else None
        if event.payload_schema is not None:
            check = self._checks.get(name) or self._checks.setdefault(
                name, InstanceCheck(event.payload_schema)
            )
            found = check.mismatch(payload, len(document))
            if found is not None:
                where, what = found
                raise InvalidInput(
                    f"the event `{name}` is not what its schema says", causes=[f"{where or '/'}: {what}"]
                )
        self._events.emit(name, self._plugin, payload=payload)
