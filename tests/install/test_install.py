"""Installing from a directory, a library, an archive and a project."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
from pathlib import Path

import pytest

from lao.errors import (
    InvalidInput,
    LaoError,
    ManifestError,
    PluginLoadError,
    PluginNotFound,
    VerificationError,
)
from lao.install import install
from lao.package.archive import write_archive
from lao.package.record import verify_record
from lao.store import Store
from tests.install.conftest import left_behind
from tests.install.libraries import library, manifest, package, tar_gz


def test_a_library_with_an_embedded_manifest(shared_library: Path, store: Store) -> None:
    outcome = install(shared_library)
    found = store.get("speaker")
    assert found == outcome.installed
    assert found is not None
    assert (found.name, found.version, found.description) == ("speaker", "1.0.0", "Says speaker")
    assert found.origin.kind == "file"
    assert found.origin.sha256 == hashlib.sha256(shared_library.read_bytes()).hexdigest()
    assert found.abi == "lao/1"
    assert [capability["name"] for capability in found.capabilities] == ["say"]
    assert (found.directory / "plugin.toml").read_text() == manifest()
    assert found.library.read_bytes() == shared_library.read_bytes()
    assert found.digest == hashlib.sha256((found.directory / "RECORD").read_bytes()).hexdigest()
    verify_record(found.directory)


def test_the_package_is_read_only(shared_library: Path) -> None:
    found = install(shared_library).installed
    modes = {
        path: stat.S_IMODE(path.stat().st_mode) for path in [found.directory, *found.directory.rglob("*")]
    }
    assert not [path for path, mode in modes.items() if mode & 0o222]


@pytest.mark.parametrize(
    ("file_name", "name"),
    [("libfast.so", "fast"), ("fast.so", "fast"), ("my-plugin.so", "my-plugin"), ("lib.so", "lib")],
)
def test_a_bare_library_is_named_by_its_stem(tmp_path: Path, store: Store, file_name: str, name: str) -> None:
    install(library(tmp_path / "bare" / file_name))
    found = store.get(name)
    assert found is not None
    assert (found.name, found.version, found.has_manifest) == (name, "", False)


def test_a_manifest_beside_a_library_takes_effect(tmp_path: Path, store: Store) -> None:
    file = library(tmp_path / "beside" / "libother.so")
    (file.parent / "plugin.toml").write_text(manifest("speaker", "2.0.0"))
    assert install(file).installed.version == "2.0.0"
    assert store.names() == ["speaker"]


def test_a_manifest_among_several_libraries_is_only_that_of_its_namesake(
    tmp_path: Path, store: Store
) -> None:
    folder = tmp_path / "many"
    library(folder / "libspeaker.so")
    library(folder / "libother.so")
    (folder / "plugin.toml").write_text(manifest("speaker", "2.0.0"))
    install(folder / "libother.so")
    install(folder / "libspeaker.so")
    assert [(plugin.name, plugin.version) for plugin in store.installed()] == [
        ("other", ""),
        ("speaker", "2.0.0"),
    ]


def test_the_embedded_manifest_counts_before_the_one_beside(tmp_path: Path, shared_library: Path) -> None:
    file = tmp_path / "both" / "libspeaker.so"
    file.parent.mkdir()
    shutil.copy(shared_library, file)
    (file.parent / "plugin.toml").write_text(manifest("speaker", "9.0.0"))
    assert install(file).installed.version == "1.0.0"


def test_a_directory(tmp_path: Path) -> None:
    source = package(tmp_path / "unpacked")
    (source / "data").mkdir()
    (source / "data" / "words.txt").write_text("a b c")
    found = install(source).installed
    assert found.origin.kind == "directory"
    assert (found.directory / "data" / "words.txt").read_text() == "a b c"
    assert (source / "data" / "words.txt").exists()


def test_a_directory_that_is_not_what_its_record_says(tmp_path: Path, home: Path) -> None:
    source = package(tmp_path / "unpacked")
    (source / "RECORD").write_text(f"sha256={'0' * 64} 3 README.md\n")
    with pytest.raises(VerificationError, match="is not what its RECORD says") as caught:
        install(source)
    assert caught.value.where == str(source)
    assert str(home) not in str(caught.value)
    assert left_behind(home) == []


@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_a_directory_with_a_link_or_a_fifo(tmp_path: Path, home: Path, kind: str) -> None:
    source = package(tmp_path / "unpacked")
    if kind == "link":
        (source / "notes").symlink_to("/etc/passwd")
    else:
        os.mkfifo(source / "notes")
    with pytest.raises(VerificationError, match="`notes` is a link or a special file"):
        install(source)
    assert left_behind(home) == []


def test_an_archive(tmp_path: Path) -> None:
    archive = write_archive(package(tmp_path / "unpacked"), tmp_path / "speaker-1.0.0.tar.gz")
    found = install(archive, sha256=hashlib.sha256(archive.read_bytes()).hexdigest()).installed
    assert (found.name, found.version, found.origin.kind) == ("speaker", "1.0.0", "archive")
    assert (found.directory / "README.md").read_text() == "# speaker\n"


def _special(kind: bytes, name: str = "notes") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = "/etc/passwd"
    return info


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("/etc/lao-was-here", b"x"),
        ("../../lao-was-here", b"x"),
        ("a/../../b", b"x"),
        ("symlink", _special(tarfile.SYMTYPE)),
        ("hardlink", _special(tarfile.LNKTYPE)),
        ("device", _special(tarfile.CHRTYPE)),
        ("fifo", _special(tarfile.FIFOTYPE)),
        ("PLUGIN.TOML", b"x"),
    ],
)
def test_an_archive_that_attacks(
    tmp_path: Path, home: Path, shared_library: Path, name: str, member: bytes | tarfile.TarInfo
) -> None:
    good: dict[str, bytes | tarfile.TarInfo] = {
        "plugin.toml": manifest().encode(),
        "libspeaker.so": shared_library.read_bytes(),
    }
    archive = tar_gz(tmp_path / "bad.tar.gz", {**good, name: member})
    with pytest.raises(VerificationError) as caught:
        install(archive)
    assert caught.value.where == str(archive)
    assert str(home) not in str(caught.value)
    assert left_behind(home) == []
    assert not Path("/etc/lao-was-here").exists()


def test_a_truncated_archive(tmp_path: Path, home: Path) -> None:
    whole = write_archive(package(tmp_path / "unpacked"), tmp_path / "whole.tar.gz").read_bytes()
    for size in (5, len(whole) // 2, len(whole) - 1):
        cut = tmp_path / "cut.tar.gz"
        cut.write_bytes(whole[:size])
        with pytest.raises(VerificationError):
            install(cut)
        assert left_behind(home) == []


def test_a_project_gives_its_newest_library_and_none_of_its_sources(tmp_path: Path) -> None:
    project = tmp_path / "plugins" / "speaker"
    text = manifest()
    library(project / "build/lao/debug/libspeaker.so", manifest_text=text, extra="int debug;")
    newest = library(project / "build/lao/release/libspeaker.so", manifest_text=text)
    os.utime(project / "build/lao/debug/libspeaker.so", (1, 1))
    for name, content in (
        ("plugin.toml", text),
        ("CMakeLists.txt", ""),
        ("main.c", ""),
        ("README.md", "read me"),
    ):
        (project / name).write_text(content)
    found = install(project).installed
    assert sorted(path.name for path in found.directory.iterdir()) == [
        "README.md",
        "RECORD",
        "libspeaker.so",
        "plugin.toml",
    ]
    assert found.library.read_bytes() == newest.read_bytes()


def test_a_project_whose_manifest_changed_after_the_build(tmp_path: Path) -> None:
    project = tmp_path / "speaker"
    library(project / "build/lao/release/libspeaker.so", manifest_text=manifest())
    (project / "plugin.toml").write_text(manifest())
    assert install(project).warnings == ()
    (project / "plugin.toml").write_text(manifest(version="1.1.0"))
    outcome = install(project)
    assert outcome.warnings == ("the project changed since its library was built: build it again",)
    assert outcome.installed.version == "1.1.0"


def test_a_local_project_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path / "work" / "plugins" / "speaker")
    monkeypatch.chdir(tmp_path / "work")
    assert install("speaker").installed.origin.source == str(tmp_path / "work" / "plugins" / "speaker")
    with pytest.raises(PluginNotFound) as caught:
        install("speakr")
    assert caught.value.suggestions == ("speaker",)


def test_a_project_that_is_not_built(tmp_path: Path, home: Path) -> None:
    project = tmp_path / "speaker"
    project.mkdir()
    (project / "Cargo.toml").write_text("")
    with pytest.raises(PluginLoadError) as caught:
        install(project)
    assert caught.value.causes == ("the project is not built",)
    assert caught.value.hint == f"run `lao plugin build {project} --release`"
    assert left_behind(home) == []


def test_an_upgrade_replaces_the_old_package(tmp_path: Path, store: Store, home: Path) -> None:
    old = install(package(tmp_path / "old")).installed
    store.set_setting("speaker", "max_tokens", 7)
    store.set_enabled("speaker", False)
    outcome = install(package(tmp_path / "new", version="2.0.0"))
    assert outcome.replaced is not None
    assert (outcome.replaced.version, outcome.installed.version) == ("1.0.0", "2.0.0")
    assert not old.directory.exists()
    assert [path.name for path in (home / "objects").iterdir()] == [outcome.installed.digest]
    assert store.settings("speaker") == {"max_tokens": 7}
    assert outcome.installed.enabled is False


def test_installing_the_same_again_changes_nothing(shared_library: Path, store: Store) -> None:
    first = install(shared_library).installed
    inode = first.library.stat().st_ino
    assert install(shared_library).installed.digest == first.digest
    assert first.library.stat().st_ino == inode


def test_a_damaged_object_is_replaced(shared_library: Path) -> None:
    first = install(shared_library).installed
    first.library.chmod(0o644)
    first.library.write_bytes(b"broken")
    install(shared_library)
    verify_record(first.directory)


def test_a_name_that_differs_in_spelling_only(tmp_path: Path, store: Store) -> None:
    install(package(tmp_path / "a", name="my-plugin"))
    with pytest.raises(InvalidInput, match="the two names are one but for their spelling"):
        install(package(tmp_path / "b", name="My_Plugin"))
    assert store.names() == ["my-plugin"]


# What cannot work here


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04rest", "it begins like a ZIP archive"),
        (b"#!/bin/sh\necho no\n", "it begins like a script"),
        (b"just some text\n", "it is text"),
        (b"\x7fELF\x02\x01\x01", "it is truncated at 7 bytes"),
    ],
)
def test_what_is_no_library(tmp_path: Path, home: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "libbad.so"
    file.write_bytes(content)
    with pytest.raises(PluginLoadError, match=reason) as caught:
        install(file)
    assert caught.value.where == str(file)
    assert left_behind(home) == []


def test_truncated_libraries(tmp_path: Path, home: Path, shared_library: Path) -> None:
    whole = shared_library.read_bytes()
    for size in (16, 64, 200, len(whole) // 2):
        file = tmp_path / "libcut.so"
        file.write_bytes(whole[:size])
        with pytest.raises(PluginLoadError):
            install(file)
        assert left_behind(home) == []


def test_a_library_without_the_entry(tmp_path: Path, home: Path) -> None:
    text = manifest("plain")
    file = library(tmp_path / "libplain.so", manifest_text=text)
    broken = tmp_path / "broken" / "libplain.so"
    broken.parent.mkdir()
    broken.write_bytes(file.read_bytes().replace(b"lao_plugin_entry", b"lao_plugin_extry"))
    with pytest.raises(PluginLoadError) as caught:
        install(broken)
    assert caught.value.causes == ("it has no entry: neither `lao_plugin_entry` nor `plugin_vtable`",)
    assert left_behind(home) == []


def test_a_missing_symbol_and_a_missing_library(tmp_path: Path, home: Path) -> None:
    extra = "extern int lao_not_there(void); int use(void); int use(void) { return lao_not_there(); }"
    with pytest.raises(PluginLoadError) as caught:
        install(library(tmp_path / "libneedy.so", extra=extra))
    assert "lao_not_there" in str(caught.value)
    assert left_behind(home) == []


def test_another_architecture(tmp_path: Path, home: Path, shared_library: Path) -> None:
    data = bytearray(shared_library.read_bytes())
    other = 183 if data[18] != 183 else 62  # e_machine: aarch64 or x86_64
    data[18:20] = other.to_bytes(2, "little")
    file = tmp_path / "libspeaker.so"
    file.write_bytes(data)
    with pytest.raises(PluginLoadError) as caught:
        install(file)
    assert ("aarch64" if other == 183 else "x86_64") in caught.value.causes[0]
    assert caught.value.where == str(file)
    assert left_behind(home) == []


def test_a_relaxed_copy_is_reported(shared_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not install(shared_library).relaxed  # and what uses the real function is imported
    monkeypatch.setattr("lao.package.relax.needs_relaxing", lambda info: info.path.name == "libspeaker.so")
    assert install(shared_library).relaxed


def test_a_manifest_that_asks_for_a_newer_lao(tmp_path: Path, home: Path) -> None:
    source = package(tmp_path / "future")
    text = (source / "plugin.toml").read_text().replace('license = "MIT"', 'min_lao_version = "99.0.0"')
    (source / "plugin.toml").write_text(text)
    with pytest.raises(ManifestError, match=r"99\.0\.0"):
        install(source)
    assert left_behind(home) == []


def test_a_manifest_with_problems_names_them_all(tmp_path: Path, home: Path) -> None:
    source = package(tmp_path / "bad")
    (source / "plugin.toml").write_text('[plugin]\nname = "../x"\nversion = 1\n')
    with pytest.raises(ManifestError) as caught:
        install(source)
    assert {problem.key for problem in caught.value.problems} == {"plugin.name", "plugin.version"}
    assert left_behind(home) == []


def test_several_libraries_that_could_be_the_plugin(tmp_path: Path, home: Path) -> None:
    source = tmp_path / "two"
    library(source / "liba.so")
    library(source / "libb.so")
    with pytest.raises(
        PluginLoadError, match=r"several libraries in it could be the plugin: `liba\.so`, `libb\.so`"
    ):
        install(source)
    assert left_behind(home) == []


@pytest.mark.parametrize("source", ["nowhere/x.so", "x.so", "/nowhere", "a b", "..", "../.."])
def test_what_is_not_there_or_no_plugin(source: str) -> None:
    with pytest.raises(LaoError):
        install(source)


def test_a_wrong_hash(shared_library: Path, home: Path) -> None:
    with pytest.raises(VerificationError, match="is not the file that is meant"):
        install(shared_library, sha256="0" * 64)
    with pytest.raises(InvalidInput, match="is not a SHA-256"):
        install(shared_library, sha256="abc")
    assert left_behind(home) == []


def test_a_directory_that_holds_the_home(tmp_path: Path, home: Path) -> None:
    package(tmp_path / "outer")
    with pytest.raises(InvalidInput, match="it contains LAO's own home"):
        install(tmp_path / "outer", store=Store(tmp_path / "outer" / "home"))
    with pytest.raises(InvalidInput, match=r"neither a `plugin\.toml` nor a library"):
        install(tmp_path)
    assert left_behind(home) == []


def test_an_unreadable_file_is_an_error_of_lao(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = package(tmp_path / "unpacked")

    def refuse(*arguments: object, **options: object) -> int:
        raise PermissionError(13, "Permission denied", str(arguments[0]))

    monkeypatch.setattr("lao.install.os.open", refuse)
    with pytest.raises(LaoError, match="permission denied"):
        install(source)
