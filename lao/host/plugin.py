"""A loaded plugin: what `lao.Host.load` gives."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import itertools
import math
import os
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from lao._native import Caller, Stream, ffi, lib
from lao.errors import PluginClosed
from lao.host import operations
from lao.host.backend import Backend, OpenedTarget
from lao.host.describe import Description, PluginInfo
from lao.host.parts import FedStream, Feeding, are_parts, joined
from lao.host.policy import Decision, Enforcement
from lao.host.services.calls import Target
from lao.host.services.desk import Counter
from lao.host.services.progress import Listener
from lao.host.settings import Settings
from lao.host.stats import Stats, read_stats
from lao.host.watch import Watch, WorkerSample
from lao.model.capability import Capability
from lao.model.kinds import Kind

__all__ = ["Loaded", "Plugin", "deadline"]

_MOST_IN_A_BATCH = 256  # LAO__FRAME_MAX_BATCH

_Run = Callable[[int, str, Any, dict[str, Any], int, Any], Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that a load brought: what a plugin is made of, and made of again on reload.

    Attributes:
        settings: What it is configured with.
        path_settings: The settings that name files.
        watch: Has the watchdog watch its workers for as long as the given owner lives; None where it has none.
        tell: Emits an event about it, with its facts.
    """

    backend: Backend
    target: OpenedTarget
    description: Description
    info: PluginInfo
    decision: Decision
    workers: int
    enforced: Mapping[str, Enforcement]
    counter: Counter
    settings: Mapping[str, Any]
    path_settings: frozenset[str]
    watch: Callable[[object], Watch] | None
    tell: Callable[..., None]


class Plugin(Caller):
    """A plugin that can be called. Made by `lao.Host.load`; a context manager that closes it.

    `plugin(input, **params)` runs its first capability, `plugin.call(name, input, **params)` any. Inputs and
    outputs are ordinary Python values: text is `str`, JSON `dict` and the like, binary `bytes`, a file
    `pathlib.Path`, tensors and images arrays (numpy's where it is installed), audio `lao.Audio`. Arrays cross
    without a copy in-process.

    All methods may be used from any thread; the host keeps to the plugin's thread role.

    Example:
        >>> with lao.Host() as host:                              # doctest: +SKIP
        ...     plugin = host.load("shout")
        ...     plugin("hello"), plugin.call("count", "hello")
        ('HELLO', {'words': 1})
    """

    _loaded: Loaded
    _declared: Mapping[str, Capability]
    _load_again: Callable[[], Loaded]
    _settings: Settings
    _executor: Callable[[], Executor]
    _changing: threading.RLock
    _taking: threading.RLock
    _closed: bool
    _on_progress: Listener | None
    _watch: Watch | None

    @classmethod
    def _make(
        cls,
        loaded: Loaded,
        load_again: Callable[[], Loaded],
        settings: Settings,
        executor: Callable[[], Executor],
        on_progress: Listener | None = None,
    ) -> Plugin:
        self = cls()
        self._load_again = load_again
        self._settings = settings
        self._changing = threading.RLock()
        self._taking = threading.RLock()  # of another load, or of its end
        self._executor = executor
        self._closed = False
        self._on_progress = on_progress
        self._take(loaded)
        return self

    def _take(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._declared = {one.name: one for one in loaded.info.capabilities}
        loaded.counter.attach(self, loaded.target.pointer)
        loaded.counter.services.progress.listener = self._on_progress
        self._watch = loaded.watch(self) if loaded.watch is not None else None
        if self._watch is not None:
            weakref.finalize(self, self._watch.close)  # before the target goes with the plugin
        self._attach(loaded.target.address, loaded.description.rows, loaded.description.abi == "lao/0.x")

    # --- What it is ---

    @property
    def info(self) -> PluginInfo:
        """Name, version, library and the rest."""
        return self._loaded.info

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """What it can do; the first is what `plugin(...)` runs."""
        return self._loaded.info.capabilities

    @property
    def enforced(self) -> Mapping[str, Enforcement]:
        """How far each promise (P1 to P12) and each limit is kept: kernel, host, soft or none, and why."""
        return self._loaded.enforced

    @property
    def timeout_s(self) -> float | None:
        """Seconds that one call may take; None for no limit."""
        seconds = self._loaded.decision.timeout_s
        return None if math.isinf(seconds) else seconds

    @property
    def stats(self) -> Stats:
        """Counters and latencies since it was loaded or reloaded."""
        pointer = self._loaded.target.pointer
        return read_stats(pointer, self._loaded.backend.output_count(pointer))

    @property
    def usage(self) -> list[WorkerSample]:
        """What its workers used when the watchdog last looked; empty in-process."""
        return self._watch.samples if self._watch is not None else []

    @property
    def output(self) -> str:
        """The newest lines that it logged, as `[level] text` with the levels of Python's `logging`; with workers, also
        what they printed to stdout and stderr."""
        return self._loaded.backend.output(self._loaded.target.pointer, self._loaded.description.name)

    @property
    def on_progress(self) -> Listener | None:
        """Called with (fraction, text) as its calls report how far they are: a fraction of 0 to 1, or None where the
        plugin does not know. Of a worker it is called on another thread, soon, with the newest report."""
        return self._on_progress

    @on_progress.setter
    def on_progress(self, listener: Listener | None) -> None:
        self._on_progress = listener
        self._loaded.counter.services.progress.listener = listener

    @property
    def closed(self) -> bool:
        """True after close()."""
        return self._closed

    def __repr__(self) -> str:
        state = "closed" if self._closed else self.info.isolation
        return f"<lao.Plugin {self.info.name} {self.info.version} ({state})>"

    # --- Calling; `call` and `()` are native ---

    async def acall(self, capability: str, input: Any = None, /, **params: Any) -> Any:
        """Like `call`, on a thread of the host's, so that the event loop goes on. Cancelling the task cancels the call.

        Raises:
            What `call` raises.
        """
        token = lib.lao__flight_token()
        flag = ffi.new("uint32_t *")
        run = functools.partial(
            contextvars.copy_context().run,
            self._run_within,
            lib.lao__glue_get_deadline(),
            capability,
            input,
            params,
            token,
            flag,
        )
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor(), run)
        except asyncio.CancelledError:
            flag[0] = 1  # before the call began, the flag stops it; afterwards, the token does
            lib.lao__target_cancel(self._loaded.target.pointer, token)
            raise

    def _run_within(
        self, deadline_at: int, capability: str, input: Any, params: dict[str, Any], token: int, flag: Any
    ) -> Any:
        with _deadline_at(deadline_at):
            declared = self._declared.get(capability)
            in_parts = declared is not None and (declared.streams or declared.streams_input)
            run = self._call_in_parts if in_parts else self._run
            return run(capability, input, params, token, int(ffi.cast("uintptr_t", flag)))

    def _run_batch_within(
        self,
        deadline_at: int,
        capability: str,
        inputs: list[Any],
        params: dict[str, Any],
        token: int,
        flag: Any,
    ) -> list[Any]:
        with _deadline_at(deadline_at):
            return self._run_batch(capability, inputs, params, token, int(ffi.cast("uintptr_t", flag)))

    def stream(self, capability: str, input: Any = None, /, **params: Any) -> Stream | FedStream:
        """Iterates over the parts of a streaming call as they come; a capability that does not stream gives one part.

        A plugin that is faster than its consumer waits. Closing the iterator (or leaving its `with`) stops the call.

        Args:
            capability: Its name.
            input: Its input. Of a capability that takes its input in parts it may be an iterator over them (or a
                list, where no single input is one): they are taken as the plugin asks for them, on a thread.
            params: Its parameters.

        Raises:
            What `call` raises, and what the iterator over the input raises, from the iteration.
        """
        declared = self._declared.get(capability)
        if declared is None or not are_parts(declared, input):
            return self._stream(capability, input, params)
        return self._stream_fed(declared, input, params, 0)

    def _stream_fed(self, declared: Capability, parts: Any, params: dict[str, Any], token: int) -> FedStream:
        feeding, params = self._begin_feeding(declared, parts, params)
        try:
            return FedStream(self._stream(declared.name, None, params, token, feeding.feed), feeding)
        except BaseException:
            feeding.feed.stop()
            raise

    def _begin_feeding(
        self, declared: Capability, parts: Any, params: dict[str, Any]
    ) -> tuple[Feeding, dict[str, Any]]:
        checks = next(row[3] for row in self._loaded.description.rows if row[0] == declared.name)
        checked = params if checks is None else checks.params(params)
        return Feeding(declared, parts, checks), checked

    def _call_in_parts(
        self, capability: str, input: Any, params: dict[str, Any], token: int, flag_address: int
    ) -> Any:
        """A call of a capability that takes or gives parts: its output is put together."""
        declared = self._declared.get(capability)
        if declared is None:  # the native side says that there is none
            return self._run(capability, input, params, token, flag_address)
        fed = are_parts(declared, input)
        if declared.streams:
            stream = (
                self._stream_fed(declared, input, params, token)
                if fed
                else self._stream(capability, input, params, token)
            )
            with stream:
                return joined(declared, list(stream))
        if not fed:
            return self._run(capability, input, params, token, flag_address)
        feeding, params = self._begin_feeding(declared, input, params)
        try:
            return self._run(capability, None, params, token, flag_address, feeding.feed)
        finally:
            feeding.end()

    async def astream(self, capability: str, input: Any = None, /, **params: Any) -> AsyncIterator[Any]:
        """Like `stream`, without blocking the event loop."""
        loop = asyncio.get_running_loop()
        parts = self.stream(capability, input, **params)
        end = object()
        try:
            while (part := await loop.run_in_executor(self._executor(), next, parts, end)) is not end:
                yield part
        finally:
            await loop.run_in_executor(self._executor(), parts.close)

    def map(self, capability: str, inputs: Iterable[Any], /, **params: Any) -> Iterator[Any]:
        """Runs one capability over many inputs and gives the outputs in their order.
        Calls are pipelined: over the plugin's workers, or over threads where its thread role is `full`. Of a
        capability that takes batches, each call gets up to `max_batch` inputs. A few inputs, or batches, are taken
        ahead, so `inputs` may be endless. The first failure is raised in its place and ends the iteration.
        """
        declared = self._declared.get(capability)
        if declared is not None and declared.max_batch > 1:
            return self._batched(capability, iter(inputs), params, min(declared.max_batch, _MOST_IN_A_BATCH))
        return self._pipelined(self._run_within, capability, iter(inputs), params)

    def _batched(
        self, capability: str, inputs: Iterator[Any], params: dict[str, Any], most: int
    ) -> Iterator[Any]:
        batches = iter(lambda: list(itertools.islice(inputs, most)), [])
        for outputs in self._pipelined(self._run_batch_within, capability, batches, params):
            for output in outputs:
                if isinstance(output, Exception):
                    raise output
                yield output

    def _parallel_calls(self) -> int:
        if self.info.isolation == "process":
            return self._loaded.workers
        return min(os.cpu_count() or 1, 8) if self.info.thread_role == "full" else 1

    def _pipelined(
        self, run: _Run, capability: str, inputs: Iterator[Any], params: dict[str, Any]
    ) -> Iterator[Any]:
        width = self._parallel_calls()
        if width == 1:
            for value in inputs:
                yield run(lib.lao__glue_get_deadline(), capability, value, params, 0, ffi.NULL)
            return
        until = lib.lao__glue_get_deadline()
        token = lib.lao__flight_token()
        flag = ffi.new("uint32_t *")
        waiting: deque[Future[Any]] = deque()

        def submit(value: Any) -> None:
            job = self._executor().submit(run, until, capability, value, params, token, flag)
            waiting.append(job)

        try:
            for value in itertools.islice(inputs, 2 * width):
                submit(value)
            while waiting:
                yield waiting.popleft().result()
                for value in itertools.islice(inputs, 1):
                    submit(value)
        finally:
            flag[0] = 1
            lib.lao__target_cancel(self._loaded.target.pointer, token)
            for job in waiting:
                job.cancel()

    def cancel(self) -> int:
        """Cancels the calls that run now; returns how many. Each raises `Cancelled` once the plugin notices, or, with
        workers, after a short grace period in any case."""
        return int(lib.lao__target_cancel(self._loaded.target.pointer, 0))

    def deadline(self, seconds: float) -> Any:
        """See `lao.host.plugin.deadline`: `with plugin.deadline(0.5): plugin.call(...)`."""
        return deadline(seconds)

    def _as_callee(self) -> Target:
        """This plugin, as one that other plugins call."""
        services = self._loaded.counter.services
        pointer = self._loaded.target.pointer
        kinds = {capability.name: capability.output_kind for capability in self.capabilities}

        def run(capability: str, value: Any, params: dict[str, Any], token: int) -> tuple[Any, Kind]:
            output = self._run(capability, value, params, token, 0)
            return output, kinds.get(capability, Kind.ANY)

        return Target(
            name=services.plugin,
            rights=services.rights,
            reentrant=self.info.thread_role == "full",
            chains=services.chains,
            run=run,
            cancel=lambda token: lib.lao__target_cancel(pointer, token),
        )

    # --- Life cycle ---

    def reload(self) -> str:
        """Loads the plugin again, from the same place, and lets new calls go to it; calls in flight finish first.

        A plugin with `lao.state/1` hands its state over: new calls wait until those in flight have ended, and each
        instance that runs saves what the new one in its place loads. A library that fails to load, or a state that
        cannot be saved, leaves the old one serving.

        Returns:
            What became of its state: `"none"`: there is none; `"carried"`; `"refused"`: the new library does not
            know this version of it, and began afresh.

        Raises:
            What `Host.load` raises.
            PluginLoadError: In-process, where a second copy of the library would share state with the first.
            PluginTimeout: The calls in flight, which a state has to wait for, did not end within its time-out.
        """
        with self._changing:
            self._require_open()
            return self._reload()

    def _require_open(self) -> None:
        if self._closed:
            raise PluginClosed(f"`{self.info.name}` was closed")

    def _reload(self) -> str:
        before, watch = self._loaded, self._watch
        after = self._load_again()
        try:
            state = operations.hand_over(self, before, after)
            with self._taking:
                self._require_open()  # it may have been closed meanwhile, and nobody would close the new one
                self._take(after)
        except BaseException:
            with self._taking:
                if not self._closed:
                    operations.let_go(before)
            lib.lao__target_close(after.target.pointer)
            after.counter.close()
            raise
        before.tell("plugin_unloaded", digest=before.info.digest, reason="reload")
        self._tell_loaded(state=state)
        self._retire(before, watch)
        return state

    def _retire(self, before: Loaded, watch: Watch | None) -> None:
        if watch is not None:
            watch.close()
        if lib.lao__glue_in_flight(before.target.pointer) == 0:
            self._drain_and_close(before.counter)
        else:  # a stream may be open in this very thread: nobody can wait for it here
            threading.Thread(
                target=self._drain_and_close, args=(before.counter,), name="lao-drain", daemon=True
            ).start()

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Changes settings while it lives; those that are not named stay.

        A plugin with `lao.lifecycle/1` takes them at once, each of its instances; another one is loaded again.

        Args:
            settings: By key of the config_schema; over what the user stored, for as long as this host lives.

        Raises:
            InvalidInput: A setting does not fit the schema, or the plugin refused it; the old ones stay in force.
            LaoError: As a call does.
        """
        with self._changing:
            self._require_open()
            whole = self._settings.now(settings)
            before = dict(self._settings.given)
            self._settings.given.update(settings)
            try:
                self._apply(whole)
            except BaseException:
                self._settings.given = before
                raise

    def _follow_settings(self) -> bool:
        """Takes over what the user stored meanwhile; whether anything changed."""
        with self._changing:
            whole = self._settings.now()
            if whole == self._loaded.settings:
                return False
            self._apply(whole)
            return True

    def _apply(self, settings: Mapping[str, Any]) -> None:
        loaded = self._loaded
        changed_keys = {key for key in settings if settings[key] != loaded.settings.get(key)}
        if operations.LIFECYCLE not in loaded.description.extensions or changed_keys & loaded.path_settings:
            self._reload()  # a sandbox cannot be opened from outside for a file that is named now
            return
        operations.configure(self, loaded, settings)
        self._loaded = replace(loaded, settings=settings)

    def check_health(self) -> None:
        """Asks every instance that runs whether it can serve; one without `lao.lifecycle/1` can.

        Raises:
            PluginError: What the plugin says is wrong.
            PluginTimeout: It did not answer within a second.
            LaoError: As a call does.
        """
        self._require_open()
        operations.check_health(self, self._loaded)

    def deliver(self, callback: str, event: str, data: Any = None) -> None:
        """Hands an event to one of its callbacks, in one instance.

        Args:
            callback: As the plugin named it.
            event: The event's name.
            data: What JSON can say.

        Raises:
            PluginError: It takes no events (`lao.events/1`), or failed.
            LaoError: As a call does.
        """
        operations.deliver(self, self._loaded, callback, event, data)

    def _tell_loaded(self, **facts: Any) -> None:
        info = self.info
        self._loaded.tell(
            "plugin_loaded", version=info.version, isolation=info.isolation, digest=info.digest, **facts
        )

    def _drain_and_close(self, counter: Counter) -> None:
        self._drain()
        counter.close()

    def close(self) -> None:
        """Cancels what runs, ends the instance or its workers. Outputs stay valid. Idempotent."""
        with self._taking:
            was_closed, self._closed = self._closed, True
        if not was_closed:
            self._loaded.tell("plugin_unloaded", digest=self.info.digest, reason="close")
        if self._watch is not None:
            self._watch.close()
        self._close()
        self._loaded.counter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """All calls of this thread inside the block end by then, besides their plugins' own time-outs.

    Args:
        seconds: From now on, above 0. An outer deadline that is earlier stays in force.

    Raises:
        PluginTimeout: From a call that is still running then.
    """
    until = min(lib.lao__glue_get_deadline(), lib.lao__glue_now_ns() + int(seconds * 1e9))
    with _deadline_at(until):
        yield


@contextmanager
def _deadline_at(moment_ns: int) -> Iterator[None]:
    """On the host's clock; it replaces an outer one."""
    before = lib.lao__glue_get_deadline()
    lib.lao__glue_set_deadline(moment_ns)
    try:
        yield
    finally:
        lib.lao__glue_set_deadline(before)
