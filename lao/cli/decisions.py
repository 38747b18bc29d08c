"""The user's decisions about a plugin, for the commands that show and change them."""

from __future__ import annotations

from dataclasses import dataclass

from lao.audit import Audit
from lao.errors import InvalidInput
from lao.grants import Grants
from lao.host.source import Source
from lao.locate import Names
from lao.store import Store

__all__ = ["Subject", "subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """The plugin that a decision is about."""

    source: Source
    grants: Grants
    audit: Audit


def subject(name: str) -> Subject:
    """The installed plugin or local project of that name.

    Raises:
        InvalidInput: It is a path: decisions are about what is installed or built here.
        PluginNotFound: There is none of that name.
    """
    if "/" in name or name in (".", ".."):
        raise InvalidInput(
            f"nothing can be decided about `{name}`",
            causes=["it is a path, and decisions are kept for installed plugins and local projects"],
            hint=f"run `lao plugin install {name}` first",
        )
    store = Store()
    return Subject(Names(store.home).locate(name), Grants(store.home), Audit(store.home))
