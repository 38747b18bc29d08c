"""What plugins of LAO 0.x get by explicit grant: connections on this machine, programs, a working directory."""

from __future__ import annotations

import shutil
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lao.errors import LaoError, PermissionDenied, PluginError
from lao.host import Host
from lao.host.plugin import Plugin
from lao.host.source import Source, source_of_library
from lao.model.rights import Rights
from tests.plugins import build


class Granting:
    """A locator of one library with these rights."""

    def __init__(self, library: Path, rights: Rights) -> None:
        self.source = replace(source_of_library(library), rights=rights)

    def locate(self, target: str) -> Source:
        del target
        return self.source

    def complete(self, source: Source) -> Source:
        return source

    def signature(self) -> object:
        return None


@contextmanager
def reaching(home: Path, rights: Rights, workers: int = 1) -> Iterator[Plugin]:
    with Host(home, locator=Granting(build("reaching"), rights)) as host:
        yield host.load("reaching", workers=workers)


class Answering(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"you said " + self.request.recv(100))


@pytest.fixture
def server() -> Iterator[str]:
    """HOST:PORT of a server that answers."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join()


def test_nothing_without_a_grant(tmp_path: Path, server: str) -> None:
    with reaching(tmp_path, Rights()) as plugin:
        with pytest.raises(PluginError, match="socket: EPERM"):
            plugin.call("fetch", server)
        with pytest.raises(PluginError, match="posix_spawn: EPERM"):
            plugin.call("run", "/bin/echo")
        assert plugin.call("where", "") == "/"
        with pytest.raises(PluginError, match="open: EACCES"):
            plugin.call("write", "file")
        assert {plugin.enforced[name].level for name in ("P1", "P2", "P3", "P4")} == {"kernel"}


def test_a_granted_address_is_reached_and_no_other(tmp_path: Path, server: str) -> None:
    with reaching(tmp_path, Rights(connect=(server,))) as plugin:
        for _ in range(3):
            assert plugin.call("fetch", server) == "you said hello\n"
        host, _, port = server.rpartition(":")
        for other in (f"{host}:{int(port) ^ 1}", f"127.0.0.2:{port}", f"192.0.2.1:{port}"):
            with pytest.raises(PluginError, match="connect: EACCES"):
                plugin.call("fetch", other)
        with pytest.raises(PluginError, match="sendto: EPERM"):
            plugin.call("sneak", server)
        assert plugin.enforced["P2"].level == "soft"
        assert plugin.enforced["P3"].level == "kernel"


def test_an_address_that_changes_while_it_is_checked(tmp_path: Path, server: str) -> None:
    port = int(server.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", 0)) as forbidden:
        forbidden.setblocking(False)
        with reaching(tmp_path, Rights(connect=(server,))) as plugin:
            made, wrong = map(int, plugin.call("race", f"{port} {forbidden.getsockname()[1]}").split())
        with pytest.raises(BlockingIOError):
            forbidden.accept()
    assert made > 0
    assert wrong == 0


def test_connecting_leaves_nothing_in_the_host(tmp_path: Path, server: str) -> None:
    own = psutil.Process()
    for round in range(4):
        with reaching(tmp_path, Rights(connect=(server,))) as plugin:
            assert plugin.call("fetch", server) == "you said hello\n"
        if round == 0:
            before = own.num_fds()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and own.num_fds() > before:
        time.sleep(0.01)
    assert own.num_fds() <= before


def test_every_worker_reaches_it_and_also_a_new_one(tmp_path: Path, server: str) -> None:
    with reaching(tmp_path, Rights(connect=(server,)), workers=2) as plugin:
        assert list(plugin.map("fetch", [server] * 8)) == ["you said hello\n"] * 8
        for child in psutil.Process().children():
            if child.name().startswith("lao-worker"):
                child.kill()
                child.wait(5)
        for _ in range(4):
            try:
                answer = plugin.call("fetch", server)
            except LaoError:
                continue  # it noticed only now that its worker is gone
            assert answer == "you said hello\n"


def test_a_refused_connection_is_an_error_of_connect(tmp_path: Path) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), Answering) as closed:
        address = f"127.0.0.1:{closed.server_address[1]}"
    with (
        reaching(tmp_path, Rights(connect=(address,))) as plugin,
        pytest.raises(PluginError, match="connect: ECONNREFUSED"),
    ):
        plugin.call("fetch", address)


@pytest.mark.parametrize(
    "address", ["192.0.2.1:80", "example.org:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:x"]
)
def test_only_addresses_of_this_machine_can_be_granted(tmp_path: Path, address: str) -> None:
    with (
        pytest.raises(PermissionDenied, match="no address of this machine"),
        reaching(tmp_path, Rights(connect=(address,))),
    ):
        pass


def test_listed_programs_run_and_no_others(tmp_path: Path) -> None:
    echo, cat = shutil.which("echo"), shutil.which("cat")
    assert echo is not None
    assert cat is not None
    with reaching(tmp_path, Rights(programs=(echo,))) as plugin:
        assert plugin.call("run", echo) == "600\n"
        with pytest.raises(PluginError, match="posix_spawn: EACCES"):
            plugin.call("run", cat)
        assert plugin.enforced["P3"].level == "soft"
        assert plugin.enforced["P2"].level == "kernel"


def test_a_program_can_be_granted_by_name(tmp_path: Path) -> None:
    echo = shutil.which("echo")
    assert echo is not None
    with reaching(tmp_path, Rights(programs=("echo",))) as plugin:
        assert plugin.call("run", echo) == "600\n"
    with (
        pytest.raises(LaoError, match="not installed"),
        reaching(tmp_path, Rights(programs=("no-such-program",))),
    ):
        pass


@pytest.mark.parametrize("end", ["close", "kill"])
def test_programs_end_with_their_worker(tmp_path: Path, end: str) -> None:
    sleep = shutil.which("sleep")
    assert sleep is not None
    with reaching(tmp_path, Rights(programs=(sleep,))) as plugin:
        program = psutil.Process(int(plugin.call("run", sleep)))
        worker = program.parent()
        assert program.status() != psutil.STATUS_ZOMBIE
        assert worker is not None
        if end == "kill":
            worker.kill()
        else:
            plugin.close()
        assert psutil.wait_procs([program], timeout=5)[1] == []


def test_a_working_directory_can_be_changed(tmp_path: Path) -> None:
    directory = tmp_path / "work"
    directory.mkdir()
    with reaching(tmp_path / "home", Rights(working_directory=directory)) as plugin:
        assert plugin.call("where", "") == str(directory)
        plugin.call("write", "file")
        with pytest.raises(PluginError, match="open: EACCES"):
            plugin.call("write", "../file")
    assert (directory / "file").read_bytes() == b"x"


def test_a_line_break_in_a_grant_writes_no_line_of_its_own(tmp_path: Path) -> None:
    with (
        pytest.raises(LaoError, match="line break"),
        reaching(tmp_path, Rights(connect=("127.0.0.1:1\nread /",))),
    ):
        pass
