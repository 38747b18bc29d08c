"""What a package asks for when it is installed, what is decided, and for which bytes the decision holds."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from lao.audit import Audit
from lao.errors import InvalidInput, LaoError, PermissionDenied
from lao.grants import Grants, PermissionRequest
from lao.install import install
from lao.locate import Names
from lao.store import Store
from tests.install.libraries import package

ASKS = '\n[permissions]\nrequired = ["read_files"]\noptional = ["network_access"]\n'
ASKS_MORE = '\n[permissions]\nrequired = ["read_files", "system_access"]\noptional = ["network_access"]\n'


def permissions(store: Store) -> set[str]:
    return set(Names(store.home).locate("speaker").rights.permissions)


def test_nobody_to_ask_and_nothing_granted(tmp_path: Path, store: Store) -> None:
    with pytest.raises(PermissionDenied) as caught:
        install(package(tmp_path / "p", more=ASKS), store=store)
    assert caught.value.causes == ("`network_access`", "`read_files` (required)")
    assert caught.value.hint is not None
    assert "--grant network_access,read_files" in caught.value.hint
    assert store.get("speaker") is None


def test_what_is_granted_holds_and_the_rest_is_refused(tmp_path: Path, store: Store) -> None:
    install(package(tmp_path / "p", more=ASKS), store=store, grant=["read_files"])
    assert permissions(store) == {"read_files"}
    assert Names(store.home).locate("speaker").rights.refused == {"network_access"}
    (entry,) = Audit(store.home).entries()
    assert (entry["action"], entry["permissions"]) == ("grant", ["read_files"])


def test_the_user_is_asked_once(tmp_path: Path, store: Store) -> None:
    asked: list[PermissionRequest] = []

    def ask(request: PermissionRequest) -> Collection[str]:
        asked.append(request)
        return {"network_access"}

    install(package(tmp_path / "one", more=ASKS), store=store, ask=ask)
    assert permissions(store) == {"network_access"}
    install(package(tmp_path / "two", version="1.1.0", more=ASKS), store=store, ask=ask)
    assert len(asked) == 1
    assert (asked[0].required, asked[0].optional) == (("read_files",), ("network_access",))
    assert permissions(store) == {"network_access"}, "an update that asks for no more keeps what was decided"


def test_an_update_that_asks_for_more_is_held(tmp_path: Path, store: Store) -> None:
    install(package(tmp_path / "one", more=ASKS), store=store, grant=["read_files", "network_access"])
    with pytest.raises(PermissionDenied, match="system_access"):
        install(package(tmp_path / "two", version="2.0.0", more=ASKS_MORE), store=store)
    assert store.require("speaker").version == "1.0.0"
    assert permissions(store) == {"read_files", "network_access"}
    install(
        package(tmp_path / "three", version="2.0.0", more=ASKS_MORE), store=store, grant=["system_access"]
    )
    assert store.require("speaker").version == "2.0.0"
    assert permissions(store) == {"read_files", "network_access", "system_access"}


def test_a_grant_of_what_it_does_not_ask_for_gives_nothing(tmp_path: Path, store: Store) -> None:
    install(package(tmp_path / "p", more=ASKS), store=store, grant=["read_files", "system_access"])
    assert permissions(store) == {"read_files"}


def test_a_permission_that_does_not_exist(tmp_path: Path, store: Store) -> None:
    with pytest.raises(InvalidInput, match="no permission `read_file`"):
        install(package(tmp_path / "p", more=ASKS), store=store, grant=["read_file"])
    assert store.get("speaker") is None


def test_trust_and_grants_are_for_one_package(tmp_path: Path, store: Store) -> None:
    """A package whose bytes changed, under the same name and version, has nothing."""
    install(package(tmp_path / "one", more=ASKS), store=store, grant=["read_files"])
    source = Names(store.home).locate("speaker")
    grants = Grants(store.home)
    grants.change("speaker", source.digest, lambda known: type(known)(known.digest, known.grant, True, {}))
    assert Names(store.home).locate("speaker").trusted
    assert not grants.of("speaker", "0" * 64).trusted
    assert not grants.of("speaker", "0" * 64).grant.granted
    again = package(tmp_path / "two", more=ASKS)
    (again / "README.md").write_text("# another page\n")
    install(again, store=store)
    assert not Names(store.home).locate("speaker").trusted, "trust does not survive an update"
    assert permissions(store) == {"read_files"}


def test_a_library_in_the_store_that_was_swapped(tmp_path: Path, store: Store) -> None:
    """The decision names the digest of the record; a project's decision names its library's bytes."""
    folder = package(tmp_path / "p", more=ASKS)
    names = Names(store.home)
    grants = Grants(store.home)
    library = folder / "libspeaker.so"
    from lao.host.source import source_of_directory

    first = names.complete(source_of_directory(folder))
    grants.add_built(first.digest)
    assert names.complete(source_of_directory(folder)).rights.permissions == {"read_files", "network_access"}
    library.write_bytes(library.read_bytes() + b"\0")
    assert not names.complete(source_of_directory(folder)).rights.permissions


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 2}', '{"format": 1, "plugins": []}'])
def test_a_damaged_file_allows_nothing(tmp_path: Path, store: Store, content: str) -> None:
    install(package(tmp_path / "p", more=ASKS), store=store, grant=["read_files"])
    (store.home / "grants.json").write_text(content)
    with pytest.raises(LaoError, match="not known what your plugins may do"):
        Names(store.home).locate("speaker")


def test_a_damaged_entry_allows_nothing(tmp_path: Path, store: Store) -> None:
    install(package(tmp_path / "p", more=ASKS), store=store, grant=["read_files"])
    file = store.home / "grants.json"
    file.write_text(file.read_text().replace('"granted": [', '"granted": 7, "was": ['))
    assert not permissions(store)
