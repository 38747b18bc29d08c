"""The conformance test: how any plugin takes what a host may do to it. It runs in worker processes.

A plugin may refuse any input with an error. It may not crash, hang, break the ABI's rules, answer differently when
calls run at the same time, or lose memory.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lao.authoring.building import loaded
from lao.authoring.calling import BREACHES, GIVEN_INPUTS, ReadInput, accepted_sample, call_and_freeze, told
from lao.authoring.check import Check
from lao.authoring.compare import differences
from lao.authoring.extensions import capability_extensions, plugin_extensions
from lao.authoring.samples import Sample, hard_samples, samples_of_other_kinds
from lao.errors import LaoError
from lao.host import Plugin
from lao.model.capability import Capability
from lao.model.manifest import Manifest
from lao.package.inspect import inspect_library

__all__ = ["conformance"]

_CALL_TIMEOUT_S = 20.0
_PROBE_TIMEOUT_S = 120


def conformance(
    library: Path,
    manifest: Manifest | None,
    *,
    seed: int,
    read_input: ReadInput | None = None,
    on_check: Callable[[Check], None] | None = None,
) -> list[Check]:
    """Tries a library.

    Args:
        library: The file.
        manifest: Its manifest, or None for a bare library.
        seed: The same seed gives the same inputs.
        read_input: Gives an input of the author's, for capabilities that refuse the ordinary ones.
        on_check: Gets every check when it is done.
    """
    checks = []
    for check in _all(library, manifest, seed, read_input):
        checks.append(check)
        if on_check is not None:
            on_check(check)
    return checks


def _all(
    library: Path, manifest: Manifest | None, seed: int, read_input: ReadInput | None
) -> Iterator[Check]:
    try:
        yield _exports(library)
        with loaded(library, timeout_s=_CALL_TIMEOUT_S) as plugin:
            yield Check("load", "passed", f"{plugin.info.abi}, thread role {plugin.info.thread_role}")
            yield _declared(manifest, plugin)
            capabilities = plugin.capabilities
    except LaoError as error:
        yield Check("load", "failed", str(error))
        return
    broken = False
    taken: dict[str, Any] = {}
    for capability in capabilities:
        for check in _of_capability(library, capability, seed, read_input, taken):
            broken = broken or check.failed
            yield check
    for check in plugin_extensions(library, seed):
        broken = broken or check.failed
        yield check
    if broken:
        yield Check("life cycle and memory", "skipped", "the calls before did not go well")
    else:
        yield from _probe(library, taken)


def _exports(library: Path) -> Check:
    info = inspect_library(library)
    if info.entry is None:
        return Check("exports", "failed", "there is neither `lao_plugin_entry` nor `plugin_vtable`")
    if info.entry == "lao/1" and info.manifest_text is None:
        return Check("exports", "passed", "without an embedded manifest")
    return Check("exports", "passed")


def _declared(manifest: Manifest | None, plugin: Plugin) -> Check:
    if manifest is None:
        return Check("manifest against library", "skipped", "there is no manifest")
    problems = differences(manifest, plugin)
    return Check(
        "manifest against library",
        "failed" if problems else "passed",
        "\n".join(str(problem) for problem in problems),
    )


# --- Calls ---


def _of_capability(
    library: Path, capability: Capability, seed: int, read_input: ReadInput | None, taken: dict[str, Any]
) -> Iterator[Check]:
    """Notes in `taken` which of the author's inputs it takes, and needs."""
    name = capability.name
    with tempfile.TemporaryDirectory(prefix="lao-") as place:
        folder = Path(place)
        try:
            hard = list(hard_samples(capability.input_kind, folder, seed))
            with loaded(library, timeout_s=_CALL_TIMEOUT_S, checks=False) as plugin:
                ordinary = accepted_sample(plugin, capability, folder, read_input)
        except ImportError:
            yield Check(name, "skipped", "it takes arrays, and numpy is not installed: `pip install numpy`")
            return
        plain = ordinary.value
        if ordinary.given:
            taken[name] = plain
        with loaded(library, timeout_s=_CALL_TIMEOUT_S, checks=False) as plugin:
            groups = (
                ("ordinary input", [Sample("ordinary input", plain)]),
                ("empty, huge and random inputs", hard),
                ("inputs of wrong types", list(samples_of_other_kinds(capability.input_kind, folder))),
            )
            for label, samples in groups:
                check = _samples(f"{name}: {label}", plugin, capability, samples)
                yield check
                if check.failed:
                    return
            yield _wrong_parameters(plugin, capability, plain)
            yield _cancel(plugin, capability, plain, hard)
            yield from capability_extensions(plugin, capability, ordinary)


def _samples(name: str, plugin: Plugin, capability: Capability, samples: list[Sample]) -> Check:
    refused = 0
    for sample in samples:
        try:
            call_and_freeze(plugin, capability, sample.value)
        except BREACHES as error:
            return Check(name, "failed", f"{sample.label}: {told(error)}")
        except (LaoError, TypeError, ValueError, BufferError):
            refused += 1
    if refused == 0:
        return Check(name, "passed")
    return Check(name, "passed", f"{refused} of {len(samples)} refused" if len(samples) > 1 else "refused")


def _wrong_parameters(plugin: Plugin, capability: Capability, plain: Any) -> Check:
    name = f"{capability.name}: wrong parameters"
    if plugin.info.abi != "lao/1":
        return Check(name, "skipped", "a LAO 0.x library takes none")
    schema = capability.params_schema or {}
    closed = schema.get("additionalProperties") is False
    known = list(schema.get("properties", {}))
    wrong: list[Any] = [None, "x" * 100_000, -(1 << 63), 1e308, [[1], {}], b"\x00\xff"]
    for params in [{key: value} for key in [*known, "no such parameter"] for value in wrong]:
        try:
            call_and_freeze(plugin, capability, plain, **params)
            if closed and "no such parameter" in params:
                return Check(name, "failed", "its schema allows no other parameters, but one was accepted")
        except BREACHES as error:
            return Check(name, "failed", f"{next(iter(params))}: {told(error)}")
        except (LaoError, TypeError, ValueError):
            continue
    return Check(name, "passed")


def _cancel(plugin: Plugin, capability: Capability, plain: Any, hard: list[Sample]) -> Check:
    """Cancels calls at different moments: each must end by itself, and the plugin answer the next one."""
    name = f"{capability.name}: cancel"
    largest = next((sample.value for sample in hard if sample.label.startswith("huge")), plain)
    ends: list[Exception] = []
    restarts = plugin.stats.restarts
    for delay_s in (0.0, 0.0005, 0.005, 0.02):
        thread = threading.Thread(target=_collect, args=(plugin, capability, largest, ends))
        thread.start()
        time.sleep(delay_s)
        plugin.cancel()
        thread.join(2 * _CALL_TIMEOUT_S)
        if thread.is_alive():
            return Check(name, "failed", "a call that was cancelled did not end")
    try:
        call_and_freeze(plugin, capability, plain)
    except LaoError as error:
        ends.append(error)
    if plugin.stats.restarts > restarts:
        return Check(name, "failed", "a call went on after it was cancelled, until its process was ended")
    breach = next((error for error in ends if isinstance(error, BREACHES)), None)
    return Check(name, "passed") if breach is None else Check(name, "failed", told(breach))


def _collect(plugin: Plugin, capability: Capability, value: Any, ends: list[Exception]) -> None:
    try:
        call_and_freeze(plugin, capability, value)
    except Exception as error:  # judged by the caller
        ends.append(error)


# --- Life cycle and memory ---


def _probe(library: Path, taken: dict[str, Any]) -> Iterator[Check]:
    """Calls at the same time, instances made and ended many times, and memory watched: in a Python of its own that
    loads the library in-process, since one worker serves one call after the other."""
    with tempfile.TemporaryDirectory(prefix="lao-") as home:
        (Path(home) / GIVEN_INPUTS).write_bytes(pickle.dumps(taken))
        command = [sys.executable, "-m", "lao.authoring.probe", os.fspath(library), home]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_PROBE_TIMEOUT_S,
                check=False,
            )
            status, lines, stderr = done.returncode, done.stdout.splitlines(), done.stderr
        except subprocess.TimeoutExpired as expired:
            written: Any = expired.stdout or b""  # text was asked for, bytes may come
            lines = (written if isinstance(written, str) else written.decode("utf-8", "replace")).splitlines()
            status, stderr = None, ""
    at_last = "life cycle and memory"
    for line in lines:
        message = json.loads(line) if line.startswith("{") else {}
        at_last = message.get("begins", at_last)
        if "outcome" in message:
            yield Check(**message)
    if status == 0:
        return
    if status is None:
        yield Check(at_last, "failed", f"it did not end within {_PROBE_TIMEOUT_S} s")
    else:
        ended = f"signal {-status}" if status < 0 else f"status {status}"
        yield Check(at_last, "failed", f"the process ended with {ended}\n{stderr[-2000:]}".rstrip())
