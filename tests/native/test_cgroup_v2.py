"""Control groups of version 2, in a Linux of its own: User-Mode Linux boots in a second and needs no rights.

The machine that runs the tests may have the controllers in version 1, and the groups of its init system are not to be
rearranged by a test. `apt install user-mode-linux` brings the kernel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = (
    "native/ipc/cgroup_linux.c",
    "native/ipc/cgroup_place_linux.c",
    "native/ipc/spawn_into_linux.c",
    "tests/native/test_cgroup.c",
)

# "alone" replaces its shell, so that nobody else is in the group; in the other scenes the shell is in it too.
INIT = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmp /run
groups=/sys/fs/cgroup; mount -t cgroup2 none $groups
echo "+memory +cpu +pids" > $groups/cgroup.subtree_control
scene() { name=$1; shift; echo "scene $name"; "$@" 2>&1; echo "end $name $?"; }
enter() { mkdir -p $groups/$1; echo 0 > $groups/$1/cgroup.procs; }
in_alone() { (enter alone; exec PROGRAM kept); }
in_others() { (enter others; PROGRAM kept; exit $?); }
in_limited() { (enter limited; echo 200000000 > $groups/limited/memory.max; PROGRAM kept; exit $?); }
in_user() {
    mkdir -p $groups/user/shell; echo "+memory +pids" > $groups/user/cgroup.subtree_control
    chown -R nobody $groups/user
    (enter user/shell; su nobody -s /bin/sh -c "PROGRAM; PROGRAM kept"; exit $?)
}
in_foreign() { (enter foreign; su nobody -s /bin/sh -c "PROGRAM kept"; exit $?); }
scene root PROGRAM
scene alone in_alone
scene others in_others
scene limited in_limited
scene user in_user
scene foreign in_foreign
echo "left" $(find $groups -name 'lao-[0-9]*')
echo o > /proc/sysrq-trigger
sleep 9
"""


@pytest.fixture(scope="module")
def console() -> str:
    """What that Linux printed."""
    linux = shutil.which("linux.uml")
    if sys.platform != "linux" or linux is None:
        pytest.skip("`linux.uml` is not installed (Debian's package user-mode-linux)")
    if os.geteuid() != 0:
        pytest.skip("the Linux inside has this user's rights on files, and needs root's")
    with tempfile.TemporaryDirectory(prefix="lao-v2-") as place:
        return boot(linux, Path(place))


def boot(linux: str, folder: Path) -> str:
    """Builds the native test, boots, runs it in every scene."""
    folder.chmod(0o755)  # an ordinary user runs it too
    program, init = folder / "test_cgroup", folder / "init"
    subprocess.run(
        [
            *("cc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-static", "-pthread", "-o", str(program)),
            *(f"-I{ROOT / name}" for name in ("native", "include", "tests/native")),
            *(str(ROOT / source) for source in SOURCES),
        ],
        check=True,
    )
    init.write_text(INIT.replace("PROGRAM", str(program)))
    init.chmod(0o755)
    ended = subprocess.run(
        [
            *(linux, "rootfstype=hostfs", "rootflags=/", "ro", "quiet", "loglevel=1", "mem=512M"),
            *(f"init={init}", f"uml_dir={folder}", "con=null", "con0=null,fd:1"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
        env={"PATH": os.environ.get("PATH", ""), "TMPDIR": "/tmp", "HOME": str(folder)},
    )
    return ended.stdout.decode("utf-8", "replace").replace("\r", "")


def scene(console: str, name: str) -> str:
    """What was printed in one scene, which must have ended well."""
    assert f"scene {name}" in console, console
    text = console.split(f"scene {name}\n")[1]
    body, ended, _ = text.partition(f"end {name} 0")
    assert ended, text
    return body


def test_all_limits_are_kept(console: str) -> None:
    """The whole native test: kills, refusals, throttling, leftovers."""
    text = scene(console, "root")
    assert "abilities: memory cpu pids" in text
    assert "may make no group" not in text


def test_a_host_that_is_alone_moves_to_a_leaf(console: str) -> None:
    assert "kept 7 in /sys/fs/cgroup/alone\n" in scene(console, "alone")


def test_a_host_that_is_not_alone_goes_beside(console: str) -> None:
    assert "kept 7 in /sys/fs/cgroup\r\n" in scene(console, "others").replace("\n", "\r\n").replace(
        "\r\r", "\r"
    )


def test_limits_of_the_host_are_not_escaped(console: str) -> None:
    """Groups beside its own would be outside of what bounds it."""
    assert "kept 0 in" in scene(console, "limited")


def test_an_ordinary_user_to_whom_a_group_was_delegated(console: str) -> None:
    text = scene(console, "user")
    assert "abilities: memory pids" in text
    assert "kept 5 in /sys/fs/cgroup/user" in text


def test_an_ordinary_user_to_whom_nothing_was_delegated(console: str) -> None:
    assert "kept 0 in" in scene(console, "foreign")


def test_nothing_is_left(console: str) -> None:
    assert "left\n" in console
