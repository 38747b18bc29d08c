"""Cases 49 to 62: plugins that reach for the host and for the kernel. They are denied, and live."""

from __future__ import annotations

import platform
import signal
from typing import Any

import pytest

from lao.errors import PluginCrashed
from lao.model.rights import Rights
from tests.hostile.stage import Stage

DENIED = {"EPERM", "EACCES", "ENOSYS"}
WRITES = Rights(permissions=frozenset({"write_files"}), file_access=("./",))


def attack(stage: Stage, text: str = "", *, rights: Rights | None = None) -> dict[str, Any]:
    """The plugin's report; its worker still serves, and is the same."""
    with stage.load(**({"rights": rights} if rights else {})) as plugin:
        report: dict[str, Any] = plugin.call("attack", text)
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 0
    return report


def assert_denied(report: dict[str, Any]) -> None:
    """All of it; a call that does not exist for the plugin is denied too."""
    assert report
    assert set(report.values()) <= DENIED, report


def test_49_tracing(stage: Stage) -> None:
    assert_denied(attack(stage, str(stage.sibling_pid)))


def test_50_signals(stage: Stage) -> None:
    assert_denied(attack(stage, str(stage.sibling_pid)))


def test_51_taking_descriptors(stage: Stage) -> None:
    assert_denied(attack(stage))


def test_52_limits_of_the_host(stage: Stage) -> None:
    assert_denied(attack(stage))


def test_53_io_uring(stage: Stage) -> None:
    assert_denied(attack(stage))


def test_54_programs_in_the_kernel(stage: Stage) -> None:
    assert_denied(attack(stage))


def test_55_namespaces_and_mounts(stage: Stage) -> None:
    assert_denied(attack(stage))


def test_56_keys(stage: Stage) -> None:
    assert_denied(attack(stage))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="this architecture has no other calls")
@pytest.mark.parametrize("how", ["int80", "x32"])
def test_57_calls_of_other_architectures(stage: Stage, how: str) -> None:
    with stage.load() as plugin:
        with pytest.raises(PluginCrashed) as caught:
            plugin.call("attack", how)
        assert caught.value.signal == signal.SIGSYS
        assert "SIGSYS" in str(caught.value)
        stage.assert_serves(plugin)


def test_58_another_filter(stage: Stage) -> None:
    report = attack(stage)
    assert report.pop("mode") == 2
    assert_denied(report)


def test_59_outliving_the_host(stage: Stage) -> None:
    report = attack(stage)
    assert (report.pop("get"), report.pop("signal")) == ("ok", signal.SIGKILL)
    assert_denied(report)


def test_60_executing_memory(stage: Stage) -> None:
    assert_denied(attack(stage))


def test_61_the_loader_as_a_program(stage: Stage) -> None:
    report = attack(stage, rights=WRITES)
    assert report.pop("own_file") == "ok"
    assert_denied(report)


def test_62_typing_into_the_terminal(stage: Stage) -> None:
    report = attack(stage)
    assert report.pop("terminals") == 0
    assert_denied(report)
