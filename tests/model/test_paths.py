"""Where data goes and where shipped files are found."""

from pathlib import Path

import pytest

from lao import paths
from lao.errors import InvalidInput, LaoError


def test_home_is_lao_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAO_HOME", str(tmp_path / "h"))
    assert paths.home() == tmp_path / "h"
    assert paths.data_dir("Echo") == tmp_path / "h" / "data" / "Echo"
    assert paths.config_file("Echo") == tmp_path / "h" / "config" / "Echo.json"
    assert paths.cache_dir() == tmp_path / "h" / "cache"
    assert not (tmp_path / "h").exists()


def test_home_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAO_HOME", "rel")
    assert paths.home() == tmp_path / "rel"


def test_home_without_lao_home_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAO_HOME", raising=False)
    assert paths.home().is_absolute()
    assert paths.home().name == "lao"
    assert paths.cache_dir() != paths.home()


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "c:x", "a\0"])
def test_names_cannot_leave_their_folder(name: str) -> None:
    with pytest.raises(InvalidInput):
        paths.data_dir(name)
    with pytest.raises(InvalidInput):
        paths.config_file(name)


def test_headers_are_found() -> None:
    assert (paths.include_dir() / "lao" / "lao.h").is_file()


def test_a_missing_resource_says_what_was_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "lao")
    for find, looked_for in [
        (paths.include_dir, "lao/lao.h"),
        (paths.cmake_dir, "LaoPlugin.cmake"),
        (paths.templates_dir, "plugin-templates"),
        (paths.sdk_rust_dir, "Cargo.toml"),
    ]:
        with pytest.raises(LaoError) as caught:
            find()
        assert looked_for in str(caught.value)


def test_installed_files_come_before_the_source_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "lao")
    for root in (tmp_path / "include", tmp_path / "lao" / "_share" / "include"):
        (root / "lao").mkdir(parents=True)
        (root / "lao" / "lao.h").touch()
    assert paths.include_dir() == tmp_path / "lao" / "_share" / "include"
