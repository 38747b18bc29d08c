"""Runs a checked workflow: every step in a thread of its own as soon as its inputs are there.

The plugins' calls drop the GIL, so threads are enough. The thread that called `execute` only coordinates: it
starts steps, and it alone calls `on_event`, so that a callback needs no locks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from lao.errors import (
    Cancelled,
    LaoError,
    PluginClosed,
    PluginCrashed,
    PluginError,
    PluginTimeout,
    WorkerRestarted,
)
from lao.model.capability import Capability
from lao.model.kinds import Kind
from lao.model.values import OutputPath
from lao.model.workflow_file import Step
from lao.workflow.check import PATH_KINDS
from lao.workflow.graph import Graph, Progress
from lao.workflow.media import open_file
from lao.workflow.placeholders import Reference, check_path, fill, whole_reference
from lao.workflow.result import StepEvent, StepResult, WorkflowError, WorkflowResult

__all__ = ["Execution", "PluginHandle", "PluginSource", "Target"]


class PluginHandle(Protocol):
    """What a workflow needs of a loaded plugin. `lao.host.Plugin` is one."""

    @property
    def info(self) -> Any: ...

    @property
    def capabilities(self) -> tuple[Capability, ...]: ...

    def call(self, capability: str, input: Any = None, /, **params: Any) -> Any: ...

    def cancel(self) -> object: ...

    def close(self) -> None: ...


class PluginSource(Protocol):
    """What a workflow needs of a host. `lao.Host` is one."""

    # `isolation`, `timeout` and the other options of `lao.Host.load`, by keyword.
    def load(self, target: str, *args: Any, **options: Any) -> PluginHandle: ...


@dataclass(frozen=True, slots=True)
class Target:
    """What one step calls."""

    plugin: PluginHandle
    capability: Capability

    @property
    def textual(self) -> bool:
        """It takes everything as text, a file as its path, whatever kind it claims."""
        return bool(self.plugin.info.abi == "lao/0.x")


# Worth another attempt: the plugin or its process failed. A wrong input or a reached limit would fail again.
_RETRYABLE = (PluginError, PluginCrashed, PluginTimeout, WorkerRestarted)


@dataclass(frozen=True, slots=True)
class _Done:
    """The last word of a step's thread."""

    result: StepResult
    output: Any = None


class Execution:
    """One run of a workflow whose graph and types have been checked. Use it once.

    Args:
        name: Name of the workflow.
        graph: A graph without problems.
        targets: What each step calls, by the step's name.
        inputs: The inputs of the run; every one that the graph mentions.
        max_parallel: Steps that may run at the same time, at least 1.
        on_event: Told of every event, in the thread that calls `execute`. An exception it raises ends the
            run.
        folder: What relative paths under `input` are relative to.
        file: Name of the workflow file, for errors.
    """

    def __init__(
        self,
        *,
        name: str,
        graph: Graph,
        targets: Mapping[str, Target],
        inputs: Mapping[str, Any],
        max_parallel: int,
        on_event: Callable[[StepEvent], None] | None,
        folder: Path,
        file: str,
    ) -> None:
        self._name = name
        self._graph = graph
        self._targets = targets
        self._inputs = inputs
        self._max_parallel = max_parallel
        self._on_event = on_event
        self._folder = folder
        self._file = file
        self._outputs: dict[str, Any] = {}
        self._results = {name: self._not_started(step) for name, step in graph.steps.items()}
        self._messages: SimpleQueue[StepEvent | _Done] = SimpleQueue()
        self._ending = threading.Event()  # no step starts, and no failed attempt is repeated
        self._cancelled = False
        self._running = 0

    def stop(self) -> None:
        """Ends the run from another thread: no step starts any more, and calls in flight are cancelled."""
        self._cancelled = True
        self._ending.set()
        for plugin in {id(target.plugin): target.plugin for target in self._targets.values()}.values():
            with suppress(PluginClosed):  # the run was just over
                plugin.cancel()

    def execute(self) -> WorkflowResult:
        """Runs all steps.

        Raises:
            WorkflowError: A step failed. No other step was started after that; those that ran were waited
                for.
            Cancelled: `stop` was called before all steps were done.
            KeyboardInterrupt: Ctrl-C. Calls in flight were cancelled and waited for.
        """
        began = time.perf_counter()
        with ThreadPoolExecutor(self._max_parallel, thread_name_prefix="lao-step") as pool:
            try:
                failed = self._coordinate(pool)
            except BaseException:
                self.stop()
                raise  # the pool waits for its threads
        # In file order, whichever came first.
        outputs = {name: self._outputs[name] for name in self._graph.steps if name in self._outputs}
        result = WorkflowResult(
            self._name, outputs, tuple(self._results.values()), time.perf_counter() - began
        )
        if self._cancelled and len(outputs) < len(self._graph.steps):
            raise Cancelled(f"workflow `{self._name}` was cancelled")
        if failed is not None:
            raise self._error(failed, result) from failed.error
        return result

    def _coordinate(self, pool: ThreadPoolExecutor) -> StepResult | None:
        """Starts steps and takes in what they say until nothing runs. Returns the first failure."""
        progress = Progress(self._graph)
        waiting: list[str] = []
        failed: StepResult | None = None
        while True:
            waiting += progress.take_ready()
            while waiting and self._running < self._max_parallel and not self._ending.is_set():
                self._start(pool, waiting.pop(0))
            if not self._running:
                return failed
            message = self._messages.get()
            if isinstance(message, StepEvent):
                if self._on_event is not None:
                    self._on_event(message)
                continue
            self._running -= 1
            name = message.result.step
            self._results[name] = message.result
            if message.result.error is None:
                self._outputs[name] = message.output
                progress.finish(name)
            else:
                failed = failed or message.result
                self._ending.set()

    def _not_started(self, step: Step) -> StepResult:
        capability = self._targets[step.name].capability
        return StepResult(step.name, step.run, capability=capability.name, output_kind=capability.output_kind)

    def _start(self, pool: ThreadPoolExecutor, name: str) -> None:
        step = self._graph.steps[name]
        # Taken here, by the one thread that changes the outputs.
        outputs = {parent: self._outputs[parent] for parent in self._graph.parents[name]}
        pool.submit(self._run_step, step, outputs)
        self._running += 1

    def _run_step(self, step: Step, outputs: Mapping[str, Any]) -> None:
        """One step from its first to its last attempt, in a thread of the pool. Never raises."""
        began = time.perf_counter()
        attempt = 0

        def tell(status: Any, error: Exception | None = None) -> None:
            duration_s = time.perf_counter() - began
            self._messages.put(StepEvent(step.name, step.run, status, attempt, duration_s, error))

        def done(status: Any, error: Exception | None, output: Any) -> None:
            tell(status, error)
            duration_s = time.perf_counter() - began
            ended = replace(
                self._results[step.name], status=status, duration_s=duration_s, attempts=attempt, error=error
            )
            self._messages.put(_Done(ended, output))

        while True:
            attempt += 1
            if attempt == 1:
                tell("running")
            try:
                output = self._call(step, outputs)
            except Exception as error:
                last = attempt > step.retries or not isinstance(error, _RETRYABLE)
                if not last:
                    tell("retrying", error)
                # The end of the run ends the wait; the attempt that failed is then the last one.
                if last or self._ending.wait(step.retry_delay_ms / 1000):
                    return done("failed", error, None)
            except (
                BaseException
            ) as error:  # SystemExit of a callback in this thread: the coordinator must not hang
                return done("failed", LaoError(f"the step was ended by `{type(error).__name__}`"), None)
            else:
                return done("succeeded", None, output)

    def _call(self, step: Step, outputs: Mapping[str, Any]) -> Any:
        target = self._targets[step.name]

        def lookup(reference: Reference) -> Any:
            return self._inputs[reference.name] if reference.is_input else outputs[reference.name]

        source = self._graph.source(step)
        value = outputs[source] if source is not None else self._input(step, target, lookup)
        whole = whole_reference(step.input, self._graph.aliases)
        is_output = source is not None or (whole is not None and not whole.is_input)
        if (
            is_output
            and type(value) is str
            and target.capability.input_kind is Kind.FILE
            and not target.textual
        ):
            value = OutputPath(value)
        params = {
            key: _parameter(fill(value, self._graph.aliases, lookup)) for key, value in step.params.items()
        }
        # A null parameter is an absent one: 0.x files hold them for every optional key.
        given = {key: value for key, value in params.items() if step.params[key] is not None}
        return target.plugin.call(target.capability.name, value, **given)

    def _input(self, step: Step, target: Target, lookup: Callable[[Reference], Any]) -> Any:
        """The value of `input`. A file that the workflow or the caller names is opened where the step takes more
        than a path. One that a plugin names is not: it may be a file that the plugin is not allowed to read.
        """
        wanted = target.capability.input_kind
        whole = whole_reference(step.input, self._graph.aliases)
        value = fill(step.input, self._graph.aliases, lookup)
        if target.textual and (type(value) is str or wanted in PATH_KINDS):
            return value
        if whole is None and type(value) is str and wanted in PATH_KINDS:
            check_path(step.input, value, self._graph.aliases, lookup)
            return open_file(self._folder / value, wanted)
        if isinstance(value, Path) and (whole is None or whole.is_input):
            return open_file(value, wanted)
        return value

    def _error(self, failed: StepResult, result: WorkflowResult) -> WorkflowError:
        error = failed.error
        causes: tuple[str, ...]
        if isinstance(error, LaoError):
            causes, hint = (error.message, *error.causes), error.hint
        else:
            causes, hint = (f"{type(error).__name__}: {error}",), None
        place = self._graph.steps[failed.step].problem(self._file, "", "").file
        message = f"step `{failed.step}` (`{failed.run}`) failed"
        if failed.attempts > 1:
            message += f" after {failed.attempts} attempts"
        return WorkflowError(
            message, step=failed.step, result=result, causes=causes, where=place or None, hint=hint
        )


def _parameter(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
