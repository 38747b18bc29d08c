"""An event that a plugin emits, as its library declares it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["DeclaredEvent"]


@dataclass(frozen=True, slots=True)
class DeclaredEvent:
    """What the manifest says in `[[events]]`, said by the code.

    Attributes:
        name: Unique within the plugin.
        description: When it happens; may be empty.
        data_schema: JSON Schema of its data, or None.
    """

    name: str
    description: str = ""
    data_schema: dict[str, Any] | None = None
