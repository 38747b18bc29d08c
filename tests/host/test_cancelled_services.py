"""What a plugin waits for ends with its call: the host stops what it does, and the worker lives on."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lao
from lao.errors import Cancelled, LaoError, PluginTimeout
from lao.host.services.cancelling import cancelled_by
from lao.host.services.service import Service
from tests.host.test_http_peers import peer, request_of
from tests.host.test_service_peers import CALL, GET, Bench, ask, bench, waits
from tests.host.test_services import add_project, projects, wait_for, write_project

__all__ = ["bench", "projects", "waits"]  # fixtures

CANCELLED = 9
GRANT = ["network_access", "private_addresses"]


class Stalling:
    """A server that answers nothing, and sees when a client goes."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.went = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        request_of(connection)
        self.came.set()
        connection.settimeout(20)
        if connection.recv(1) == b"":
            self.went.set()


def cancelled_after(plugin: lao.Plugin, ready: Callable[[], bool], call: Callable[[], Any]) -> float:
    """Seconds that a call still takes after it is cancelled, which is when it is `ready`."""
    ended: list[float] = []

    def run() -> None:
        with pytest.raises(Cancelled):
            call()
        ended.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    assert wait_for(ready)
    cancelled = time.monotonic()
    plugin.cancel()
    thread.join(20)
    return ended[0] - cancelled


def test_a_request_ends_with_its_call(host: lao.Host, tmp_path: Path, isolation: str) -> None:
    plugin = host.load(
        write_project(tmp_path, "services", ["network_access"]), isolation=isolation, grant=GRANT
    )
    server = Stalling()
    with peer(server) as port:
        request = json.dumps({"url": f"http://127.0.0.1:{port}/"})
        took = cancelled_after(plugin, server.came.is_set, lambda: plugin.call("fetch", request=request))
        assert took < 1
        assert server.went.wait(1)
    assert plugin.call("echo", "after") == "after"
    assert plugin.stats.restarts == 0


def test_a_request_ends_with_the_deadline_of_its_call(host: lao.Host, tmp_path: Path, isolation: str) -> None:
    project = write_project(tmp_path, "services", ["network_access"])
    plugin = host.load(project, isolation=isolation, grant=GRANT, timeout=0.3)
    server = Stalling()
    with peer(server) as port:
        began = time.monotonic()
        with pytest.raises(PluginTimeout):
            plugin.call("fetch", request=json.dumps({"url": f"http://127.0.0.1:{port}/"}))
        assert time.monotonic() - began < 1.3
        assert server.went.wait(1)
    assert plugin.call("echo", "after") == "after"
    assert plugin.stats.restarts == 0


def test_other_requests_of_the_worker_go_on(host: lao.Host, tmp_path: Path, isolation: str) -> None:
    plugin = host.load(
        write_project(tmp_path, "services", ["network_access"]), isolation=isolation, grant=GRANT
    )
    servers = [Stalling() for _ in range(2)]

    def slow(connection: socket.socket) -> None:
        request_of(connection)
        time.sleep(0.6)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")

    async def run(ports: list[int]) -> str:
        def fetch(port: int) -> asyncio.Task[Any]:
            return asyncio.create_task(
                plugin.acall("fetch", request=json.dumps({"url": f"http://127.0.0.1:{port}/"}))
            )

        first, other, second = fetch(ports[0]), fetch(ports[2]), fetch(ports[1])
        while not all(server.came.is_set() for server in servers):
            await asyncio.sleep(0.01)
        for task in (first, second):  # whoever of them reads the answers leaves that to the other one
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return str((await other)["body"])

    with peer(servers[0]) as first, peer(servers[1]) as second, peer(slow) as third:
        assert asyncio.run(run([first, second, third])) == "done"
    assert plugin.stats.restarts == 0


def test_a_call_to_another_plugin_ends_with_the_call(host: lao.Host, projects: Path, isolation: str) -> None:
    add_project(projects, "alpha", ["plugin_communication"])
    add_project(projects, "beta", [], role="instance")
    alpha = host.load("alpha", isolation=isolation, grant=["plugin_communication"])
    assert alpha.call("call_other", "x", plugin="beta", capability="echo") == "x"

    def call() -> None:
        alpha.call("call_other", "x", plugin="beta", capability="echo", params='{"pause_ms": 15000}')

    began = time.monotonic()
    took = cancelled_after(alpha, lambda: time.monotonic() - began > 0.3, call)
    assert took < 1
    # One call at a time: the one that was cancelled is over, or this would wait for it.
    assert alpha.call("call_other", "y", plugin="beta", capability="echo") == "y"
    assert time.monotonic() - began < 5
    assert alpha.stats.restarts == 0


def test_a_program_ends_with_the_call(host: lao.Host, tmp_path: Path, isolation: str) -> None:
    more = "[resources]\nallowed_commands = ['sleep']"
    project = write_project(tmp_path, "services", ["system_access"], more=more)
    plugin = host.load(project, isolation=isolation, grant=["system_access"])
    began = time.monotonic()
    took = cancelled_after(
        plugin, lambda: time.monotonic() - began > 1, lambda: plugin.call("run", command="sleep 15")
    )
    assert took < 2
    assert plugin.call("echo", "after") == "after"
    assert plugin.stats.restarts == 0


# --- Peers that cancel ---


def test_a_question_that_waits_is_given_up_at_once(bench: Bench) -> None:
    peer = bench.peer()
    peer.send(b"".join(ask(number, Service.CALLS, CALL) for number in range(1, 61)))
    peer.send(ask(60, Service.CANCEL, b""))
    assert peer.reply()[:2] == (60, CANCELLED)


def test_an_answer_that_nobody_wants_is_not_sent(bench: Bench, waits: threading.Event) -> None:
    peer = bench.peer()
    peer.send(ask(1, Service.CALLS, CALL))
    time.sleep(0.1)
    peer.send(ask(1, Service.CANCEL, b"") * 1000)
    peer.send(ask(2, Service.SCRATCH, GET))
    assert peer.reply()[:2] == (2, 0)
    waits.set()
    assert peer.reply()[:2] == (1, CANCELLED)
    peer.send(ask(1, Service.SCRATCH, GET))  # the number is free again
    assert peer.reply()[:2] == (1, 0)


def test_giving_up_what_was_never_asked_is_no_crime_and_costs_nothing(bench: Bench) -> None:
    rude, good = bench.peer(), bench.peer()
    rude.send(b"".join(ask(number, Service.CANCEL, b"") for number in range(1, 20000)))
    for number in range(1, 20):
        good.send(ask(number, Service.SCRATCH, GET))
        assert good.reply()[:2] == (number, 0)
    rude.send(ask(7, Service.SCRATCH, GET))
    assert rude.reply()[:2] == (7, 0)
    assert bench.violations == []


def test_no_number_is_not_one_to_give_up(bench: Bench) -> None:
    peer = bench.peer()
    peer.send(ask(0, Service.CANCEL, b""))
    assert peer.is_cut_off()


# --- In this process ---


def test_a_word_is_looked_at_as_long_as_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    word, calls = [0], []

    def fails() -> None:
        calls.append("fails")
        raise LaoError("it cannot be cancelled")

    with cancelled_by(word, fails), cancelled_by(word, lambda: calls.append("ends")):
        time.sleep(0.1)
        assert calls == []
        word[0] = 1
        assert wait_for(lambda: sorted(calls) == ["ends", "fails"])
        time.sleep(0.1)
    assert len(calls) == 2  # once each
    with cancelled_by([0], lambda: calls.append("late")):
        pass
    time.sleep(0.1)
    assert len(calls) == 2
