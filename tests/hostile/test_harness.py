"""The checks around every case fail when they should: without that, no case shows anything."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.hostile.hosting import ROOT, HostProcess
from tests.hostile.stage import Stage

MODULE = ".".join(Path(__file__).relative_to(ROOT).with_suffix("").parts)
kept: list[object] = []


def leaves_a_descriptor(stage: Stage) -> None:
    os.dup(0)


def leaves_a_memory_file(stage: Stage) -> None:
    os.memfd_create("lao-left")


def leaves_a_process(stage: Stage) -> None:
    kept.append(subprocess.Popen(["sleep", "5"]))


def leaves_an_orphan(stage: Stage) -> None:
    subprocess.run(["sh", "-c", "sleep 5 & exit"], check=True)


def leaves_a_file(stage: Stage) -> None:
    tempfile.mkstemp()


def leaves_a_worker(stage: Stage) -> None:
    assert stage._sibling.call("echo", "x") == "x"
    stage.host.close = lambda: None  # type: ignore[method-assign]


def ends_the_siblings_worker(stage: Stage) -> None:
    import psutil

    os.kill(next(child.pid for child in psutil.Process().children()), signal.SIGKILL)


def aborts(stage: Stage) -> None:
    os.abort()


def is_wrong(stage: Stage) -> None:
    some_value = 41
    assert some_value == 42


def is_sound(stage: Stage) -> None:
    assert os.geteuid() == (0 if stage.is_root else 65534)


MESSAGES = {
    "leaves_a_descriptor": "leaked: 1 x descriptor",
    "leaves_a_memory_file": "descriptor /memfd:lao-left",
    "leaves_a_process": "leaked: 1 x process .* sleep",
    "leaves_an_orphan": "leaked: 1 x process .* sleep",
    "leaves_a_file": "1 x file",
    "leaves_a_worker": "process .* lao-worker",
    "ends_the_siblings_worker": "the sibling (was not served|lost its worker)",
    "aborts": "the host's process died: signal 6",
    "is_wrong": "some_value = 41",
}


@pytest.mark.skipif(os.geteuid() != 0, reason="it counts on root's right to become another user")
@pytest.mark.parametrize("who", ["root", "user"])
def test_a_sound_test_passes(host_processes: dict[str, HostProcess], who: str) -> None:
    host_processes[who].run(MODULE, "is_sound", {})


@pytest.mark.parametrize("wrong", MESSAGES)
def test_what_is_wrong_is_seen(wrong: str) -> None:
    process = HostProcess("user")
    try:
        with pytest.raises(pytest.fail.Exception, match=MESSAGES[wrong]):
            process.run(MODULE, wrong, {}, patience_s=0.5)
    finally:
        process.close()
