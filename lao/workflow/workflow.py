"""`Workflow`: steps from Python or from a YAML file, checked as a whole, then run."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lao.errors import InvalidInput, LaoError, Problem
from lao.model.capability import Capability
from lao.model.names import printable, suggest
from lao.model.workflow_file import (
    InvalidWorkflow,
    Step,
    WorkflowFile,
    in_file_order,
    parse_workflow,
    step_problems,
)
from lao.workflow.check import check_types, choose_capability
from lao.workflow.graph import Graph
from lao.workflow.result import StepEvent, WorkflowResult
from lao.workflow.run import Execution, PluginHandle, PluginSource, Target

__all__ = ["PlannedStep", "Workflow"]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a workflow that was checked and not run.

    Attributes:
        step: Its name.
        run: Name of its plugin.
        capability: What it calls.
        after: Names of the steps that must be done before it.
    """

    step: str
    run: str
    capability: Capability
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Setup:
    """How the plugins of a run are loaded."""

    host: PluginSource | None
    isolation: str
    load_options: Mapping[str, Any]
    max_parallel: int

    def options(self, width: int) -> dict[str, Any]:
        """The options of `load` for a plugin that `width` steps may call at the same time.

        A worker process runs one call at a time, so such a plugin gets several.
        """
        workers = min(width, self.max_parallel, 64)  # 64 is the host's limit
        more = {"workers": workers} if workers > 1 else {}
        return {"isolation": self.isolation, **more, **self.load_options}


class Workflow:
    """Plugins chained to a job: steps run as soon as their inputs are there, independent ones in parallel.

    Example:
        >>> flow = Workflow("greet").step("Echo", input="hello").step("Echo", input_from="step1")
        >>> [step.name for step in flow.steps]
        ['step1', 'step2']
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._steps: list[Step] = []
        self._file: Path | None = None
        self._label = f"workflow `{printable(name)}`"
        self._found: tuple[Problem, ...] = ()

    # --- making one ---

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str]) -> Workflow:
        """Reads a workflow file (docs/workflows.md).

        Raises:
            InvalidWorkflow: Something in the file is wrong; it lists every problem with its line and key.
            InvalidInput: The file cannot be read.
        """
        file = Path(path)
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"`{file}` is not a workflow file", causes=["it is not UTF-8 text"]) from error
        except OSError as error:
            raise InvalidInput(f"cannot read `{file}`", causes=[error.strerror or str(error)]) from error
        return cls._of(parse_workflow(text, file=str(file)), file)

    @classmethod
    def from_text(cls, text: str, *, file: str = "workflow.yaml") -> Workflow:
        """Like `from_yaml`, for the text of a workflow file. `file` names it in errors."""
        return cls._of(parse_workflow(text, file=file), None)

    @classmethod
    def _of(cls, read: WorkflowFile, file: Path | None) -> Workflow:
        flow = cls(read.name)
        flow._file = file
        flow._label = read.file
        flow._steps = list(read.steps)
        flow._found = read.problems
        flow.graph()
        return flow

    def step(
        self,
        run: str,
        *,
        id: str | None = None,
        capability: str | None = None,
        input: Any = None,
        input_from: str | None = None,
        depends_on: Iterable[str] = (),
        retries: int = 0,
        retry_delay: int = 1000,
        **params: Any,
    ) -> Self:
        """Adds a step and returns the workflow, so that calls can be chained.

        Args:
            run: Name of the plugin.
            id: Name of the step besides `step1`, `step2` ...; letters, digits, `_` and `-`.
            capability: What of the plugin to call; its first if not given.
            input: The value to pass: whatever `plugin.call` takes. `${step1}`, `${id.output}` and
                `${input.NAME}` in a str (also inside a list or dict) are replaced; text that others wrote
                belongs in an input of the run.
            input_from: Name of the step whose output is the input.
            depends_on: Names of steps that must be done before, whose output is not needed.
            retries: Further attempts after a failure of the plugin, 0 to 1000.
            retry_delay: Milliseconds before each further attempt, 0 to 86,400,000.
            params: Parameters of the call; text in them may hold placeholders.

        Raises:
            InvalidInput: An argument is of the wrong type.
        """
        if isinstance(depends_on, str):
            raise InvalidInput(
                "`depends_on` must be a list of step names, not text", hint=f"write [{depends_on!r}]"
            )
        named: dict[str, object] = {"run": run, "id": id, "capability": capability, "input_from": input_from}
        for key, value in named.items():
            if not isinstance(value, str) and (value is not None or key == "run"):
                raise InvalidInput(f"`{key}` must be a str, not {type(value).__name__}")
        numbers: dict[str, object] = {"retries": retries, "retry_delay": retry_delay}
        for key, number in numbers.items():
            if not isinstance(number, int) or isinstance(number, bool):
                raise InvalidInput(f"`{key}` must be an int, not {type(number).__name__}")
        step = Step(
            number=len(self._steps) + 1,
            run=run,
            id=id,
            capability=capability,
            input=input,
            input_from=input_from,
            depends_on=tuple(depends_on),
            params=params,
            retries=retries,
            retry_delay_ms=retry_delay,
        )
        self._steps.append(step)
        self._found += tuple(step_problems(step, self._label))
        return self

    # --- looking at it ---

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def steps(self) -> tuple[Step, ...]:
        """Its steps, in order."""
        return tuple(self._steps)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs that a run needs: every `NAME` of an `${input.NAME}`.

        Raises:
            InvalidWorkflow: The steps do not fit together.
        """
        return self.graph().inputs

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is doubtful, but does not keep the workflow from running."""
        return tuple(problem for problem in self._found if problem.severity == "warning")

    def graph(self) -> Graph:
        """The steps with their names resolved.

        Raises:
            InvalidWorkflow: A step has a problem, a name is unknown, or steps wait for each other.
        """
        graph, problems = Graph.build(self._steps, file=self._label)
        errors = [problem for problem in self._found if problem.severity == "error"] + problems
        if not self._steps and not errors:
            errors = [Problem(self._label, "steps", "there are no steps")]
        if errors:
            raise self._invalid(errors)
        return graph

    def _invalid(self, errors: Iterable[Problem]) -> InvalidWorkflow:
        return InvalidWorkflow.of(
            self._name, in_file_order(errors), where=str(self._file) if self._file is not None else None
        )

    # --- running it ---

    def plan(
        self,
        *,
        host: PluginSource | None = None,
        isolation: str = "auto",
        load_options: Mapping[str, Any] | None = None,
    ) -> tuple[PlannedStep, ...]:
        """Loads every plugin and checks every type, and runs nothing: the steps in the order of a run.

        Args and errors are those of `run`.
        """
        setup = _Setup(host, isolation, load_options or {}, 1)
        with self._loaded(setup, None) as (graph, targets):
            return tuple(
                PlannedStep(name, graph.steps[name].run, targets[name].capability, graph.parents[name])
                for name in graph.order()
            )

    def run(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        host: PluginSource | None = None,
        isolation: str = "auto",
        load_options: Mapping[str, Any] | None = None,
        max_parallel: int | None = None,
        on_event: Callable[[StepEvent], None] | None = None,
    ) -> WorkflowResult:
        """Checks the whole workflow, then runs it.

        Args:
            inputs: Value of each `${input.NAME}`, by name. A `Path` is opened where a step takes text, JSON
                or bytes.
            host: Where plugins come from; a host of its own, closed at the end, if not given.
            isolation: `auto`, `process` or `none`, as for `Host.load`.
            load_options: Further options of `Host.load`, e.g. `{"timeout": 5.0, "workers": 2}`.
            max_parallel: Steps that may run at the same time; if not given, the number of processors,
                and 2 where there is one.
            on_event: Told when a step begins, is retried, succeeds or fails; called in this thread.

        Raises:
            InvalidWorkflow: The workflow, its plugins and their types do not fit together; nothing was run.
            InvalidInput: `inputs` lacks an input, or has one that no step mentions.
            WorkflowError: A step failed; `error.result` has what was done.
        """
        setup = _Setup(host, isolation, load_options or {}, _parallel(max_parallel))
        with self._prepared(setup, inputs, on_event) as execution:
            return execution.execute()

    async def arun(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        host: PluginSource | None = None,
        isolation: str = "auto",
        load_options: Mapping[str, Any] | None = None,
        max_parallel: int | None = None,
        on_event: Callable[[StepEvent], None] | None = None,
    ) -> WorkflowResult:
        """Like `run`, without blocking the event loop. `on_event` is called in another thread.

        Cancelling the task cancels the calls in flight, and ends when they have ended.
        """
        setup = _Setup(host, isolation, load_options or {}, _parallel(max_parallel))
        loop = asyncio.get_running_loop()
        started: list[Execution] = []
        cancelled = threading.Event()

        def work() -> WorkflowResult:
            with self._prepared(setup, inputs, on_event) as execution:
                started.append(execution)
                if cancelled.is_set():  # while the plugins were loaded
                    execution.stop()
                return execution.execute()

        running = loop.run_in_executor(None, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            cancelled.set()
            for execution in started:
                execution.stop()
            await asyncio.wait([running])
            running.exception()  # looked at, so that asyncio does not complain about it
            raise

    @contextmanager
    def _prepared(
        self,
        setup: _Setup,
        inputs: Mapping[str, Any] | None,
        on_event: Callable[[StepEvent], None] | None,
    ) -> Iterator[Execution]:
        given = dict(inputs or {})
        self._check_inputs(self.graph().inputs, given)
        with self._loaded(setup, given) as (graph, targets):
            yield Execution(
                name=self._name,
                graph=graph,
                targets=targets,
                inputs=given,
                max_parallel=setup.max_parallel,
                on_event=on_event,
                folder=self._file.parent if self._file is not None else Path(),
                file=str(self._file) if self._file is not None else "",
            )

    def _check_inputs(self, wanted: tuple[str, ...], given: Mapping[str, Any]) -> None:
        missing = [name for name in wanted if name not in given]
        unknown = [name for name in given if name not in wanted]
        causes = [f"`{name}` is missing" for name in missing]
        for name in unknown:
            close = suggest(name, missing) or suggest(name, wanted)
            meant = f"; did you mean `{close[0]}`?" if close else ""
            causes.append(f"no step mentions `${{input.{printable(name)}}}`{meant}")
        if causes:
            names = ", ".join(f"`{name}`" for name in wanted) if wanted else "none"
            message = f"the inputs of workflow `{printable(self._name)}` do not fit"
            raise InvalidInput(message, causes=causes, hint=f"the inputs it takes: {names}")

    @contextmanager
    def _loaded(
        self, setup: _Setup, inputs: Mapping[str, Any] | None
    ) -> Iterator[tuple[Graph, dict[str, Target]]]:
        """Every plugin loaded and every type checked; the plugins are closed at the end."""
        graph = self.graph()
        with ExitStack() as stack:
            host = setup.host if setup.host is not None else stack.enter_context(_default_host())
            plugins, problems = self._load_all(host, setup, graph, stack)
            targets: dict[str, Target] = {}
            for name, step in graph.steps.items():
                if (plugin := plugins.get(step.run)) is None:
                    continue
                chosen = choose_capability(step, plugin.capabilities, file=self._label)
                if isinstance(chosen, Problem):
                    problems.append(chosen)
                else:
                    targets[name] = Target(plugin, chosen)
            kinds = {name: target.capability for name, target in targets.items()}
            textual = [name for name, target in targets.items() if target.textual]
            problems += check_types(graph, kinds, file=self._label, inputs=inputs, textual=textual)
            if problems:
                raise self._invalid(problems)
            yield graph, targets

    def _load_all(
        self, host: PluginSource, setup: _Setup, graph: Graph, stack: ExitStack
    ) -> tuple[dict[str, PluginHandle], list[Problem]]:
        """Each plugin once, however many steps use it; a problem where one does not load."""
        widths = graph.widths()
        plugins: dict[str, PluginHandle] = {}
        failed: set[str] = set()
        problems = []
        for step in self._steps:
            if step.run in plugins or step.run in failed:
                continue
            try:
                plugin = host.load(step.run, **setup.options(widths[step.run]))
            except LaoError as error:
                failed.add(step.run)
                problems.append(step.problem(self._label, "run", str(error), error.hint or ""))
            else:
                stack.callback(plugin.close)
                plugins[step.run] = plugin
        return plugins, problems


def _parallel(wanted: int | None) -> int:
    """How many steps may run at the same time.

    Raises:
        InvalidInput: It is below 1.
    """
    if wanted is not None and wanted < 1:
        raise InvalidInput(f"`max_parallel` must be at least 1, not {wanted}")
    return wanted or max(2, os.cpu_count() or 1)


def _default_host() -> Any:
    from lao.locate import Host

    return Host()
