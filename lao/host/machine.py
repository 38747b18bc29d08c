"""What isolation keeps on this machine: tried, not guessed."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lao import paths
from lao._native import lib
from lao.errors import LaoError
from lao.host.confinement import bounds_of, plan_of
from lao.host.policy import PROMISES, Enforcement
from lao.model.rights import NO_RIGHTS

__all__ = ["Machine", "examine"]

_TIMEOUT_S = 20.0
_CGROUPS = {"cgroup_memory": 1, "cgroup_cpu": 2, "cgroup_pids": 4}  # bits of LAO__CGROUP_*


@dataclass(frozen=True, slots=True)
class Machine:
    """What a plugin without any permission is held to here.

    Attributes:
        promises: By name, `"P1"` to `"P12"`.
        facts: What the kernel offered: `landlock` (version), `seccomp`, `namespaces`, `canaries` and more. Empty where
            nothing can be confined.
    """

    promises: Mapping[str, Enforcement]
    facts: Mapping[str, Any] = field(default_factory=dict)


def examine() -> Machine:
    """Confines a process for a moment, as a worker would be, and reads what it reports."""
    try:
        report = json.loads(_probe(_plan()))
        promises = {name: Enforcement(*report[name]) for name in PROMISES}
        return Machine(promises, dict(report["facts"]))
    except (OSError, subprocess.SubprocessError, LaoError) as error:
        reason = str(error)
    except (KeyError, TypeError, ValueError):
        reason = "the report of a confined process cannot be read"
    nothing = Enforcement("none", reason)
    manifest = Enforcement("host", "manifests are read from files and from the library's bytes")
    return Machine({**dict.fromkeys(PROMISES, nothing), "P12": manifest})


def _plan() -> str:
    """That of a plugin without permissions."""
    worker = paths.worker_path()
    plan = plan_of(
        library_dir=worker.parent.resolve(),
        package_dir=None,
        data_dir=Path(tempfile.gettempdir()),
        rights=NO_RIGHTS,
        bounds=bounds_of({}),
        required=(),
        user_namespace=os.name == "posix" and os.geteuid() != 0,
    )
    abilities = int(lib.lao__cgroup_abilities())
    groups = [f"{key} {int(bool(abilities & bit))}" for key, bit in _CGROUPS.items()]
    return "\n".join([plan, *groups, ""])


def _probe(plan: str) -> str:
    done = subprocess.run(
        [str(paths.worker_path()), "--probe"],
        input=plan,
        capture_output=True,
        text=True,
        errors="replace",
        env={},
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        reason = done.stderr.strip() or f"the process that tried it ended with {done.returncode}"
        raise LaoError(reason)
    return done.stdout
