"""Hostile peers of the service socket: garbage, floods, half frames, forged numbers. The host answers the others."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import lao
from lao.errors import LaoError, ProtocolViolation
from lao.events import Events
from lao.host.convert import to_json, to_native
from lao.host.services.calls import Target
from lao.host.services.dispatch import HostSide, PluginServices
from lao.host.services.framing import (
    HEAD_BYTES,
    LARGEST_BODY,
    LARGEST_HEADER,
    FrameReader,
    Question,
    Reply,
    encode_reply,
)
from lao.host.services.scratch import Scratch
from lao.host.services.server import Server, WorkerId
from lao.host.services.service import Service
from lao.model.kinds import Kind
from lao.model.rights import Rights
from tests import plugins
from tests.host.test_services import wait_for

HEAD = struct.Struct("=6I")


def ask(id: int, service: int, header: bytes = b"{}", body: bytes = b"", kind: int = 0) -> bytes:
    return HEAD.pack(len(header) + len(body), id, service, kind, len(header), 0) + header + body


# --- Frames ---


def read_all(reader: FrameReader) -> list[Question]:
    found = []
    while (question := reader.next()) is not None:
        found.append(question)
    return found


def test_frames_come_whole_however_they_are_cut() -> None:
    source = random.Random(1)
    sent = [
        (
            number,
            source.choice([2, 4, 32]),
            source.randbytes(source.randrange(40)),
            source.randbytes(source.randrange(9999)),
        )
        for number in range(1, 60)
    ]
    stream = b"".join(ask(id, service, header, body, 3) for id, service, header, body in sent)
    for step in (1, 7, 24, 25, 4096, len(stream)):
        reader = FrameReader()
        found = []
        for at in range(0, len(stream), step):
            reader.feed(stream[at : at + step])
            found += read_all(reader)
        assert [(one.id, one.service, one.header, one.body) for one in found] == sent
        assert reader.waiting == 0


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (HEAD.pack(0, 1, 0, 0, 0, 0), "service 0"),
        (HEAD.pack(0, 1, 3, 0, 0, 0), "service 3"),
        (HEAD.pack(0, 1, 256, 0, 0, 0), "service 256"),
        (HEAD.pack(0, 1, 2, 10, 0, 0), "kind 10"),
        (HEAD.pack(2, 1, 2, 0, 3, 0), "3 of them header"),
        (HEAD.pack(LARGEST_HEADER + 1, 1, 2, 0, LARGEST_HEADER + 1, 0), "header"),
        (HEAD.pack(LARGEST_BODY + 1, 1, 2, 0, 0, 0), "are the most"),
        (HEAD.pack(2**32 - 1, 1, 2, 0, 100, 0), "are the most"),
        (HEAD.pack(0, 1, 2, 0, 0, 1), "nobody understands"),
        (HEAD.pack(0, 0, 2, 0, 0, 0), "without waiting"),
    ],
)
def test_a_head_that_is_none_is_refused_before_its_body_comes(head: bytes, reason: str) -> None:
    reader = FrameReader()
    reader.feed(head)
    with pytest.raises(ProtocolViolation, match=reason):
        reader.next()


def test_a_claimed_size_costs_nothing() -> None:
    reader = FrameReader()
    reader.feed(HEAD.pack(LARGEST_BODY, 1, 2, 0, 0, 0) + b"x")
    assert reader.next() is None
    assert reader.waiting == HEAD_BYTES + 1


def test_random_bytes_give_frames_or_a_violation_and_nothing_else() -> None:
    source = random.Random(2)
    violations = 0
    for _ in range(3000):
        stream = bytearray(ask(1, 2, b"{}", b"body") * 3)
        for _ in range(source.randrange(1, 6)):
            stream[source.randrange(len(stream))] = source.randrange(256)
        reader = FrameReader()
        reader.feed(bytes(stream))
        try:
            assert len(read_all(reader)) <= 3
        except ProtocolViolation:
            violations += 1
    assert violations > 100


def test_a_reply_is_what_the_worker_reads() -> None:
    frame = encode_reply(7, Reply(status=8, kind=Kind.JSON, header=b"why", body=b"{}"))
    assert HEAD.unpack_from(frame) == (5, 7, 8, 2, 3, 0)
    assert frame[HEAD_BYTES:] == b"why{}"


# --- The server, with peers that are no worker at all ---


class Peer:
    """The other end of a service socket."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        end.settimeout(10)

    def send(self, data: bytes) -> None:
        self.end.sendall(data)

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.end.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def reply(self) -> tuple[int, int, bytes, bytes]:
        """(id, status, header, body)"""
        size, id, status, _, header_size, _ = HEAD.unpack(self.read(HEAD_BYTES))
        data = self.read(size)
        return id, status, data[:header_size], data[header_size:]

    def is_cut_off(self) -> bool:
        try:
            while self.end.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True


class Bench:
    """A server, the services of one plugin, and as many peers as wanted."""

    def __init__(self, folder: Path, permissions: frozenset[str], find: Callable[[str], Target]) -> None:
        self.violations: list[tuple[WorkerId, str]] = []
        self.denials: list[tuple[str, str]] = []
        self.scratch = Scratch()
        self.host = HostSide(
            scratch=self.scratch,
            events=Events(),
            denied=lambda plugin, service, reason: self.denials.append((service, reason)),
            find=find,
            to_json=to_json,
            describe=to_native,
            within=_nothing,
            new_token=lambda: 1,
        )
        rights = Rights(permissions=permissions, file_access=("./",))
        self.services = PluginServices("bench", rights, folder, (), self.host)
        self.server = Server()
        self.listener = self.server.listen(self.services, lambda *facts: self.violations.append(facts))
        self.count = 0
        self.peers: list[Peer] = []

    def peer(self) -> Peer:
        ours, theirs = socket.socketpair()
        line = json.dumps({"index": self.count, "generation": 1, "pid": 1}).encode() + b"\n"
        self.count += 1
        socket.send_fds(self.listener, [line], [theirs.fileno()])
        theirs.close()
        self.peers.append(Peer(ours))
        return self.peers[-1]

    def close(self) -> None:
        for peer in self.peers:
            peer.end.close()
        self.listener.close()
        self.services.close()
        self.server.close()

    def put(self, key: str, value: bytes) -> None:
        self.scratch.put(("bench", self.services._data_dir), key, value)


@contextmanager
def _nothing(deadline_ns: int) -> Iterator[None]:
    del deadline_ns
    yield


@pytest.fixture
def waits() -> Iterator[threading.Event]:
    """Calls to other plugins take until it is set."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def bench(tmp_path: Path, waits: threading.Event) -> Iterator[Bench]:
    def find(name: str) -> Target:
        waits.wait(30)
        raise LaoError(f"there is no {name}")

    made = Bench(tmp_path, frozenset({"read_files", "plugin_communication"}), find)
    yield made
    waits.set()
    made.close()


GET = b'{"operation":"get","key":"key"}'
CALL = b'{"plugin":"other","capability":"echo"}'


def test_a_peer_is_answered(bench: Bench) -> None:
    bench.put("key", b"value")
    peer = bench.peer()
    peer.send(ask(5, Service.SCRATCH, GET))
    assert peer.reply() == (5, 0, b"", b"value")
    peer.send(ask(6, Service.SCRATCH, b"{"))
    id, status, reason, _ = peer.reply()
    assert (id, status) == (6, 2)
    assert b"JSON" in reason


@pytest.mark.parametrize("service", [Service.HTTP, Service.COMMANDS])
def test_what_was_not_granted_is_refused_whoever_asks(bench: Bench, service: Service) -> None:
    peer = bench.peer()
    peer.send(ask(1, service))
    assert peer.reply()[:2] == (1, 8)
    peer.send(ask(2, Service.SCRATCH, GET))  # it is a refusal, no crime
    assert peer.reply()[:2] == (2, 0)
    assert bench.denials == [(service.name.lower() if service.name else "", "this was not granted")]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\xff" * 64,
        HEAD.pack(2**32 - 1, 1, 2, 0, 0, 0),
        HEAD.pack(1, 1, 2, 0, 2, 0),
        ask(1, 1024),
        ask(0, Service.SCRATCH, GET),
        ask(3, Service.CALLS, CALL) * 2,
        ask(4, Service.SCRATCH, GET) + b"\xff" * 24,
    ],
    ids=["http", "ones", "oversize", "header", "service", "no-id", "same-id", "after-a-sound-one"],
)
def test_a_peer_that_breaks_the_protocol_is_cut_off(bench: Bench, data: bytes) -> None:
    good, bad = bench.peer(), bench.peer()
    bad.send(data)
    assert bad.is_cut_off()
    assert wait_for(lambda: len(bench.violations) == 1)
    assert bench.violations[0][0].index == 1
    good.send(ask(1, Service.SCRATCH, GET))
    assert good.reply()[:2] == (1, 0)


def test_half_a_frame_keeps_nobody_waiting(bench: Bench) -> None:
    slow, good = bench.peer(), bench.peer()
    whole = ask(1, Service.SCRATCH, GET)
    slow.send(whole[:30])
    for number in range(1, 50):
        good.send(ask(number, Service.SCRATCH, GET))
        assert good.reply()[:2] == (number, 0)
    slow.send(whole[30:])
    assert slow.reply()[:2] == (1, 0)
    slow.send(HEAD.pack(LARGEST_BODY, 1, 2, 0, 0, 0))
    slow.end.close()  # in the middle of it
    good.send(ask(99, Service.SCRATCH, GET))
    assert good.reply()[:2] == (99, 0)
    assert bench.violations == []


def test_a_peer_that_does_not_take_its_answers_costs_a_bounded_amount(bench: Bench) -> None:
    bench.put("key", bytes(1 << 20))
    greedy, good = bench.peer(), bench.peer()
    greedy.end.settimeout(0.5)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sent = 0
    with contextlib.suppress(TimeoutError):  # the host reads no more of it
        for number in range(1, 10**5):
            greedy.send(ask(number, Service.SCRATCH, GET))
            sent += 1
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mb < 120, f"{sent} questions of 1 MiB each cost {grown_mb:.0f} MiB"
    assert 40 < sent < 10**5 - 1
    good.send(ask(1, Service.SCRATCH, b'{"operation":"get","key":"other"}'))
    assert good.reply()[:2] == (1, 0)
    greedy.end.settimeout(20)
    for number in range(1, 41):  # it gets what it asked for as soon as it reads
        assert greedy.reply()[0] == number


def test_open_questions_are_bounded_and_the_others_served(bench: Bench, waits: threading.Event) -> None:
    many, good = bench.peer(), bench.peer()
    many.end.settimeout(1)
    frames = b"".join(ask(number, Service.CALLS, CALL) for number in range(1, 2000))
    many.send(frames[: len(frames) // 2])
    good.send(ask(1, Service.SCRATCH, GET))
    assert good.reply()[:2] == (1, 0)
    assert threading.active_count() < 60
    waits.set()
    many.end.settimeout(20)
    assert {many.reply()[0] for _ in range(500)} <= set(range(1, 2000))


def test_a_flood_leaves_the_others_their_time(bench: Bench) -> None:
    """One peer asks without end; another one's questions still take milliseconds."""
    flooder, good = bench.peer(), bench.peer()
    stop = threading.Event()

    def flood() -> None:
        frames = ask(1, Service.SCRATCH, GET) * 500
        flooder.end.settimeout(0.2)
        while not stop.is_set():
            try:
                flooder.end.sendall(frames)
                flooder.end.recv(1 << 20)
            except TimeoutError:
                continue
            except OSError:
                return

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        times = []
        for number in range(1, 100):
            began = time.monotonic()
            good.send(ask(number, Service.SCRATCH, GET))
            assert good.reply()[:2] == (number, 0)
            times.append(time.monotonic() - began)
        assert sorted(times)[len(times) // 2] < 1.0
    finally:
        stop.set()
        thread.join()


def test_descriptors_that_a_peer_sends_along_do_not_stay(bench: Bench) -> None:
    peer = bench.peer()
    peer.send(ask(1, Service.SCRATCH, GET))
    peer.reply()
    before = len(os.listdir("/proc/self/fd"))
    with open("/dev/null", "rb") as null:
        for number in range(2, 40):
            socket.send_fds(peer.end, [ask(number, Service.SCRATCH, GET)], [null.fileno()] * 8)
            assert peer.reply()[:2] == (number, 0)
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_file_comes_with_the_answer_and_nowhere_else(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("contents")
    peer = bench.peer()
    peer.send(ask(99, Service.SCRATCH, GET))
    peer.reply()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(1, 20):
        peer.send(ask(number, Service.FILES, b'{"path":"file","mode":1}'))
        data, descriptors, _, _ = socket.recv_fds(peer.end, HEAD_BYTES, 4)
        assert HEAD.unpack(data)[1:3] == (number, 0)
        assert HEAD.unpack(data)[5] == 1
        with os.fdopen(descriptors[0]) as file:
            assert file.read() == "contents"
    assert wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before)
    for number in range(20, 40):  # nobody takes these
        peer.send(ask(number, Service.FILES, b'{"path":"file","mode":1}'))
    peer.end.close()
    assert wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before - 2)


def test_a_peer_that_goes_ends_what_it_asked_for(bench: Bench, waits: threading.Event) -> None:
    before = len(os.listdir("/proc/self/fd"))
    peers = [bench.peer() for _ in range(5)]
    for peer in peers:
        peer.send(ask(1, Service.SCRATCH, GET))
        peer.reply()
        peer.send(ask(1, Service.CALLS, CALL))
    for peer in peers:
        peer.end.close()
    assert wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before + 2)  # the server's own
    waits.set()
    good = bench.peer()
    good.send(ask(1, Service.SCRATCH, GET))
    assert good.reply()[:2] == (1, 0)


def test_another_worker_in_its_place_ends_what_it_asked_for(bench: Bench) -> None:
    """The first one has so much open that nothing is read of it: that it is gone would not be noticed."""
    first = bench.peer()
    first.send(b"".join(ask(number, Service.CALLS, CALL) for number in range(1, 80)))
    other = bench.peer()
    other.send(ask(1, Service.SCRATCH, GET))
    other.reply()
    bench.count = 0
    second = bench.peer()
    second.send(ask(1, Service.SCRATCH, GET))
    assert second.reply()[:2] == (1, 0)
    assert first.is_cut_off()
    other.send(ask(2, Service.SCRATCH, GET))
    assert other.reply()[:2] == (2, 0)


def test_random_peers_never_stop_the_server(bench: Bench) -> None:
    source = random.Random(3)
    for _ in range(200):
        peer = bench.peer()
        peer.end.settimeout(0.2)
        stream = bytearray(
            ask(
                1,
                source.choice([1, 2, 4, 32, 64]),
                source.choice([GET, CALL, b"[]", b"{}", b"\xff"]),
                b"x" * 9,
            )
            * 4
        )
        for _ in range(source.randrange(4)):
            stream[source.randrange(len(stream))] = source.randrange(256)
        peer.send(bytes(stream[: source.randrange(len(stream))]))
        peer.end.close()
    good = bench.peer()
    good.send(ask(1, Service.SCRATCH, GET))
    assert good.reply()[:2] == (1, 0)


def test_after_close_nothing_is_left(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    made = Bench(tmp_path, frozenset(), pytest.fail)
    peers = [made.peer() for _ in range(3)]
    peers[0].send(ask(1, Service.SCRATCH, GET))
    peers[0].reply()
    made.services.close()
    peers[0].send(ask(2, Service.SCRATCH, GET))
    assert peers[0].reply()[1] == 38
    made.listener.close()
    made.server.close()
    assert peers[1].is_cut_off()
    made.close()
    assert wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before)


# --- Hostile plugins in real workers ---


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def host(home: Path) -> Iterator[lao.Host]:
    with lao.Host(home) as made:
        yield made


@pytest.mark.parametrize(
    "how", ["garbage", "oversize", "header_lies", "unknown_service", "two_services", "no_id"]
)
def test_a_worker_that_breaks_the_protocol_is_ended(host: lao.Host, how: str) -> None:
    rude = host.load(plugins.build("rude"), isolation="process")
    kind = host.load(plugins.build("services"), isolation="process")
    with pytest.raises(ProtocolViolation):
        rude.call("be_rude", how=how, stay_ms=10000)
    assert wait_for(lambda: host.events.count("protocol_violation", plugin="rude") == 1)
    assert kind.call("scratch_get", key="x") == "(none)"
    assert rude.call("be_kind") == "still here"
    assert [entry["action"] for entry in host.audit.entries()] == ["kill"]


def test_the_same_number_twice_ends_a_worker(host: lao.Host) -> None:
    rude = host.load(plugins.build("rude"), isolation="process", grant=["plugin_communication"])
    with pytest.raises(ProtocolViolation):
        rude.call("be_rude", how="same_id", stay_ms=10000)
    assert rude.call("be_kind") == "still here"


def test_asking_for_what_was_not_granted_is_refused_and_recorded(host: lao.Host) -> None:
    rude = host.load(plugins.build("rude"), isolation="process")
    assert rude.call("be_rude", how="not_granted") == "still here"
    assert wait_for(lambda: host.events.count("permission_denied", plugin="rude") == 2)
    assert {entry["service"] for entry in host.audit.entries()} == {"http", "files"}


@pytest.mark.parametrize("how", ["half", "close"])
def test_a_worker_that_says_half_of_it_harms_nobody(host: lao.Host, how: str) -> None:
    rude = host.load(plugins.build("rude"), isolation="process")
    kind = host.load(plugins.build("services"), isolation="process")
    assert rude.call("be_rude", how=how) == "still here"
    assert kind.call("threads", threads=4, count=20) == "agreed"
    assert rude.call("be_kind") == "still here"


def test_a_worker_that_floods_and_never_reads_meets_its_deadline(host: lao.Host) -> None:
    rude = host.load(plugins.build("rude"), isolation="process", timeout=2)
    kind = host.load(plugins.build("services"), isolation="process")
    outcome: list[Any] = []

    def flood() -> None:
        try:
            outcome.append(rude.call("be_rude", how="flood", count=10**9))
        except LaoError as error:
            outcome.append(type(error).__name__)

    thread = threading.Thread(target=flood)
    thread.start()
    assert kind.call("threads", threads=2, count=20) == "agreed"
    thread.join(30)
    assert outcome == ["PluginTimeout"]
    assert rude.call("be_kind") == "still here"
