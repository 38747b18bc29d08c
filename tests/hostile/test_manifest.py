"""Cases 92 to 95: plugins that are not what was looked at when they were let in."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from lao.errors import (
    AbiMismatch,
    LaoError,
    PermissionDenied,
    PluginError,
    PluginLoadError,
    ProtocolViolation,
    VerificationError,
)
from lao.model.rights import Rights
from lao.package.record import verify_record, write_record
from tests.hostile.stage import Stage
from tests.plugins import build

ALL = '["read_files", "write_files", "network_access", "system_access", "plugin_communication"]'


def package(stage: Stage, name: str, *, library: Path | None = None, more: str = "") -> Path:
    """An unpacked package with that name in its manifest, and the hostile library."""
    assert stage.library is not None
    folder = stage.scratch / "package"
    folder.mkdir()
    shutil.copy(library or stage.library, folder / f"lib{name}.so")
    (folder / "plugin.toml").write_text(f'[plugin]\nname = "{name}"\nversion = "1.0.0"\n{more}\n')
    return folder


def test_92_more_than_was_granted(stage: Stage) -> None:
    """What it requires and was not granted, it is not loaded without; each is named, with what would grant it."""
    folder = package(stage, "wants-more", more=f"[permissions]\nrequired = {ALL}")
    with pytest.raises(PermissionDenied) as caught:
        stage.host.load(folder, isolation="process", grant=["read_files"], data_dir=stage.scratch / "data")
    assert "`network_access`" in caught.value.causes
    assert "`read_files`" not in caught.value.causes
    assert caught.value.hint is not None
    assert "--grant" in caught.value.hint


def test_92_optional_ones_are_absent(stage: Stage) -> None:
    more = f'[permissions]\noptional = {ALL}\n[resources]\nfile_access = ["./"]'
    folder = package(stage, "wants-more", more=more)
    with stage.host.load(folder, isolation="process", data_dir=stage.scratch / "data") as plugin:
        report = plugin.call("attack", "")
        stage.assert_serves(plugin)
    assert {report.pop(name) for name in ("files", "http", "commands", "calls")} == {"absent"}
    assert report == {"write": "EACCES"}


def test_92_a_manifest_that_widens_its_directories(stage: Stage) -> None:
    """Its file access is below its data directory, whatever it writes."""
    outside = stage.scratch / "outside"
    outside.mkdir()
    for reach in ("../outside", str(outside), "./a/../../outside"):
        more = f'[permissions]\noptional = ["write_files"]\n[resources]\nfile_access = ["{reach}"]'
        folder = package(stage, "wants-more", more=more)
        with pytest.raises(LaoError) as caught:
            stage.host.load(
                folder, isolation="process", grant=["write_files"], data_dir=stage.scratch / "data"
            )
        assert reach in str(caught.value) or "file_access" in str(caught.value)
        shutil.rmtree(folder)


def test_93_a_wrong_name(stage: Stage) -> None:
    folder = package(stage, "sibling")
    with pytest.raises(PluginLoadError, match="the library is `is-another`, the manifest is of `sibling`"):
        stage.host.load(folder, isolation="process", data_dir=stage.scratch / "data")


def test_93_a_wrong_abi(stage: Stage) -> None:
    with pytest.raises(AbiMismatch):
        stage.host.load(build("bad_table", defect="wrong_major"), data_dir=stage.scratch / "data")


def test_93_a_wrong_hash(stage: Stage) -> None:
    folder = package(stage, "is-another")
    write_record(folder)
    verify_record(folder)
    library = folder / "libis-another.so"
    library.write_bytes(library.read_bytes() + b"\0")
    with pytest.raises(VerificationError, match=r"libis-another\.so"):
        verify_record(folder)


def test_94_a_library_that_is_swapped_while_it_is_loaded(stage: Stage) -> None:
    """What was hashed is what is loaded, each time: the first library, or the other, and never one under the name of
    the other's digest."""
    assert stage.library is not None
    mine = stage.scratch / "mine.so"
    first, other = stage.library.read_bytes(), (build("echo", thread_role="full")).read_bytes()
    mine.write_bytes(first)
    swapping = threading.Event()

    def swap() -> None:
        turn = 0
        while not swapping.wait(0.0005):
            turn += 1
            fresh = stage.scratch / "fresh.so"
            fresh.write_bytes(other if turn % 2 else first)
            os.replace(fresh, mine)

    thread = threading.Thread(target=swap)
    thread.start()
    names = {}
    until = time.monotonic() + 1.0
    try:
        while time.monotonic() < until:
            with stage.host.load(mine, isolation="process", data_dir=stage.scratch / "data") as plugin:
                assert names.setdefault(plugin.info.digest, plugin.info.name) == plugin.info.name
    finally:
        swapping.set()
        thread.join()
    assert len(set(names.values())) == len(names)


def test_94_a_library_that_is_overwritten_while_it_runs(stage: Stage) -> None:
    """The file that the user named is not the one that is mapped; a worker that comes later loads the same bytes."""
    assert stage.library is not None
    mine = stage.scratch / "mine.so"
    shutil.copy(stage.library, mine)
    with stage.host.load(mine, isolation="process", data_dir=stage.scratch / "data", workers=2) as plugin:
        assert plugin.call("attack", "") == {"library": "the first"}
        with mine.open("r+b") as file:
            file.write(b"\0" * mine.stat().st_size)
        assert plugin.call("attack", "") == {"library": "the first"}
        stage.assert_serves(plugin)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("lanes", "takes 77 calls at once"),
        ("kinds", "an unknown kind"),
        ("no_numbers", "declared no capabilities"),
        ("text", "did not describe itself"),
    ],
)
def test_95_a_description_that_is_none(stage: Stage, how: str, reason: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        stage.load(config={"forge": how})
    assert reason in str(caught.value)
    with stage.load() as plugin:
        stage.assert_serves(plugin)


@pytest.mark.parametrize(
    "how",
    [
        *(
            "empty",
            "list",
            "number",
            "broken",
            "not_utf8",
            "name_is_a_number",
            "name_is_null",
        ),
        *("role", "negative_role", "kind", "capability_is_a_number", "no_capabilities", "claims_to_be_old"),
        *("deep", "failed"),
    ],
)
def test_95_a_description_that_cannot_be_read(stage: Stage, how: str) -> None:
    """The plugin's constructor speaks in its worker's place: an error of LAO's own, and not of a parser's."""
    with pytest.raises((ProtocolViolation, PluginLoadError, PluginError)):
        stage.load(config={"forge": how}).close()
    with stage.load() as plugin:
        stage.assert_serves(plugin)


def test_95_more_capabilities_than_were_counted(stage: Stage) -> None:
    """The two lists are one plugin's lies about itself: what is not in the shorter one cannot be called."""
    try:
        plugin = stage.load(config={"forge": "more_capabilities"}, timeout=0.3)
    except LaoError:
        return
    with plugin:
        for capability in ("a", "b"):
            with pytest.raises(LaoError):
                plugin.call(capability, "x")


def test_95_under_another_name(stage: Stage) -> None:
    """A package has the name of its manifest, which its library cannot change; without one, a name is just a text."""
    folder = package(stage, "speaks-as-another", library=stage.library)
    data = stage.scratch / "data"
    with pytest.raises(PluginLoadError, match="the library is `sibling`"):
        stage.host.load(folder, isolation="process", data_dir=data, config={"forge": "sibling"})


@pytest.mark.parametrize("how", ["service", "services", "nobody"])
def test_95_asking_what_nobody_can(stage: Stage, how: str) -> None:
    with stage.load() as plugin:
        with pytest.raises(ProtocolViolation):
            plugin.call("attack", how)
        assert stage.wait_for_event("protocol_violation").plugin == "hostile"
        stage.assert_serves(plugin)


def test_95_asking_in_the_name_of_another(stage: Stage) -> None:
    """Who asks is known by the socket that it asks through, and by nothing that it says."""
    rights = Rights(permissions=frozenset({"plugin_communication"}))
    with stage.load(rights=rights) as plugin:
        assert plugin.call("attack", "another") == {"sent": "ok"}
        stage.assert_serves(plugin)
    assert not [
        event for event in stage.host.events.history() if event.plugin == "sibling" and event.name == "done"
    ]
