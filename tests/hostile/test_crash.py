"""Cases 1 to 12: plugins that die. The error names the way, and the next call has a new worker."""

from __future__ import annotations

import signal

import pytest

from lao.errors import PluginCrashed
from tests.hostile.stage import Stage


def assert_dies(stage: Stage, how: str, *, by: signal.Signals | None = None, code: int | None = None) -> None:
    """The attack ends the worker by that signal, or with that exit code, and the plugin is served again."""
    with stage.load() as plugin:
        stage.assert_serves(plugin)
        with pytest.raises(PluginCrashed) as caught:
            plugin.call("attack", how)
        assert (caught.value.signal, caught.value.exit_code) == (by, code)
        assert (by.name if by is not None else f"code {code}") in str(caught.value)
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 1


def test_01_a_wild_pointer(stage: Stage) -> None:
    assert_dies(stage, "", by=signal.SIGSEGV)


def test_02_a_stack_overflow(stage: Stage) -> None:
    assert_dies(stage, "", by=signal.SIGSEGV)


@pytest.mark.parametrize(("how", "by"), [("ill", signal.SIGILL), ("fpe", signal.SIGFPE)])
def test_03_an_instruction_that_cannot_be(stage: Stage, how: str, by: signal.Signals) -> None:
    assert_dies(stage, how, by=by)


def test_04_an_abort(stage: Stage) -> None:
    with stage.load() as plugin:
        with pytest.raises(PluginCrashed) as caught:
            plugin.call("attack", "")
        assert caught.value.signal == signal.SIGABRT
        assert "these are my last words" in caught.value.stderr_tail
        stage.assert_serves(plugin)


@pytest.mark.parametrize("how", ["exit", "_exit"])
def test_05_leaving_is_no_success(stage: Stage, how: str) -> None:
    assert_dies(stage, how, code=0)


def test_06_leaving_while_it_is_loaded(stage: Stage) -> None:
    with pytest.raises(PluginCrashed) as caught:
        stage.load()
    assert (caught.value.signal, caught.value.exit_code) == (None, 0)
    assert caught.value.where == str(stage.library)
    assert "cannot load" in str(caught.value)
    assert "code 0 while it loaded the plugin" in str(caught.value)
