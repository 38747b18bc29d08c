"""The bus of events: what is delivered, remembered and counted, and what a flood cannot do."""

from __future__ import annotations

import os
import threading

import pytest

from lao.events import Event, Events


@pytest.fixture
def events() -> Events:
    return Events()


def test_a_subscriber_gets_what_fits(events: Events) -> None:
    seen: list[Event] = []
    events.subscribe(seen.append, "limit_*", plugin="a")
    events.emit("limit_killed", "a", limit="max_memory_mb", used=300.0)
    events.emit("limit_killed", "b")
    events.emit("worker_died", "a")
    assert events.flush()
    assert [(event.name, event.plugin, dict(event.data)) for event in seen] == [
        ("limit_killed", "a", {"limit": "max_memory_mb", "used": 300.0})
    ]
    assert seen[0].at > 0


def test_the_order_is_that_of_emitting(events: Events) -> None:
    seen: list[int] = []
    events.subscribe(lambda event: seen.append(event.data["number"]))
    for number in range(500):
        events.emit("plugin_error", "a", number=number)
    assert events.flush()
    assert seen == list(range(500))


def test_a_closed_subscription_hears_nothing(events: Events) -> None:
    seen: list[Event] = []
    with events.subscribe(seen.append):
        events.emit("one")
        assert events.flush()
    events.emit("two")
    assert events.flush()
    assert [event.name for event in seen] == ["one"]


def test_the_facts_cannot_be_changed(events: Events) -> None:
    events.emit("one", "a", name="its own", plugin="too")
    (event,) = events.history()
    assert dict(event.data) == {"name": "its own", "plugin": "too"}
    with pytest.raises(TypeError):
        event.data["name"] = "other"  # type: ignore[index]


def test_a_failing_subscriber_ends_nothing(events: Events, caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: Event) -> None:
        raise ValueError("no")

    seen: list[str] = []
    events.subscribe(fail)
    events.subscribe(lambda event: seen.append(event.name))
    events.emit("one")
    events.emit("two")
    assert events.flush()
    assert seen == ["one", "two"]
    assert "a subscriber of `one` failed" in caplog.text


def test_emitting_never_waits_for_a_subscriber(events: Events) -> None:
    release = threading.Event()
    seen: list[str] = []

    def slow(event: Event) -> None:
        assert release.wait(30)
        seen.append(event.name)

    events.subscribe(slow)
    for _ in range(5000):
        events.emit("noise", "loud")  # returns although the subscriber does not
    events.emit("worker_died", "quiet")
    assert events.dropped >= 5000 - 1001
    assert not events.flush(0.01)
    release.set()
    assert events.flush(30)
    assert seen.count("worker_died") == 1, "the flood of one plugin took the place of another's event"
    assert seen.count("noise") + events.dropped == 5000


def test_a_subscriber_may_use_the_bus(events: Events) -> None:
    seen: list[str] = []

    def again(event: Event) -> None:
        seen.append(event.name)
        assert not events.flush(), "it cannot wait for itself"
        if event.name == "one":
            events.emit("two")
            subscription.close()

    subscription = events.subscribe(again)
    other = events.subscribe(lambda event: seen.append("other " + event.name))
    events.emit("one")
    assert events.flush()
    assert seen == ["one", "other one", "other two"]
    other.close()


def test_the_history_is_bounded_for_each_name(events: Events) -> None:
    events.emit("worker_died", "a", number=0)
    for number in range(3000):
        events.emit("noise", "a", number=number)
    assert [event.data["number"] for event in events.history("noise")] == list(range(2800, 3000))
    assert len(events.history("worker_died", plugin="a")) == 1
    assert events.history(plugin="b") == []
    for number in range(3000):
        events.emit(f"name{number}", "a")
    assert len(events.history()) == 1000


def test_counters(events: Events) -> None:
    for plugin in ("a", "a", "b"):
        events.emit("limit_warning", plugin)
    events.emit("worker_died", "a")
    assert events.counters == {"limit_warning": 3, "worker_died": 1}
    assert events.count("limit_warning") == 3
    assert events.count("limit_warning", plugin="a") == 2
    assert events.count("limit_warning", plugin="c") == 0
    assert events.count("unheard_of") == 0


def test_names_are_bounded(events: Events) -> None:
    for number in range(10000):
        events.emit(f"{number}" + "x" * 1000, "a")
    assert len(events.counters) == 4096
    assert all(len(event.name) == 128 for event in events.history())


def test_closing_delivers_what_waits_and_then_nothing(events: Events) -> None:
    seen: list[str] = []
    events.subscribe(lambda event: seen.append(event.name))
    events.emit("one")
    events.close()
    events.emit("two")
    assert events.flush()
    assert seen == ["one"]
    assert events.count("two") == 1
    events.close()


def test_many_threads_lose_nothing(events: Events) -> None:
    seen: list[int] = []
    events.subscribe(lambda event: seen.append(event.data["number"]))

    def emit(plugin: int) -> None:
        for number in range(200):
            events.emit("one", str(plugin), number=plugin * 1000 + number)

    threads = [threading.Thread(target=emit, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert events.flush(30)
    assert sorted(seen) == sorted(plugin * 1000 + number for plugin in range(5) for number in range(200))
    for plugin in range(5):
        mine = [number for number in seen if number // 1000 == plugin]
        assert mine == sorted(mine)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_a_thread_of_its_own(events: Events) -> None:
    seen: list[str] = []
    events.subscribe(lambda event: seen.append(event.name))
    events.emit("before")
    assert events.flush()
    child = os.fork()
    if child == 0:
        events.emit("inside")
        os._exit(0 if events.flush(20) and seen == ["before", "inside"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
