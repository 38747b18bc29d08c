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
