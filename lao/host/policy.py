"""Whether, where and under which promises a plugin may run. Pure: it decides, others do."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lao.errors import InvalidInput, PermissionDenied, PluginDisabled, PluginLoadError, ProtocolViolation
from lao.host.confinement import Bounds, bounds_of
from lao.host.source import Source
from lao.model.manifest_tables import PERMISSIONS, Resources
from lao.model.rights import Rights

__all__ = ["DEFAULT_TIMEOUT_S", "LIMITS", "PROMISES", "Decision", "Enforcement", "decide", "enforced_by"]

DEFAULT_TIMEOUT_S = float("30")  # an object of its own: `is` tells it from a 30.0 that the caller passed

PROMISES = {
    "P1": "files: contents only below listed directories",
    "P2": "no network except through the host's broker",
    "P3": "no programs, no new processes",
    "P4": "cannot signal, trace or read the host or other workers",
    "P5": "none of the host's environment, descriptors or terminal",
    "P6": "memory bounded",
    "P7": "CPU bounded",
    "P8": "death or hang gives a typed error within the deadline",
    "P9": "no message can corrupt, crash or stall the host",
    "P10": "disk bounded",
    "P11": "everything is reclaimed when it ends",
    "P12": "the manifest is never produced by running plugin code",
}

LIMITS = ("max_memory_mb", "max_cpu_percent", "disk_quota_mb", "max_threads", "timeout_s")


@dataclass(frozen=True, slots=True)
class Enforcement:
    """How far a promise or a limit is kept.

    Attributes:
        level: `"kernel"`, `"host"`, `"soft"` (advice: the plugin could ignore it) or `"none"`.
        reason: Why, in one sentence.
    """

    level: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided.

    Attributes:
        isolation: `"process"` or `"none"`.
        timeout_s: Seconds that one call may take; `math.inf` for none.
        rights: What it may do.
        bounds: What its workers are held to.
        required: Promises without which it is not loaded, e.g. `"P1"`.
        enforced: By promise and by limit, as far as it is known before a worker has reported.
        limits: Those that were set, by their names in `[resources]`.
    """

    isolation: str
    timeout_s: float
    rights: Rights
    bounds: Bounds
    required: frozenset[str]
    enforced: Mapping[str, Enforcement]
    limits: Mapping[str, float]


def decide(
    source: Source,
    *,
    isolation: str,
    timeout_s: float | None,
    limits: Mapping[str, float] | None,
    strict: bool,
    grant: Iterable[str] = (),
    accept: Iterable[str] = (),
) -> Decision:
    """Decides how a plugin runs.

    Args:
        source: The plugin.
        isolation: `"process"`, `"none"` or `"auto"`.
        timeout_s: Seconds for one call; None for no limit. `DEFAULT_TIMEOUT_S` itself when the caller passed none, in
            which case the manifest's `timeout_s` counts.
        limits: Limits that the caller passed, by their names in `[resources]`.
        strict: Refuse what cannot be enforced.
        grant: Permissions that the caller grants for this load.
        accept: Promises that need not be kept.

    Raises:
        InvalidInput: An argument is not valid.
        PluginDisabled: The user switched the plugin off.
        PermissionDenied: It needs a permission that was not granted.
        PluginLoadError: A limit that the caller passed cannot be enforced, and `strict` is set.
    """
    if isolation not in ("process", "none", "auto"):
        raise InvalidInput(f'isolation is "process", "none" or "auto", not {isolation!r}')
    if not source.enabled:
        raise PluginDisabled(
            f"`{source.name}` is disabled",
            name=source.name,
            hint=f"run `lao plugin toggle {source.name} true`",
        )
    passed = _checked_limits(limits)
    resources = source.manifest.resources if source.manifest else None
    explicit_timeout = timeout_s is not DEFAULT_TIMEOUT_S or "timeout_s" in passed
    if "timeout_s" in passed:
        timeout_s = passed["timeout_s"]
    elif not explicit_timeout and "timeout_s" in source.limits:
        timeout_s = source.limits["timeout_s"]
    elif not explicit_timeout and resources is not None and resources.timeout_s is not None:
        timeout_s = resources.timeout_s
    seconds = _checked_timeout(timeout_s)
    chosen = isolation if isolation != "auto" else "none" if _is_trusted(source) else "process"
    if chosen == "none" and not source.operator.may_trust(source.name):
        raise PermissionDenied(
            f"`{source.name}` may not run in the host's own process",
            causes=["the operator of this machine does not allow it: nothing bounds it there"],
            where=", ".join(source.operator.files),
        )
    rights = _rights(source, frozenset(grant))
    accepted = frozenset(accept)
    for unknown in sorted(accepted - PROMISES.keys()):
        raise InvalidInput(f"there is no promise `{unknown}`; there are {', '.join(PROMISES)}")
    all_limits = _all_limits(source, resources, passed)
    enforced = {**_promises(chosen), **_limits(chosen, all_limits, seconds)}
    if strict:
        wanted = set(passed) | ({"timeout_s"} if explicit_timeout else set())
        _refuse_unenforced(source.name, wanted, enforced)
    required = frozenset(PROMISES) - accepted if chosen == "process" else frozenset()
    return Decision(chosen, seconds, rights, bounds_of(all_limits), required, enforced, all_limits)


def _is_trusted(source: Source) -> bool:
    return source.trusted and source.operator.may_trust(source.name)


def _rights(source: Source, granted: frozenset[str]) -> Rights:
    known = (*PERMISSIONS, "private_addresses")
    for unknown in sorted(granted - set(known)):
        raise InvalidInput(f"there is no permission `{unknown}`; there are {', '.join(known)}")
    rights = source.rights
    if granted:
        manifest = source.manifest
        rights = rights.with_granted(granted).bounded_by(manifest.resources if manifest else Resources())
    uncapped = rights
    rights = source.operator.cap(uncapped, source.data_dir, os.path.realpath)
    permissions = source.manifest.permissions if source.manifest else None
    missing = sorted(set(permissions.required) - rights.permissions) if permissions else []
    denied = sorted({*source.operator.denied(missing), *(set(missing) & uncapped.permissions)})
    if denied:
        raise PermissionDenied(
            f"`{source.name}` needs permissions that the operator of this machine does not allow",
            causes=[*(f"`{permission}`" for permission in denied), *source.operator.problems],
            where=", ".join(source.operator.files),
        )
    if missing:
        raise PermissionDenied(
            f"`{source.name}` needs permissions that it was not granted",
            causes=[f"`{permission}`" for permission in missing],
            hint=f"run `lao plugin permissions {source.name} --grant {','.join(missing)}`",
        )
    return rights


def _all_limits(source: Source, resources: object, passed: Mapping[str, float]) -> dict[str, float]:
    """What the manifest says, under what the user set, under what the caller passed."""
    stated = {name: getattr(resources, name, None) for name in LIMITS}
    return {
        **{name: float(value) for name, value in stated.items() if value is not None},
        **source.limits,
        **passed,
    }


def _checked_limits(limits: Mapping[str, Any] | None) -> dict[str, float]:
    passed = dict(limits or {})
    for name, value in passed.items():
        if name not in LIMITS:
            raise InvalidInput(f"unknown limit `{name}`; known are {', '.join(LIMITS)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise InvalidInput(f"the limit `{name}` must be a number above 0, not {value!r}")
    return passed


def _checked_timeout(timeout_s: Any) -> float:
    if timeout_s is None:
        return math.inf
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, (int, float)) or not timeout_s > 0:
        raise InvalidInput(f"timeout must be a number of seconds above 0, or None, not {timeout_s!r}")
    return float(timeout_s)


def _promises(isolation: str) -> dict[str, Enforcement]:
    if isolation == "process":
        return {}  # its worker reports them
    nothing = Enforcement("none", "it runs in the host's own process, which nothing can contain")
    manifest = Enforcement("host", "manifests are read from files and from the library's bytes")
    return {**dict.fromkeys(PROMISES, nothing), "P12": manifest}


def _limits(isolation: str, limits: Mapping[str, float], timeout_s: float) -> dict[str, Enforcement]:
    listed: dict[str, Enforcement] = {}
    for name in LIMITS[:-1]:
        if name in limits:
            listed[name] = (
                Enforcement("soft", "in the host's own process nothing can bound it")
                if isolation == "none"
                else Enforcement("host", "the host measures its workers and acts")
            )
    if timeout_s != math.inf:
        if isolation == "none":
            soft = "the call's cancel word is set, but a plugin that ignores it runs on"
            listed["timeout_s"] = Enforcement("soft", soft)
        else:
            listed["timeout_s"] = Enforcement("host", "past it the worker is ended")
    return listed


def enforced_by(decision: Decision, report: Mapping[str, Any]) -> Mapping[str, Enforcement]:
    """What holds, given what a worker reported of its sandbox; empty for none.

    Raises:
        ProtocolViolation: It is no report.
    """
    if not report:
        return decision.enforced
    try:
        promises = {name: Enforcement(*report[name]) for name in PROMISES}
        facts = report["facts"]
        by_kernel = {
            "max_memory_mb": promises["P6"].level == "kernel",
            "max_cpu_percent": bool(facts["cgroup_cpu"]),
            "max_threads": bool(facts["cgroup_pids"] or facts["thread_limit"]),
        }
    except (KeyError, TypeError) as error:
        raise ProtocolViolation("a worker's report of its sandbox cannot be read") from error
    kernel = Enforcement("kernel", "the kernel bounds its worker")
    limits = {name: kernel for name, kept in by_kernel.items() if kept and name in decision.enforced}
    return {**promises, **decision.enforced, **limits}


def _refuse_unenforced(name: str, wanted: set[str], enforced: Mapping[str, Enforcement]) -> None:
    broken = [limit for limit in sorted(wanted) if enforced[limit].level not in ("kernel", "host")]
    if broken:
        raise PluginLoadError(
            f"cannot load `{name}` with these limits",
            causes=[f"`{limit}` cannot be enforced: {enforced[limit].reason}" for limit in broken],
            hint='use isolation="process", or strict=False to take the limits as advice',
        )
