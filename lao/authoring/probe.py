"""`python -m lao.authoring.probe LIBRARY HOME`: one process that calls a plugin from several threads, makes and ends
instances of it, and watches its own memory. HOME has a file with the author's inputs that it needs. Prints one JSON
object per line: `{"begins": NAME}`, then the check."""

from __future__ import annotations

import gc
import json
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from lao.authoring.calling import GIVEN_INPUTS, Ordinary, accepted_sample, call_and_freeze
from lao.authoring.check import Check
from lao.authoring.trying import AsWanted
from lao.errors import InvalidInput, LaoError
from lao.host import Host, Plugin
from lao.model.capability import Capability

__all__ = ["main"]

_THREADS = 4
_CALLS_PER_THREAD = 50
_CONCURRENCY_S = 2.0
_INSTANCES = 300
_WARM_UP_CALLS = 500
_WARM_UP_S = 1.0
_ROUND_S = 0.25
_ROUNDS = 6
# Growth of every one of the last rounds, in bytes: less is noise of the allocators.
_ALLOWED_BYTES = 256 << 10

# A plugin with more capabilities than this gives each a smaller share of the time.
_FULL_SHARES = 8

_Step = tuple[str, Callable[[], Check]]


def main(library: str, home: str) -> int:
    """Runs the checks and prints each when it is done, so that a crash leaves what came before it."""
    with tempfile.TemporaryDirectory(prefix="lao-") as folder, Host(home, locator=AsWanted()) as host:
        for name, step in _steps(host, Path(library), Path(folder), _inputs(Path(home))):
            _print({"begins": name})
            _print(step().to_dict())
    return 0


def _inputs(home: Path) -> dict[str, Any]:
    """By capability, as the process that started this one wrote them."""
    found: dict[str, Any] = pickle.loads((home / GIVEN_INPUTS).read_bytes())
    return found


def _print(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _steps(host: Host, library: Path, folder: Path, inputs: dict[str, Any]) -> Iterator[_Step]:
    with host.load(library, isolation="none") as plugin:
        samples = []
        for capability in plugin.capabilities:
            try:
                ordinary = accepted_sample(plugin, capability, folder)
            except ImportError:
                continue  # it was reported as skipped before
            if capability.name in inputs:
                ordinary = Ordinary(inputs[capability.name], given=True)
            samples.append((capability, ordinary))
        share = min(1.0, _FULL_SHARES / max(1, len(samples)))
        for capability, ordinary in samples:
            name = f"{capability.name}: {_THREADS} threads (role {plugin.info.thread_role})"
            yield name, partial(_concurrency, name, plugin, capability, ordinary, share)
        name = f"{_INSTANCES} instances made and ended"
        yield name, partial(_life_cycle, name, host, library)
        for capability, ordinary in samples:
            name = f"{capability.name}: memory"
            yield name, partial(_leak, name, plugin, capability, ordinary.value, share)


def _concurrency(
    name: str, plugin: Plugin, capability: Capability, ordinary: Ordinary, share: float
) -> Check:
    """Calls from several threads, each with an input of its own. Where two calls in a row agree, all must."""

    def answers(inputs: list[Any]) -> list[Any]:
        return [call_and_freeze(plugin, capability, value) for value in inputs]

    inputs = ordinary.variants(capability, _THREADS)
    try:
        try:
            expected = answers(inputs)
        except InvalidInput:  # the ordinary one may be the only one that it takes
            inputs = [ordinary.value] * _THREADS
            expected = answers(inputs)
        steady = answers(inputs) == expected
    except LaoError as error:
        return Check(name, "skipped", f"it refuses the ordinary input: {error}")
    until = time.monotonic() + _CONCURRENCY_S * share

    def many(thread: int) -> str:
        for _ in range(_CALLS_PER_THREAD):
            if call_and_freeze(plugin, capability, inputs[thread]) != expected[thread] and steady:
                return "a call gave another result than alone"
            if time.monotonic() > until:
                break
        return ""

    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            said = next(filter(None, list(pool.map(many, range(_THREADS)))), "")
        except LaoError as error:
            said = f"a call failed that works alone: {error}"
    if said:
        return Check(name, "failed", said)
    return Check(name, "passed", "" if steady else "its results vary by themselves")


def _resident() -> int:
    import psutil

    gc.collect()
    return int(psutil.Process().memory_info().rss)


def _life_cycle(name: str, host: Host, library: Path) -> Check:
    measured = _INSTANCES * 2 // 3
    for _ in range(_INSTANCES - measured):
        host.load(library, isolation="none").close()
    before = _resident()
    for _ in range(measured):
        host.load(library, isolation="none").close()
    per_instance = (_resident() - before) // measured
    if per_instance > 16384:
        return Check(name, "failed", f"each leaves about {per_instance} bytes behind")
    return Check(name, "passed")


def _leak(name: str, plugin: Plugin, capability: Capability, plain: Any, share: float) -> Check:
    def once() -> None:
        try:
            call_and_freeze(plugin, capability, plain)
        except LaoError:
            return

    until = time.monotonic() + _WARM_UP_S * share
    for _ in range(_WARM_UP_CALLS):
        once()
        if time.monotonic() > until:
            break
    sizes, calls = [_resident()], 0
    for _ in range(_ROUNDS):
        until = time.monotonic() + _ROUND_S * share
        while time.monotonic() < until:
            once()
            calls += 1
        sizes.append(_resident())
    growth = [after - before for before, after in pairwise(sizes)]
    if min(growth[1:]) > _ALLOWED_BYTES:
        lost = sizes[-1] - sizes[0]
        return Check(name, "failed", f"{calls} calls left {lost} bytes behind, and it goes on growing")
    return Check(name, "passed", f"{calls} calls")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
