"""Many calls of every kind: nothing grows. `make soak` does a million of each."""

from __future__ import annotations

from pathlib import Path

import pytest

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
