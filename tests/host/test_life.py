"""Loading, closing, reloading, forking, crashing: the life of a plugin's handle."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

import lao
from lao.host.plugin import Loaded
from tests import plugins
from tests.host.conftest import Load
from tests.host.test_neighbours import PLUGIN, compile_library


def test_info(echo: lao.Plugin, isolation: str) -> None:
    info = echo.info
    assert (info.name, info.version, info.abi, info.isolation) == ("echo", "1.2.3", "lao/1", isolation)
    assert info.library == plugins.build("echo")
    assert len(info.digest) == 64
    assert not info.relaxed
    assert repr(echo) == f"<lao.Plugin echo 1.2.3 ({isolation})>"


def test_use_after_close(load: Load) -> None:
    plugin = load("echo")
    with plugin:
        assert plugin("x") == "x"
    for use in (
        lambda: plugin("x"),
        lambda: plugin.call("text", "x"),
        lambda: list(plugin.stream("text", "x")),
        lambda: list(plugin.map("text", ["x"])),
    ):
        with pytest.raises(lao.PluginClosed):
            use()
    plugin.close()
    assert plugin.closed


def test_a_host_closes_its_plugins(home: Path, isolation: str) -> None:
    with lao.Host() as host:
        plugin = host.load(plugins.build("echo"), isolation=isolation)
        assert plugin("x") == "x"
    with pytest.raises(lao.PluginClosed):
        plugin("x")
    with pytest.raises(lao.InvalidInput, match="closed"):
        host.load(plugins.build("echo"))


def test_workers_end_with_their_plugin(load: Load) -> None:
    plugin = load("echo", workers=2, isolation="process")
    pid = plugin.call("where")["pid"]
    assert pid != os.getpid()
    process = psutil.Process(pid)
    plugin.close()
    process.wait(timeout=10)
    assert not [child for child in psutil.Process().children() if child.pid == pid]


def test_a_dropped_plugin_ends_its_worker(host: lao.Host) -> None:
    plugin = host.load(plugins.build("echo"), isolation="process")
    process = psutil.Process(plugin.call("where")["pid"])
    del plugin
    gc.collect()
    process.wait(timeout=10)


def test_workers_end_when_the_host_is_killed(home: Path) -> None:
    program = f"""
        import lao, os, sys, time
        plugin = lao.load({str(plugins.build("echo"))!r}, isolation="process")
        print(plugin.call("where")["pid"], flush=True)
        time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        env={**os.environ, "LAO_HOME": str(home)},
    ) as child:
        assert child.stdout is not None
        worker = psutil.Process(int(child.stdout.readline()))
        child.kill()
    worker.wait(timeout=10)


def settled_counts() -> tuple[int, int]:
    """Open descriptors and children of this process, once they are the same for a second: threads of the host hold
    files of /proc for moments, and the watchdog lets go of an ended worker at its next look."""
    me = psutil.Process()
    found, since = (-1, -1), time.monotonic()
    until = since + 20
    while time.monotonic() - since < 1 and time.monotonic() < until:
        now = me.num_fds(), len(me.children())
        if now != found:
            found, since = now, time.monotonic()
        time.sleep(0.01)
    return found


def test_nothing_is_left_open(host: lao.Host, isolation: str) -> None:
    host.load(plugins.build("echo"), isolation=isolation).close()
    gc.collect()
    before = settled_counts()
    for _ in range(5):
        plugin = host.load(plugins.build("echo"), isolation=isolation)
        array = plugin.call("ramp", rows=100, columns=100)
        plugin.close()
        assert array[0, 1] == 1
        del plugin, array
    gc.collect()
    assert settled_counts() == before


def test_a_fork_invalidates_the_handles_in_the_child(echo: lao.Plugin) -> None:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            echo.call("text", "x")
        except lao.PluginClosed as error:
            status = 0 if "fork" in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert echo.call("text", "the parent goes on") == "the parent goes on"


def test_a_forked_child_can_load_for_itself(home: Path, isolation: str) -> None:
    program = f"""
        import lao, os, sys
        plugin = lao.load({str(plugins.build("echo"))!r}, isolation={isolation!r})
        plugin("before")
        pid = os.fork()
        if pid == 0:
            del plugin
            again = lao.Host().load({str(plugins.build("echo"))!r}, isolation={isolation!r}, timeout=5)
            try:
                with again.deadline(0.2):
                    again.call("wait")
            except lao.PluginTimeout:
                print(again("child"), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        print(plugin("parent"), flush=True)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "LAO_HOME": str(home)},
    )
    assert done.stdout.split() == ["child", "parent"], done.stderr


def test_reload_takes_the_new_library(host: lao.Host, isolation: str, tmp_path: Path) -> None:
    library = tmp_path / "libecho.so"
    shutil.copy(plugins.build("echo", thread_role="full"), library)
    plugin = host.load(library, isolation=isolation)
    digest = plugin.info.digest
    assert plugin.info.thread_role == "full"
    shutil.copy(plugins.build("echo", thread_role="instance"), library)
    plugin.reload()
    assert plugin.info.digest != digest
    assert plugin.info.thread_role == "instance"
    assert plugin("new") == "new"


def test_a_reload_that_fails_leaves_the_old_one_serving(
    host: lao.Host, isolation: str, tmp_path: Path
) -> None:
    library = tmp_path / "libecho.so"
    shutil.copy(plugins.build("echo"), library)
    plugin = host.load(library, isolation=isolation)
    library.write_bytes(b"no library any more")
    with pytest.raises(lao.PluginLoadError):
        plugin.reload()
    assert plugin("old") == "old"


@pytest.mark.parametrize("name", ["echo", "living"])
def test_a_plugin_that_is_closed_while_it_is_reloaded_leaves_nothing(load: Load, name: str) -> None:
    """Also from outside: `lao plugin reload` comes on a thread of its own, while the host may be ending."""
    before = {child.pid for child in psutil.Process().children()}
    plugin = load(name)
    load_again = plugin._load_again

    def load_and_close() -> Loaded:
        made = load_again()
        plugin.close()
        return made

    plugin._load_again = load_and_close  # type: ignore[method-assign]
    with pytest.raises(lao.PluginClosed):
        plugin.reload()
    end = time.monotonic() + 10
    while {child.pid for child in psutil.Process().children()} - before:
        assert time.monotonic() < end, "a worker is left"
        time.sleep(0.02)


def test_a_stream_goes_on_over_a_reload(load: Load) -> None:
    plugin = load("echo")
    with plugin.stream("stream", count=50, pad=1000) as parts:
        next(parts)
        plugin.reload()
        assert plugin("new") == "new"
        assert len(list(parts)) == 49


def test_overwriting_the_file_does_not_reach_what_is_loaded(
    host: lao.Host, isolation: str, tmp_path: Path
) -> None:
    library = tmp_path / "libecho.so"
    shutil.copy(plugins.build("echo"), library)
    plugin = host.load(library, isolation=isolation)
    with library.open("r+b") as file:
        file.write(b"\xcc" * library.stat().st_size)
    assert plugin("unharmed") == "unharmed"


def test_a_private_copy_that_was_tampered_with_is_made_again(host: lao.Host, home: Path) -> None:
    plugin = host.load(plugins.build("echo"), isolation="process")
    plugin.close()
    (copy,) = (home / "cache" / "loaded").glob("*/libecho.so")
    assert copy.stat().st_mode & 0o222 == 0
    copy.parent.chmod(0o700)
    copy.chmod(0o700)
    copy.write_bytes(b"evil")
    again = host.load(plugins.build("echo"), isolation="process")
    assert again("fine") == "fine"


# --- Crashes: contained with workers only ---


@pytest.fixture
def crashing(host: lao.Host) -> Load:
    """Loads a fixture plugin into a worker."""

    def load_fixture(name: str, build: dict[str, str | int | bool] | None = None) -> lao.Plugin:
        return host.load(plugins.build(name, **(build or {})), isolation="process")

    return load_fixture


@pytest.mark.parametrize(
    ("how", "number"), [("segv", signal.SIGSEGV), ("abort", signal.SIGABRT), ("overflow", signal.SIGSEGV)]
)
def test_a_crash_is_an_error_and_the_next_call_works(crashing: Load, how: str, number: int) -> None:
    plugin = crashing("crash", {"where": "call", "how": how})
    sibling = crashing("echo")
    for _ in range(2):
        with pytest.raises(lao.PluginCrashed) as caught:
            plugin.call("die", "x")
        assert caught.value.signal == number
        assert caught.value.exit_code is None
        assert sibling("unharmed") == "unharmed"
    assert plugin.call("echo", "x") == "alive"
    assert plugin.stats.restarts == 2


@pytest.mark.parametrize("how", ["exit_0", "exit_now"])
def test_an_exit_in_a_call_is_a_crash(crashing: Load, how: str) -> None:
    plugin = crashing("crash", {"where": "call", "how": how})
    with pytest.raises(lao.PluginCrashed) as caught:
        plugin.call("die", "x")
    assert (caught.value.signal, caught.value.exit_code) == (None, 0)


@pytest.mark.parametrize("where", ["constructor", "entry", "create"])
@pytest.mark.parametrize("how", ["segv", "exit_now"])
def test_a_crash_while_loading(crashing: Load, where: str, how: str) -> None:
    with pytest.raises(lao.PluginCrashed, match=r"while it loaded|SIGSEGV"):
        crashing("crash", {"where": where, "how": how})


def test_a_crash_that_kept_coming_is_refused_until_a_reload(crashing: Load) -> None:
    plugin = crashing("crash", {"where": "call", "how": "abort"})
    for _ in range(5):
        with pytest.raises(lao.PluginCrashed):
            plugin.call("die", "x")
    with pytest.raises(lao.PluginCrashed, match="5 times in a row"):
        plugin.call("echo", "x")
    plugin.reload()
    assert plugin.call("echo", "x") == "alive"


def test_a_crash_in_between_calls_is_repaired(crashing: Load) -> None:
    plugin = crashing("echo")
    os.kill(plugin.call("where")["pid"], signal.SIGKILL)
    psutil.Process().children()
    for _ in range(100):
        try:
            assert plugin("x") == "x"
            break
        except lao.PluginCrashed:
            continue
    assert plugin.stats.restarts == 1


def test_last_words_are_kept(crashing: Load) -> None:
    plugin = crashing("crash", {"where": "call", "how": "abort"})
    with pytest.raises(lao.PluginCrashed) as caught:
        plugin.call("stderr", "x")
    assert "line" in caught.value.stderr_tail


def test_a_hang_in_release_or_destroy_does_not_hang_the_host(crashing: Load) -> None:
    for where in ("destroy", "shutdown"):
        plugin = crashing("crash", {"where": where, "how": "hang"})
        assert plugin.call("echo", "x") == "alive"
        plugin.close()


def test_logged_lines_are_kept(load: Load) -> None:
    plugin = load("echo")
    plugin.call("log", text="something happened", level=30)
    plugin.call("text", "so that the line has arrived")
    for _ in range(100):
        if "[30] something happened\n" in plugin.output:
            return
        time.sleep(0.02)
    raise AssertionError(plugin.output)


HANGS_WHEN_TOLD = """
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static const char *answer(void) { abort(); }
static void hang_when_told(const lao_config_t *config) {
    char path[4096];
    snprintf(path, sizeof path, "%s/hang", config->data_dir);
    while (access(path, F_OK) == 0) {
        sleep(1);
    }
}
"""


def test_a_worker_that_hangs_while_it_starts_again_does_not_keep_the_caller(
    home: Path, tmp_path: Path
) -> None:
    source = PLUGIN % {"name": "hanging", "extra": HANGS_WHEN_TOLD}
    source = source.replace("(void)h, (void)c, (void)e; *i", "(void)h, (void)e; hang_when_told(c); *i")
    library = compile_library(source, tmp_path / "libhanging.so")
    with lao.Host() as host:
        plugin = host.load(library, isolation="process", timeout=0.5)
        with pytest.raises(lao.PluginCrashed):
            plugin()
        (home / "data" / "hanging" / "hang").touch()
        start = time.monotonic()
        with pytest.raises(lao.PluginTimeout):
            plugin()
        assert time.monotonic() - start < 10
        (home / "data" / "hanging" / "hang").unlink()
        with pytest.raises(lao.PluginCrashed):  # it started again, and called abort again
            plugin()
