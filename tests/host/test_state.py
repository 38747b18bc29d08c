"""`plugin.reload()` and what it carries across; configuration, health and events while a plugin lives."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import lao
from tests import plugins
from tests.host.conftest import Load

ROLES = ("UNSAFE", "INSTANCE", "FULL")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the library lies that a test replaces."""
    return tmp_path / "libliving.so"


def put(place: Path, **options: str | int | bool) -> None:
    """A library in its place, as an installation does it: a new file."""
    fresh = place.with_suffix(".new")
    shutil.copy(plugins.build("living", **options), fresh)
    fresh.rename(place)


@pytest.mark.parametrize("role", ROLES)
def test_the_state_goes_along(load: Load, role: str) -> None:
    plugin = load("living", {"thread_role": role})
    for expected in (1, 2, 3):
        assert plugin.call("add") == expected
    assert plugin.reload() == "carried"
    assert plugin.call("add", by=10) == 13
    assert plugin.reload() == "carried"
    assert plugin.call("add") == 14


def test_another_library_takes_it_over(host: lao.Host, place: Path, isolation: str) -> None:
    put(place)
    plugin = host.load(place, isolation=isolation)
    before = plugin.info.digest
    plugin.call("add", by=7)
    put(place, greeting='"hallo"')
    assert plugin.reload() == "carried"
    assert plugin.info.digest != before
    assert plugin.call("greet") == "hallo"
    assert plugin.call("add") == 8
    events = [(event.name, event.data.get("state")) for event in host.events.history(plugin="living")]
    assert events[-2:] == [("plugin_unloaded", None), ("plugin_loaded", "carried")]


def test_a_state_of_another_version_is_refused_and_it_begins_afresh(
    host: lao.Host, place: Path, isolation: str
) -> None:
    put(place)
    plugin = host.load(place, isolation=isolation)
    plugin.call("add", by=7)
    put(place, state_version=2)
    assert plugin.reload() == "refused"
    assert plugin.call("add") == 1


@pytest.mark.parametrize("without", ["old", "new", "both"])
def test_one_without_state(host: lao.Host, place: Path, isolation: str, without: str) -> None:
    put(place, no_state=without in ("old", "both"))
    plugin = host.load(place, isolation=isolation)
    plugin.call("add", by=7)
    put(place, no_state=without in ("new", "both"), greeting='"fresh"')
    assert plugin.reload() == "none"
    assert (plugin.call("add"), plugin.call("greet")) == (1, "fresh")


def test_what_cannot_be_saved_leaves_the_old_one_serving(load: Load) -> None:
    plugin = load("living", {"refuse_save": True})
    plugin.call("add", by=5)
    with pytest.raises(lao.PluginError, match="does not give its state away"):
        plugin.reload()
    assert plugin.call("add") == 6


def test_a_library_that_does_not_load_leaves_the_old_one_serving(
    host: lao.Host, place: Path, isolation: str
) -> None:
    put(place)
    plugin = host.load(place, isolation=isolation)
    plugin.call("add", by=5)
    place.with_suffix(".new").write_bytes(b"\x7fELF and no more")
    place.with_suffix(".new").rename(place)
    with pytest.raises(lao.PluginLoadError):
        plugin.reload()
    assert plugin.call("add") == 6
    put(place, greeting='"again"')
    assert plugin.reload() == "carried"
    assert (plugin.call("add"), plugin.call("greet")) == (7, "again")


@pytest.mark.parametrize("role", ROLES)
def test_calls_in_flight_end_first_and_others_wait(load: Load, role: str) -> None:
    plugin = load("living", {"thread_role": role})
    answers: list[int] = []

    def call(**params: Any) -> threading.Thread:
        thread = threading.Thread(target=lambda: answers.append(plugin.call("add", **params)))
        thread.start()
        return thread

    slow = call(wait_ms=400, by=100)
    time.sleep(0.1)
    states: list[str] = []
    reloading = threading.Thread(target=lambda: states.append(plugin.reload()))
    reloading.start()
    time.sleep(0.1)
    quick = [call() for _ in range(5)]
    for thread in (slow, reloading, *quick):
        thread.join(20)
        assert not thread.is_alive()
    assert states == ["carried"]
    assert sorted(answers)[-1] == 105  # every call counted, on whichever side it ran
    assert plugin.call("add") == 106


def test_calls_that_do_not_end_are_not_waited_for_forever(load: Load) -> None:
    plugin = load("living", timeout=0.5)
    stopped = threading.Event()

    def keep_busy() -> None:
        while not stopped.is_set():
            plugin.call("add", wait_ms=200, by=0)

    threads = [threading.Thread(target=keep_busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        started = time.monotonic()
        assert plugin.reload() == "carried"  # new calls wait, so that it gets its turn
        assert time.monotonic() - started < 5
    finally:
        stopped.set()
        for thread in threads:
            thread.join(10)


def test_a_call_that_does_not_end_keeps_the_old_one_serving(host: lao.Host) -> None:
    """In-process nobody can end it."""
    with host.load(plugins.build("living"), isolation="none", timeout=0.3) as plugin:

        def hang() -> None:
            with contextlib.suppress(lao.PluginTimeout):
                plugin.call("add", wait_ms=1500, deaf=1)

        busy = threading.Thread(target=hang)
        busy.start()
        time.sleep(0.1)
        with pytest.raises(lao.PluginTimeout, match="still running"):
            plugin.reload()
        busy.join()
        assert plugin.call("add") == 2


def test_every_worker_has_its_own_state(host: lao.Host) -> None:
    with host.load(
        plugins.build("living", thread_role="INSTANCE"), isolation="process", workers=3, prewarm=True
    ) as plugin:
        threads = [threading.Thread(target=lambda: plugin.call("add", wait_ms=300, by=50)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert plugin.reload() == "carried"
        assert plugin.call("add") == 51


# --- Configuration ---


def test_it_is_configured_while_it_lives(load: Load) -> None:
    plugin = load("living")
    plugin.call("add", by=5)
    plugin.configure({"greeting": "servus"})
    assert (plugin.call("greet"), plugin.call("add")) == ("servus", 6)
    plugin.reload()
    assert (plugin.call("greet"), plugin.call("add")) == ("servus", 7)


def test_what_it_refuses_changes_nothing(load: Load) -> None:
    plugin = load("living", config={"greeting": "before"})
    with pytest.raises(lao.InvalidInput, match="no greeting"):
        plugin.configure({"greeting": "bad"})
    assert plugin.call("greet") == "before"
    plugin.reload()
    assert plugin.call("greet") == "before"


def test_all_workers_are_configured_those_that_start_later_too(host: lao.Host) -> None:
    with host.load(plugins.build("living", thread_role="INSTANCE"), isolation="process", workers=3) as plugin:
        plugin.configure({"greeting": "all"})
        threads = [threading.Thread(target=lambda: plugin.call("add", wait_ms=300)) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        assert plugin.call("greet") == "all"
        for thread in threads:
            thread.join()
        plugin.configure({"greeting": "anew"})
        assert {plugin.call("greet") for _ in range(9)} == {"anew"}


def test_one_that_cannot_is_loaded_again(load: Load) -> None:
    plugin = load("living", {"no_lifecycle": True})
    plugin.call("add", by=5)
    plugin.configure({"greeting": "servus"})
    assert (plugin.call("greet"), plugin.call("add")) == ("servus", 6)


# --- Health ---


def test_health(load: Load) -> None:
    plugin = load("living")
    plugin.check_health()
    plugin.configure({"greeting": "ill"})
    with pytest.raises(lao.PluginError, match="feels ill"):
        plugin.check_health()
    load("echo").check_health()


def test_one_that_does_not_say_is_ended(host: lao.Host) -> None:
    with host.load(plugins.build("living"), isolation="process") as plugin:
        plugin.configure({"greeting": "stuck"})
        with pytest.raises(lao.PluginTimeout):
            plugin.check_health()
        assert plugin.call("greet") == "stuck"  # of a new worker


# --- Events ---


@pytest.mark.parametrize("role", ROLES)
def test_events_reach_it(load: Load, role: str) -> None:
    plugin = load("living", {"thread_role": role})
    plugin.deliver("on_photo", "photo_taken", {"path": "/a/ü.png", "size": [3, 4]})
    plugin.deliver("on_night", "night")
    assert (
        plugin.call("events")
        == 'on_photo photo_taken {"path": "/a/\\u00fc.png", "size": [3, 4]};on_night night null;'
    )
    with pytest.raises(lao.PluginError, match="does not like"):
        plugin.deliver("on_photo", "bad")


def test_one_that_takes_no_events(load: Load) -> None:
    plugin = load("living", {"no_events": True})
    with pytest.raises(lao.PluginError, match=r"lao\.events/1"):
        plugin.deliver("on_photo", "photo_taken")


def test_a_closed_one_takes_nothing(load: Load) -> None:
    plugin = load("living")
    plugin.close()
    for use in (
        plugin.reload,
        plugin.check_health,
        lambda: plugin.deliver("a", "b"),
        lambda: plugin.configure({}),
    ):
        with pytest.raises(lao.PluginClosed):
            use()
