"""The services that a plugin may ask for, and which of them its rights include."""

from __future__ import annotations

import enum
from collections.abc import Collection

__all__ = ["SLOW", "Service", "services_of"]


class Service(enum.IntFlag):
    """One bit each, as in native/core/services.h."""

    PROGRESS = 1
    SCRATCH = 2
    FILES = 4
    HTTP = 8
    COMMANDS = 16
    CALLS = 32
    EVENTS = 64
    CANCEL = 128  # not granted: a worker gives up the question of that number


SLOW = int(Service.HTTP | Service.COMMANDS | Service.CALLS)
"""Those whose answers may take long, and which end with the call that asks; as in native/worker/service_client.c."""

_BY_PERMISSION = {
    "read_files": Service.FILES,
    "write_files": Service.FILES,
    "network_access": Service.HTTP,
    "system_access": Service.COMMANDS,
    "plugin_communication": Service.CALLS | Service.EVENTS,
}


def services_of(permissions: Collection[str]) -> Service:
    """What a plugin with these permissions may ask for. Progress and scratch need none.

    Example:
        >>> services_of({"read_files"}) == Service.PROGRESS | Service.SCRATCH | Service.FILES
        True
    """
    found = Service.PROGRESS | Service.SCRATCH
    for permission in permissions:
        found |= _BY_PERMISSION.get(permission, Service(0))
    return found
