"""Local projects: where they are looked for, and what they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lao.errors import InvalidInput
from lao.model.names import library_stem
from lao.projects import find_project, find_projects, project_at


@pytest.fixture(autouse=True)
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with nothing around it, and no variables set."""
    monkeypatch.delenv("LAO_PLUGIN_DIR", raising=False)
    monkeypatch.delenv("LAO_PLUGINS_DIR", raising=False)
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def make(folder: Path, name: str = "echo", *, more: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text(
        f'[plugin]\nname = "{name}"\nversion = "1.2.0"\ndescription = "Says it"\n{more}'
    )
    return folder


def touch(file: Path, *, at: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")
    os.utime(file, (at, at))
    return file


def test_nothing_around() -> None:
    assert find_projects() == []
    assert find_project("echo") is None


@pytest.mark.parametrize("here", [".", "deep/er", "plugins", "plugins/echo", "plugins/echo/src"])
def test_plugins_is_searched_upwards(empty_place: Path, monkeypatch: pytest.MonkeyPatch, here: str) -> None:
    make(empty_place / "plugins" / "echo")
    (empty_place / here).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(empty_place / here)
    found = find_project("echo")
    assert found is not None
    assert found.directory == empty_place / "plugins" / "echo"
    assert (found.version, found.description, found.state, found.library) == (
        "1.2.0",
        "Says it",
        "local",
        None,
    )


@pytest.mark.parametrize("variable", ["LAO_PLUGIN_DIR", "LAO_PLUGINS_DIR"])
def test_variables_come_before_plugins(
    empty_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    make(empty_place / "plugins" / "echo")
    other = make(tmp_path / "other" / "echo")
    monkeypatch.setenv(variable, str(tmp_path / "other"))
    found = find_project("Echo")
    assert found is not None
    assert found.directory == other
    assert len(find_projects()) == 1


def test_a_variable_that_names_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAO_PLUGIN_DIR", str(tmp_path / "nowhere"))
    assert find_projects() == []


def test_bare_libraries_count(empty_place: Path) -> None:
    touch(empty_place / "plugins" / "libecho.so", at=1)
    touch(empty_place / "plugins" / "WhisperPlugin" / "libwhisper_plugin.so", at=1)
    (empty_place / "plugins" / "empty").mkdir()
    assert [(project.name, project.manifest_file) for project in find_projects()] == [
        ("echo", None),
        ("whisper_plugin", None),
    ]


def test_the_newest_artefact_counts(empty_place: Path) -> None:
    folder = make(empty_place / "plugins" / "echo")
    release = touch(folder / "build/lao/release/libecho.so", at=100)
    debug = touch(folder / "build/lao/debug/libecho.so", at=200)
    project = project_at(folder)
    assert project is not None
    assert project.library == debug
    os.utime(release, (300, 300))
    project = project_at(folder)
    assert project is not None
    assert project.library == release


def test_the_flat_dialect(empty_place: Path) -> None:
    folder = empty_place / "plugins" / "old"
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text('name = "old-one"\nversion = "0.1.0"\ndescription = "d"\n')
    assert [(project.name, project.version) for project in find_projects()] == [("old-one", "0.1.0")]


@pytest.mark.parametrize(
    "text", ["not toml [", "plugin = 1", '[plugin]\nname = "../../x"', "[plugin]\nname = 3", "\xff"]
)
def test_a_bad_manifest_is_a_problem_of_its_project_only(empty_place: Path, text: str) -> None:
    make(empty_place / "plugins" / "good")
    folder = empty_place / "plugins" / "bad"
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_bytes(text.encode("latin-1"))
    found = {project.name: project.problem for project in find_projects()}
    assert found["echo"] == ""
    assert found["bad"]


@pytest.mark.parametrize("name", ["../../x", "a/b", ""])
def test_names_cannot_leave_the_folder(name: str) -> None:
    with pytest.raises(InvalidInput):
        find_project(name)


@pytest.mark.parametrize(
    ("file", "stem"),
    [
        ("libecho.so", "echo"),
        ("libecho.so.1.2", "echo"),
        ("echo.dll", "echo"),
        ("libecho.dylib", "echo"),
        ("lib.so", "lib"),
        ("my.plugin.so", "my.plugin"),
        ("noend", "noend"),
    ],
)
def test_stems(file: str, stem: str) -> None:
    assert library_stem(file) == stem
