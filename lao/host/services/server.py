"""The services of workers: one thread per host reads all their sockets and never waits for any of them.

A worker may be hostile. What it sends is read in turns of bounded size, and the time that its questions take is
rationed: one that asks without end waits, and takes nothing from the others. While a worker does not take its answers,
or has too much in hand, nothing more is read from it, so that the host never grows for it. One that sends what is no
frame is cut off and ended.
"""

from __future__ import annotations

import array
import contextlib
import functools
import json
import logging
import os
import selectors
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lao.errors import LaoError, ProtocolViolation
from lao.host.services.calls import DEEPEST
from lao.host.services.dispatch import PluginServices, failed, progress_of
from lao.host.services.documents import parse_object
from lao.host.services.framing import FrameReader, Question, Reply, encode_reply
from lao.host.services.service import Service

__all__ = ["Server", "WorkerId"]

_TURN_BYTES = 65536  # read of one worker before the others get their turn
_MOST_OPEN = 64  # questions of one worker that are being answered
_MOST_AT_ONCE = 4  # of these, how many are worked on; the others wait
_MOST_CALLS = (
    DEEPEST  # the same of calls to other plugins, which may come back to this one and wait for each other
)
_MOST_ANSWERS = 256  # that wait to be sent
_MOST_BYTES = 32 << 20  # of questions and answers of one worker that the host holds
_SHARE = 0.5  # of the thread's time that one worker's questions may take in the long run
_BURST_S = 0.1  # of time that it may take at once
_THREADS = 128

# Answered at once, in microseconds; everything else may wait for a disk, for somebody else, or for a schema.
_QUICK = int(Service.SCRATCH)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerId:
    """Which worker of a plugin it is: `generation` counts how often the one at `index` was started."""

    index: int
    generation: int
    pid: int


Violated = Callable[[WorkerId, str], object]
"""Told of a worker that broke the protocol: (worker, reason). Called on a thread that may wait."""


class Server:
    """Serves the sockets of all workers of a host. Any thread may call its methods."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._selector: selectors.BaseSelector | None = None
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._todo: deque[Callable[[], object]] = deque()
        self._connections: set[_Connection] = set()
        self._paused: dict[_Connection, float] = {}  # until when
        self._thread: threading.Thread | None = None
        self._pool: Executor | None = None
        self._pid = os.getpid()
        self._closed = False

    def listen(self, services: PluginServices, violated: Violated) -> socket.socket:
        """A socket through which the native side hands over each new worker's service socket. The caller keeps it as
        long as workers start, and closes it; the services of workers that live go on.

        Args:
            services: Who answers them. Held weakly: without it, its workers are cut off.
            violated: Told of workers that broke the protocol.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        listener = _Listener(self, ours, weakref.ref(services), violated)
        self.call_soon(lambda: self.register(listener, selectors.EVENT_READ))
        return theirs

    def close(self) -> None:
        """Cuts off every worker. Idempotent."""
        with self._lock:
            self._closed = True
            thread, pool = self._thread, self._pool
        if thread is not None and self._pid == os.getpid():
            self._wake_up()
            thread.join(5.0)
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    # --- For listeners and connections ---

    def call_soon(self, job: Callable[[], object]) -> None:
        """Has the server's thread run a job."""
        with self._lock:
            if self._closed:
                return
            if (
                self._pid != os.getpid()
            ):  # this process was forked: the thread is the other one's, and so is the rest
                self._pid = os.getpid()
                self._thread = self._pool = None
                self._todo, self._paused, self._connections = deque(), {}, set()
            self._todo.append(job)
            if self._thread is None:
                self._selector = selectors.DefaultSelector()
                self._wake = socket.socketpair()
                for end in self._wake:
                    end.setblocking(False)
                self._selector.register(self._wake[0], selectors.EVENT_READ, None)
                self._thread = threading.Thread(target=self._serve, name="lao-services", daemon=True)
                self._thread.start()
        self._wake_up()

    def work(self, job: Callable[[], object]) -> None:
        """Has another thread run a job that may wait."""
        with self._lock:
            if self._closed:
                return
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="lao-service")
            pool = self._pool
        with contextlib.suppress(RuntimeError):  # it was closed just now
            pool.submit(job)

    def register(self, who: _Listener | _Connection, events: int) -> None:
        """Waits for `events` of its socket; 0 for none. The server's thread only."""
        assert self._selector is not None
        if events == who.events:
            return
        if not events:
            self._selector.unregister(who.socket)
        elif who.events:
            self._selector.modify(who.socket, events, who)
        else:
            self._selector.register(who.socket, events, who)
        who.events = events

    def pause(self, connection: _Connection, seconds: float) -> None:
        """Reads nothing of it for a while. The server's thread only."""
        self._paused[connection] = time.monotonic() + seconds

    def _wake_up(self) -> None:
        if self._wake is not None:
            with contextlib.suppress(BlockingIOError, OSError):
                self._wake[1].send(b"\0")

    # --- The thread ---

    def _serve(self) -> None:
        assert self._selector is not None
        assert self._wake is not None
        while not self._closed:
            for key, events in self._selector.select(self._next_pause()):
                if key.data is None:
                    with contextlib.suppress(BlockingIOError):
                        self._wake[0].recv(4096)
                    continue
                self._guard(key.data, events)
            while self._todo:
                try:
                    self._todo.popleft()()
                except Exception:
                    logger.exception("a job of the services failed")
            self._end_pauses()
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                key.data.close()
        for connection in list(self._connections):
            connection.close()
        self._selector.close()
        for end in self._wake:
            end.close()

    def _guard(self, who: _Listener | _Connection, events: int) -> None:
        try:
            who.ready(events)
        except Exception:  # one worker's trouble is not the others'
            logger.exception("the services of a worker failed")
            who.close()

    def _next_pause(self) -> float | None:
        return max(0.0, min(self._paused.values()) - time.monotonic()) if self._paused else None

    def _end_pauses(self) -> None:
        now = time.monotonic()
        for connection in [one for one, until in self._paused.items() if until <= now]:
            del self._paused[connection]
            connection.paused = False
            self._guard(connection, 0)

    def remember(self, connection: _Connection) -> None:
        """It is there: also while nothing is waited for, it has to be closed in the end."""
        self._connections.add(connection)
        self.register(connection, selectors.EVENT_READ)

    def forget(self, connection: _Connection) -> None:
        """It is closed."""
        self._connections.discard(connection)
        self._paused.pop(connection, None)


class _Listener:
    """Takes over the service sockets of one plugin's workers as they start."""

    def __init__(
        self,
        server: Server,
        listener: socket.socket,
        services: weakref.ref[PluginServices],
        violated: Violated,
    ) -> None:
        self.socket = listener
        self.events = 0  # that the selector waits for
        self._workers: dict[int, _Connection] = {}  # the newest at each index
        self._server = server
        self._services = services
        self._violated = violated

    def ready(self, events: int) -> None:
        del events
        try:
            line, descriptors, _, _ = socket.recv_fds(self.socket, 256, 4)
        except BlockingIOError:
            return
        except OSError:
            line, descriptors = b"", []
        if not line:  # the plugin was closed
            self.close()
            return
        facts = json.loads(line)
        worker = WorkerId(facts["index"], facts["generation"], facts["pid"])
        for descriptor in descriptors:
            end = socket.socket(fileno=descriptor)
            end.setblocking(False)
            connection = _Connection(self._server, end, worker, self._services, self._violated)
            before, self._workers[worker.index] = self._workers.get(worker.index), connection
            if before is not None:
                before.close()  # its worker is dead, also where nothing was read of it any more
            self._server.remember(connection)

    def close(self) -> None:
        self._server.register(self, 0)
        self.socket.close()


class _Line:
    """Questions of one worker that may take long, and how many of them are worked on at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.working = 0
        self.waiting: deque[Question] = deque()


class _Connection:
    """One worker's socket. The server's thread only, but for what `_work` says."""

    def __init__(
        self,
        server: Server,
        end: socket.socket,
        worker: WorkerId,
        services: weakref.ref[PluginServices],
        violated: Violated,
    ) -> None:
        self.socket = end
        self.events = 0  # that the selector waits for
        self.paused = False
        self._server = server
        self._worker = worker
        self._services = services
        self._violated = violated
        self._reader = FrameReader()
        self._open: set[int] = set()  # ids of questions whose answers are not sent yet
        self._lines = (_Line(_MOST_AT_ONCE), _Line(_MOST_CALLS))
        self._held = 0  # bytes of open questions and of their answers
        self._outgoing: deque[tuple[memoryview, int]] = deque()  # what is left of a frame, and its descriptor
        self._credit_s = _BURST_S
        self._credited_at = time.monotonic()
        self._cancels: dict[
            int, list[Callable[[], object]]
        ] = {}  # end what is done for a question, by its id
        self._given_up: set[int] = (
            set()
        )  # ids of questions that are worked on, and whose answers nobody wants
        self._cancels_lock = threading.Lock()
        self._closed = False

    def ready(self, events: int) -> None:
        """Some of the events that were waited for have come; none: it may go on after a pause."""
        began = time.monotonic()
        if events & selectors.EVENT_WRITE:
            self._send()
        if events & selectors.EVENT_READ:
            self._receive()
        self._take_all()
        self._pay(began)
        self._wait()

    def _has_room_for_answers(self) -> bool:
        return (
            not self._closed
            and not self.paused
            and len(self._open) < _MOST_OPEN
            and len(self._outgoing) < _MOST_ANSWERS
            and self._held < _MOST_BYTES
        )

    def _may_read(self) -> bool:
        # One whole frame has to fit, however much waits for its rest.
        return self._has_room_for_answers() and self._held + self._reader.waiting < _MOST_BYTES

    def _wait(self) -> None:
        """Waits for what can be done next."""
        if not self._closed:
            events = selectors.EVENT_READ if self._may_read() else 0
            self._server.register(self, events | (selectors.EVENT_WRITE if self._outgoing else 0))

    def close(self) -> None:
        """Cuts the worker off, and cancels the calls that were made for it."""
        if self._closed:
            return
        self._closed = True
        self._server.register(self, 0)
        self._server.forget(self)
        self.socket.close()
        for line in self._lines:
            line.waiting.clear()
        for _, descriptor in self._outgoing:
            if descriptor >= 0:
                os.close(descriptor)
        self._outgoing.clear()
        with self._cancels_lock:
            cancels = [cancel for of_one in self._cancels.values() for cancel in of_one]
        for cancel in cancels:
            cancel()

    # --- Questions ---

    def _receive(self) -> None:
        if self._closed:
            return
        try:
            # Not recvmsg: descriptors that a worker sends along are dropped by the kernel.
            data = self.socket.recv(_TURN_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._reader.feed(data)
        else:
            self.close()

    def _take_all(self) -> None:
        """Takes the questions that have arrived, as long as there is room for their answers."""
        try:
            while self._has_room_for_answers() and (question := self._reader.next()) is not None:
                self._take(question)
        except ProtocolViolation as error:
            self._cut_off(str(error))

    def _take(self, question: Question) -> None:
        services = self._services()
        if services is None:
            self.close()
            return
        if question.service is Service.CANCEL:
            self._give_up(question.id)
            return
        if question.service is Service.PROGRESS:
            self._tell_progress(services, question)
            if question.id == 0:
                return
        if question.id in self._open:
            raise ProtocolViolation("its worker asked twice by one number")
        self._open.add(question.id)
        self._held += len(question.header) + len(question.body)
        if question.service is Service.PROGRESS:
            self._answer(question, Reply())
        elif int(question.service) & _QUICK:
            self._answer(
                question, services.ask(question.service, question.kind, question.header, question.body)
            )
        else:
            line = self._lines[question.service is Service.CALLS]
            line.waiting.append(question)
            self._start_work(line)

    def _tell_progress(self, services: PluginServices, question: Question) -> None:
        if services.progress.listener is None:
            return
        with contextlib.suppress(LaoError):
            if services.progress.put(*progress_of(parse_object(question.header))):
                self._server.work(services.progress.deliver)

    def _pay(self, began: float) -> None:
        """Takes the time since `began` off what this worker may use; past it, it has to wait."""
        now = time.monotonic()
        self._credit_s = min(_BURST_S, self._credit_s + (now - self._credited_at) * _SHARE) - (now - began)
        self._credited_at = now
        if self._credit_s < 0 and not self.paused and not self._closed:
            self.paused = True
            self._server.pause(self, min(1.0, -self._credit_s / _SHARE + 0.002))

    # --- Slow answers ---

    def _start_work(self, line: _Line) -> None:
        while line.waiting and line.working < line.most and not self._closed:
            line.working += 1
            self._server.work(functools.partial(self._work, line, line.waiting.popleft()))

    def _work(self, line: _Line, question: Question) -> None:
        """On a thread of the pool."""
        services = self._services()
        reply = failed("CLOSED", "the plugin was closed")
        if services is not None and not self._closed:
            cancellable = functools.partial(self._cancellable, question.id)
            reply = services.ask(question.service, question.kind, question.header, question.body, cancellable)
        self._server.call_soon(lambda: self._worked(line, question, reply))

    def _worked(self, line: _Line, question: Question, reply: Reply) -> None:
        line.working -= 1
        with self._cancels_lock:
            given_up = question.id in self._given_up
            self._given_up.discard(question.id)
        if given_up:
            if reply.descriptor >= 0:
                os.close(reply.descriptor)
            reply = failed("CANCELLED", "the call was cancelled")  # nobody reads it: it should be short
        self._answer(question, reply)
        self._start_work(line)
        self.ready(0)

    def _give_up(self, id: int) -> None:
        """The worker does not wait for an answer any more. One that was sent already is no mistake of its."""
        for line in self._lines:
            for question in line.waiting:
                if question.id == id:
                    line.waiting.remove(question)
                    self._answer(question, failed("CANCELLED", "the call was cancelled"))
                    return
        if id in self._open:
            with self._cancels_lock:
                cancels = [] if id in self._given_up else list(self._cancels.get(id, ()))
                self._given_up.add(id)
            for cancel in cancels:
                self._server.work(cancel)

    @contextmanager
    def _cancellable(self, id: int, cancel: Callable[[], object]) -> Iterator[None]:
        """While something is done that ends with this worker, or when it gives up the question. On a thread of the
        pool."""
        with self._cancels_lock:
            self._cancels.setdefault(id, []).append(cancel)
            given_up = id in self._given_up
        if given_up or self._closed:
            cancel()
        try:
            yield
        finally:
            with self._cancels_lock:
                self._cancels[id].remove(cancel)
                if not self._cancels[id]:
                    del self._cancels[id]

    # --- Answers ---

    def _answer(self, question: Question, reply: Reply) -> None:
        if self._closed:
            if reply.descriptor >= 0:
                os.close(reply.descriptor)
            return
        frame = encode_reply(question.id, reply)
        self._held += len(frame) - len(question.header) - len(question.body)
        self._open.discard(question.id)
        self._outgoing.append((memoryview(frame), reply.descriptor))
        self._send()

    def _send(self) -> None:
        while self._outgoing and not self._closed:
            frame, descriptor = self._outgoing[0]
            try:
                sent = self.socket.sendmsg([frame], _rights(descriptor), socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return
            except OSError:
                self.close()
                return
            if descriptor >= 0:
                os.close(descriptor)
            self._held -= sent
            if sent == len(frame):
                self._outgoing.popleft()
            else:
                self._outgoing[0] = (frame[sent:], -1)

    def _cut_off(self, reason: str) -> None:
        self.close()
        self._server.work(lambda: self._violated(self._worker, reason))


def _rights(descriptor: int) -> list[tuple[int, int, Any]]:
    if descriptor < 0:
        return []
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
