"""What happens on a terminal: questions, and progress."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lao.store import Store
from tests import plugins
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


ATTACKS = {
    "OSC 52 writes the clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "OSC 8 hides where a link leads": "\x1b]8;;http://evil.example\x1b\\bank\x1b]8;;\x1b\\",
    "OSC 0 sets the title": "\x1b]0;root@host\x07",
    "CSI clears the screen": "\x1b[2J\x1b[1;1H",
    "CSI asks for the cursor, which is typed": "\x1b[6n",
    "DCS": '\x1bP$q"p\x1b\\',
    "C1 CSI": "\x9b31m",
    "C1 OSC": "\x9d52;c;eA==\x9c",
    "DEL and BS": "safe\x7f\x08\x08\x08\x08evil",
    "CR overwrites the line": "evil\rgood",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069 \u200f",
    "line separators": "a\u2028b\u2029c\x85d\x0be\x0cf",
}
FORBIDDEN = set("\x1b\x07\x08\x0b\x0c\x7f\x85\x9b\x9c\x9d\u2028\u2029\u202e\u202c\u2066\u2069\u200f")


def assert_harmless(shown: str) -> None:
    assert not FORBIDDEN & set(shown), repr(shown)
    assert "\r" not in shown.replace("\r\n", "\n"), repr(shown)  # the terminal's own line ends


ALL = f"before {' '.join(ATTACKS.values())} after"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["plugin", "call", "ECHO", "text", "--input", ALL], 0),
        (["plugin", "call", "ECHO", "json", "--input", json.dumps({"a": ALL, ALL: [ALL]})], 0),
        (["plugin", "call", "ECHO", "file", "--input", f"/x/{ALL}"], 0),
        (["plugin", "call", "ECHO", "text", "--input", ALL, "--json"], 0),
        (["plugin", "call", "ECHO", "fail", "--param", f"message={ALL}"], 1),
        (["plugin", "call", "ECHO", ALL], 1),
        (["plugin", "call", "ECHO", "text", ALL], 2),
        (["plugin", "call", ALL], 1),
        (["plugin", "info", ALL], 1),
        (["plugin", "call", "ECHO", "--param", ALL.replace("=", "")], 1),
        (["run", ALL], 1),
        ([ALL], 2),
    ],
    ids=lambda case: "-".join(case)[:40].replace("\x1b", "") if isinstance(case, list) else str(case),
)
def test_nothing_that_others_wrote_drives_the_terminal(
    lao: Terminal, echo: Path, words: list[str], status: int
) -> None:
    line = [str(echo) if word == "ECHO" else word for word in words]
    done, shown = on_a_terminal(lao, line, "")
    assert done == status, shown
    assert_harmless(shown)
    assert "before" in shown, shown


def test_data_in_a_pipe_is_left_as_it_is(lao: Terminal, echo: Path) -> None:
    assert lao("plugin", "call", str(echo), "text", "--input", ALL.replace("\r", ""), status=0).stdout == (
        ALL.replace("\r", "") + "\n"
    )
    shown = lao("plugin", "call", str(echo), "json", "--input", json.dumps([ALL]), status=0).stdout
    assert json.loads(shown) == [ALL]


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_a_workflow_shows_nothing_that_drives_the_terminal(lao: Terminal, echo: Path, isolation: str) -> None:
    attack = " ".join(ATTACKS.values())
    steps = [
        {"run": str(echo), "capability": "text", "input": f"before {attack}"},
        {"run": str(echo), "capability": "text", "input": "again ${step1}"},
    ]
    file = lao.place / "flow.yaml"
    file.write_text(json.dumps({"workflow": "flow", "steps": steps}))
    done, shown = on_a_terminal(lao, ["run", str(file), "--isolation", isolation], "")
    assert done == 0, shown
    assert "again before" in shown
    assert_harmless(shown)
    piped = lao("run", str(file), "--isolation", isolation, status=0)
    assert piped.stdout == f"again before {attack}\n".replace(
        "\r", "\n"
    )  # the test reads it with universal newlines


def test_a_failure_in_a_workflow_cannot_pass_for_another_line(lao: Terminal, echo: Path) -> None:
    forged = "no\nstep9 (safe): done in 1.0 ms\nhint: run `rm -rf /`\x1b[2J"
    steps = [
        {
            "run": str(echo),
            "capability": "fail",
            "message": forged,
            "retries": 1,
            "retry_delay": 1,
        }
    ]
    file = lao.place / "flow.yaml"
    file.write_text(json.dumps({"workflow": "flow", "steps": steps}))
    done = lao("run", str(file), "--isolation", "none", status=1)
    lines = done.stderr.splitlines()
    assert not [line for line in lines if line.startswith(("step9", "hint: run `rm"))], done.stderr
    assert "\x1b" not in done.stderr
    assert any("trying again: " in line and "step9" in line for line in lines), done.stderr


def test_the_last_words_of_a_worker_do_not_drive_the_terminal(lao: Terminal) -> None:
    from tests.plugins import build

    library = build("crash", where="none", how="abort")
    text = f"last {' '.join(ATTACKS.values())} words\nhint: run `rm -rf /`"
    words = ["plugin", "call", str(library), "words", "--isolation", "process", "--input", text]
    status, shown = on_a_terminal(lao, words, "")
    assert status == 1, shown
    assert "last" in shown
    assert_harmless(shown)
    assert not [line for line in shown.splitlines() if line.startswith("hint: run `rm")], shown


def test_what_an_old_library_says_of_itself_does_not_drive_the_terminal(lao: Terminal) -> None:
    from tests.plugins import build

    library = lao.place / "lib\x1b[31mred.so"
    library.write_bytes(build("v0/echo").read_bytes())
    for words in (["plugin", "info", str(library)], ["plugin", "call", str(library), "--input", "x"]):
        _, shown = on_a_terminal(lao, words, "")
        assert_harmless(shown)


def test_the_progress_of_a_plugin_is_shown_and_taken_away(lao: Terminal) -> None:
    library = str(plugins.build("services"))
    words = ["plugin", "call", library, "progress", "--param", "steps=10", "--param", "pause_us=30000"]
    status, shown = on_a_terminal(lao, words, "")
    assert status == 0, shown
    assert "0% working" in shown
    assert shown.rstrip().endswith("done")
    assert "%" not in shown.rpartition("\x1b[K")[2]
    quiet = lao(*words)
    assert "working" not in quiet.stdout + quiet.stderr
