"""`lao plugin call` on a real plugin, in both kinds of process."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Terminal

ISOLATIONS = ["process", "none"]


@pytest.fixture
def installed(lao: Terminal, echo: Path) -> Terminal:
    lao("plugin", "install", str(echo), status=0)
    return lao


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_texts_and_json(installed: Terminal, isolation: str) -> None:
    options = ("--isolation", isolation)
    assert installed("plugin", "call", "echo", "--input", "grüße", *options, status=0).stdout == "grüße\n"
    done = installed("plugin", "call", "echo", "json", "--input", '{"a": [1, 2]}', *options, status=0)
    assert json.loads(done.stdout) == {"a": [1, 2]}
    done = installed("plugin", "call", "echo", "text", "--input", "x", "--json", *options, status=0)
    answer = json.loads(done.stdout)
    assert answer.pop("seconds") > 0
    assert answer == {"plugin": "echo", "capability": "text", "type": "text", "output": "x", "file": None}


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_files_in_and_out(installed: Terminal, isolation: str) -> None:
    options = ("--isolation", isolation)
    array = np.random.default_rng(1).integers(0, 255, (4, 6, 3), np.uint8)
    Image.fromarray(array).save(installed.place / "in.png")
    call = ("plugin", "call", "echo", "image", "--input", "@in.png", *options)
    assert installed(*call, status=0).stdout == "image 4x6x3 uint8\n"
    done = installed(*call, "--output", "out.png", status=0)
    assert done.stdout == ""
    assert np.array_equal(np.asarray(Image.open(installed.place / "out.png")), array)
    (installed.place / "in.bin").write_bytes(bytes(range(256)))
    call = ("plugin", "call", "echo", "binary", "--input", "@in.bin", *options)
    assert installed(*call, status=0).stdout == "binary 256 bytes\n"
    installed(*call, "--output", "out.bin", status=0)
    assert (installed.place / "out.bin").read_bytes() == bytes(range(256))


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_parameters_keep_their_types(installed: Terminal, isolation: str) -> None:
    pairs = ("--param", "width=1920", "--param", "mode=fast", "--param", "exact=true", "--param", "ratio=0.5")
    done = installed("plugin", "call", "echo", "params", *pairs, "--isolation", isolation, status=0)
    for expected in ("1920", "fast", "0.5"):
        assert expected in done.stdout


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_stream(installed: Terminal, isolation: str) -> None:
    call = ("plugin", "call", "echo", "stream", "--isolation", isolation, "--param", "count=3")
    shown = installed(*call, status=0).stdout.splitlines()
    assert len(shown) == 3
    assert len(set(shown)) == 3
    assert json.loads(installed(*call, "--json", status=0).stdout)["output"] == "".join(shown)
    installed(*call, "--output", "parts.txt", status=0)
    assert (installed.place / "parts.txt").read_text() == "".join(shown)


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_plugin_that_fails(installed: Terminal, isolation: str) -> None:
    done = installed("plugin", "call", "echo", "fail", "--input", "x", "--isolation", isolation, status=1)
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_call_that_takes_too_long(installed: Terminal) -> None:
    call = ("plugin", "call", "echo", "wait", "--isolation", "process", "--timeout", "0.2")
    done = installed(*call, status=1)
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_by_path_and_from_stdin(lao: Terminal, echo: Path) -> None:
    for target in ("./echo-plugin", "echo-plugin/libecho.so", str(echo)):
        done = lao(
            "plugin", "call", target, "--input", "@-", "--isolation", "process", stdin="piped", status=0
        )
        assert done.stdout == "piped\n"


def test_a_local_project_by_its_name(lao: Terminal, echo: Path) -> None:
    (lao.place / "plugins").mkdir()
    echo.rename(lao.place / "plugins" / "echo")
    assert lao("plugin", "call", "Echo", "--input", "x", status=0).stdout == "x\n"
    lao("plugin", "toggle", "echo", "false", status=0)
    assert "is disabled" in lao("plugin", "call", "echo", "--input", "x", status=1).stderr
    assert "local, disabled" in lao("plugin", "list", status=0).stdout


def test_settings_reach_the_plugin(installed: Terminal) -> None:
    installed("plugin", "config", "echo", "greeting", '"hello there"', status=0)
    done = installed("plugin", "call", "echo", "config", "--isolation", "process", status=0)
    assert "hello there" in done.stdout


def test_an_old_plugin_without_a_manifest(lao: Terminal) -> None:
    from tests.plugins import build

    (lao.place / "libold_echo.so").write_bytes(build("v0/echo", layout=64).read_bytes())
    lao("plugin", "install", "libold_echo.so", status=0)
    for isolation in ISOLATIONS:
        done = lao("plugin", "call", "old-echo", "--input", "hi", "--isolation", isolation, status=0)
        assert done.stdout == "hi\n"


def test_what_came_from_an_address_runs_in_a_sandbox(lao: Terminal, echo: Path, site: object) -> None:
    from lao import Host
    from tests.install.server import Site, content

    assert isinstance(site, Site)
    site.answers["/libecho.so"] = content((echo / "libecho.so").read_bytes())
    lao("plugin", "install", f"{site.address}/libecho.so", "--yes", status=0)
    with Host(lao.place / "home") as host, host.load("echo") as plugin:
        assert plugin.info.isolation == "process"
        assert {plugin.enforced[promise].level for promise in ("P1", "P2", "P3")} == {"kernel"}
    assert lao("plugin", "call", "echo", "--input", "x", status=0).stdout == "x\n"


def test_a_file_that_a_sandboxed_plugin_names_is_copied_only_if_it_could_read_it(lao: Terminal) -> None:
    from tests.plugins import build

    library = str(build("keeper"))
    data = lao.place / "home" / "data" / "keeper"
    data.mkdir(parents=True)
    (data / "made.txt").write_text("made")
    secret = lao.place / "secret.txt"
    secret.write_text("secret")
    (data / "link.txt").symlink_to(secret)
    os.mkfifo(data / "pipe")

    def copy(path: Path, isolation: str, status: int) -> str:
        words = ["plugin", "call", library, "file", "--param", f"path={path}", "--isolation", isolation]
        (lao.place / "out.txt").unlink(missing_ok=True)
        done = lao(*words, "--output", "out.txt", status=status)
        assert (lao.place / "out.txt").exists() is (status == 0)
        return (lao.place / "out.txt").read_text() if status == 0 else done.stderr

    assert copy(data / "made.txt", "process", 0) == "made"
    for path in (secret, data / "link.txt", data / ".." / ".." / ".." / "secret.txt", Path("/etc/passwd")):
        assert "where it cannot read itself" in copy(path, "process", 1)
    for path in (data / "pipe", Path("/dev/zero"), data):
        for isolation in ("process", "none"):
            assert "error" in copy(path, isolation, 1)
    assert copy(secret, "none", 0) == "secret"
    words = ["plugin", "call", library, "file", "--param", f"path={secret}", "--isolation", "process"]
    assert lao(*words, status=0).stdout == f"{secret}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_ctrl_c(installed: Terminal) -> None:
    import signal
    import subprocess
    import time

    import psutil

    running = subprocess.Popen(
        [sys.executable, "-m", "lao", "plugin", "call", "echo", "wait", "--isolation", "process"],
        env=installed.environment,
        cwd=installed.here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 20
    while not psutil.Process(running.pid).children() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)  # the worker is there: the call begins soon after
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=20)
    assert running.returncode in (1, 130), errors
    assert "Traceback" not in errors
