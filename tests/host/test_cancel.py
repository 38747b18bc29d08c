"""Deadlines, cancelling, Ctrl-C, asyncio: how a caller gets its thread back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import lao
from tests import plugins
from tests.host.conftest import Load


def seconds_of(run: Callable[[], object], error: type[BaseException]) -> float:
    start = time.monotonic()
    with pytest.raises(error):
        run()
    return time.monotonic() - start


def test_a_time_out_of_the_load_holds_for_every_call(load: Load) -> None:
    plugin = load("echo", timeout=0.2)
    assert plugin.timeout_s == 0.2
    took = seconds_of(lambda: plugin.call("wait", ms=20_000), lao.PluginTimeout)
    assert 0.19 <= took < 5
    assert plugin.call("text", "next") == "next"


def test_the_default_time_out_is_30_seconds(echo: lao.Plugin) -> None:
    assert echo.timeout_s == 30
    assert 29 < float(echo.call("deadline")) <= 30.02  # a timer tick late


def test_no_time_out(load: Load) -> None:
    plugin = load("echo", timeout=None)
    assert plugin.timeout_s is None
    assert plugin.call("deadline") == "none"


def test_deadline_blocks_nest(echo: lao.Plugin) -> None:
    with echo.deadline(0.15):
        with lao.deadline(60):
            took = seconds_of(lambda: echo.call("wait", ms=20_000), lao.PluginTimeout)
        assert took < 5
    assert echo.call("wait", ms=10) == "waited"


def test_a_plugin_that_ignores_its_deadline_is_ended_with_its_worker(host: lao.Host) -> None:
    plugin = host.load(plugins.build("echo"), isolation="process", timeout=0.2)
    took = seconds_of(lambda: plugin.call("wait", deaf=1, ms=60_000), lao.PluginTimeout)
    assert took < 5
    assert plugin.call("text", "next") == "next"
    assert plugin.stats.restarts == 1


def test_a_late_result_in_process_is_a_time_out(host: lao.Host) -> None:
    plugin = host.load(plugins.build("echo"), isolation="none", timeout=0.1)
    with pytest.raises(lao.PluginTimeout, match="after the deadline"):
        plugin.call("wait", deaf=1, ms=300)


def test_cancel_from_another_thread(echo: lao.Plugin) -> None:
    cancelled: list[int] = []
    timer = threading.Timer(0.2, lambda: cancelled.append(echo.cancel()))
    timer.start()
    took = seconds_of(lambda: echo.call("wait"), lao.Cancelled)
    timer.join()
    assert 0.15 < took < 5
    assert cancelled == [1]
    assert echo.cancel() == 0
    assert echo.call("text", "next") == "next"


def test_cancelling_a_deaf_plugin_ends_its_worker(host: lao.Host) -> None:
    plugin = host.load(plugins.build("echo"), isolation="process")
    threading.Timer(0.1, plugin.cancel).start()
    assert seconds_of(lambda: plugin.call("wait", deaf=1, ms=60_000), lao.Cancelled) < 5
    assert plugin.call("text", "next") == "next"


def test_close_cancels_what_runs(load: Load) -> None:
    plugin = load("echo")
    threading.Timer(0.2, plugin.close).start()
    assert seconds_of(lambda: plugin.call("wait"), lao.Cancelled) < 5
    assert plugin.closed


def test_ctrl_c_ends_a_call(isolation: str, home: Path) -> None:
    library = plugins.build("echo")
    program = f"""
        import lao, os, signal, sys, threading, time
        plugin = lao.load({str(library)!r}, isolation={isolation!r})
        threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        start = time.monotonic()
        try:
            plugin.call("wait")
        except KeyboardInterrupt:
            print("interrupted", time.monotonic() - start < 5, plugin.call("text", "next"))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "LAO_HOME": str(home)},
    )
    assert done.stdout.split() == ["interrupted", "True", "next"], done.stderr


def test_ctrl_c_with_a_handler_that_returns_cancels_the_call(echo: lao.Plugin) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    try:
        with lao.Host() as other:  # making a host puts the interrupt in front of the new handler
            plugin = other.load(plugins.build("echo"), isolation=echo.info.isolation)
            threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            assert seconds_of(lambda: plugin.call("wait"), lao.Cancelled) < 5
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]


def test_ctrl_c_is_heard_after_asyncio_put_its_own_handler_there(echo: lao.Plugin) -> None:
    async def main() -> str:
        return str(await echo.acall("text", "x"))

    assert asyncio.run(main()) == "x"
    threading.Timer(0.4, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    assert seconds_of(lambda: echo.call("wait"), KeyboardInterrupt) < 5


def test_acall_does_not_block_the_loop(load: Load) -> None:
    plugin = load("echo", workers=4)

    async def main() -> tuple[list[str], int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        results = await asyncio.gather(*(plugin.acall("wait", ms=300) for _ in range(4)))
        ticking.cancel()
        return results, ticks

    start = time.monotonic()
    results, ticks = asyncio.run(main())
    assert results == ["waited"] * 4
    assert time.monotonic() - start < 1.1  # together, not one after the other
    assert ticks >= 10


def test_cancelling_the_task_cancels_the_call(echo: lao.Plugin) -> None:
    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(echo.acall("wait"), 0.2)
        for _ in range(200):
            if echo.stats.in_flight == 0:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the call still runs")

    asyncio.run(main())


def test_a_deadline_block_reaches_acall(echo: lao.Plugin) -> None:
    async def main() -> None:
        with lao.deadline(0.1), pytest.raises(lao.PluginTimeout):
            await echo.acall("wait")

    asyncio.run(main())
