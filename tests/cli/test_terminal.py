"""What happens on a terminal: questions, and progress."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lao.store import Store
from tests.cli.conftest import Terminal
from tests.install.server import Site, content

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals on this system")


def on_a_terminal(lao: Terminal, words: list[str], answer: str) -> tuple[int, str]:
    """Runs a command on a terminal, answers its question, and gives its status and all that was shown."""
    controller, terminal = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "lao", *words],
        cwd=lao.here,
        env=lao.environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown, deadline = b"", time.monotonic() + 60
    answered = False
    while time.monotonic() < deadline:
        try:
            part = os.read(controller, 4096)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        shown += part
        if b"[y/N]" in shown and not answered:
            answered = True
            os.write(controller, f"{answer}\n".encode())
    status = running.wait(timeout=20)
    os.close(controller)
    return status, shown.decode()


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 1), ("", 1)])
def test_a_download_without_a_hash_is_asked_about(
    lao: Terminal, site: Site, speaker: Path, answer: str, status: int
) -> None:
    import hashlib

    data = speaker.read_bytes()
    site.answers["/libspeaker.so"] = content(data)
    done, shown = on_a_terminal(lao, ["plugin", "install", f"{site.address}/libspeaker.so"], answer)
    assert done == status, shown
    assert f"SHA-256 {hashlib.sha256(data).hexdigest()}" in shown
    assert "install it? [y/N]" in shown
    assert Store(lao.place / "home").names() == (["speaker"] if status == 0 else [])
    if status:
        assert "you did not agree to it" in shown


def test_escape_sequences_of_a_plugin_do_not_reach_the_terminal(lao: Terminal, echo: Path) -> None:
    words = ["plugin", "call", str(echo), "--input", "\x1b[31mred", "--isolation", "process"]
    status, shown = on_a_terminal(lao, words, "")
    assert status == 0, shown
    assert "\\x1b[31mred" in shown
    assert "\x1b[31m" not in shown
    assert lao(*words, status=0).stdout == "\x1b[31mred\n"
