"""What one plugin may do: the outcome of what it asks for, what the user granted, and what the operator allows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from lao.errors import InvalidInput
from lao.model.manifest import Manifest
from lao.model.manifest_tables import PERMISSIONS, Resources
from lao.model.names import suggest

__all__ = ["GRANTABLE", "NO_GRANT", "NO_RIGHTS", "Grant", "Rights", "rights_of", "wanted_by"]

GRANTABLE = (*PERMISSIONS, "gpu", "private_addresses")
"""What can be granted by its name; LAO 0.x plugins may also get `connect=HOST:PORT`, `run=PROGRAM`, `cwd=DIRECTORY`."""

_LOCAL = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\]):(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Rights:
    """What one plugin may do. Everything is empty by default: nothing may.

    Attributes:
        permissions: Granted ones, of `lao.model.manifest_tables.PERMISSIONS`.
        refused: Those that it asks for and does not have.
        file_access: Directories for `read_files` and `write_files`, relative to its data directory.
        hosts: `host`, `host:port` or `*.domain` that it may reach by HTTP; empty: any that is public.
        requests_per_second: HTTP requests; None for the default.
        private_addresses: HTTP also to private and loopback addresses.
        commands: Programs that the host may run for it, by name or full path.
        runtimes: Tiers of libraries from outside its package: `onnx`, `opencl`, `cuda`.
        gpu: It may open the GPU's devices.
        connect: LAO 0.x plugins: local `HOST:PORT` that it may connect to by itself.
        programs: LAO 0.x plugins: programs that it may start by itself.
        working_directory: LAO 0.x plugins: where it works, and reads; None for nowhere.
    """

    permissions: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    file_access: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    requests_per_second: float | None = None
    private_addresses: bool = False
    commands: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    gpu: bool = False
    connect: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    working_directory: Path | None = None

    @property
    def is_weak(self) -> bool:
        """It has what only LAO 0.x plugins need, which the sandbox cannot contain as well."""
        return bool(self.connect or self.programs or self.working_directory)

    def with_granted(self, words: Iterable[str]) -> Rights:
        """The same with further permissions, and with `private_addresses` where that is among them."""
        more = frozenset(words)
        return replace(
            self,
            permissions=self.permissions | (more & frozenset(PERMISSIONS)),
            refused=self.refused - more,
            private_addresses=self.private_addresses or "private_addresses" in more,
        )

    def bounded_by(self, resources: Resources) -> Rights:
        """The same, with what a manifest's `[resources]` says of the permissions, where nothing else was said."""
        return replace(
            self,
            file_access=self.file_access or tuple(resources.file_access),
            hosts=self.hosts or tuple(resources.allowed_hosts),
            requests_per_second=self.requests_per_second or resources.max_network_requests_per_second,
            commands=self.commands or tuple(resources.allowed_commands),
        )


NO_RIGHTS = Rights()


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user decided about one package.

    Attributes:
        granted: Names of `GRANTABLE`.
        refused: Names that the user was asked for and refused, or revoked.
        connect: `HOST:PORT` on this machine.
        programs: By name or full path.
        working_directory: Absolute, or None.
    """

    granted: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    connect: frozenset[str] = frozenset()
    programs: frozenset[str] = frozenset()
    working_directory: Path | None = None

    def plus(self, word: str) -> Grant:
        """With one thing more: a name of `GRANTABLE`, `connect=HOST:PORT`, `run=PROGRAM` or `cwd=DIRECTORY`.

        Raises:
            InvalidInput: It is none of these.
        """
        key, equals, value = word.partition("=")
        if not equals:
            _check_name(word)
            return replace(self, granted=self.granted | {word}, refused=self.refused - {word})
        if key == "connect":
            return replace(self, connect=self.connect | {_local_address(value)})
        if key == "run" and value:
            return replace(self, programs=self.programs | {value})
        if key == "cwd" and value.startswith("/"):
            return replace(self, working_directory=Path(value))
        raise InvalidInput(
            f"`{word}` cannot be granted",
            hint="write `connect=HOST:PORT`, `run=PROGRAM` or `cwd=/absolute/directory`",
        )

    def minus(self, word: str) -> Grant:
        """Without one thing; a permission is refused from then on.

        Raises:
            InvalidInput: There is no such thing.
        """
        key, equals, value = word.partition("=")
        if not equals and key == "cwd":
            return replace(self, working_directory=None)
        if not equals:
            _check_name(word)
            return replace(self, granted=self.granted - {word}, refused=self.refused | {word})
        if key == "connect":
            return replace(self, connect=self.connect - {value})
        if key == "run":
            return replace(self, programs=self.programs - {value})
        raise InvalidInput(
            f"`{word}` cannot be revoked", hint="write it as it was granted; `cwd` alone for the directory"
        )


NO_GRANT = Grant()


def wanted_by(manifest: Manifest | None) -> tuple[frozenset[str], frozenset[str]]:
    """What a plugin asks for: required, optional. Nothing without a manifest."""
    if manifest is None:
        return frozenset(), frozenset()
    required = frozenset(manifest.permissions.required)
    optional = frozenset(manifest.permissions.optional)
    if manifest.resources.gpu or "cuda" in manifest.resources.runtimes:
        optional |= {"gpu"}  # a weaker tier: off until it is granted by its name
    return required, optional - required


def rights_of(manifest: Manifest | None, grant: Grant) -> Rights:
    """What the manifest asks for and the grant allows. A grant of what was not asked for has no effect, but for what
    manifests cannot ask for.

    Args:
        manifest: The plugin's, or None.
        grant: The user's decision about this very package.
    """
    required, optional = wanted_by(manifest)
    wanted = required | optional
    granted = wanted & grant.granted
    rights = Rights(
        permissions=granted & frozenset(PERMISSIONS),
        refused=wanted - granted,
        gpu="gpu" in granted,
        private_addresses="private_addresses" in grant.granted,
        connect=tuple(sorted(grant.connect)),
        programs=tuple(sorted(grant.programs)),
        working_directory=grant.working_directory,
    )
    if manifest is None:
        return rights
    resources = manifest.resources
    if resources.network_access is False:
        rights = replace(rights, permissions=rights.permissions - {"network_access"})
    runtimes = tuple(runtime for runtime in resources.runtimes if runtime != "cuda" or rights.gpu)
    return replace(rights.bounded_by(resources), runtimes=runtimes)


def _check_name(word: str) -> None:
    if word not in GRANTABLE:
        near = suggest(word, GRANTABLE, limit=1)
        raise InvalidInput(
            f"there is no permission `{word}`",
            hint=f"did you mean `{near[0]}`?" if near else f"there are {', '.join(GRANTABLE)}",
        )


def _local_address(value: str) -> str:
    match = _LOCAL.fullmatch(value)
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise InvalidInput(
            f"`{value}` is not an address of this machine", hint="write for example `connect=127.0.0.1:11434`"
        )
    return value
