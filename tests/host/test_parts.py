"""Inputs in parts (lao.stream/1, pull), and calls that put the parts of an output together."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import lao
from lao._native import lib
from tests import plugins
from tests.host.conftest import Load


@pytest.fixture
def parts(load: Load) -> lao.Plugin:
    return load("parts")


def test_the_capability_says_so(parts: lao.Plugin) -> None:
    assert all(one.streams_input for one in parts.capabilities)
    assert [one.name for one in parts.capabilities if one.streams] == ["upper"]


@pytest.mark.parametrize("count", [0, 1, 3, 100])
def test_parts_arrive_whole_and_in_order(parts: lao.Plugin, count: int) -> None:
    data = [bytes([number % 256]) * number for number in range(count)]
    assert parts.call("count", iter(data)) == {"parts": count, "bytes": sum(map(len, data))}
    assert parts.call("count", data) == {"parts": count, "bytes": sum(map(len, data))}
    texts = [f"part {number} ü;" for number in range(count)]
    assert parts.call("keep", iter(texts)) == "".join(texts)


def test_a_whole_input_is_one_part(parts: lao.Plugin) -> None:
    assert parts.call("count", b"12345") == {"parts": 1, "bytes": 5}
    assert parts(b"123") == {"parts": 1, "bytes": 3}
    assert list(parts.stream("upper", "whole")) == ["WHOLE"]
    assert parts.call("upper", "whole") == "WHOLE"


@pytest.mark.parametrize("size", [1, 40_000, 70_000, 3_000_000])
def test_parts_of_all_sizes(parts: lao.Plugin, size: int) -> None:
    assert parts.call("count", (b"x" * size for _ in range(20))) == {"parts": 20, "bytes": 20 * size}
    assert parts.call("first", iter(["é" * size])) == "é" * size


def test_arrays_of_all_layouts(parts: lao.Plugin) -> None:
    base = np.arange(60, dtype=np.float64).reshape(6, 10)
    arrays = [base, base[::2, ::-1], base.T, base[:0], base[1:4, 3:4], np.asfortranarray(base)]
    expected = sum(float((array * np.arange(1, array.shape[1] + 1)).sum()) for array in arrays)
    assert parts.call("sum", iter(arrays)) == expected


def test_parts_in_and_parts_out(parts: lao.Plugin) -> None:
    seen: list[str] = []

    def words() -> Iterator[str]:
        for word in ("one", "two", "three"):
            seen.append(word)
            yield word

    with parts.stream("upper", words()) as stream:
        assert next(stream) == "ONE"
        assert list(stream) == ["TWO", "THREE"]
    assert seen == ["one", "two", "three"]
    assert parts.call("upper", iter(["a", "b"])) == "AB"


def test_an_endless_input_is_taken_as_it_is_wanted(parts: lao.Plugin) -> None:
    taken = itertools.count()
    with parts.stream("upper", (f"word {next(taken)}" for _ in itertools.count())) as stream:
        assert [next(stream) for _ in range(50)] == [f"WORD {number}" for number in range(50)]
    time.sleep(0.1)
    after = next(taken)
    assert after < 80  # what waits in queues, and no more
    time.sleep(0.2)
    assert next(taken) == after + 1  # nobody takes any more


def test_a_plugin_that_wants_no_more_ends_the_iterator(parts: lao.Plugin) -> None:
    closed = threading.Event()

    def endless() -> Iterator[str]:
        try:
            while True:
                yield "again"
        finally:
            closed.set()

    assert parts.call("first", endless()) == "again"
    assert closed.wait(10)


class Trouble(Exception):
    pass


@pytest.mark.parametrize("capability", ["count", "upper"])
def test_what_the_iterator_raises_is_raised(parts: lao.Plugin, capability: str) -> None:
    def broken() -> Iterator[Any]:
        yield b"fine" if capability == "count" else "fine"
        raise Trouble("in the middle")

    with pytest.raises(Trouble, match="in the middle"):
        parts.call(capability, broken())
    with pytest.raises(Trouble), parts.stream(capability, broken()) as stream:
        list(stream)
    assert parts.call("count", b"123")["bytes"] == 3


def test_what_comes_behind_the_last_wanted_part_does_no_harm(parts: lao.Plugin) -> None:
    def one() -> Iterator[str]:
        yield "enough"
        raise Trouble("nobody asked")

    assert [parts.call("first", one()) for _ in range(50)] == ["enough"] * 50


def test_a_stream_that_is_dropped_ends_its_iterator(parts: lao.Plugin) -> None:
    closed = threading.Event()

    def endless() -> Iterator[str]:
        try:
            while True:
                yield "again"
        finally:
            closed.set()

    stream = parts.stream("upper", endless())
    assert next(stream) == "AGAIN"
    del stream
    gc.collect()
    assert closed.wait(10)


def test_a_part_of_another_kind_is_refused(parts: lao.Plugin) -> None:
    with pytest.raises(lao.InvalidInput):
        parts.call("keep", iter(["fine", 5]))
    with pytest.raises(lao.InvalidInput):
        parts.call("keep", 5)


def test_a_slow_input_is_waited_for(parts: lao.Plugin) -> None:
    def slow() -> Iterator[str]:
        for word in ("a", "b", "c"):
            time.sleep(0.05)
            yield word

    assert parts.call("keep", slow()) == "abc"
    assert parts.call("peek", slow()) == {"parts": 3, "waited": True}


def test_the_deadline_holds_while_it_waits_for_parts(load: Load) -> None:
    plugin = load("parts", timeout=0.4)
    never = threading.Event()

    def stuck() -> Iterator[bytes]:
        yield b"first"
        never.wait(20)
        yield b"late"

    started = time.monotonic()
    with pytest.raises((lao.PluginTimeout, lao.Cancelled)):
        plugin.call("count", stuck())
    assert time.monotonic() - started < 10
    never.set()
    assert plugin.call("count", b"123")["bytes"] == 3


def test_cancelling_while_it_waits_for_parts(parts: lao.Plugin) -> None:
    never = threading.Event()

    def stuck() -> Iterator[bytes]:
        yield b"first"
        never.wait(20)

    failures: list[Exception] = []

    def call() -> None:
        try:
            parts.call("count", stuck())
        except lao.LaoError as error:
            failures.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    time.sleep(0.3)
    assert parts.cancel() == 1
    thread.join(10)
    never.set()
    assert [type(failure) for failure in failures] == [lao.Cancelled]


def test_acall_and_astream(parts: lao.Plugin) -> None:
    async def both() -> tuple[Any, list[str]]:
        whole = await parts.acall("upper", iter(["a", "b"]))
        return whole, [part async for part in parts.astream("upper", iter(["c", "d"]))]

    assert asyncio.run(both()) == ("AB", ["C", "D"])


def test_parts_through_several_calls_at_once(host: lao.Host) -> None:
    with host.load(plugins.build("parts"), isolation="process", workers=2) as plugin:
        answers: dict[int, Any] = {}

        def call(number: int) -> None:
            answers[number] = plugin.call("count", (b"x" * number for _ in range(200)))

        threads = [threading.Thread(target=call, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert answers == {number: {"parts": 200, "bytes": 200 * number} for number in range(6)}


def test_a_long_stream_takes_no_memory(parts: lao.Plugin) -> None:
    """A gigabyte in parts of a megabyte: far more than a worker may have at once."""
    part = b"x" * (1 << 20)
    assert parts.call("count", itertools.repeat(part, 1000)) == {"parts": 1000, "bytes": 1000 << 20}


# --- Outputs in parts, by a plain call ---


def test_texts_are_put_together(load: Load) -> None:
    plugin = load("parts")
    assert plugin.call("upper", iter(["some ", "words ", "here"])) == "SOME WORDS HERE"
    assert list(plugin.map("upper", ["a", "b"])) == ["A", "B"]


def test_the_iterator_sees_the_caller_s_context_and_deadline(parts: lao.Plugin) -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request")
    request.set("of the caller")
    deadlines = []

    def texts() -> Iterator[str]:
        deadlines.append(lib.lao__glue_get_deadline())
        yield request.get()

    with lao.deadline(5):
        assert parts.call("keep", texts()) == "of the caller"
        assert deadlines == [lib.lao__glue_get_deadline()]
    assert parts.call("keep", texts()) == "of the caller"
    assert deadlines[1] > deadlines[0]
