"""What holds for every test: nothing of the user's LAO is read or written."""

from __future__ import annotations

import signal
from itertools import count
from pathlib import Path

import pytest

_NUMBERS = count()

# A shell's job in the background ignores Ctrl-C, and so would every program that a test starts and then interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def lao_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A LAO home of its own for every test; it does not exist until LAO makes it."""
    home = tmp_path_factory.getbasetemp() / "homes" / str(next(_NUMBERS))
    monkeypatch.setenv("LAO_HOME", str(home))
    for name in ("LAO_PLUGIN_DIR", "LAO_PLUGINS_DIR"):
        monkeypatch.delenv(name, raising=False)
    return home
