"""Cases 96 to 99: plugins that were granted what the sandbox contains less well, and want more than that."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import psutil

from lao.model.rights import Rights
from tests.hostile.stage import Stage


@contextlib.contextmanager
def server() -> Iterator[tuple[int, list[object]]]:
    """Its port, and who came."""
    visitors: list[object] = []
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, address = listening.accept()
                    visitors.append(address)
                    connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1], visitors
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def test_96_processes_that_leave_their_worker(stage: Stage) -> None:
    """Their number is bounded, and none of them is left when the plugin is closed."""
    before = set(psutil.Process().children())
    with stage.load(rights=Rights(programs=("/bin/true",)), limits={"max_threads": 8}) as plugin:
        report = plugin.call("attack", "")
        assert report["fork"] in ("EAGAIN", "EPERM"), report
        assert 0 < report["started"] <= 8 + 10, report  # ten are the worker's own
        stage.assert_serves(plugin)
        # What one process is held to says little where there may be more.
        memory = plugin.enforced["P6"]
        assert memory.level == ("kernel" if "cgroup" in memory.reason else "soft")
        assert plugin.enforced["P3"].level == plugin.enforced["P11"].level == "soft"
    orphans = (
        set(psutil.Process().children()) - before
    )  # of which this process is the parent now, as it adopts them
    assert orphans
    for orphan in orphans:
        orphan.wait(5)  # they are dead, and nobody else would reap them


def test_97_an_address_that_changes_while_it_is_checked(stage: Stage) -> None:
    with server() as (allowed, welcome), server() as (forbidden, unwelcome):
        with stage.load(rights=Rights(connect=(f"127.0.0.1:{allowed}",)), timeout=30.0) as plugin:
            report = plugin.call("attack", f"{allowed} {forbidden}")
            stage.assert_serves(plugin)
        assert report["connected"] + report["refused"] == 300, report
        assert report["connected"] > 0
        assert welcome
        assert not unwelcome


def test_98_what_else_a_socket_can_do(stage: Stage) -> None:
    with server() as (allowed, _), server() as (forbidden, unwelcome):
        with stage.load(rights=Rights(connect=(f"127.0.0.1:{allowed}",))) as plugin:
            report = plugin.call("attack", f"{allowed} {forbidden}")
            stage.assert_serves(plugin)
        report.pop("option")  # of a socket that the host connects in its place
        assert "ok" not in report.values(), report
        assert not unwelcome


def test_99_children_for_its_host(stage: Stage) -> None:
    for rights in (Rights(), Rights(programs=("/bin/true",))):
        before = {child.pid for child in psutil.Process().children()}
        with stage.load(rights=rights) as plugin:
            worker = plugin.call("attack", "")
            assert worker == dict.fromkeys(("plain", "silent", "killing"), "EPERM"), worker
            stage.assert_serves(plugin)
        left = [child for child in psutil.Process().children() if child.pid not in before]
        assert [child for child in left if child.status() == psutil.STATUS_ZOMBIE] == []
