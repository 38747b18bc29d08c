"""Many calls of every kind: nothing grows. `make soak` does a million of each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import lao
from tests.plugins import build
from tests.soak import calls


def test_nothing_grows(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    del home
    assert calls.soak(10_000) == []
    del capfd


def test_growth_is_noticed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judgement itself can fail."""
    del home
    kept: list[bytes] = []
    leaking = [("leak", lambda _plugin: kept.append(bytes(4096)))]
    monkeypatch.setattr(calls, "kinds", lambda: leaking)
    problems = calls.soak(10_000)
    assert len(problems) == 2
    assert all("the host grew by" in problem for problem in problems)


def test_a_large_input_is_given_back(home: Path) -> None:
    """What the channel to a worker holds does not stay as large as the largest input was."""
    with lao.Host(home) as host, host.load(build("echo"), isolation="process") as plugin:
        plugin.call("take", bytes(300 << 20))
        plugin.call("take", b"next")
        assert shared_bytes() < 64 << 20


def shared_bytes() -> int:
    """Memory in the memory files that this process holds."""
    total = 0
    for name in os.listdir("/proc/self/fd"):
        path = f"/proc/self/fd/{name}"
        if os.path.lexists(path) and "memfd:lao" in os.readlink(path):
            total += os.stat(path).st_blocks * 512
    return total
