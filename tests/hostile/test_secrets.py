"""Cases 73 to 76: what a worker inherits of its host: nothing."""

from __future__ import annotations

import fcntl
import os

from tests.hostile import cases
from tests.hostile.stage import Stage

SECRET = "a-secret-of-the-host"


def test_73_the_environment(stage: Stage) -> None:
    os.environ["HOSTILE_SECRET"] = SECRET
    with stage.load() as plugin:
        report = plugin.call("attack", SECRET)
        stage.assert_serves(plugin)
    assert report == {"variables": 0, "found": 0, "secure_getenv": 0, "path": 0, "home": 0}


def test_74_libraries_that_the_hosts_user_preloads(stage: Stage) -> None:
    library = str(cases.sibling())
    os.environ.update(LD_PRELOAD=library, LD_AUDIT=library, LD_LIBRARY_PATH=str(stage.scratch))
    with stage.load() as plugin:
        report = plugin.call("attack", cases.sibling().name)
        stage.assert_serves(plugin)
    assert report == {"loaded": 0, "preload": 0, "audit": 0, "library_path": 0}


def test_75_descriptors(stage: Stage) -> None:
    """Also those that the host forgot to protect."""
    high = fcntl.fcntl(0, fcntl.F_DUPFD, 100)
    low, other = os.pipe()
    for descriptor in (high, low, other):
        os.set_inheritable(descriptor, True)
    try:
        with stage.load() as plugin:
            report = plugin.call("attack", "")
            stage.assert_serves(plugin)
    finally:
        for descriptor in (high, low, other):
            os.close(descriptor)
    assert {int(number) for number in report} <= set(range(8)), report
    assert set(report.values()) == {0}  # no terminal among them


def test_76_non_blocking_streams(stage: Stage) -> None:
    before = [fcntl.fcntl(number, fcntl.F_GETFL) for number in range(3)]
    with stage.load() as plugin:
        assert plugin.call("attack", "") == {"set_0": "ok", "set_1": "ok", "set_2": "ok"}
        assert [fcntl.fcntl(number, fcntl.F_GETFL) for number in range(3)] == before
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 0
