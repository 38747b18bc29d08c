"""`lao plugin reload`: every running host of this home, what it prints, and when nobody runs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.cli.conftest import Terminal
from tests.host.test_neighbours import PLUGIN, compile_library

MANIFEST = '[plugin]\nname = "answering"\nversion = "{version}"\ndescription = "Answers"\n'
# Answers a line with what the plugin says; at the end tells what happened.
HOST = """
import json, sys, lao
with lao.Host() as host:
    plugin = host.load(sys.argv[1], isolation=sys.argv[2])
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "events\\n":
            events = [(e.name, e.data.get("digest")) for e in host.events.history("plugin_*loaded")]
            print(json.dumps(events), flush=True)
        else:
            print(plugin(), flush=True)
"""


class Running:
    """A host in a process of its own."""

    def __init__(self, lao: Terminal, target: str, isolation: str) -> None:
        script = lao.place / "app.py"
        script.write_text(HOST)
        self.process = subprocess.Popen(
            [sys.executable, str(script), target, isolation],
            cwd=lao.here, env=lao.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait(self) -> None:
        assert self._line() == "ready"

    def __call__(self, word: str = "") -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        assert self.process.wait(timeout=30) == 0


@pytest.fixture
def run(lao: Terminal) -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def start(target: str, isolation: str) -> Running:
        made.append(Running(lao, target, isolation))
        made[-1].wait()
        return made[-1]

    yield start
    for one in made:
        one.end()


def put(lao: Terminal, answer: str, version: str = "1.0.0") -> str:
    """A local project whose library gives that answer; returns the library's digest."""
    folder = lao.place / "plugins" / "answering"
    extra = f'static const char *answer(void) {{ return "{answer}"; }}'
    source = (PLUGIN % {"name": "answering", "extra": extra}).replace("1.0.0", version)
    staged = compile_library(source, lao.place / "staged" / "libanswering.so")
    (folder / "build" / "lao" / "release").mkdir(parents=True, exist_ok=True)
    (folder / "plugin.toml").write_text(MANIFEST.format(version=version))
    library = folder / "build" / "lao" / "release" / "libanswering.so"
    os.replace(staged, library)
    return hashlib.sha256(library.read_bytes()).hexdigest()


def test_every_running_host_takes_the_new_one(lao: Terminal, run: Callable[..., Running]) -> None:
    before = put(lao, "old")
    hosts = [run("answering", "process"), run("answering", "none")]
    assert [host() for host in hosts] == ["old", "old"]
    after = put(lao, "new", "1.1.0")
    done = lao("plugin", "reload", "answering", status=0)
    assert [host() for host in hosts] == ["new", "new"]
    for host, where in zip(hosts, ("in workers", "in its own process"), strict=True):
        assert f"answering in host {host.process.pid} (app.py), {where}\n" in done.stdout
        assert json.loads(host("events")) == [
            ["plugin_loaded", before], ["plugin_unloaded", before], ["plugin_loaded", after],
        ]  # fmt: skip
    assert done.stdout.count(f"  old 1.0.0 sha256 {before}\n") == 2
    assert done.stdout.count(f"  new 1.1.0 sha256 {after}\n") == 2
    again = lao("plugin", "reload", "plugins/answering", status=0)
    assert again.stdout.count(f"  new 1.1.0 sha256 {after}\n") == 2
    assert "the library is the same as before" in again.stderr


def test_as_json(lao: Terminal, run: Callable[..., Running]) -> None:
    before = put(lao, "old")
    host = run("answering", "process")
    after = put(lao, "new")
    found = json.loads(lao("plugin", "reload", "Answering", "--json", status=0).stdout)
    assert found == {
        "name": "answering",
        "hosts": 1,
        "silent": [],
        "reloaded": [
            {
                "pid": host.process.pid,
                "program": "app.py",
                "isolation": "process",
                "library": str(lao.place / "plugins/answering/build/lao/release/libanswering.so"),
                "old": {"version": "1.0.0", "digest": before},
                "new": {"version": "1.0.0", "digest": after},
                "state": "none",
            }
        ],
    }


def test_what_cannot_be_loaded_leaves_the_old_one_serving(lao: Terminal, run: Callable[..., Running]) -> None:
    put(lao, "old")
    host = run("answering", "process")
    library = lao.place / "plugins/answering/build/lao/release/libanswering.so"
    (lao.place / "broken").write_text("no library")
    os.replace(lao.place / "broken", library)
    done = lao("plugin", "reload", "answering", status=1)
    assert done.stdout == ""
    assert "error: cannot reload `answering` in host" in done.stderr
    assert "the old one goes on serving" in done.stderr
    assert "is not a shared library" in done.stderr
    assert host() == "old"


def test_nobody_to_reload_it(lao: Terminal, run: Callable[..., Running]) -> None:
    put(lao, "old")
    done = lao("plugin", "reload", "answering", status=0)
    assert done.stdout == ""
    assert "no host is running; the next one that loads `answering`" in done.stderr
    assert json.loads(lao("plugin", "reload", "answering", "--json", status=0).stdout) == {
        "name": "answering", "hosts": 0, "reloaded": [], "silent": [],
    }  # fmt: skip
    assert "there is no plugin `answer`" in lao("plugin", "reload", "answer", status=1).stderr
    host = run("answering", "process")
    from tests.plugins import build

    done = lao("plugin", "reload", str(build("echo")), status=0)
    assert "1 host is running, and none has loaded `echo`" in done.stderr
    assert host() == "old"


def test_a_plugin_that_only_a_host_knows(lao: Terminal, run: Callable[..., Running]) -> None:
    put(lao, "old")
    host = run(str(lao.place / "plugins" / "answering"), "process")
    lao.here = lao.place / "elsewhere"
    lao.here.mkdir()
    assert "new 1.0.0" in lao("plugin", "reload", "answering", status=0).stdout
    assert host() == "old"


def test_a_host_with_another_home_is_left_alone(lao: Terminal, run: Callable[..., Running]) -> None:
    put(lao, "old")
    host = run("answering", "process")
    lao.environment = {**lao.environment, "LAO_HOME": str(lao.place / "another home")}
    put(lao, "new")
    assert "no host is running" in lao("plugin", "reload", "answering", status=0).stderr
    time.sleep(0.5)
    assert host() == "old"
    assert not (lao.place / "another home" / "running").exists()


def test_calls_in_flight_finish_on_the_old_one(lao: Terminal) -> None:
    """A stream that was begun before goes on to its end, whatever is loaded meanwhile."""
    from tests.plugins import build

    script = f"""
import lao
host = lao.Host()
plugin = host.load({str(build("echo"))!r}, isolation="process")
parts = plugin.stream("stream", count=50, pad=1000)
next(parts)
print("ready", flush=True)
input()
print(len(list(parts)), plugin("x"), host.events.count("plugin_unloaded"), flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=lao.here, env=lao.environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        done = lao("plugin", "reload", "echo", status=0)
        assert "in host" in done.stdout
        output, _ = process.communicate("\n", timeout=60)
    assert output == "49 x 1\n"


def test_state_goes_along(lao: Terminal, run: Callable[..., Running]) -> None:
    from tests.plugins import build

    host = run(str(build("living")), "process")
    assert [host(), host()] == ["1", "2"]
    done = lao("plugin", "reload", "living", status=0)
    assert done.stdout.endswith("  state carried\n")
    assert host() == "3"


def test_an_installed_plugin_that_was_updated(lao: Terminal, run: Callable[..., Running]) -> None:
    package = lao.place / "plugins" / "answering"
    before = put(lao, "old")
    lao("plugin", "install", str(package), "--yes", status=0)
    os.rename(lao.place / "plugins", lao.place / "made")
    host = run("answering", "process")
    assert host() == "old"
    os.rename(lao.place / "made", lao.place / "plugins")
    after = put(lao, "new", "1.1.0")
    lao("plugin", "install", str(package), "--yes", status=0)
    assert host() == "old", "what runs goes on running"
    done = lao("plugin", "reload", "answering", status=0)
    assert f"  old 1.0.0 sha256 {before}\n  new 1.1.0 sha256 {after}\n" in done.stdout
    assert host() == "new"


def test_a_bare_library(lao: Terminal, run: Callable[..., Running]) -> None:
    put(lao, "old")
    library = lao.place / "plugins/answering/build/lao/release/libanswering.so"
    host = run(str(library), "process")
    assert "in host" in lao("plugin", "reload", str(library), status=0).stdout
    assert host() == "old"
