"""Hosts are reached from outside: who runs in a home, questions and answers, and what killed hosts leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lao
from lao.host.running import Mailbox, ask_hosts
from tests import plugins
from tests.host.test_neighbours import PLUGIN, compile_library

RELOAD = {"what": "reload", "plugin": "answering"}


def answering(folder: Path, answer: str) -> Path:
    """A plugin that gives the answer; written beside and put in place, as builds do it."""
    extra = f'static const char *answer(void) {{ return "{answer}"; }}'
    staged = compile_library(PLUGIN % {"name": "answering", "extra": extra}, folder / "staged" / "x.so")
    library = folder / "libanswering.so"
    os.replace(staged, library)
    return library


def ask(home: Path, content: dict[str, Any] | None = None, timeout_s: float = 60.0) -> list[Any]:
    return [answer.content for answer in ask_hosts(home, content or RELOAD, timeout_s=timeout_s)]


def folders(home: Path) -> list[Path]:
    return sorted((home / "running").iterdir()) if (home / "running").is_dir() else []


@pytest.fixture
def mailbox(home: Path) -> Iterator[Mailbox]:
    made = Mailbox(home)
    made.open()
    yield made
    made.close()


def serve(mailbox: Mailbox, give: Callable[[Any], Any]) -> threading.Thread:
    """Answers one question on a thread."""

    def run() -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            for question in mailbox.take():
                mailbox.answer(question, give(question.content))
                return
            time.sleep(0.01)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_nothing_is_written_before_a_plugin_is_loaded(home: Path) -> None:
    with lao.Host(home):
        assert not folders(home)
    assert not home.exists()


def test_a_host_can_be_asked_while_it_has_plugins(host: lao.Host, home: Path, isolation: str) -> None:
    host.load(plugins.build("echo"), isolation=isolation)
    assert len(folders(home)) == 1
    assert ask(home) == [{"plugins": []}]
    assert ask(home, {"what": "something else"}) == [{"error": "this host does not know how to do that"}]
    host.close()
    assert not folders(home)
    assert ask(home) == []


def test_reload_from_outside(host: lao.Host, home: Path, isolation: str, tmp_path: Path) -> None:
    library = answering(tmp_path, "one")
    first, second = (host.load(library, isolation=isolation) for _ in range(2))
    other = host.load(plugins.build("echo"), isolation=isolation)
    before = first.info.digest
    assert first() == second() == "one"
    answering(tmp_path, "two")
    seen: list[lao.Event] = []
    host.events.subscribe(seen.append, "plugin_*loaded")
    (answer,) = ask(home)
    assert [one["old"]["digest"] for one in answer["plugins"]] == [before, before]
    assert {one["new"]["digest"] for one in answer["plugins"]} == {first.info.digest}
    assert first.info.digest != before
    assert first() == second() == "two"
    assert other("x") == "x"
    assert host.events.flush()
    names = [(event.name, event.plugin, event.data["digest"]) for event in seen]
    pair = [("plugin_unloaded", "answering", before), ("plugin_loaded", "answering", first.info.digest)]
    assert names == pair * 2
    assert seen[0].data["reason"] == "reload"


def test_a_library_that_does_not_load_leaves_the_old_one_serving(
    host: lao.Host, home: Path, isolation: str, tmp_path: Path
) -> None:
    library = answering(tmp_path, "one")
    plugin = host.load(library, isolation=isolation)
    (tmp_path / "broken").write_bytes(b"\x7fELF and no more")
    os.replace(tmp_path / "broken", library)
    (answer,) = ask(home)
    (one,) = answer["plugins"]
    assert "new" not in one
    assert "is not a shared library" in one["error"]["message"]
    assert plugin() == "one"
    assert plugin.info.digest == one["old"]["digest"]
    assert not host.events.history("plugin_unloaded")
    answering(tmp_path, "two")
    (answer,) = ask(home)
    assert "new" in answer["plugins"][0], "the host goes on answering"
    assert plugin() == "two"


def test_a_home_reaches_its_own_hosts_only(host: lao.Host, home: Path, tmp_path: Path) -> None:
    library = answering(tmp_path, "one")
    plugin = host.load(library)
    answering(tmp_path, "two")
    assert ask(tmp_path / "another") == []
    assert plugin() == "one"
    assert not (tmp_path / "another").exists()


def test_a_killed_host_is_not_waited_for(home: Path) -> None:
    program = f"import lao; lao.load({str(plugins.build('echo'))!r}); print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert ask(home) == [{"plugins": []}]
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(folders(home)) == 1
    begin = time.monotonic()
    assert ask(home) == []
    assert time.monotonic() - begin < 5
    assert not (home / "running").exists()


def test_a_host_that_ends_cleans_up_without_close(home: Path) -> None:
    program = f"import lao; print(lao.load({str(plugins.build('echo'))!r})('x'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "x\n"
    assert not folders(home)


def test_who_does_not_answer_is_said_so_and_not_asked_any_more(mailbox: Mailbox, home: Path) -> None:
    (answer,) = ask_hosts(home, RELOAD, timeout_s=0.3)
    assert answer.content is None
    assert answer.pid == os.getpid()
    assert mailbox.take() == [], "the question was taken back"


def test_a_host_that_ends_while_it_is_asked(mailbox: Mailbox, home: Path) -> None:
    timer = threading.Timer(0.3, mailbox.close)
    timer.start()
    assert ask(home) == []
    timer.join()


def test_questions_of_one_moment_all_arrive(mailbox: Mailbox, home: Path) -> None:
    for number in range(20):
        thread = serve(mailbox, lambda content: content["number"])
        assert ask(home, {"what": "count", "number": number}) == [number]
        thread.join()


def test_a_question_that_is_none_is_ignored(mailbox: Mailbox, home: Path) -> None:
    (folder,) = folders(home)
    (folder / "asked" / "a.json").write_text("[1, 2")
    (folder / "asked" / "b.json").write_text("[]")
    (folder / "asked" / "c.json").write_text('{"what": "x"}')
    assert [question.content for question in mailbox.take()] == [{"what": "x"}]
    assert not list((folder / "asked").iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is Unix's")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_neither_answers_nor_keeps_the_place(mailbox: Mailbox, home: Path) -> None:
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        mailbox.close()  # as a finalizer would
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(0)
    try:
        assert os.read(ready[0], 1) == b"x"
        assert len(folders(home)) == 1
        thread = serve(mailbox, lambda content: "parent")
        assert ask(home) == ["parent"]
        thread.join()
        os.close(mailbox._lock)  # what the parent's end does
        mailbox._lock = -1
        assert ask(home, timeout_s=5) == [], "the child does not hold the lock"
    finally:
        os.write(go[1], b"x")
        os.waitpid(child, 0)
        for end in (*ready, *go):
            os.close(end)


def test_a_home_in_which_nothing_can_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "running").write_text("a file where the folder should be")
    mailbox = Mailbox(tmp_path)
    mailbox.open()
    assert mailbox.take() == []
    assert ask(tmp_path) == []
    mailbox.close()
