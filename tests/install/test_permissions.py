"""What a package asks for when it is installed, what is decided, and for which bytes the decision holds."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from lao.audit import Audit
from lao.errors import InvalidInput, LaoError, PermissionDenied
from lao.grants import Grants, PermissionRequest
from lao.install import install
from lao.locate import Names
from lao.store import Store
from tests.install.libraries import library, package

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


def test_a_library_built_here_beside_one_that_was_not(tmp_path: Path, store: Store) -> None:
    folder = package(tmp_path / "p", more=ASKS)
    built = sha256((folder / "libspeaker.so").read_bytes()).hexdigest()
    Grants(store.home).add_built(built)
    library(folder / "libdependency.so")
    with pytest.raises(PermissionDenied, match="nobody granted"):
        install(folder, store=store)
    assert store.get("speaker") is None
    (folder / "libdependency.so").unlink()
    install(folder, store=store)
    assert permissions(store) == {"read_files", "network_access"}


def test_no_directory_that_holds_the_decisions(tmp_path: Path, store: Store) -> None:
    install(package(tmp_path / "p", more=ASKS), store=store, grant=["none"])
    digest = store.require("speaker").digest
    link = tmp_path / "link"
    link.symlink_to(store.home)

    def works_in(directory: Path) -> Path | None:
        Grants(store.home).change(
            "speaker", digest, lambda known: replace(known, grant=known.grant.plus(f"cwd={directory}"))
        )
        return Names(store.home).locate("speaker").rights.working_directory

    inside = store.home / "objects"
    for ruling in (
        Path("/"),
        store.home.parent,
        store.home,
        inside,
        link,
        link / "config",
        store.home / "data",
    ):
        assert works_in(ruling) is None, ruling
    (tmp_path / "other").mkdir()
    assert works_in(tmp_path / "other") == tmp_path / "other"
    assert works_in(store.home / "data" / "speaker") == store.home / "data" / "speaker"


def test_decisions_made_at_once_are_all_kept(store: Store) -> None:
    def decide(number: int) -> None:
        Grants(store.home).change(
            f"p{number % 4}", "d", lambda known: replace(known, limits={**known.limits, f"l{number}": 1.0})
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decide, range(24)))
    kept = [set(Grants(store.home).of(f"p{index}", "d").limits) for index in range(4)]
    assert kept == [{f"l{number}" for number in range(index, 24, 4)} for index in range(4)]


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's file, which is not there yet."""
    file = tmp_path / "etc" / "lao.toml"
    file.parent.mkdir()
    monkeypatch.setattr("lao.operator_file._SYSTEM", file)
    monkeypatch.delenv("LAO_CONFIG", raising=False)
    monkeypatch.chdir(file.parent.parent)
    return file


def test_the_operator_caps_what_was_granted_before(tmp_path: Path, store: Store, operator: Path) -> None:
    install(package(tmp_path / "p", more=ASKS), store=store, grant=["read_files", "network_access"])
    assert permissions(store) == {"read_files", "network_access"}
    operator.write_text("[trust]\nallow_network = true\n")
    assert permissions(store) == {"network_access"}
    operator.write_text("[trust")
    assert permissions(store) == set()
    operator.unlink()
    assert permissions(store) == {"read_files", "network_access"}


def test_nobody_is_asked_for_what_the_operator_denies(tmp_path: Path, store: Store, operator: Path) -> None:
    operator.write_text("[trust]\n")
    folder = package(tmp_path / "p", more=ASKS)
    with pytest.raises(PermissionDenied, match="does not let you grant `speaker`"):
        install(folder, store=store, grant=["network_access"])
    assert store.get("speaker") is None
    install(folder, store=store)
    assert permissions(store) == set()


def test_a_user_cannot_do_without_the_operators_file(
    tmp_path: Path, store: Store, operator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(package(tmp_path / "p", more=ASKS), store=store, grant=["network_access"])
    operator.write_text("[trust]\n")
    wide = tmp_path / "wide.toml"
    wide.write_text('[trust]\nallow_network = true\nallow_shell = true\nallow_plugins = ["speaker"]\n')
    monkeypatch.setenv("LAO_CONFIG", str(wide))
    monkeypatch.setenv("LAO_ALLOW_SHELL", "1")
    source = Names(store.home).locate("speaker")
    assert not source.rights.permissions
    assert not source.operator.shell
    assert not source.operator.may_trust("speaker")
    operator.unlink()
    assert permissions(store) == {"network_access"}
    monkeypatch.setenv("LAO_CONFIG", str(tmp_path / "nowhere.toml"))
    assert permissions(store) == set()


def test_what_one_load_grants_and_where_it_runs_is_capped(
    tmp_path: Path, store: Store, operator: Path
) -> None:
    from lao.host.policy import DEFAULT_TIMEOUT_S, decide

    install(package(tmp_path / "p", more=ASKS), store=store, grant=["none"])
    operator.write_text("[trust]\nallow_network = true\n")
    source = replace(Names(store.home).locate("speaker"), trusted=True)

    def isolation(wanted: str) -> str:
        free = replace(source, manifest=None)
        return decide(
            free, isolation=wanted, timeout_s=DEFAULT_TIMEOUT_S, limits=None, strict=False
        ).isolation

    assert isolation("auto") == "process"
    with pytest.raises(PermissionDenied, match="own process"):
        isolation("none")
    with pytest.raises(PermissionDenied, match="operator of this machine") as refused:
        decide(
            source,
            isolation="process",
            timeout_s=DEFAULT_TIMEOUT_S,
            limits=None,
            strict=False,
            grant=["read_files"],
        )
    assert refused.value.causes == ("`read_files`",)
