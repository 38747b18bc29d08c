"""The directories that a plugin may write to, and what somebody may have planted in them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lao.errors import PermissionDenied
from lao.host import roots


def test_they_are_made(tmp_path: Path) -> None:
    wanted = (tmp_path / "a" / "b", tmp_path / "c")
    roots.prepare_write_roots("plugin", wanted)
    assert all(root.is_dir() for root in wanted)
    (wanted[0] / "file").touch()
    (wanted[0] / "link").symlink_to("/etc/passwd")  # opens nothing: the sandbox looks at where it leads
    roots.prepare_write_roots("plugin", wanted)


@pytest.mark.parametrize("below", ["", "inner"])
def test_a_link_in_the_path_is_refused_and_nothing_is_made_at_its_end(tmp_path: Path, below: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "root").symlink_to(outside)
    with pytest.raises(PermissionDenied, match="symbolic link"):
        roots.prepare_write_roots("plugin", (tmp_path / "root" / below,))
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("folder", ["", "deep/er"])
def test_a_hard_link_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "secret").write_text("s")
    root = tmp_path / "root"
    (root / folder).mkdir(parents=True)
    os.link(tmp_path / "secret", root / folder / "harmless")
    with pytest.raises(PermissionDenied, match="hard link"):
        roots.prepare_write_roots("plugin", (root,))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_refused(tmp_path: Path) -> None:
    os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    with pytest.raises(PermissionDenied, match="a device"):
        roots.prepare_write_roots("plugin", (tmp_path,))


def test_too_many_files_are_not_taken_on_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roots, "_MOST_FILES", 3)
    for number in range(3):
        (tmp_path / str(number)).touch()
    roots.prepare_write_roots("plugin", (tmp_path,))
    (tmp_path / "3").touch()
    with pytest.raises(PermissionDenied, match="too many files"):
        roots.prepare_write_roots("plugin", (tmp_path,))
