"""A host for plugins that are being worked on: it gives them what their manifests ask for, in a home of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from lao.errors import PluginNotFound
from lao.host import Host, Source
from lao.model.rights import Grant, rights_of, wanted_by

__all__ = ["AsWanted", "trying_host"]


class AsWanted:
    """Knows no names, and grants everything that a manifest asks for: permissions and runtimes."""

    def locate(self, target: str) -> Source:
        raise PluginNotFound(f"there is no plugin `{target}`", name=target)

    def complete(self, source: Source) -> Source:
        required, optional = wanted_by(source.manifest)
        grant = Grant(granted=required | optional)
        if source.manifest is not None and "opencl" in source.manifest.resources.runtimes:
            # PoCL starts a linker to build a kernel and aborts where it may not; the cache here is empty.
            grant = grant.plus("run=ld")
        return replace(source, rights=rights_of(source.manifest, grant))

    def signature(self) -> object:
        return None


@contextmanager
def trying_host() -> Iterator[Host]:
    """A host with an empty home that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="lao-") as home, Host(home, locator=AsWanted()) as host:
        yield host
