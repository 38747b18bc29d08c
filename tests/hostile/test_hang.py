"""Cases 13 to 19: plugins that never answer. The deadline fires in the host, whatever the worker does."""

from __future__ import annotations

import pytest

from lao.errors import PluginTimeout
from tests.hostile.stage import Stage

DEADLINE_S = 0.3


def assert_times_out(stage: Stage, how: str = "") -> None:
    """The attack outlives its deadline, the worker does not outlive the attack, and the plugin is served again."""
    with stage.load(timeout=DEADLINE_S) as plugin:
        stage.assert_serves(plugin)
        with pytest.raises(PluginTimeout) as caught:
            plugin.call("attack", how)
        assert caught.value.timeout_s == DEADLINE_S
        assert "its worker was ended" in str(caught.value)
        with plugin.deadline(10):
            stage.assert_serves(plugin)
        assert plugin.stats.restarts == 1


def test_13_an_endless_loop(stage: Stage) -> None:
    assert_times_out(stage)


def test_14_a_constructor_that_hangs(stage: Stage) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lao.host.isolated.OPEN_TIMEOUT_S", DEADLINE_S)
        with pytest.raises(PluginTimeout) as caught:
            stage.load()
    assert caught.value.where == str(stage.library)
    assert "loading took too long" in str(caught.value)


@pytest.mark.parametrize("where", ["destroy", "shutdown", "destructor"])
def test_15_an_end_that_hangs(stage: Stage, where: str) -> None:
    """Its end was asked for and is not waited for without a bound: the worker is ended, and nothing is left."""
    plugin = stage.load()
    assert plugin.call("attack", where) == {}
    plugin.close()
    with stage.load() as again:
        stage.assert_serves(again)


def test_16_a_deadlock(stage: Stage) -> None:
    assert_times_out(stage)


def test_17_no_signal_reaches_it(stage: Stage) -> None:
    assert_times_out(stage)


def test_18_it_stops_itself(stage: Stage) -> None:
    assert_times_out(stage)


def test_19_it_ends_its_own_watchdog(stage: Stage) -> None:
    assert_times_out(stage)
