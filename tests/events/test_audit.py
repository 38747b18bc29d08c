"""The audit log: one whole line for each record, whoever else writes; nothing removed; no flood."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lao.audit import Audit
from lao.errors import LaoError


def test_a_record_is_one_line(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "home")
    assert audit.entries() == []
    assert audit.record("grant", plugin="denoise", permission="read_files", roots={"b", "a"})
    assert audit.record("kill", plugin="denoise", used=300.5, path=Path("/x"))
    lines = (tmp_path / "home" / "audit.log").read_text(encoding="ascii").splitlines()
    assert len(lines) == 2
    first, second = audit.entries()
    assert first == json.loads(lines[0])
    assert first["action"] == "grant"
    assert first["plugin"] == "denoise"
    assert first["permission"] == "read_files"
    assert first["roots"] == ["a", "b"]
    assert first["pid"] == os.getpid()
    assert first["at"].endswith("+00:00")
    assert second["used"] == 300.5
    assert second["path"] == "/x"


def test_a_field_cannot_pose_as_another_line(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    evil = 'x\n{"action": "grant", "plugin": "evil"}\n\x1b[2J\u2028'
    audit.record("denial", plugin=evil, path=evil, at="1970", pid=1, uid=0)
    text = audit.file.read_bytes()
    assert text.count(b"\n") == 1
    assert b"\x1b" not in text
    assert text.isascii()
    (entry,) = audit.entries()
    assert entry["action"] == "denial"
    assert entry["path"] == evil
    assert entry["pid"] == os.getpid(), "a field replaced a fact"
    assert entry["at"] != "1970", "a field replaced a fact"


def test_long_texts_are_cut(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.record("denial", plugin="a", path="x" * 100_000)
    audit.record("denial", plugin="a", paths=["y" * 1000] * 100)
    first, second = audit.entries()
    assert len(first["path"]) == 1003
    assert second["action"] == "denial"
    assert "too many" in second["cut"]
    assert "paths" not in second


def test_every_rotated_file_is_kept(tmp_path: Path) -> None:
    audit = Audit(tmp_path, max_bytes=2000)
    for number in range(60):
        assert audit.record("grant", plugin=f"p{number}", number=number)
    files = sorted(file.name for file in tmp_path.glob("audit*.log"))
    assert len(files) > 3
    assert "audit.1.log" in files
    assert "audit.log" in files
    assert all(file.stat().st_size <= 2000 for file in tmp_path.glob("audit*.log"))
    assert [entry["number"] for entry in audit.entries()] == list(range(60))


def test_a_damaged_line_is_shown(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.record("grant", plugin="a")
    with audit.file.open("ab") as stream:
        stream.write(b"{half\n\xff[1]\n")
    audit.record("grant", plugin="b")
    entries = audit.entries()
    assert [entry.get("plugin") for entry in entries] == ["a", None, None, "b"]
    assert entries[1] == {"damaged": "{half"}


def test_a_flood_of_one_plugin_is_counted_instead(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    written = sum(audit.record("denial", plugin="loud", path="/etc/shadow") for _ in range(5000))
    assert 100 <= written < 200
    assert audit.record("denial", plugin="other"), "the flood of one plugin suppressed another's"
    assert audit.record("grant", plugin="loud"), "a flood of one action suppressed another"
    assert audit.record("denial", plugin="loud", required=True, path="must be there")
    audit.close()
    entries = audit.entries()
    assert any(entry.get("path") == "must be there" for entry in entries)
    left_out = sum(entry["count"] for entry in entries if entry["action"] == "suppressed")
    assert all(entry["of"] == "denial" for entry in entries if entry["action"] == "suppressed")
    repeated = sum(1 for entry in entries if entry.get("path") == "/etc/shadow")
    assert repeated == written
    assert left_out == 5000 - written


@pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")
def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    before = os.umask(0)
    try:
        audit.record("grant", plugin="a")
    finally:
        os.umask(before)
    assert stat.S_IMODE(audit.file.stat().st_mode) == 0o600
    audit.file.chmod(0o666)
    audit.record("grant", plugin="a")
    assert stat.S_IMODE(audit.file.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")
@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_it_writes_nowhere_else(tmp_path: Path, kind: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("unchanged")
    audit = Audit(tmp_path / "home")
    audit.file.parent.mkdir()
    if kind == "link":
        audit.file.symlink_to(victim)
    elif kind == "fifo":
        os.mkfifo(audit.file)
    else:
        audit.file.mkdir()
    # A fifo without a reader would block an open for writing; it is answered at once.
    assert not audit.record("denial", plugin="a")
    with pytest.raises(LaoError, match="cannot write the audit log"):
        audit.record("grant", plugin="a", required=True)
    assert victim.read_text() == "unchanged"


WRITER = """
import sys
from pathlib import Path
from lao.audit import Audit
audit = Audit(Path(sys.argv[1]), max_bytes=20000)
for number in range(300):
    assert audit.record("grant", plugin=f"{sys.argv[2]}-{number % 5}", number=number, text="x" * 200)
"""


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(number)]) for number in range(4)
    ]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    entries = Audit(tmp_path).entries()
    assert not [entry for entry in entries if "damaged" in entry]
    for writer in range(4):
        mine = [entry["number"] for entry in entries if entry["plugin"].startswith(f"{writer}-")]
        assert sorted(mine) == list(range(300))
    assert len(list(tmp_path.glob("audit.*.log"))) > 5
