"""`plugin.map` over a capability that takes several requests in one call (lao.batch/1)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import pytest

import lao
from tests import plugins
from tests.host.conftest import Load

ROLES = ("UNSAFE", "INSTANCE", "FULL")


@pytest.fixture
def batch(load: Load) -> lao.Plugin:
    return load("batch")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 11])
def test_inputs_come_together_and_outputs_in_order(load: Load, role: str, count: int) -> None:
    plugin = load("batch", {"thread_role": role})
    texts = ["x" * number for number in range(count)]
    answers = list(plugin.map("size", texts, unit=7))
    assert [answer["bytes"] for answer in answers] == list(range(count))
    assert [answer["index"] for answer in answers] == [number % 4 for number in range(count)]
    full = count // 4 * 4
    assert [answer["batch"] for answer in answers] == [4] * full + [count - full] * (count - full)
    assert all(answer["unit"] == 7 for answer in answers)


def test_the_capability_says_how_many(batch: lao.Plugin) -> None:
    assert {one.name: one.max_batch for one in batch.capabilities} == {
        "size": 4, "sum": 8, "twice": 1000, "single": 1,
    }  # fmt: skip
    assert [one["batch"] for one in batch.map("single", ["a", "b", "c"])] == [1, 1, 1]
    assert batch.call("size", "four")["batch"] == 1


def test_endless_inputs(batch: lao.Plugin) -> None:
    answers = batch.map("size", ("x" * (number % 9) for number in itertools.count()))
    assert [next(answers)["bytes"] for _ in range(50)] == [number % 9 for number in range(50)]


def failing_at(answers: Iterator[Any]) -> tuple[int, Exception]:
    count = 0
    try:
        for _ in answers:
            count += 1
    except lao.LaoError as error:
        return count, error
    raise AssertionError("nothing failed")


@pytest.mark.parametrize("place", [0, 2, 3, 4, 6])
def test_a_failure_is_raised_in_its_place(batch: lao.Plugin, place: int) -> None:
    texts = ["fine"] * 7
    texts[place] = "fail"
    count, error = failing_at(batch.map("size", texts))
    assert count == place
    assert isinstance(error, lao.InvalidInput)
    assert "told to fail" in str(error)
    assert next(iter(batch.map("size", ["still there"])))["bytes"] == 11


@pytest.mark.parametrize("place", [0, 1, 3, 5])
def test_what_cannot_be_sent_is_raised_in_its_place(batch: lao.Plugin, place: int) -> None:
    values: list[Any] = ["fine"] * 7
    values[place] = 5
    count, error = failing_at(batch.map("size", values))
    assert (count, type(error)) == (place, lao.InvalidInput)


@pytest.mark.parametrize(("word", "says"), [("many", "2 outputs"), ("odd", "binary")])
def test_an_element_that_breaks_the_rules(batch: lao.Plugin, word: str, says: str) -> None:
    for place in (0, 2):
        texts = ["fine"] * 4
        texts[place] = word
        with pytest.raises(lao.ProtocolViolation, match=says):
            list(batch.map("size", texts))
    assert batch.call("size", "after")["bytes"] == 5


def test_arrays_of_all_sizes_and_strides(batch: lao.Plugin, host: lao.Host) -> None:
    arrays = [np.arange(count, dtype=np.float32)[::step] for count in (0, 1, 7, 1000) for step in (1, 2, -1)]
    shared = host.empty((500_000,), "float32")
    shared[:] = 1
    arrays += [shared, shared[::-3], np.ones(3_000_000, dtype=np.float32)]
    assert list(batch.map("sum", arrays)) == [float(array.sum()) for array in arrays]
    for given, got in zip(arrays, batch.map("twice", arrays), strict=True):
        assert np.array_equal(np.asarray(got), 2 * given)


def test_outputs_are_released(batch: lao.Plugin) -> None:
    """300 batches of 8 MB each, one after the other: far more than a worker may have."""
    me = psutil.Process()
    arrays = [np.ones(250_000, dtype=np.float32)] * 8
    list(batch.map("twice", arrays))
    before = me.memory_info().rss
    for _ in range(300):
        for one in batch.map("twice", arrays):
            assert float(np.asarray(one)[-1]) == 2
    assert me.memory_info().rss - before < 200_000_000


def test_a_thousand_in_one_map(batch: lao.Plugin) -> None:
    arrays = [np.full(3, number, dtype=np.float32) for number in range(1000)]
    assert [float(np.asarray(one)[0]) for one in batch.map("twice", arrays)] == [2.0 * n for n in range(1000)]


def test_a_batch_is_over_several_workers(host: lao.Host) -> None:
    with host.load(plugins.build("batch"), isolation="process", workers=2) as plugin:
        answers = list(plugin.map("size", ["x" * number for number in range(40)]))
    assert [answer["bytes"] for answer in answers] == list(range(40))
    assert {answer["batch"] for answer in answers} == {4}


def test_a_time_out_ends_the_whole_batch(load: Load) -> None:
    plugin = load("batch", timeout=0.3)
    with pytest.raises(lao.PluginTimeout):
        list(plugin.map("size", ["fine", "sleep", "fine"], sleep_ms=5000))
    assert plugin.call("size", "after")["bytes"] == 5


def test_closing_the_iterator_cancels(load: Load, host: lao.Host) -> None:
    with host.load(plugins.build("batch"), isolation="process", workers=2) as plugin:
        answers = plugin.map("size", itertools.chain(["a"] * 4, itertools.repeat("sleep")), sleep_ms=20_000)
        next(answers)
        started = time.monotonic()
        answers.close()  # type: ignore[attr-defined]
        plugin.call("single", "free again")
        assert time.monotonic() - started < 10


def test_a_crash_ends_the_batch_and_the_next_one_runs(host: lao.Host) -> None:
    with host.load(plugins.build("batch"), isolation="process") as plugin:
        assert next(plugin.map("size", ["a", "b"]))["batch"] == 2
        with pytest.raises(lao.PluginCrashed):
            list(plugin.map("size", ["fine", "crash", "fine"]))
        assert [one["bytes"] for one in plugin.map("size", ["a", "bb", "ccc"])] == [1, 2, 3]


def test_batches_without_the_function_for_them_are_no_plugin(load: Load) -> None:
    with pytest.raises(lao.AbiMismatch, match=r"lao\.batch/1"):
        load("batch", {"without_extension": True})
