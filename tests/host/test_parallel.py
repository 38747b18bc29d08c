"""Thread roles, workers, map."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import lao
from lao._native import lib
from tests import plugins
from tests.host.conftest import Load

ROLES = {"unsafe": (1, 1), "instance": (2, 1), "full": (2, 2)}


@pytest.mark.parametrize("role", ROLES)
def test_the_host_keeps_to_the_thread_role(host: lao.Host, role: str) -> None:
    library = plugins.build("echo", thread_role=role)
    first, second = (host.load(library, isolation="none") for _ in range(2))
    assert first.info.thread_role == role
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(plugin.call, "overlap", ms=60) for plugin in (first, first, second, second)]
        seen = [job.result() for job in jobs]
    in_library, in_instance = (max(one[key] for one in seen) for key in ("library", "instance"))
    if role == "full":
        assert in_library >= 2
        assert in_instance == 2
    else:
        assert (in_library, in_instance) == ROLES[role] if role == "unsafe" else in_instance == 1
        assert in_library <= ROLES[role][0]


def test_calls_wait_for_their_turn_within_their_deadline(host: lao.Host) -> None:
    plugin = host.load(plugins.build("echo", thread_role="unsafe"), isolation="none")
    busy = threading.Thread(target=lambda: plugin.call("wait", ms=600))
    busy.start()
    time.sleep(0.1)
    start = time.monotonic()
    with plugin.deadline(0.1), pytest.raises(lao.PluginTimeout, match="waited for the calls before it"):
        plugin.call("text", "x")
    assert time.monotonic() - start < 0.45
    busy.join()


def test_workers_are_processes_of_their_own(host: lao.Host) -> None:
    plugin = host.load(plugins.build("echo"), isolation="process", workers=3)
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(plugin.call, "wait", ms=600) for _ in range(3)]
        seen = 0
        while not all(job.done() for job in jobs):
            seen = max(seen, plugin.stats.in_flight)
            time.sleep(0.005)
        assert [job.result() for job in jobs] == ["waited"] * 3
    assert seen == 3
    assert plugin.stats.restarts == 0
    with ThreadPoolExecutor(3) as pool:
        pids = {one["pid"] for one in pool.map(lambda _: plugin.call("where"), range(30))}
    assert 1 <= len(pids) <= 3


def test_map_keeps_the_order(load: Load) -> None:
    plugin = load("echo", workers=3)
    inputs = [str(index) for index in range(200)]
    assert list(plugin.map("text", inputs)) == inputs
    assert list(plugin.map("text", [])) == []


def test_map_takes_endless_inputs(load: Load) -> None:
    plugin = load("echo", workers=2)
    outputs = plugin.map("text", (str(index) for index in itertools.count()))
    assert list(itertools.islice(outputs, 10)) == [str(index) for index in range(10)]
    outputs.close()  # type: ignore[attr-defined]
    assert plugin.call("text", "next") == "next"


def test_map_is_pipelined(load: Load) -> None:
    plugin = load("echo", workers=2)
    plugin.call("text", "warm")
    list(plugin.map("text", ["start", "the", "second", "worker"]))
    start = time.monotonic()
    assert list(plugin.map("wait", [None] * 4, ms=200)) == ["waited"] * 4
    assert time.monotonic() - start < 0.75


def test_the_first_failure_of_a_map_is_raised_in_its_place(load: Load) -> None:
    plugin = load("echo", workers=2)
    outputs = plugin.map("json", ["1", "2", "{", "4"])
    assert next(outputs) == 1
    assert next(outputs) == 2
    with pytest.raises(lao.InvalidInput):
        next(outputs)


def test_many_threads_on_one_plugin(load: Load) -> None:
    plugin = load("echo", workers=2)

    def work(thread: int) -> None:
        for index in range(200):
            text = f"{thread}-{index}"
            assert plugin.call("text", text) == text

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert plugin.stats.calls >= 1600


def test_one_death_is_one_death_however_many_calls_it_ends(host: lao.Host) -> None:
    """Eight calls end with their worker, which is started again all the same: it did not die eight times in a row."""
    plugin = host.load(plugins.build("echo", thread_role="full"), isolation="process")
    for _ in range(3):
        with ThreadPoolExecutor(8) as threads:
            calls = [threads.submit(plugin.call, "wait", ms=20_000) for _ in range(8)]
            while lib.lao__glue_in_flight(plugin._loaded.target.pointer) < 8:
                time.sleep(0.01)
            time.sleep(0.2)  # they are on their way, and now in the worker
            os.kill(lib.lao__isolated_pid(plugin._loaded.target.pointer, 0), signal.SIGKILL)
            for call in calls:
                with pytest.raises(lao.PluginCrashed):
                    call.result(20)
        assert plugin("hello") == "hello"
