"""Whether, where and under which promises a plugin may run. Pure: it decides, others do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lao.errors import InvalidInput, PermissionDenied, PluginDisabled, PluginLoadError
from lao.host.source import Source

__all__ = ["DEFAULT_TIMEOUT_S", "LIMITS", "PROMISES", "Decision", "Enforcement", "decide"]

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
        enforced: By promise and by limit.
        warning: What the user has to be told before it runs, or None.
    """

    isolation: str
    timeout_s: float
    enforced: Mapping[str, Enforcement]
    warning: str | None


def decide(
    source: Source,
    *,
    isolation: str,
    timeout_s: float | None,
    limits: Mapping[str, float] | None,
    strict: bool,
) -> Decision:
    """Decides how a plugin runs.

    Args:
        source: The plugin.
        isolation: `"process"`, `"none"` or `"auto"`.
        timeout_s: Seconds for one call; None for no limit. `DEFAULT_TIMEOUT_S` itself when the caller passed none, in
            which case the manifest's `timeout_s` counts.
        limits: Limits that the caller passed, by their names in `[resources]`.
        strict: Refuse what cannot be enforced.

    Raises:
        InvalidInput: An argument is not valid.
        PluginDisabled: The user switched the plugin off.
        PermissionDenied: It came from elsewhere, and nobody named an isolation for it; or `strict` is asked of a
        promise
            that is not kept.
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
    elif not explicit_timeout and resources is not None and resources.timeout_s is not None:
        timeout_s = resources.timeout_s
    seconds = _checked_timeout(timeout_s)
    chosen = "process" if isolation == "auto" else isolation
    if isolation == "auto" and not source.local:
        raise PermissionDenied(
            f"`{source.name}` came from elsewhere, and this LAO has no sandbox for it yet",
            hint='if you trust it, say so: isolation="process" (or --isolation process)',
        )
    enforced = {**_promises(chosen), **_limits(chosen, passed, resources, seconds)}
    if strict:
        wanted = set(passed) | ({"timeout_s"} if explicit_timeout else set())
        _refuse_unenforced(source.name, wanted, enforced)
    return Decision(chosen, seconds, enforced, _warning(source, isolation))


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
    manifest = Enforcement("host", "manifests are read from files and from the library's bytes")
    if isolation == "none":
        nothing = Enforcement("none", "it runs in the host's own process, which nothing can contain")
        return {**dict.fromkeys(PROMISES, nothing), "P12": manifest}
    open_world = Enforcement("none", "its worker process is not sandboxed")
    return {
        **dict.fromkeys(PROMISES, open_world),
        "P5": Enforcement(
            "soft", "its worker gets a short environment and no descriptors, but may read the host's"
        ),
        "P8": Enforcement("host", "the host waits with a deadline and ends the worker"),
        "P9": Enforcement("host", "what the worker writes is copied, checked, and only then used"),
        "P11": Enforcement("soft", "its worker's memory is reclaimed; processes that it started are not"),
        "P12": manifest,
    }


def _limits(
    isolation: str, passed: Mapping[str, float], resources: object, timeout_s: float
) -> dict[str, Enforcement]:
    listed: dict[str, Enforcement] = {}
    for name in LIMITS[:-1]:
        if name in passed or getattr(resources, name, None) is not None:
            level = "soft" if isolation == "none" else "none"
            listed[name] = Enforcement(level, "nothing measures or bounds it yet")
    if timeout_s != math.inf:
        if isolation == "none":
            soft = "the call's cancel word is set, but a plugin that ignores it runs on"
            listed["timeout_s"] = Enforcement("soft", soft)
        else:
            listed["timeout_s"] = Enforcement("host", "past it the worker is ended")
    return listed


def _refuse_unenforced(name: str, wanted: set[str], enforced: Mapping[str, Enforcement]) -> None:
    broken = [limit for limit in sorted(wanted) if enforced[limit].level not in ("kernel", "host")]
    if broken:
        raise PluginLoadError(
            f"cannot load `{name}` with these limits",
            causes=[f"`{limit}` cannot be enforced: {enforced[limit].reason}" for limit in broken],
            hint='use isolation="process", or strict=False to take the limits as advice',
        )


def _warning(source: Source, isolation: str) -> str | None:
    if isolation == "none":
        return None
    return (
        f"`{source.name}` runs in a process of its own without a sandbox: it can do whatever you can do "
        "(this LAO enforces deadlines and nothing else)"
    )
