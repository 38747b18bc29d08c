"""Cases 77 to 89, and 100: plugins that speak to the host past their worker's code, in the memory that both share.

What no sound worker would send is a violation, named with its reason, and ends the worker; the host copies what it
reads before it looks at it, so that no change comes too late to be seen.
"""

from __future__ import annotations

import contextlib
import math
import resource
import signal
import time
from typing import Any

import numpy
import pytest

import lao
from lao.errors import (
    InvalidInput,
    LaoError,
    PluginCrashed,
    PluginError,
    PluginTimeout,
    ProtocolViolation,
)
from tests.hostile.stage import Stage

DENIED = {"EPERM", "EINVAL", "EOPNOTSUPP", "EBUSY", "EFBIG"}


def assert_violates(stage: Stage, how: str, reason: str) -> None:
    """The attack is a violation for that reason; its worker is ended, and the next one serves."""
    with stage.load() as plugin:
        stage.assert_serves(plugin)
        with pytest.raises(ProtocolViolation) as caught:
            plugin.call("attack", how)
        assert reason in str(caught.value)
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 1


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("offset", "lies outside of its memory"),
        ("size", "lies outside of its memory"),
        ("wraps", "lies outside of its memory"),
        ("negative", "lies outside of its memory"),
        ("media_type", "texts lie outside"),
        ("metadata", "texts lie outside"),
        ("long_media_type", "texts lie outside"),
        ("error", "error text lies outside"),
        ("error_size", "error text lies outside"),
        ("memory", "memory that is not its own"),
        ("tensor_start", "reaches outside of its 24 bytes"),
        ("tensor_size", "reaches outside of its 23 bytes"),
        ("tensor_wraps", "reaches outside of its 24 bytes"),
    ],
)
def test_77_offsets_and_lengths(stage: Stage, how: str, reason: str) -> None:
    assert_violates(stage, how, reason)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("product", "overflows"),
        ("bytes", "overflows"),
        ("stride", "overflows"),
        ("negative_stride", "overflows"),
        ("strides_cancel_out", "overflows"),
        ("empty_axis", "overflows"),
        ("negative_axis", "axis 1 has length -2"),
        ("repeated", "overflows"),
    ],
)
def test_78_shapes_that_overflow(stage: Stage, how: str, reason: str) -> None:
    assert_violates(stage, how, reason)


@pytest.mark.parametrize(
    ("rank", "reason"),
    [
        (33, "rank 33"),
        (2**31 - 1, "rank 2147483647"),
        (-1, "carries no tensor"),
        (-(2**31), "carries no tensor"),
    ],
)
def test_79_ranks(stage: Stage, rank: int, reason: str) -> None:
    assert_violates(stage, str(rank), reason)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("code", "dtype code 99"),
        ("no_bits", "0 bits"),
        ("odd_bits", "13 bits"),
        ("no_lanes", "0 lanes"),
        ("lanes", "dtype"),
        ("kind", "kind 77"),
        ("kind_any", "kind 8"),
        ("kind_none", "kind 0"),
        ("text_with_a_tensor", "kind text carries a tensor"),
        ("undeclared", "declares json"),
        ("image_without_a_tensor", "carries no tensor"),
    ],
)
def test_80_types(stage: Stage, how: str, reason: str) -> None:
    assert_violates(stage, how, reason)


@pytest.mark.parametrize("how", ["near", "far", "offset", "rank"])
def test_81_a_length_that_changes_after_the_check(stage: Stage, how: str) -> None:
    """Whatever is accepted is one of the two that were there; what would reach too far never is."""
    said = "12345678"
    expected = {said, said[:4]} if how in ("near", "far") else {said}
    accepted = violations = 0
    until = time.monotonic() + 0.4
    while time.monotonic() < until or accepted + violations < 20:
        with stage.load() as plugin:
            try:
                plugin.call("attack", how)
                for _ in range(200):
                    assert plugin.call("echo", said) in expected
                    accepted += 1
            except ProtocolViolation:
                violations += 1
    assert accepted > 0 if how == "near" else violations > 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pause_us", [0, 200])
def test_82_scribbled_headers(stage: Stage, seed: int, pause_us: int) -> None:
    live_peer(stage, "everything", seed=seed, pause_us=pause_us, calls=40)


SPOILED = (ProtocolViolation, PluginTimeout, PluginCrashed, PluginError, InvalidInput)
"""What may come of a call whose answer was written over. Nothing else: each says whose fault it is."""


def live_peer(stage: Stage, field: str, *, seed: int, pause_us: int, calls: int) -> tuple[int, int]:
    """Calls a plugin while a thread of it writes over that field: how many were answered, and how many failed. Every
    call ends by its deadline, with an answer that is what it claims to be."""
    answered = failed = 0
    with stage.load(timeout=0.25) as plugin:
        while answered + failed < calls:
            try:
                plugin.call("attack", f"{field} {seed} {pause_us}")
                for _ in range(20):
                    began = time.monotonic()
                    check_answer(plugin, answered)
                    answered += 1
                    assert time.monotonic() - began < 20, "far beyond its deadline"
            except SPOILED:
                failed += 1
            except LaoError as error:
                if "keeps dying" not in str(error) and "back-off" not in str(error):
                    raise
                failed = calls  # it was given up
    with stage.load() as again:
        stage.assert_serves(again)
    return answered, failed


def check_answer(plugin: lao.Plugin, turn: int) -> None:
    """One call. A plugin may lie; but what it says is of the kind that was declared, whole, and within its memory."""
    if turn % 2 == 0:
        text = plugin.call("echo", "what was said")
        assert isinstance(text, str)
        assert text.encode().decode() == text
    else:
        value: Any = plugin.call("attack", "matrix")
        if isinstance(value, numpy.ndarray):
            whole = value.tobytes()  # every byte that it claims is there
            assert len(whole) == value.dtype.itemsize * math.prod(value.shape)
        else:
            repr(value)


FIELDS = (
    *(f"lanes[0].to_{side}.{part}" for side in ("worker", "host") for part in ("word", "producer_cpu")),
    *("lanes[1].to_host.word", "crashed_lane"),
    *("operation", "sequence", "status", "lease", "error.offset", "error.size"),
    *(f"value.{name}" for name in ("kind", "sample_rate_hz", "color_space", "channel_order", "memory")),
    *(f"value.{name}.{part}" for name in ("data", "media_type", "metadata") for part in ("offset", "size")),
    *(f"value.{name}" for name in ("tensor_flags", "first_element", "rank", "dtype")),
    *(f"value.{name}[{axis}]" for name in ("shape", "strides") for axis in (0, 1)),
    *("payload", "arena"),
)


def test_82_every_field_has_its_turn(stage: Stage) -> None:
    with stage.load() as plugin:
        assert set(plugin.call("attack", "fields")) == set(FIELDS)


@pytest.mark.parametrize("field", FIELDS)
def test_82_a_live_peer(stage: Stage, field: str) -> None:
    """One field after the other is written over without a pause, and with one in which answers get through half."""
    for pause_us in (0, 100):
        live_peer(stage, field, seed=len(field), pause_us=pause_us, calls=24)


def test_83_shrinking_the_memory(stage: Stage) -> None:
    with stage.load() as plugin:
        report = plugin.call("attack", "")
        assert set(report.values()) <= DENIED, report
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 0


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("ahead", "answered out of turn"),
        ("far", "answered out of turn"),
        ("sequence", "a frame that answers nothing"),
        ("operation", "a frame that answers nothing"),
        ("part", "streams uninvited"),
        ("dead", "claims to be dead"),
    ],
)
def test_84_forged_replies(stage: Stage, how: str, reason: str) -> None:
    assert_violates(stage, how, reason)


@pytest.mark.parametrize("how", ["twice", "again"])
def test_84_a_reply_that_was_there_before(stage: Stage, how: str) -> None:
    """What is waited for is the next number: this one again, or the last one, is nobody's."""
    with stage.load() as plugin:
        for _ in range(20):
            assert plugin.call("attack", how) == {}
            assert plugin.call("echo", "its own answer") == "its own answer"
        assert plugin.stats.restarts == 0


def test_84_an_answer_before_it_is_asked_for(stage: Stage) -> None:
    """The plugin answers for itself, and for nobody else. The call after that one gets its own answer."""
    with stage.load() as plugin:
        assert plugin.call("attack", "early") == {}
        time.sleep(0.15)
        with contextlib.suppress(
            ProtocolViolation
        ):  # `{}` is no text, if the worker has not written over it by now
            assert plugin.call("echo", "what is asked") == "what is asked"
        for turn in range(20):
            assert plugin.call("echo", f"turn {turn}") == f"turn {turn}"


def test_84_a_failure_that_only_the_host_states(stage: Stage) -> None:
    with stage.load() as plugin:
        with pytest.raises(PluginError) as caught:
            plugin.call("attack", "status")
        assert caught.value.status == 1
        assert plugin.stats.restarts == 0


def test_85_waking_without_end(stage: Stage) -> None:
    """The host looks, sees nothing, and rests longer each time: it does not turn in circles for a plugin."""
    with stage.load() as plugin:
        stage.assert_serves(plugin)
        before = resource.getrusage(resource.RUSAGE_THREAD)
        began = time.monotonic()
        plugin.call("attack", "1000")
        after = resource.getrusage(resource.RUSAGE_THREAD)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        assert spent < 0.1 * (time.monotonic() - began)
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 0


@pytest.mark.parametrize("how", ["text", "json", "forged_text", "forged_json"])
def test_86_text_that_is_not_utf8(stage: Stage, how: str) -> None:
    with stage.load() as plugin:
        with pytest.raises(ProtocolViolation, match="UTF-8"):
            plugin.call("attack", how)
        stage.assert_serves(plugin)


@pytest.mark.parametrize("how", ["forged_file", "forged_media_type", "forged_metadata", "unended_media_type"])
def test_86_other_texts(stage: Stage, how: str) -> None:
    with stage.load() as plugin:
        try:
            answer = plugin.call("attack", how)
            repr(answer)
        except ProtocolViolation:
            pass
        stage.assert_serves(plugin)


@pytest.mark.parametrize("how", ["error", "forged_error"])
def test_86_an_error_that_is_not_utf8(stage: Stage, how: str) -> None:
    """Whoever reads an error is told at least what can be read of it."""
    with stage.load() as plugin, pytest.raises(PluginError, match="ab\ufffd"):
        plugin.call("attack", how)


def test_87_numbers_that_are_none_in_data(stage: Stage) -> None:
    with stage.load() as plugin:
        nan, above, below, number = plugin.call("attack", "data").samples.tolist()
        assert math.isnan(nan)
        assert (above, below, number) == (math.inf, -math.inf, 1.5)


@pytest.mark.parametrize("how", ["json", "json_infinity", "timestamp", "timestamp_infinity"])
def test_87_numbers_that_are_none_elsewhere(stage: Stage, how: str) -> None:
    with stage.load() as plugin:
        with pytest.raises(ProtocolViolation, match="JSON"):
            plugin.call("attack", how)
        stage.assert_serves(plugin)


@pytest.mark.parametrize(
    ("how", "by"),
    [
        ("wild", signal.SIGSEGV),
        ("kernel", signal.SIGSEGV),
        ("beyond_the_end", signal.SIGSEGV),
        ("free", signal.SIGABRT),
        ("free_inside", signal.SIGABRT),
    ],
)
def test_88_pointers_that_are_none(stage: Stage, how: str, by: signal.Signals) -> None:
    with stage.load() as plugin:
        with pytest.raises(PluginCrashed) as caught:
            plugin.call("attack", how)
        assert caught.value.signal == by
        stage.assert_serves(plugin)


def test_88_pointers_outside_of_the_arena(stage: Stage) -> None:
    """The bytes are copied to where the host reads them: no address of the plugin's means anything to it."""
    with stage.load() as plugin:
        assert bytes(plugin.call("attack", "own")) == b"bytes of its own"
        assert bytes(plugin.call("attack", "input")) == b"input"
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 0


def test_88_a_forged_lease(stage: Stage) -> None:
    """The number of a lease goes back to whom it came from, and is nothing to the host itself."""
    with stage.load() as plugin:
        for _ in range(5):
            array = plugin.call("attack", "lease")
            assert array.shape == (2, 3)
            del array
            stage.assert_serves(plugin)
        with pytest.raises(ProtocolViolation, match="nothing keeps alive"):
            plugin.call("attack", "no_lease")
        stage.assert_serves(plugin)


@pytest.mark.parametrize("how", ["in_grace", "forged_in_grace", "again_and_again", "never"])
def test_89_a_reply_after_the_time_out(stage: Stage, how: str) -> None:
    """Nobody gets it: not the call that it was for, which was told that its time is over, and no later one."""
    with stage.load(timeout=0.3) as plugin:
        with pytest.raises(PluginTimeout):
            plugin.call("attack", how)
        for turn in range(20):
            try:
                assert plugin.call("echo", f"turn {turn}") == f"turn {turn}"
            except (PluginTimeout, ProtocolViolation):  # what it says over and over hides its own next answer
                assert how == "again_and_again"


# --- Parts, batches, states ---


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("many", "answered more than was asked"),
        ("few", "answered 2 of 3"),
        ("value", "answered 3 of 3"),
        ("pull", "answered more than was asked"),
        ("kind", "declares json"),
        ("outside", "lies outside of its memory"),
    ],
)
def test_100_forged_batches(stage: Stage, how: str, reason: str) -> None:
    with stage.load() as plugin:
        stage.assert_serves(plugin)
        with pytest.raises(ProtocolViolation) as caught:
            list(plugin.map("attack", [how, "b", "c"]))
        assert reason in str(caught.value)
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 1


def test_100_a_question_for_parts_that_nobody_has(stage: Stage) -> None:
    assert_violates(stage, "pull", "streams uninvited")


@pytest.mark.parametrize("params", [{}, {"flags": 1}])
def test_100_questions_without_end(stage: Stage, params: dict[str, int]) -> None:
    """Once the input has ended, each further question is answered so, until the deadline ends the worker."""
    with stage.load(timeout=0.5) as plugin:
        stage.assert_serves(plugin)
        began = time.monotonic()
        with pytest.raises(PluginTimeout):
            plugin.call("pull", iter(["one", "two"]), **params)
        assert time.monotonic() - began < 5
        stage.assert_serves(plugin)


def test_100_a_part_of_an_output_that_has_none(stage: Stage) -> None:
    with stage.load() as plugin:
        with pytest.raises(ProtocolViolation, match="streams uninvited"):
            plugin.call("pull", iter(["one"]), how="part")
        stage.assert_serves(plugin)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("version", "a state that is none"),
        ("kind", "a state that is none"),
        ("none", "a state that is none"),
        ("outside", "lies outside of its memory"),
        ("part", "streams uninvited"),
    ],
)
def test_100_forged_states(stage: Stage, how: str, reason: str) -> None:
    """The plugin that serves goes on, in a worker of its own; the one that was loaded in its place is let go."""
    with stage.load() as plugin:
        plugin.call("attack", how)
        with pytest.raises(ProtocolViolation, match=reason):
            plugin.reload()
        stage.assert_serves(plugin)


def test_100_an_honest_state(stage: Stage) -> None:
    with stage.load() as plugin:
        plugin.call("attack", "honest")
        assert plugin.reload() == "carried"
        stage.assert_serves(plugin)
