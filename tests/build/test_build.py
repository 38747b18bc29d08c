"""Building: both tools, what is recorded, what is embedded, and projects that move."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from lao.authoring import build_checked, package
from lao.build import BuildFailed, build, built, open_project
from lao.errors import InvalidInput, LaoError, ManifestError
from lao.package.archive import open_archive
from lao.package.embed import embedded_manifest
from lao.paths import include_dir
from lao.templates import create_project

PLAIN_CMAKE = """cmake_minimum_required(VERSION 3.20)
project(plain LANGUAGES C)
add_library(plain MODULE src/plugin.c src/text.c)
target_include_directories(plain PRIVATE "{include}")
target_compile_definitions(plain PRIVATE LAO_PLUGIN_NAME="sample" LAO_PLUGIN_VERSION="0.1.0")
"""


def make(directory: Path, language: str = "c") -> Path:
    create_project("sample", directory, language=language, author="A", description="B")
    return directory


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path / "sample")


def test_what_a_build_leaves(project: Path) -> None:
    lines: list[str] = []
    result = build(open_project(project), jobs=1, on_output=lines.append)
    assert result.library == project / "build" / "lao" / "debug" / "libsample.so"
    assert result.changed
    assert any("text.c" in line for line in lines)
    record = json.loads((project / "build" / "lao" / "build.json").read_text())
    assert record["profile"] == "debug"
    assert record["library"] == "build/lao/debug/libsample.so"
    assert set(record) == {"profile", "library", "manifest_sha256", "built_at", "sources_sha256"}
    assert built(open_project(project)) == result.library
    assert built(open_project(project), release=True) is None
    assert not build(open_project(project)).changed
    assert build(open_project(project), release=True).library.parent.name == "release"
    assert built(open_project(project), release=True) is not None


def test_a_changed_source_makes_it_stale(project: Path) -> None:
    build(open_project(project))
    (project / "sample-0.1.0.tar.gz").write_text("a package is no source")
    assert built(open_project(project)) is not None
    with (project / "src" / "text.c").open("a") as source:
        source.write("/* changed */\n")
    assert built(open_project(project)) is None


def test_folders_below_the_project_that_are_called_like_outputs(project: Path) -> None:
    """`build` and `target` are outputs at the top; elsewhere they are, where the tools left their marks."""
    header, made = project / "src" / "target" / "more.h", project / "vendor" / "build" / "made.h"
    for file in (header, made):
        file.parent.mkdir(parents=True)
        file.write_text("/* one */\n")
    (made.parent / "CMakeCache.txt").write_text("")
    build(open_project(project))
    made.write_text("/* two */\n")
    assert built(open_project(project)) is not None
    header.write_text("/* two */\n")
    assert built(open_project(project)) is None


def test_a_package_has_what_came_from_outside_of_the_project(project: Path, tmp_path: Path) -> None:
    header, source = tmp_path / "common.h", project / "src" / "text.c"
    header.write_text("\n")
    source.write_text('#include "../../common.h"\n' + source.read_text())
    package(open_project(project), tmp_path / "one.tar.gz")
    header.write_text("#error changed\n")
    with pytest.raises(BuildFailed):
        package(open_project(project), tmp_path / "two.tar.gz")


@pytest.mark.parametrize("language", ["c", "rust"])
def test_a_manifest_of_another_editor(tmp_path: Path, language: str) -> None:
    """With a byte-order mark, and lines that end in CR LF."""
    manifest = make(tmp_path / "sample", language) / "plugin.toml"
    manifest.write_bytes(b"\xef\xbb\xbf" + manifest.read_bytes().replace(b"\n", b"\r\n"))
    library = build_checked(open_project(manifest.parent)).library
    assert (embedded_manifest(library) or "").encode() == manifest.read_bytes()


def test_builds_of_one_project_take_turns(project: Path) -> None:
    command = [sys.executable, "-m", "lao", "plugin", "build", str(project)]
    builds = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [one.communicate()[1] for one in builds]
    assert [one.returncode for one in builds] == [0, 0, 0], said
    assert any("waiting for another build" in one for one in said), said
    assert [file.name for file in (project / "build" / "lao" / "debug").iterdir()] == ["libsample.so"]


def test_paths_that_no_tool_takes(tmp_path: Path) -> None:
    with pytest.raises(LaoError, match="has a `;`"):
        build(open_project(make(tmp_path / "a;b")))
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    with pytest.raises(InvalidInput, match="must be UTF-8"):
        open_project(make(odd))


def test_a_changed_manifest_is_embedded_anew(project: Path) -> None:
    build(open_project(project))
    manifest = project / "plugin.toml"
    manifest.write_text(manifest.read_text() + "\n# été \U0001f600\n", "utf-8")
    library = build(open_project(project)).library
    assert embedded_manifest(library) == manifest.read_text("utf-8")


def test_a_project_that_moved(project: Path, tmp_path: Path) -> None:
    build(open_project(project))
    moved = tmp_path / "another place" / "renamed"
    moved.parent.mkdir()
    shutil.move(project, moved)
    assert build(open_project(moved)).library.is_relative_to(moved)


def test_a_project_without_lao_add_plugin_gets_a_section(project: Path) -> None:
    (project / "CMakeLists.txt").write_text(PLAIN_CMAKE.format(include=include_dir()))
    library = build(open_project(project)).library
    assert embedded_manifest(library) == (project / "plugin.toml").read_text("utf-8")


def test_without_objcopy_it_says_what_to_do(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "CMakeLists.txt").write_text(PLAIN_CMAKE.format(include=include_dir()))
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "objcopy" else which(name))
    with pytest.raises(LaoError, match="does not carry its manifest") as failure:
        build(open_project(project))
    assert "lao_add_plugin" in str(failure.value.hint)
    assert built(open_project(project)) is None


def test_two_libraries_or_none(project: Path) -> None:
    cmake = project / "CMakeLists.txt"
    text = cmake.read_text()
    cmake.write_text(text + "\nlao_add_plugin(other src/plugin.c src/text.c)\n")
    with pytest.raises(LaoError, match="more than one library"):
        build(open_project(project))
    cmake.write_text("cmake_minimum_required(VERSION 3.20)\nproject(none LANGUAGES NONE)\n")
    shutil.rmtree(project / "build")
    with pytest.raises(LaoError, match="no library"):
        build(open_project(project))


def test_no_project_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no folder"):
        open_project(tmp_path / "nothing")
    with pytest.raises(InvalidInput, match="is no plugin project"):
        open_project(tmp_path)
    (tmp_path / "plugin.toml").write_text("")
    with pytest.raises(LaoError, match="cannot tell how to build"):
        open_project(tmp_path)
    (tmp_path / "CMakeLists.txt").write_text("")
    with pytest.raises(ManifestError):
        build(open_project(tmp_path))


def test_missing_tools(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LaoError, match="there is no `cmake`") as failure:
        build(open_project(project))
    assert "install CMake" in str(failure.value.hint)
    crate = make(tmp_path / "crate", "rust")
    with pytest.raises(LaoError, match="there is no `cargo`"):
        build(open_project(crate))


@pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no cargo")
class TestCargo:
    @pytest.fixture
    def crate(self, tmp_path: Path) -> Path:
        return make(tmp_path / "sample", "rust")

    def test_it_builds_without_network_and_cargo_alone_works_afterwards(
        self, crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CARGO_HOME", str(tmp_path / "empty cargo home"))
        monkeypatch.setenv("CARGO_NET_OFFLINE", "true")
        rustup = os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))
        monkeypatch.setenv("RUSTUP_HOME", rustup)
        library = build(open_project(crate)).library
        assert embedded_manifest(library) == (crate / "plugin.toml").read_text("utf-8")
        subprocess.run(["cargo", "build", "--offline"], cwd=crate, check=True, capture_output=True)

    def test_an_authors_own_cargo_configuration_is_left_alone(self, crate: Path) -> None:
        (crate / ".cargo").mkdir()
        (crate / ".cargo" / "config.toml").write_text("[build]\n")
        build(open_project(crate))
        assert (crate / ".cargo" / "config.toml").read_text() == "[build]\n"

    def test_compiler_errors_are_whole(self, crate: Path) -> None:
        with (crate / "src" / "lib.rs").open("a") as source:
            source.write("fn broken() -> u32 { nowhere }\n")
        with pytest.raises(BuildFailed) as failure:
            build(open_project(crate))
        assert "cannot find value `nowhere`" in failure.value.output
        assert "src/lib.rs" in failure.value.output

    def test_a_crate_that_is_no_cdylib(self, crate: Path) -> None:
        cargo = crate / "Cargo.toml"
        cargo.write_text(cargo.read_text().replace('"cdylib"', '"rlib"'))
        with pytest.raises(LaoError, match="gave no library") as failure:
            build(open_project(crate))
        assert "cdylib" in str(failure.value.hint)


def test_package_is_complete_and_repeatable(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (project / "LICENSE").write_text("MIT\n")
    file = package(open_project(project))
    assert file.parent == tmp_path
    assert file.name.startswith("sample-0.1.0-")
    assert file.name.endswith(".tar.gz")
    archive = open_archive(file)
    names = {member.name for member in archive.members}
    assert names == {"plugin.toml", "RECORD", "README.md", "LICENSE", "libsample.so"}
    assert archive.has_record
    again = package(open_project(project), tmp_path / "again.tar.gz")
    assert again.read_bytes() == file.read_bytes()
    with (project / "README.md").open("a") as readme:
        readme.write("changed\n")
    package(open_project(project), tmp_path / "third.tar.gz")
    with tarfile.open(tmp_path / "third.tar.gz") as tar:
        assert {member.mtime for member in tar.getmembers()} == {0}
    with pytest.raises(InvalidInput, match="no name for a package"):
        package(open_project(project), tmp_path / "x.zip")
