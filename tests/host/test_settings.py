"""A setting that names a file or a folder lets the plugin read it, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

import lao
from lao.store import Store
from tests import plugins

MANIFEST = """
[plugin]
name = "reader"
version = "1.0.0"
description = "Reads"
author = "a"

[[capabilities]]
name = "read"
input_type = "text"
output_type = "text"

[config_schema]
type = "object"
properties.model_path = { type = "string", format = "path", default = "DEFAULT" }
properties.note = { type = "string", default = "" }
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    secret = tmp_path / "default.txt"
    secret.write_text("the default's")
    library = plugins.build("opens")
    (folder / library.name).write_bytes(library.read_bytes())
    (folder / "plugin.toml").write_text(
        MANIFEST.replace("DEFAULT", str(secret)) + f'\n[files]\nlibrary = "{library.name}"\n'
    )
    return folder


def test_only_what_was_set(host: lao.Host, project: Path, tmp_path: Path) -> None:
    chosen, other = tmp_path / "chosen.txt", tmp_path / "other.txt"
    chosen.write_text("chosen")
    other.write_text("other")
    plugin = host.load(project, isolation="process", config={"model_path": str(chosen), "note": str(other)})
    assert plugin.call("read", str(chosen)) == "chosen"
    for path in (other, tmp_path / "default.txt"):
        with pytest.raises(lao.PermissionDenied):
            plugin.call("read", str(path))


def test_names_that_the_schema_does_not_have(
    host: lao.Host, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored ones may be another version's; who gives one to the host has misspelt it."""
    (tmp_path / "plugins").mkdir()
    project.rename(tmp_path / "plugins" / "reader")
    monkeypatch.chdir(tmp_path)
    Store().set_setting("reader", "notes", "old")
    host.load("reader", isolation="process").close()
    with pytest.raises(lao.InvalidInput) as failure:
        host.load("reader", isolation="process", config={"nots": "x"})
    assert failure.value.causes == ("nots: the plugin has no such setting",)
    Store().set_setting("reader", "note", 5)
    with pytest.raises(lao.InvalidInput) as failure:
        host.load("reader", isolation="process")
    assert failure.value.causes == ("note: it must be a string, not an integer",)
    assert "--unset" in str(failure.value.hint)


def test_a_default_grants_nothing(host: lao.Host, project: Path, tmp_path: Path) -> None:
    plugin = host.load(project, isolation="process")
    with pytest.raises(lao.PermissionDenied):
        plugin.call("read", str(tmp_path / "default.txt"))


def test_a_file_that_comes_later_and_another_one(host: lao.Host, project: Path, tmp_path: Path) -> None:
    later, other = tmp_path / "later.txt", tmp_path / "other.txt"
    other.write_text("other")
    plugin = host.load(project, isolation="process", config={"model_path": str(later)})
    with pytest.raises(lao.LaoError):
        plugin.call("read", str(later))
    later.write_text("later")
    plugin.reload()
    assert plugin.call("read", str(later)) == "later"
    plugin.configure({"model_path": str(other)})
    assert plugin.call("read", str(other)) == "other"
    with pytest.raises(lao.PermissionDenied):
        plugin.call("read", str(later))


def test_a_link_grants_what_it_leads_to(host: lao.Host, project: Path, tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("real")
    link.symlink_to(real)
    plugin = host.load(project, isolation="process", config={"model_path": str(link)})
    assert plugin.call("read", str(real)) == "real"


def test_a_folder_with_all_that_is_in_it(host: lao.Host, project: Path, tmp_path: Path) -> None:
    folder, beside = tmp_path / "model", tmp_path / "model2.txt"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "part.txt").write_text("part")
    beside.write_text("beside")
    (folder / "out.txt").symlink_to(beside)
    plugin = host.load(project, isolation="process", config={"model_path": str(folder)})
    assert plugin.call("read", str(folder / "deep" / "part.txt")) == "part"
    for path in (beside, folder / "out.txt", folder / ".." / "model2.txt"):
        with pytest.raises(lao.PermissionDenied):
            plugin.call("read", str(path))


def test_a_folder_that_is_too_wide(host: lao.Host, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(project / "users" / "ann"))
    (project / "users" / "ann").mkdir(parents=True)
    for folder in ("/", "~", str(project / "users"), "/proc", "/dev/shm", "/sys/kernel"):
        with pytest.raises(lao.InvalidInput, match="model_path"):
            host.load(project, isolation="process", config={"model_path": folder})
    assert host.load(
        project, isolation="process", config={"model_path": str(project / "users" / "ann" / "x")}
    )
