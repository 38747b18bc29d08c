"""Archives: what is written, what is tolerated, and that every attack is refused before anything is
written."""

import gzip
import hashlib
import importlib.util
import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lao.errors import InvalidInput, LaoError, VerificationError
from lao.package.archive import (
    Limits,
    open_archive,
    record_digest,
    record_of,
    verify_record,
    write_archive,
    write_record,
)

MANIFEST = b'[plugin]\nname = "a"\nversion = "1.0.0"\n'
FILES = {"plugin.toml": MANIFEST, "lib/liba.so": b"\x7fELF" + bytes(2000), "README.md": b"# a\n"}

HAS_ZSTD = any(
    importlib.util.find_spec(name.split(".")[0]) and importlib.util.find_spec(name)
    for name in ("compression.zstd", "backports.zstd")
)
needs_zstd = pytest.mark.skipif(not HAS_ZSTD, reason="no zstd module is installed (backports.zstd)")
KINDS = ["tar.gz", pytest.param("lao", marks=needs_zstd)]


def header(
    name: bytes, size: int = 0, *, mode: bytes = b"0000644\0", kind: bytes = b"0", **fields: bytes
) -> bytes:
    """A tar header as bytes, so that it can be wrong in any field."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = mode
    block[108:124] = b"0000000\0" * 2
    block[124:136] = fields.get("length", b"%011o\0" % size)
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[157 : 157 + len(fields.get("link", b""))] = fields.get("link", b"")
    block[257:265] = fields.get("magic", b"ustar\x0000")
    block[345 : 345 + len(fields.get("prefix", b""))] = fields.get("prefix", b"")
    block[148:156] = b" " * 8
    block[148:156] = fields.get("checksum", b"%06o\0 " % sum(block))
    return bytes(block)


def member(name: bytes, data: bytes = b"", **fields: bytes) -> bytes:
    return header(name, len(data), **fields) + data + bytes(-len(data) % 512)


END = bytes(1024)
GOOD = member(b"plugin.toml", MANIFEST)


def archive_of(folder: Path, tar: bytes, *, after: bytes = b"") -> Path:
    path = folder / "x.tar.gz"
    path.write_bytes(gzip.compress(tar, mtime=0) + after)
    return path


def refusal(path: Path, limits: Limits | None = None) -> str:
    """The reason for which an archive is refused; asserts that nothing was left behind."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(VerificationError) as caught:
        open_archive(path, limits=limits)
    assert caught.value.message == f"the archive `{path.name}` is refused"
    assert caught.value.where == str(path)
    assert sorted(path.parent.rglob("*")) == before
    return ": ".join(caught.value.causes)


def tree(directory: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(directory).as_posix(): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in directory.rglob("*")
        if path.is_file()
    }


# --- round trip ---


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "source"
    (source / "lib").mkdir(parents=True)
    for name, data in FILES.items():
        (source / name).write_bytes(data)
    (source / "lib" / "liba.so").chmod(0o775)
    (source / "README.md").chmod(0o600)
    path = write_archive(source, tmp_path / "out" / f"a.{kind}")
    archive = open_archive(path)
    assert (archive.kind, archive.root, archive.has_record) == (kind, "", True)
    assert archive.manifest_text == MANIFEST.decode()
    assert archive.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [m.name for m in archive.members] == ["plugin.toml", "RECORD", "README.md", "lib/liba.so"]
    unpacked = archive.extract(tmp_path / "unpacked")
    files = tree(unpacked)
    assert {name: data for name, (data, _) in files.items() if name != "RECORD"} == FILES
    assert {name: mode for name, (_, mode) in files.items()} == {
        "plugin.toml": 0o644,
        "RECORD": 0o644,
        "README.md": 0o644,
        "lib/liba.so": 0o755,
    }
    verify_record(unpacked)
    assert record_digest(unpacked) == hashlib.sha256(files["RECORD"][0]).hexdigest() == record_digest(source)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_files_give_the_same_bytes(tmp_path: Path, kind: str) -> None:
    one = write_archive(FILES, tmp_path / f"1.{kind}")
    two = write_archive(dict(reversed(FILES.items())), tmp_path / f"2.{kind}")
    assert one.read_bytes() == two.read_bytes()


def test_the_gzip_is_readable_by_tar_and_names_nobody(tmp_path: Path) -> None:
    path = write_archive(FILES, tmp_path / "a.tar.gz")
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", 0)}
    assert {m.mode for m in members} == {0o644}
    listing = subprocess.run(
        ["tar", "-tzf", path], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert listing.split() == ["plugin.toml", "RECORD", "README.md", "lib/liba.so"]
    assert path.read_bytes()[4:8] == bytes(4)  # no time in the gzip header


def test_zstd_without_a_module_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(LaoError, match="no Python module is installed") as caught:
        write_archive(FILES, tmp_path / "a.lao")
    assert "pip install backports.zstd" in (caught.value.hint or "")
    (tmp_path / "b.lao").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(10))
    with pytest.raises(LaoError, match="no Python module is installed"):
        open_archive(tmp_path / "b.lao")
    assert os.listdir(tmp_path) == ["b.lao"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a.so": b""}, "there is no `plugin.toml`"),
        ({**FILES, "../x": b""}, "leaves the package"),
        ({**FILES, "/x": b""}, "absolute path"),
        ({**FILES, "ä": b""}, "not printable ASCII"),
        ({**FILES, "readme.md": b""}, "differs from it only in case"),
        ({**FILES, "n" * 101: b""}, "more than 100 characters"),
        ({**FILES, "aux.txt": b""}, "not a name that all systems allow"),
        ({**FILES, "a:b": b""}, "not a name that all systems allow"),
    ],
)
def test_what_cannot_be_packaged(tmp_path: Path, files: dict[str, bytes], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        write_archive(files, tmp_path / "a.tar.gz")
    assert os.listdir(tmp_path) == []


def test_directories_with_links_cannot_be_packaged(tmp_path: Path) -> None:
    source = tmp_path / "s"
    source.mkdir()
    (source / "plugin.toml").write_bytes(MANIFEST)
    (source / "secret").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInput, match="`secret` is neither a file nor a directory"):
        write_archive(source, tmp_path / "a.tar.gz")
    with pytest.raises(InvalidInput, match=r"cannot write `a\.zip`"):
        write_archive(FILES, tmp_path / "a.zip")
    with pytest.raises(LaoError, match="no such file"):
        write_archive(tmp_path / "none", tmp_path / "a.tar.gz")


def test_a_failed_write_leaves_the_old_archive(tmp_path: Path) -> None:
    path = write_archive(FILES, tmp_path / "a.tar.gz")
    before = path.read_bytes()
    with pytest.raises(LaoError):
        write_archive({**FILES, "gone": tmp_path / "gone"}, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.tar.gz"]


# --- archives that others made ---


@pytest.mark.parametrize("options", [["--format=ustar"], ["--format=gnu"], ["--format=v7", "--owner=0"]])
@pytest.mark.parametrize("what", [".", "./*", "top"])
def test_archives_of_gnu_tar(tmp_path: Path, options: list[str], what: str) -> None:
    top = tmp_path / "top"
    (top / "lib").mkdir(parents=True)
    for name, data in FILES.items():
        (top / name).write_bytes(data)
    (top / "README.md").chmod(0o664)
    (top / "lib" / "liba.so").chmod(0o711)
    path = tmp_path / "x.tgz"
    folder = tmp_path if what == "top" else top
    subprocess.run(
        f"tar -czf {path} {' '.join(options)} {what}", cwd=folder, shell=True, check=True, timeout=60
    )
    if "--format=v7" in options:
        assert refusal(path) == "a member's header is not of the ustar format"
        return
    archive = open_archive(path)
    assert archive.root == ("top" if what == "top" else "")
    assert not archive.has_record
    assert {m.name for m in archive.members} == set(FILES)
    files = tree(archive.extract(tmp_path / "out"))
    assert {name: data for name, (data, _) in files.items()} == FILES
    assert files["README.md"][1] == 0o644
    assert files["lib/liba.so"][1] == 0o755


def test_an_archive_of_python(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.USTAR_FORMAT) as archive:
        for name in reversed(FILES):
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.uname, info.uid = len(FILES[name]), 1_700_000_000, "somebody", 1000
            archive.addfile(info, io.BytesIO(FILES[name]))
    assert {m.name for m in open_archive(path).members} == set(FILES)


def test_what_it_is_follows_from_the_content(tmp_path: Path) -> None:
    path = write_archive(FILES, tmp_path / "a.tar.gz").rename(tmp_path / "download")
    assert open_archive(path).kind == "tar.gz"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04zip", b"\x7fELF", GOOD + END])
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(data)
    assert "neither like gzip nor like zstd" in refusal(path)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LaoError, match="no such file"):
        open_archive(tmp_path / "none.tar.gz")
    with pytest.raises(LaoError, match="is a directory"):
        open_archive(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    assert refusal(tmp_path / "fifo") == "it is not a regular file"


# --- attacks ---


def _with(*parts: bytes) -> bytes:
    return GOOD + b"".join(parts) + END


ATTACKS: dict[str, tuple[bytes, str]] = {
    "absolute": (_with(member(b"/etc/passwd")), "`/etc/passwd` is an absolute path"),
    "drive": (_with(member(b"C:/x")), "`C:/x` is an absolute path"),
    "dotdot": (_with(member(b"../x")), "`../x` leaves the package"),
    "dotdot inside": (_with(member(b"a/../../x")), "`a/../../x` leaves the package"),
    "dotdot folder": (_with(member(b"../", kind=b"5")), "`..` leaves the package"),
    "dot inside": (_with(member(b"a/./x")), "`a/./x` has an empty part"),
    "double slash": (_with(member(b"a//x")), "`a//x` has an empty part"),
    "file with slash": (_with(member(b"a/")), "`a/` has an empty part"),
    "twice a leading dot": (_with(member(b"././x")), "`./x` has an empty part"),
    "dot and absolute": (_with(member(b".//etc/passwd")), "`/etc/passwd` is an absolute path"),
    "backslash": (_with(member(b"..\\x")), "`..\\x` is not a name that all systems allow"),
    "stream": (_with(member(b"a:b")), "`a:b` is not a name that all systems allow"),
    "device name": (_with(member(b"lib/NUL.txt")), "`lib/NUL.txt` is not a name that all systems allow"),
    "trailing dot": (_with(member(b"a./x")), "`a./x` is not a name that all systems allow"),
    "empty name": (_with(member(b"")), "a member has no name"),
    "symlink": (_with(member(b"x", kind=b"2", link=b"/etc/passwd")), "`x` is a symbolic link"),
    "hard link": (_with(member(b"x", kind=b"1", link=b"plugin.toml")), "`x` is a hard link"),
    "hidden link": (_with(member(b"x", link=b"/etc/passwd")), "`x` names a link target"),
    "character device": (_with(member(b"x", kind=b"3")), "`x` is a character device"),
    "block device": (_with(member(b"x", kind=b"4")), "`x` is a block device"),
    "fifo": (_with(member(b"x", kind=b"6")), "`x` is a FIFO"),
    "contiguous": (_with(member(b"x", kind=b"7")), "`x` is a contiguous file"),
    "unknown type": (_with(member(b"x", kind=b"\xff")), "`x` is of an unknown type"),
    "setuid": (_with(member(b"x", mode=b"0004755\0")), "`x` has a setuid, setgid or sticky bit"),
    "setgid": (_with(member(b"x", mode=b"0002755\0")), "`x` has a setuid, setgid or sticky bit"),
    "sticky": (_with(member(b"x", mode=b"0001755\0")), "`x` has a setuid, setgid or sticky bit"),
    "pax": (_with(member(b"x", b"11 path=/x\n", kind=b"x")), "`x` is a PAX record"),
    "pax global": (_with(member(b"x", b"11 path=/x\n", kind=b"g")), "`x` is a PAX record"),
    "gnu long name": (_with(member(b"././@LongLink", b"../x\0", kind=b"L")), "is a GNU record"),
    "gnu long link": (_with(member(b"././@LongLink", b"../x\0", kind=b"K")), "is a GNU record"),
    "gnu sparse": (_with(member(b"x", kind=b"S")), "`x` is a GNU record"),
    "gnu volume": (_with(member(b"x", kind=b"V")), "`x` is a GNU record"),
    "prefix": (_with(member(b"x", prefix=b"/etc")), "`x...` has more than 100 characters"),
    "duplicate": (_with(GOOD), "`plugin.toml` is there twice"),
    "case": (_with(member(b"PLUGIN.toml")), "`PLUGIN.toml` is there twice, perhaps in another case"),
    "folder case": (_with(member(b"lib/a"), member(b"LIB/b")), "`LIB` and `lib` differ only in case"),
    "file as folder": (_with(member(b"plugin.toml/x")), "`plugin.toml` is a file and a folder"),
    "folder as file": (_with(member(b"lib/a"), member(b"lib")), "`lib` is a file and a folder"),
    "folder twice": (_with(member(b"a/", kind=b"5"), member(b"a", kind=b"5")), "`a` is there twice"),
    "folder with data": (_with(member(b"a/", b"data", kind=b"5")), "the folder `a/` has data"),
    "zero width": (_with(member("a\u200b.so".encode())), "characters that are not printable ASCII"),
    "homoglyph": (_with(member("plugin.t\u043eml".encode())), "characters that are not printable ASCII"),
    "latin-1": (_with(member(b"\xe4")), "characters that are not printable ASCII"),
    "escape": (_with(member(b"\x1b[2J")), "`\\x1b[2J` has characters that are not printable ASCII"),
    "behind the name": (_with(member(b"x\0../y")), "a member's name has something behind its end"),
    "checksum": (_with(member(b"x", checksum=b"0000001\0")), "a member's checksum is wrong"),
    "no magic": (_with(member(b"x", magic=bytes(8))), "a member's header is not of the ustar format"),
    "base-256 size": (
        _with(member(b"x", length=b"\x80" + bytes(11))),
        "a member's size is not an octal number",
    ),
    "negative size": (_with(member(b"x", length=b"-0000000001\0")), "a member's size is not an octal number"),
    "lying size": (GOOD + header(b"x", 2**33 - 1) + END, "it unpacks to more than 4294967296 bytes"),
    "size beyond the end": (GOOD + header(b"x", 10_000) + END, "it is truncated"),
    "padding": (GOOD + header(b"x", 1) + b"a" + b"b" * 511 + END, "there is data behind `x`"),
    "no end": (GOOD, "it is truncated"),
    "half an end": (GOOD + bytes(512), "it is truncated"),
    "damaged end": (GOOD + bytes(512) + GOOD, "its end mark is damaged"),
    "after the end": (_with() + member(b"x"), "there is data after the end of the archive"),
    "half a header": (GOOD + header(b"x")[:100], "it is truncated"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused_before_any_write(tmp_path: Path, attack: str) -> None:
    tar, reason = ATTACKS[attack]
    assert reason in refusal(archive_of(tmp_path, tar))


def test_a_pax_archive_says_how_to_make_a_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("plugin.toml")
        info.mtime = 1.5
        archive.addfile(info)
    with pytest.raises(VerificationError, match="is a PAX record") as caught:
        open_archive(path)
    assert caught.value.hint == "make it with `tar --format=ustar`"


@needs_zstd
@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_on_the_other_format(tmp_path: Path, attack: str) -> None:
    from lao.package.tar_stream import compressor_for

    compressor = compressor_for("lao")
    path = tmp_path / "x.lao"
    path.write_bytes(compressor.compress(ATTACKS[attack][0]) + compressor.flush())
    refusal(path)


@needs_zstd
@pytest.mark.parametrize(
    ("tar", "reason"),
    [
        (_with(), "its first members are not `plugin.toml` and `RECORD`"),
        (_with(member(b"lib/", kind=b"5")), "`lib/` is a folder"),
        (member(b"./plugin.toml") + END, "`./plugin.toml` has an empty part"),
        (member(b"plugin.toml", mode=b"0000600\0") + END, "has another mode than 644 and 755"),
        (GOOD + member(b"RECORD") + member(b"b") + member(b"a") + END, "its members are not sorted"),
        (member(b"plugin.toml", magic=b"ustar  \0") + END, "not of the ustar format"),
        (GOOD + member(b"RECORD") + END + bytes(8192), "there is data after the end of the archive"),
    ],
)
def test_what_only_tar_gz_tolerates(tmp_path: Path, tar: bytes, reason: str) -> None:
    from lao.package.tar_stream import compressor_for

    compressor = compressor_for("lao")
    path = tmp_path / "x.lao"
    path.write_bytes(compressor.compress(tar) + compressor.flush())
    assert reason in refusal(path)


def test_trailing_data_behind_the_compressed_stream(tmp_path: Path) -> None:
    assert "after the end of the compressed stream" in refusal(archive_of(tmp_path, _with(), after=b"x"))
    assert "after the end of the compressed stream" in refusal(archive_of(tmp_path, _with(), after=bytes(10)))
    second = gzip.compress(_with(member(b"x")))
    assert "after the end of the compressed stream" in refusal(archive_of(tmp_path, _with(), after=second))


def test_zero_padding_is_tolerated_within_bounds(tmp_path: Path) -> None:
    assert len(open_archive(archive_of(tmp_path, _with() + bytes(10240))).members) == 1
    assert "after the end of the archive" in refusal(archive_of(tmp_path, _with() + bytes(2 << 20)))


def test_damaged_compression(tmp_path: Path) -> None:
    path = archive_of(tmp_path, _with())
    data = bytearray(path.read_bytes())
    data[-6] ^= 1  # the checksum of the gzip trailer
    path.write_bytes(data)
    assert "its compressed data is damaged" in refusal(path)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    whole = write_archive(FILES, tmp_path / "a.tar.gz").read_bytes()
    path = tmp_path / "x.tar.gz"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert refusal(path)


def test_bombs(tmp_path: Path) -> None:
    ratio = archive_of(tmp_path, _with(member(b"x", bytes(40 << 20))))
    assert refusal(ratio) == "it unpacks to more than 200 times its size"
    small = Limits(max_bytes=1000, max_members=3)
    assert refusal(archive_of(tmp_path, _with(member(b"x", bytes(1001)))), small).startswith(
        "it unpacks to more"
    )
    many = _with(*(member(b"m%d" % n) for n in range(3)))
    assert refusal(archive_of(tmp_path, many), small) == "it has more than 3 members"
    padding = Limits(max_bytes=1000, max_members=3, ratio_floor=1 << 30)
    assert refusal(archive_of(tmp_path, GOOD + bytes(8 << 20)), padding)


# --- RECORD ---


def _record_for(files: dict[str, bytes]) -> bytes:
    lines = [
        f"sha256={hashlib.sha256(data).hexdigest()} {len(data)} {name}\n"
        for name, data in sorted(files.items())
    ]
    return "".join(lines).encode()


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (_record_for({"plugin.toml": MANIFEST}), None),
        (_record_for({"plugin.toml": MANIFEST + b"x"}), "`plugin.toml` has another size than RECORD says"),
        (_record_for({"plugin.toml": MANIFEST[::-1]}), "`plugin.toml` has another hash than RECORD says"),
        (_record_for({"plugin.toml": MANIFEST, "gone": b""}), "`gone` is missing"),
        (b"", "`plugin.toml` is not listed in RECORD"),
        (b"nonsense\n", "line 1 is not `sha256=HASH SIZE PATH`"),
        (_record_for({"plugin.toml": MANIFEST})[:-1], "it is not a text of whole ASCII lines"),
        (_record_for({"plugin.toml": MANIFEST}) * 2, "its lines are not sorted, or not unique"),
        (b"\xff\n", "it is not a text of whole ASCII lines"),
    ],
)
def test_record_is_verified(tmp_path: Path, record: bytes, reason: str | None) -> None:
    path = archive_of(tmp_path, _with(member(b"RECORD", record)))
    if reason is None:
        assert open_archive(path).has_record
    else:
        assert reason in refusal(path)


def test_record_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x")
    (tmp_path / "plugin.toml").write_bytes(MANIFEST)
    digest = record_digest(tmp_path)
    write_record(tmp_path)
    assert record_digest(tmp_path) == digest
    assert set(record_of(tmp_path)) == {"a/b", "plugin.toml"}
    verify_record(tmp_path)
    (tmp_path / "a" / "b").write_bytes(b"y")
    (tmp_path / "new").touch()
    with pytest.raises(VerificationError) as caught:
        verify_record(tmp_path)
    assert caught.value.causes == (
        "`a/b` has another hash than RECORD says",
        "`new` is not listed in RECORD",
    )
    (tmp_path / "RECORD").unlink()
    with pytest.raises(VerificationError, match="no such file"):
        verify_record(tmp_path)


# --- unpacking ---


def test_extraction_needs_a_fresh_directory(tmp_path: Path) -> None:
    archive = open_archive(write_archive(FILES, tmp_path / "a.tar.gz"))
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("/nowhere")
    for name in ("there", "link"):
        with pytest.raises(LaoError, match="it exists already"):
            archive.extract(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["a.tar.gz", "link", "there"]


@pytest.mark.parametrize("other", [{**FILES, "README.md": b"# b\n"}, {**FILES, "more": b""}, None])
def test_a_file_that_changes_after_the_check_is_not_unpacked(
    tmp_path: Path, other: dict[str, bytes] | None
) -> None:
    path = write_archive(FILES, tmp_path / "a.tar.gz")
    archive = open_archive(path)
    if other is None:
        path.write_bytes(path.read_bytes()[:-20])
    else:
        write_archive(other, path)
    with pytest.raises(VerificationError, match="changed while it was unpacked"):
        archive.extract(tmp_path / "out")
    assert os.listdir(tmp_path) == ["a.tar.gz"]


def test_a_failure_while_unpacking_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = open_archive(write_archive(FILES, tmp_path / "a.tar.gz"))
    real: Callable[..., None] = os.rename

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(LaoError, match="no space left on device"):
        archive.extract(tmp_path / "out")
    monkeypatch.setattr(os, "rename", real)
    assert os.listdir(tmp_path) == ["a.tar.gz"]
    archive.extract(tmp_path / "out")


def test_one_top_folder_is_taken_off(tmp_path: Path) -> None:
    tar = member(b"a-1.0/", kind=b"5") + member(b"a-1.0/plugin.toml", MANIFEST) + member(b"a-1.0/x") + END
    archive = open_archive(archive_of(tmp_path, tar))
    assert archive.root == "a-1.0"
    assert set(tree(archive.extract(tmp_path / "out"))) == {"plugin.toml", "x"}


_names = st.text(st.sampled_from("ab/.A \\:\x00é"), max_size=12).map(lambda text: text.encode())


@settings(max_examples=300, deadline=None)
@given(names=st.lists(_names, max_size=4), kinds=st.binary(max_size=4), cut=st.integers(0, 5))
def test_whatever_is_accepted_stays_inside(
    tmp_path_factory: pytest.TempPathFactory, names: list[bytes], kinds: bytes, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("a")
    parts = [
        member(name, b"x", kind=kinds[n : n + 1] if n < len(kinds) else b"0") for n, name in enumerate(names)
    ]
    tar = _with(*parts)
    path = archive_of(folder, tar[: len(tar) - cut * 100])
    try:
        open_archive(path).extract(folder / "out")
    except VerificationError:
        assert not (folder / "out").exists()
    assert {entry.name for entry in folder.iterdir()} <= {"x.tar.gz", "out"}
