"""Cases 36 to 48: plugins that reach for files they were not given. They are denied, and live.

Each may write to its data directory, so that what is denied is not denied to everybody. The host's user may read and
write all that is attacked, and so might the worker, were it not for its sandbox.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
import pytest

import lao
from lao.errors import PermissionDenied
from lao.model.rights import Rights
from tests.hostile.stage import Stage

WRITES = Rights(permissions=frozenset({"read_files", "write_files"}), file_access=("./",))
SECRET = "what nobody else may know"


def outside(stage: Stage) -> Path:
    """A directory beside the plugin's own, with a secret."""
    folder = stage.scratch / "outside"
    folder.mkdir(exist_ok=True)
    (folder / "secret.txt").write_text(SECRET)
    return folder


def state(folder: Path) -> Any:
    """Whatever an attack could change about what lies there."""
    files = [folder, *sorted(folder.rglob("*"))]
    return [
        (file, (status := file.lstat()).st_mode, status.st_uid, status.st_mtime_ns, os.listxattr(file))
        for file in files
    ] + [file.read_text() for file in files if file.is_file()]


def attack(stage: Stage, plugin: lao.Plugin, text: str | None = None) -> dict[str, Any]:
    """The plugin's report; nothing outside of its directory changed, and it still serves."""
    folder = outside(stage)
    before, beside = state(folder), sorted(stage.scratch.iterdir())
    report: dict[str, Any] = plugin.call("attack", str(folder) if text is None else text)
    assert state(folder) == before
    assert sorted(stage.scratch.iterdir()) == beside
    stage.assert_serves(plugin)
    assert plugin.stats.restarts == 0
    return report


def test_36_reading_outside(stage: Stage) -> None:
    with stage.load(rights=WRITES) as plugin:
        report = attack(stage, plugin)
    assert report.pop("path_only") == "ok"  # names a file, and opens nothing
    assert set(report.values()) == {"EACCES"}, report


def test_37_dot_dot(stage: Stage) -> None:
    with stage.load(rights=WRITES) as plugin:
        report = attack(stage, plugin)
    assert {report.pop(own) for own in ("own_directory", "own_file", "chdir")} == {"ok"}
    assert report.pop("openat2") in ("EACCES", "ENOSYS")
    assert report.pop("rmdir") in ("EACCES", "ENOTEMPTY")
    assert set(report.values()) == {"EACCES"}, report


def test_38_a_symbolic_link_out(stage: Stage) -> None:
    folder, own = outside(stage), stage.scratch / "data"
    own.mkdir()
    (own / "planted").symlink_to(folder)
    (own / "dangling").symlink_to(folder / "new.txt")
    with stage.load(rights=WRITES) as plugin:
        report = attack(stage, plugin)
    assert {report.pop("symlink"), report.pop("symlinkat")} == {"EPERM"}
    assert set(report.values()) == {"EACCES"}, report


def test_39_moving_and_linking_out(stage: Stage) -> None:
    with stage.load(rights=WRITES) as plugin:
        report = attack(stage, plugin)
    assert {report.pop("own_file"), report.pop("rename_inside")} == {"ok"}
    assert {report.pop(name) for name in ("link_out", "link_in", "linkat")} == {"EPERM"}
    assert set(report.values()) <= {"EACCES", "EXDEV"}, report


def test_40_emptying_a_file(stage: Stage) -> None:
    with stage.load(rights=WRITES) as plugin:
        report = attack(stage, plugin)
    assert {report.pop("own_file"), report.pop("own_path")} == {"ok"}
    assert set(report.values()) == {"EACCES"}, report


def test_41_devices_pipes_and_sockets(stage: Stage) -> None:
    with stage.load(rights=WRITES) as plugin:
        report = attack(stage, plugin)
    assert report.pop("chdir") == "ok"
    assert set(report.values()) == {"EPERM"}, report
    assert list((stage.scratch / "data").iterdir()) == []


def test_42_its_own_memory_by_a_file(stage: Stage) -> None:
    with stage.load(rights=WRITES) as plugin:
        report = attack(stage, plugin)
    assert {report.pop(name) for name in ("read", "maps")} <= {
        "ok",
        "EACCES",
    }  # it can read its own memory anyway
    assert set(report.values()) == {"EACCES"}, report


def test_43_the_environment_of_others(stage: Stage) -> None:
    with stage.load(rights=WRITES) as plugin:
        report = attack(stage, plugin, str(stage.sibling_pid))
    assert report.pop("own_environ_bytes") == 0  # nothing of the host's was handed down
    assert set(report.values()) == {"EACCES"}, report


def test_44_opening_descriptors_again(stage: Stage) -> None:
    """No path leads to a memory file, so that no sandbox can deny to open it again: its seals have to hold."""
    with stage.load(rights=WRITES) as plugin:
        library = next((stage.home / "cache").rglob("lib44_*.so"))
        report = attack(stage, plugin, str(library))
    assert report == {
        "control": "ENXIO",  # sockets cannot be opened
        "services": "ENXIO",
        "requests_write": "EPERM",  # what it may only read
        "requests_map": "EPERM",
        "requests_truncate": "EPERM",
        "requests_seal": "EPERM",
        "signals_truncate": "EPERM",  # what it may write, and not shorten under the host
        "responses_truncate": "EPERM",
        "library_read": "ok",
        "library_write": "EACCES",
        "library_write_dev": "EACCES",
    }


def test_45_changing_attributes_outside(stage: Stage) -> None:
    with stage.load(rights=WRITES) as plugin:
        report = attack(stage, plugin)
    assert set(report.values()) <= {"EPERM", "ENOSYS", "EACCES"}, report


def test_46_a_hard_link_planted_in_its_directory(stage: Stage) -> None:
    folder, work = outside(stage), stage.scratch / "data" / "work"
    work.mkdir(parents=True)
    os.link(folder / "secret.txt", work / "planted.txt")
    rights = Rights(permissions=frozenset({"write_files"}), file_access=("./work",))
    with pytest.raises(PermissionDenied) as caught:
        stage.load(rights=rights)
    assert "is a hard link" in str(caught.value)
    assert str(work / "planted.txt") in str(caught.value)
    (work / "planted.txt").unlink()
    with stage.load(rights=rights) as plugin:
        stage.assert_serves(plugin)
    assert (folder / "secret.txt").read_text() == SECRET


def test_47_locking_what_it_may_only_read(stage: Stage) -> None:
    """The kernel lets everybody lock what he may read (docs/isolation.md): nothing of the host waits for that."""
    with stage.load(rights=WRITES) as plugin:
        library = next((stage.home / "cache").rglob("lib47_*.so"))
        report = attack(stage, plugin, str(library))
        assert report == {
            "open": "ok",
            "open_write": "EACCES",
            "shared": "ok",
            "exclusive": "ok",
            "record": "EBADF",
            "lease": "EPERM",
        }
        with stage.load(rights=WRITES) as again:  # the lock is held, and hinders nobody
            stage.assert_serves(again)


def test_48_a_root_swapped_for_a_link(stage: Stage) -> None:
    folder, data = outside(stage), stage.scratch / "data"
    data.mkdir()
    rights = Rights(permissions=frozenset({"write_files"}), file_access=("./work",))
    with stage.load(rights=rights) as plugin:
        stage.assert_serves(plugin)
    (data / "work").rmdir()
    (data / "work").symlink_to(folder)
    (folder / "planted.txt").write_text(SECRET)
    with pytest.raises(PermissionDenied) as caught:
        stage.load(rights=rights)
    assert "symbolic link" in str(caught.value)
    assert (folder / "planted.txt").read_text() == SECRET
    (data / "work").unlink()
    with stage.load(rights=rights) as plugin:
        stage.assert_serves(plugin)


def test_48_a_root_swapped_while_it_runs(stage: Stage) -> None:
    """What was opened stays what it was; the worker that comes next is not given what the link leads to."""
    folder, work = outside(stage), stage.scratch / "data" / "work"
    (folder / "planted.txt").write_text(SECRET)
    rights = Rights(permissions=frozenset({"write_files"}), file_access=("./work",))
    before = set(psutil.Process().children())
    with stage.load(rights=rights) as plugin:
        worker = (set(psutil.Process().children()) - before).pop()
        work.rename(stage.scratch / "data" / "moved")
        work.symlink_to(folder)
        assert plugin.call("attack", "") == {"write": "EACCES"}
        worker.kill()
        stage.wait_for_event("worker_died")  # the host knows; else the next call would be the one that tells
        with pytest.raises(PermissionDenied) as caught:
            plugin.call("attack", "")
        assert "symbolic link" in str(caught.value)
        assert (folder / "planted.txt").read_text() == SECRET
        work.unlink()
        work.mkdir()
        stage.assert_serves(plugin)
