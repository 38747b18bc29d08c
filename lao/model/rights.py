"""What one plugin may do: the outcome of what it asks for, what the user granted, and what the operator allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from lao.model.manifest_tables import Resources

__all__ = ["NO_RIGHTS", "Rights"]


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

    def with_granted(self, permissions: Iterable[str]) -> Rights:
        """The same with further permissions."""
        more = frozenset(permissions)
        return replace(self, permissions=self.permissions | more, refused=self.refused - more)

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
