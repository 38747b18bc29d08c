"""Streaming calls: order, back-pressure, stopping early, failures in the middle."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest

import lao
from tests.host.conftest import assert_all_released


def test_parts_come_in_order(echo: lao.Plugin) -> None:
    assert list(echo.stream("stream", count=100)) == [f"part {index}" for index in range(100)]


def test_the_result_is_the_last_part(echo: lao.Plugin) -> None:
    assert list(echo.stream("stream", count=2, last=1)) == ["part 0", "part 1", "last"]


def test_an_empty_stream(echo: lao.Plugin) -> None:
    assert list(echo.stream("stream", count=0)) == []


def test_large_parts(echo: lao.Plugin) -> None:
    parts = list(echo.stream("stream", count=20, pad=300_000))
    assert [len(part) for part in parts] == [len(f"part {index}") + 300_000 for index in range(20)]


def test_a_capability_that_does_not_stream_gives_one_part(echo: lao.Plugin) -> None:
    assert list(echo.stream("text", "hello")) == ["hello"]


def test_a_failure_comes_after_the_parts_before_it(echo: lao.Plugin) -> None:
    parts = echo.stream("stream", count=10, fail_at=3)
    assert [next(parts) for _ in range(3)] == ["part 0", "part 1", "part 2"]
    with pytest.raises(lao.PluginError, match="in the middle"):
        next(parts)
    assert list(parts) == []


def test_the_plugin_waits_for_its_consumer(echo: lao.Plugin) -> None:
    with echo.stream("stream", count=1000) as parts:
        assert next(parts) == "part 0"
        time.sleep(0.2)
        made = echo.call("released")["malloc"]["made"] if echo.info.isolation == "none" else None
        if made is not None:
            assert made < 50  # the queue is short
        assert next(parts) == "part 1"


def test_leaving_the_block_stops_the_call_and_releases_everything(echo: lao.Plugin) -> None:
    for _ in range(20):
        with echo.stream("stream", count=100_000, pad=1000) as parts:
            assert next(parts).startswith("part 0")
    assert echo.stats.in_flight == 0
    gc.collect()
    echo.call("text", "so that the worker hears of the releases")
    assert_all_released(echo)


def test_dropping_the_iterator_stops_the_call(echo: lao.Plugin) -> None:
    parts = echo.stream("stream", count=100_000)
    next(parts)
    del parts
    gc.collect()
    assert echo.stats.in_flight == 0


def test_a_deadline_ends_a_stream(echo: lao.Plugin) -> None:
    with echo.deadline(0.3):
        parts = echo.stream("stream", count=100_000, pause_ms=20)
    with pytest.raises(lao.PluginTimeout):
        list(parts)


def test_streaming_within_asyncio(echo: lao.Plugin) -> None:
    async def main() -> list[str]:
        return [part async for part in echo.astream("stream", count=5)]

    assert asyncio.run(main()) == [f"part {index}" for index in range(5)]


def test_a_plain_call_puts_the_parts_together(echo: lao.Plugin) -> None:
    assert echo.call("stream", count=3) == "part 0part 1part 2"
