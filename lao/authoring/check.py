"""One thing that was looked at, and how it went."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Check"]


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: What was checked, e.g. `"process: empty input"`.
        outcome: `"passed"`, `"failed"` or `"skipped"`.
        detail: Why it failed or was skipped; else what is worth knowing. May be empty.
    """

    name: str
    outcome: str
    detail: str = ""

    @property
    def failed(self) -> bool:
        """Whether it counts against the plugin."""
        return self.outcome == "failed"

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return asdict(self)
