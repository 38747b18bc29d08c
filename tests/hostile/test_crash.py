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


def test_07_pthread_exit(stage: Stage) -> None:
    """The process lives on without the thread that was to answer: nobody waits for the deadline to see that."""
    assert_dies(stage, "", by=signal.SIGABRT)


@pytest.mark.parametrize("how", ["twice", "foreign"])
def test_08_a_double_free(stage: Stage, how: str) -> None:
    assert_dies(stage, how, by=signal.SIGABRT)


def test_09_a_cpp_exception(stage: Stage) -> None:
    with stage.load() as plugin:
        with pytest.raises(PluginCrashed) as caught:
            plugin.call("attack", "")
        assert caught.value.signal == signal.SIGABRT
        assert "thrown at the host" in caught.value.stderr_tail
        stage.assert_serves(plugin)


def test_10_a_rust_panic(stage: Stage) -> None:
    with stage.load() as plugin:
        assert plugin("before") == "before"
        with pytest.raises(PluginCrashed) as caught:
            plugin("panic")
        assert caught.value.signal == signal.SIGABRT
        assert "a panic for the host" in caught.value.stderr_tail
        assert plugin("the next call") == "the next call"


def test_11_a_signal_that_cannot_be_caught(stage: Stage) -> None:
    assert_dies(stage, "", by=signal.SIGKILL)


@pytest.mark.parametrize("where", ["destroy", "shutdown", "destructor"])
def test_12_a_crash_at_its_end(stage: Stage, where: str) -> None:
    """Nobody waits for an answer any more: closing succeeds, and what is left of the worker is gone."""
    plugin = stage.load()
    assert plugin.call("attack", where) == {}
    plugin.close()
    with stage.load() as again:
        stage.assert_serves(again)
