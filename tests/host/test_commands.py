"""Programs that the host runs for a plugin: which ones, with what, what they may do, and how they end."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lao
from lao.errors import (
    InvalidInput,
    LaoError,
    PermissionDenied,
    PluginError,
    PluginTimeout,
    ResourceLimitExceeded,
)
from lao.host.confinement import Bounds
from lao.host.services.commands import Commands
from lao.model.rights import Rights
from tests.host.test_services import wait_for, write_project

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="this system has no sandbox for programs"
)

FILES = Rights(permissions=frozenset({"read_files", "write_files"}), file_access=("./",))


@pytest.fixture(scope="session")
def prober(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    program = tmp_path_factory.mktemp("programs") / "prober"
    source = Path(__file__).parent / "programs" / "prober.c"
    subprocess.run(
        [compiler, "-D_GNU_SOURCE", "-O1", "-o", str(program), str(source)], check=True, timeout=60
    )
    return program


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    (made / "file").write_text("contents")
    return made


def commands(data: Path, *allowed: object, rights: Rights = Rights(), **options: Any) -> Commands:  # noqa: B008
    return Commands([str(one) for one in allowed], data_dir=data, rights=rights, **options)


# --- Which, and with what ---


def test_a_program_is_run_by_name_or_by_path(data: Path) -> None:
    runs = commands(data, "echo", "/bin/cat")
    expected = {"exit_code": 0, "signal": None, "stdout": "a b\n", "stderr": "", "truncated": False}
    assert runs.run(["echo", "a b"]) == expected
    assert runs.run(["/usr/bin/echo", "a b"]) == expected if Path("/usr/bin/echo").exists() else True
    assert runs.run(["/bin/cat", "/dev/null"])["exit_code"] == 0


@pytest.mark.parametrize(
    "program", ["rm", "/bin/rm", "./echo", "../echo", "/tmp/echo", "echo ", "ECHO", "sh"]
)
def test_other_programs_are_refused(data: Path, program: str) -> None:
    shutil.copy("/bin/echo", data / "echo")
    with pytest.raises(PermissionDenied, match="not one that it may run"):
        commands(data, "echo", rights=FILES).run([program, "x"])


@pytest.mark.parametrize(
    "arguments", [[], ["echo", "a\0b"], ["echo", "x" * 200000], ["echo"] * 2000, ["echo", 5]]
)
def test_arguments_that_are_none_are_refused(data: Path, arguments: list[Any]) -> None:
    with pytest.raises(InvalidInput):
        commands(data, "echo").run(arguments)


def test_no_shell_reads_the_arguments(data: Path, prober: Path) -> None:
    tricky = ["$(id)", "`id`", "a; id", "| id", "*", "~", "a\nb", "--", "-n", "\u00fc", ""]
    said = commands(data, prober).run([str(prober), *tricky])["stdout"]
    assert said == "\n".join([str(prober), *tricky, ""])


def test_a_name_that_is_missing_is_said(data: Path) -> None:
    with pytest.raises(LaoError, match="there is no program"):
        commands(data, "no-such-program").run(["no-such-program"])


def test_a_script_is_run_by_what_its_first_line_names(data: Path, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho said $1\n")
    script.chmod(0o755)
    assert commands(data, script).run([str(script), "so"])["stdout"] == "said so\n"
    script.write_text("#!nothing\n")
    with pytest.raises(LaoError, match="interpret"):
        commands(data, script).run([str(script)])


def test_exit_codes_and_signals(data: Path) -> None:
    runs = commands(data, "sh")
    assert runs.run(["sh", "-c", "echo out; echo err >&2; exit 3"]) == {
        "exit_code": 3,
        "signal": None,
        "stdout": "out\n",
        "stderr": "err\n",
        "truncated": False,
    }
    ended = runs.run(["sh", "-c", "kill -9 $$"])
    assert (ended["exit_code"], ended["signal"]) == (None, 9)
    for code in (125, 126, 127):  # as the sandbox itself exits; only what it says counts
        assert runs.run(["sh", "-c", f"exit {code}"])["exit_code"] == code


# --- What it may do ---


def test_a_program_is_confined(data: Path, prober: Path) -> None:
    os.environ["LAO_TEST_SECRET"] = "secret"
    try:
        said = commands(data, prober).run([str(prober), "try"])["stdout"]
    finally:
        del os.environ["LAO_TEST_SECRET"]
    results = dict(line.split(": ") for line in said.splitlines())
    assert results.pop("descriptors") == "0"
    assert results.pop("variables") == "2"  # PATH and LANG
    assert results.pop("input") == "-1"
    assert {word for word, result in results.items() if result == "done"} == set(), results
    assert len(results) == 11
    assert results["give the host a child"] == "EPERM"


def test_it_sees_the_files_that_the_plugin_may_see(data: Path, prober: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    nothing = commands(data, "cat", prober)
    reader = commands(
        data, "cat", prober, rights=Rights(permissions=frozenset({"read_files"}), file_access=("./",))
    )
    writer = commands(data, "cat", prober, rights=FILES)
    assert nothing.run(["cat", str(data / "file")])["exit_code"] == 1
    assert reader.run(["cat", "file"])["stdout"] == "contents"
    assert writer.run(["cat", str(data / "file")])["stdout"] == "contents"
    for runs in (nothing, reader, writer):
        assert runs.run(["cat", str(tmp_path / "outside")])["stdout"] == ""
        assert runs.run(["cat", "../outside"])["stdout"] == ""
        assert runs.run(["cat", "/etc/passwd"])["stdout"] == ""
    assert reader.run([str(prober), "write", "fresh"])["exit_code"] == 8
    assert writer.run([str(prober), "write", "fresh"])["exit_code"] == 0
    assert (data / "fresh").read_text() == "written"


def test_its_memory_is_bounded(data: Path, prober: Path) -> None:
    runs = commands(data, prober, bounds=Bounds(memory_mb=256, cpu_percent=None, threads=16, disk_mb=None))
    try:
        assert runs.run([str(prober), "memory"])["exit_code"] == 7
    except ResourceLimitExceeded as error:
        limit = error.limit
        assert limit == "max_memory_mb"


def test_its_memory_is_bounded_with_that_of_what_it_starts(data: Path, prober: Path) -> None:
    """Twelve processes below the bound of each, which together are far above it."""
    runs = commands(data, prober, bounds=Bounds(memory_mb=256, cpu_percent=None, threads=32, disk_mb=None))
    with pytest.raises(ResourceLimitExceeded) as caught:
        runs.run([str(prober), "share_memory"])
    assert (caught.value.limit, caught.value.allowed) == ("max_memory_mb", 256)
    assert wait_for(lambda: _processes_of(prober) == [])


def test_its_memory_is_bounded_without_control_groups(
    data: Path, prober: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lao._native import ffi
    from lao.host.services import commands as module

    monkeypatch.setattr(
        module, "control_group", lambda bounds: contextlib.nullcontext(ffi.new("lao__cgroup_t *"))
    )
    test_its_memory_is_bounded_with_that_of_what_it_starts(data, prober)
    test_its_memory_is_bounded(data, prober)
    runs = commands(data, prober, timeout_s=0.5)
    with pytest.raises(PluginTimeout):
        runs.run([str(prober), "leave_and_hang"])
    assert runs.run([str(prober), "fine"])["exit_code"] == 0


def test_its_processes_are_bounded_and_gone_afterwards(data: Path, prober: Path) -> None:
    runs = commands(data, prober, bounds=Bounds(memory_mb=256, cpu_percent=None, threads=20, disk_mb=None))
    assert int(runs.run([str(prober), "fork"])["stdout"]) <= 40  # a few more are the sandbox's own
    assert _processes_of(prober) == []


def test_what_it_leaves_behind_ends_with_it(data: Path, prober: Path) -> None:
    began = time.monotonic()
    child = int(commands(data, prober).run([str(prober), "leave"])["stdout"])
    assert time.monotonic() - began < 20  # the child holds the output open, and is not waited for
    assert child > 0
    assert wait_for(lambda: _processes_of(prober) == [])


def test_past_its_time_all_of_it_is_ended(data: Path, prober: Path) -> None:
    with pytest.raises(PluginTimeout) as caught:
        commands(data, prober, timeout_s=0.5).run([str(prober), "leave_and_hang"])
    assert caught.value.timeout_s == 0.5
    assert wait_for(lambda: _processes_of(prober) == [])


def test_output_is_cut(data: Path) -> None:
    runs = commands(data, "sh", max_output=1000)
    ended = runs.run(["sh", "-c", "i=0; while [ $i -lt 500 ]; do echo 123456789; i=$((i+1)); done"])
    assert (len(ended["stdout"]), ended["truncated"]) == (1000, True)
    exactly = runs.run(["sh", "-c", "i=0; while [ $i -lt 100 ]; do echo 123456789; i=$((i+1)); done"])
    assert (len(exactly["stdout"]), exactly["truncated"]) == (1000, False)


def test_output_without_end_ends_it(data: Path) -> None:
    with pytest.raises(ResourceLimitExceeded, match="far too much") as caught:
        commands(data, "yes", timeout_s=120).run(["yes"])
    assert caught.value.limit == "command_output"


def test_output_that_is_no_text_is_repaired(data: Path) -> None:
    assert commands(data, "printf").run(["printf", "a\\377b"])["stdout"] == "a\ufffdb"


def test_few_run_at_once(data: Path, prober: Path) -> None:
    runs = commands(data, prober, "true", timeout_s=3)

    def hang() -> None:
        with contextlib.suppress(LaoError):
            runs.run([str(prober), "leave_and_hang"])

    threads = [threading.Thread(target=hang) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert wait_for(lambda: runs._running._value == 0)
    with pytest.raises(ResourceLimitExceeded, match="4 programs"):
        runs.run(["true"])
    for thread in threads:
        thread.join()
    assert runs.run(["true"])["exit_code"] == 0


def test_nothing_is_left_open(data: Path, prober: Path) -> None:
    runs = commands(data, "true", prober, timeout_s=0.3)
    runs.run(["true"])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        runs.run(["true"])
        with pytest.raises(LaoError):
            runs.run(["false"])
        with pytest.raises(PluginTimeout):
            runs.run([str(prober), "leave_and_hang"])
    assert len(os.listdir("/proc/self/fd")) <= before
    assert _processes_of(prober) == []


def test_a_plan_that_cannot_be_kept_runs_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lao.host.services import commands as module

    monkeypatch.setattr(module, "plan_of_command", lambda **facts: "unheard_of 1")
    with pytest.raises(LaoError, match="cannot run `true`"):
        commands(data, "true").run(["true"])


def _processes_of(program: Path) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                words = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0] == os.fsencode(program):
                found.append(int(entry))
    return found


# --- What the plugin could have prepared ---


def test_a_program_that_the_plugin_could_have_written_is_not_run(data: Path, prober: Path) -> None:
    mine = data / "mine"
    shutil.copy(prober, mine)
    with pytest.raises(PermissionDenied, match="where the plugin may write"):
        commands(data, mine, rights=FILES).run([str(mine)])
    link = data.parent / "link"
    link.symlink_to(mine)
    with pytest.raises(PermissionDenied, match="where the plugin may write"):
        commands(data, link, rights=FILES).run([str(link)])
    reading = Rights(permissions=frozenset({"read_files"}), file_access=("./",))
    assert commands(data, mine, rights=reading).run([str(mine)])["exit_code"] == 0


def test_what_is_no_program_is_not_opened(data: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # whoever opened it would wait for ever
    for path in (pipe, tmp_path, tmp_path / "nothing"):
        with pytest.raises(LaoError, match="there is no program"):
            commands(data, path).run([str(path)])
    plain = tmp_path / "plain"
    plain.write_text("not a program")
    with pytest.raises(LaoError, match="cannot run"):
        commands(data, plain).run([str(plain)])


def test_a_script_may_be_found_its_interpreter(data: Path, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/usr/bin/env sh\necho said $1\n")
    script.chmod(0o755)
    assert commands(data, script).run([str(script), "so"])["stdout"] == "said so\n"
    script.write_text("#!/usr/bin/env no-such-interpreter\n")
    with pytest.raises(LaoError, match="no `no-such-interpreter`"):
        commands(data, script).run([str(script)])


@pytest.mark.parametrize("argument", ["\ud800", "a\udfffb\ud8ff"])
def test_half_characters_are_refused(data: Path, argument: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(InvalidInput, match="no text"):
            commands(data, "echo").run(["echo", argument])
    assert len(os.listdir("/proc/self/fd")) == before


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20), max_size=6
    )
)
@settings(max_examples=25, deadline=None, database=None)
def test_any_text_arrives_as_it_is(prober: Path, texts: list[str]) -> None:
    runs = commands(prober.parent, prober)
    said = runs.run([str(prober), "say", *texts])["stdout"]
    assert said == "\n".join([str(prober), "say", *texts, ""])


def test_the_host_has_no_child_that_it_does_not_know(data: Path, prober: Path) -> None:
    import psutil

    for _ in range(3):
        commands(data, prober).run([str(prober), "try"])
    mine = psutil.Process().children(recursive=True)
    assert [child for child in mine if child.status() == psutil.STATUS_ZOMBIE] == []


ADOPTING = """
import ctypes, sys
from pathlib import Path
import psutil
from lao.host.services.commands import Commands
from lao.model.rights import Rights

assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
runs = Commands([sys.argv[1]], data_dir=Path(sys.argv[2]), rights=Rights())
for _ in range(3):
    assert int(runs.run([sys.argv[1], "leave"])["stdout"]) > 0
print(len(psutil.Process().children(recursive=True)))
"""


def test_a_host_that_adopts_orphans_keeps_none(data: Path, prober: Path) -> None:
    command = [sys.executable, "-c", ADOPTING, str(prober), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0\n"


# --- From a plugin ---


def test_a_plugin_has_programs_run(host: lao.Host, isolation: str, tmp_path: Path) -> None:
    plugin = host.load(
        write_project(
            tmp_path, "services", ["system_access"], more='[resources]\nallowed_commands = ["echo"]'
        ),
        isolation=isolation,
        grant=["system_access"],
    )
    assert plugin.call("run", command="echo hello there")["stdout"] == "hello there\n"
    with pytest.raises(PermissionDenied, match="`id`"):
        plugin.call("run", command="id")
    with pytest.raises(InvalidInput):
        plugin.call("run", command="")
    assert host.events.count("permission_denied", plugin="services") == 1


def test_a_program_ends_with_the_worker_that_wanted_it(host: lao.Host, tmp_path: Path, prober: Path) -> None:
    plugin = host.load(
        write_project(
            tmp_path, "services", ["system_access"], more=f'[resources]\nallowed_commands = ["{prober}"]'
        ),
        isolation="process",
        grant=["system_access"],
        timeout=1.0,
    )
    with pytest.raises(PluginTimeout):
        plugin.call("run", command=f"{prober} leave_and_hang")
    assert wait_for(lambda: _processes_of(prober) == [])
    assert plugin.call("run", command=f"{prober} again")["exit_code"] == 0


def test_without_the_permission_nothing_is_offered(host: lao.Host, isolation: str, tmp_path: Path) -> None:
    plugin = host.load(write_project(tmp_path, "services", []), isolation=isolation)
    with pytest.raises(PluginError, match="not offered"):
        plugin.call("run", command="echo x")
