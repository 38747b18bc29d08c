"""Counting what lies below a directory, and what lies nowhere any more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lao.host.disk_usage import measure_disk, measure_unlinked

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and blocks of POSIX")
KIB = 1024


def fill(file: Path, size: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(os.urandom(size))
    return file


def test_files_and_blocks(tmp_path: Path) -> None:
    empty = measure_disk([tmp_path])
    assert (empty.size_bytes, empty.files, empty.complete) == (0, 0, True)
    fill(tmp_path / "a", 100 * KIB)
    fill(tmp_path / "b" / "c" / "d", 50 * KIB)
    found = measure_disk([tmp_path])
    assert found.files == 4
    assert 150 * KIB <= found.size_bytes <= 200 * KIB
    assert measure_disk([tmp_path, tmp_path / "b", tmp_path]) == found, "a root within a root counts once"


def test_links_are_not_followed_and_names_count_once(tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside" / "large", 500 * KIB)
    inside = tmp_path / "inside"
    fill(inside / "file", 100 * KIB)
    os.link(inside / "file", inside / "again")
    (inside / "link").symlink_to(outside)
    (inside / "folder").symlink_to(outside.parent)
    (inside / "self").symlink_to(inside)
    found = measure_disk([inside])
    assert found.files == 5
    assert 100 * KIB <= found.size_bytes <= 150 * KIB
    assert measure_disk([inside / "folder"]).size_bytes == 0, "a root that is a link is no root"


def test_holes_take_no_room(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(1 << 40)
    assert measure_disk([tmp_path]).size_bytes < 100 * KIB


def test_it_stops_when_it_has_seen_enough(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / str(number)).touch()
    found = measure_disk([tmp_path], enough_files=100)
    assert (found.files, found.complete) == (101, False)
    fill(tmp_path / "sub" / "large", 300 * KIB)
    assert not measure_disk([tmp_path], enough_bytes=100 * KIB).complete
    assert not measure_disk([tmp_path], within_s=-1).complete
    assert measure_disk([tmp_path]).complete


def test_what_is_not_there_counts_nothing(tmp_path: Path) -> None:
    assert measure_disk([tmp_path / "none", fill(tmp_path / "file", KIB)]).files == 0


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_files_without_a_name(tmp_path: Path) -> None:
    with fill(tmp_path / "held", 200 * KIB).open("rb") as held:
        before = measure_unlinked([os.getpid()], [tmp_path])
        (tmp_path / "held").unlink()
        assert measure_disk([tmp_path]).size_bytes == 0
        assert 200 * KIB <= measure_unlinked([os.getpid()], [tmp_path]) - before <= 250 * KIB
        second = os.dup(held.fileno())
        assert measure_unlinked([os.getpid(), os.getpid()], [tmp_path]) - before <= 250 * KIB, "counts once"
        os.close(second)
        assert measure_unlinked([os.getpid()], [Path("/proc")]) == 0, "other file systems do not count"
    assert measure_unlinked([1 << 22], [tmp_path]) == 0
