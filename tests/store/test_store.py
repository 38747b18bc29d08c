"""The store by itself: records, the index, configuration, names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lao.errors import InvalidInput, LaoError, PluginNotFound, VerificationError
from lao.package.record import write_record
from lao.store import Installed, Origin, Store, Summary

BAD_NAMES = ["../../x", "..", ".", "", "a/b", "a\\b", "/etc/passwd", "a\0b", "con", "x" * 65, "-x", "é"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def add(store: Store, name: str, *, version: str = "1.0.0", content: str = "library") -> Installed:
    """Installs a package whose library is no library: the store does not look."""
    with store.stage() as folder:
        package = folder / "package"
        package.mkdir()
        (package / "lib.so").write_text(f"{name} {version} {content}")
        write_record(package)
        return store.add(
            package,
            name=name,
            library="lib.so",
            origin=Origin(kind="file", source="/somewhere/lib.so", sha256="0" * 64),
            version=version,
            description=f"About {name}",
            capabilities=[{"name": "say"}],
        )


def test_an_empty_home_is_not_made(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    assert (store.installed(), store.summaries(), store.names(), store.get("x")) == ([], [], [], None)
    assert store.settings("x") == {}
    assert store.is_enabled("x")
    assert not (tmp_path / "home").exists()


def test_a_record_comes_back_as_it_was(store: Store) -> None:
    made = add(store, "echo")
    assert store.get("echo") == made
    assert store.installed() == [made]
    assert made.library.read_text() == "echo 1.0.0 library"
    assert made.installed_at > 0


@pytest.mark.parametrize("name", ["My-Plugin", "my-plugin", "MY_PLUGIN"])
def test_names_are_found_in_any_spelling(store: Store, name: str) -> None:
    add(store, "My_Plugin")
    found = store.get(name)
    assert found is not None
    assert found.name == "My_Plugin"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_cannot_leave_their_folder(store: Store, tmp_path: Path, name: str) -> None:
    add(store, "echo")
    (tmp_path / "x").write_text("outside")
    (tmp_path / "home" / "x.json").write_text("{}")
    before = sorted(tmp_path.rglob("*"))
    for act in (
        lambda: store.get(name),
        lambda: store.remove(name),
        lambda: store.set_enabled(name, False),
        lambda: store.set_setting(name, "key", 1),
        lambda: store.settings(name),
        lambda: add(store, name),
    ):
        with pytest.raises(InvalidInput):
            act()
    assert sorted(tmp_path.rglob("*")) == before


def test_removing(store: Store) -> None:
    made = add(store, "echo")
    add(store, "other")
    store.set_setting("echo", "key", 1)
    data = store.home / "data" / "echo"
    data.mkdir(parents=True)
    (data / "kept").write_text("kept")
    assert store.remove("echo") == Summary("echo", "1.0.0", "About echo", True)
    assert store.names() == ["other"]
    assert not made.directory.exists()
    assert store.settings("echo") == {}
    assert (data / "kept").exists()
    with pytest.raises(PluginNotFound) as caught:
        store.remove("othr")
    assert caught.value.suggestions == ("other",)


def test_two_plugins_may_share_one_package(store: Store) -> None:
    with store.stage() as folder:
        for name in ("one", "two"):
            package = folder / name
            package.mkdir()
            (package / "lib.so").write_text("the same")
            write_record(package)
            store.add(package, name=name, library="lib.so", origin=Origin(kind="file", source="/x"))
    one, two = store.require("one"), store.require("two")
    assert one.directory == two.directory
    store.remove("one")
    assert two.library.read_text() == "the same"
    store.remove("two")
    assert not two.directory.exists()


# Configuration


def test_settings_and_state_survive(store: Store) -> None:
    store.set_setting("local-project", "path", "/x")
    store.set_setting("local-project", "count", 3)
    store.set_enabled("local-project", False)
    again = Store(store.home)
    assert again.settings("local-project") == {"path": "/x", "count": 3}
    assert not again.is_enabled("local-project")


@pytest.mark.skipif(os.name == "nt", reason="modes mean something else there")
def test_settings_are_for_their_owner_only(store: Store) -> None:
    store.set_setting("echo", "password", "secret")
    assert (store.home / "config" / "echo.json").stat().st_mode & 0o777 == 0o600


def test_what_an_older_version_wrote_is_kept(store: Store) -> None:
    file = store.home / "config" / "echo.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"settings": {"a": 1}, "auto_update": false, "permissions": ["read_files"]}')
    store.set_enabled("echo", False)
    assert json.loads(file.read_text()) == {
        "enabled": False,
        "settings": {"a": 1},
        "auto_update": False,
        "permissions": ["read_files"],
    }


@pytest.mark.parametrize("content", ["", "[]", "{", '{"enabled": "no"}', '{"settings": []}', "\xff"])
def test_a_damaged_configuration(store: Store, content: str) -> None:
    file = store.home / "config" / "echo.json"
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="latin-1")
    with pytest.raises(LaoError, match="the configuration of `echo` cannot be read") as caught:
        store.settings("echo")
    assert caught.value.where == str(file)


# The index


def test_the_index_says_what_the_records_say(store: Store) -> None:
    for name in ("zeta", "alpha", "Beta"):
        add(store, name)
    store.set_enabled("zeta", False)
    expected = [Summary(p.name, p.version, p.description, p.enabled) for p in store.installed()]
    assert [summary.name for summary in expected] == ["alpha", "Beta", "zeta"]
    assert store.summaries() == expected
    assert store.summaries() == expected  # now from the index


def test_the_index_is_used_and_follows_every_change(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, "echo")
    store.summaries()
    with monkeypatch.context() as patch:
        patch.setattr(Store, "_summary", lambda self, name: pytest.fail("the index was not used"))
        assert [summary.version for summary in store.summaries()] == ["1.0.0"]
    add(store, "echo", version="2.0.0")
    assert [summary.version for summary in store.summaries()] == ["2.0.0"]
    store.set_enabled("echo", False)
    assert [summary.enabled for summary in store.summaries()] == [False]
    file = store.home / "installed" / "echo.json"
    file.write_text(file.read_text().replace("About", "After"))
    assert [summary.description for summary in store.summaries()] == ["After echo"]
    add(store, "other")
    assert len(store.summaries()) == 2
    store.remove("echo")
    assert [summary.name for summary in store.summaries()] == ["other"]
    store.remove("other")
    assert store.summaries() == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 0}', '{"format": 1, "signature": ""}'])
def test_a_damaged_index_is_made_again(store: Store, content: str) -> None:
    add(store, "echo")
    (store.home / "index.json").write_text(content)
    assert [summary.name for summary in store.summaries()] == ["echo"]


def test_an_index_that_cannot_be_written_is_done_without(store: Store) -> None:
    add(store, "echo")
    (store.home / "index.json").unlink(missing_ok=True)
    (store.home / "index.json").mkdir()
    assert [summary.name for summary in store.summaries()] == ["echo"]
    assert [path.name for path in store.home.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.update(format=2),
        lambda record: record.update(digest="../../x"),
        lambda record: record.update(library="../../../x"),
        lambda record: record.update(library="/etc/passwd"),
        lambda record: record.update(origin={}),
        lambda record: record.pop("version"),
    ],
)
def test_a_damaged_record(store: Store, change: object) -> None:
    add(store, "echo")
    other = add(store, "other")
    file = store.home / "installed" / "echo.json"
    record = json.loads(file.read_text())
    assert callable(change)
    change(record)
    file.write_text(json.dumps(record))
    with pytest.raises(VerificationError, match="the record of `echo` is damaged") as caught:
        store.get("echo")
    assert caught.value.where == str(file)
    summaries = store.summaries()
    assert [bool(summary.problem) for summary in summaries] == [True, False]
    assert store.get("other") == other


def test_nothing_is_swept_while_a_record_is_damaged(store: Store) -> None:
    made = add(store, "echo")
    (store.home / "installed" / "echo.json").write_text("{")
    add(store, "other")
    assert made.directory.exists()


def test_staging_is_gone_after_an_error(store: Store) -> None:
    def fail_halfway() -> None:
        with store.stage() as folder:
            (folder / "sub").mkdir()
            (folder / "sub" / "file").write_text("x")
            (folder / "sub").chmod(0o555)
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        fail_halfway()
    assert list((store.home / "staging").iterdir()) == []


def test_a_damaged_record_can_be_removed_and_replaced(store: Store) -> None:
    for act in (lambda: store.remove("echo"), lambda: add(store, "echo", version="2.0.0")):
        add(store, "echo")
        (store.home / "installed" / "echo.json").write_text("{")
        act()
        assert [plugin.version for plugin in store.installed()] in ([], ["2.0.0"])
    store.remove("echo")
    assert store.names() == []


def test_a_failed_record_takes_its_object_along(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("lao.store.write_atomic", full)
        with pytest.raises(LaoError, match="no space left on device"):
            add(store, "echo")
    assert list((store.home / "objects").iterdir()) == []
    assert list((store.home / "staging").iterdir()) == []


def test_many_installations_do_not_read_each_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        add(store, f"plugin-{number}")
    read: list[str] = []
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: read.append(self.name) or real(self))
    add(store, "another")
    assert not [name for name in read if name.startswith("plugin-")]
