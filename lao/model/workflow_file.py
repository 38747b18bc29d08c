"""The workflow file: its models, and the rules that need nothing but the file.

Names of steps, the types between them and the plugins are checked by `lao.workflow`. The keys are those of
LAO 0.x; what this LAO does not do yet is refused by name, never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lao.errors import LaoError, Problem
from lao.model.located_yaml import LocatedYaml, key_path, read_yaml
from lao.model.names import printable, suggest

__all__ = [
    "MAX_RETRIES",
    "MAX_RETRY_DELAY_MS",
    "STEP_KEYS",
    "InvalidWorkflow",
    "Step",
    "WorkflowFile",
    "in_file_order",
    "parse_workflow",
    "step_problems",
]

STEP_KEYS = ("run", "id", "capability", "input", "input_from", "depends_on", "retries", "retry_delay")
"""The structural keys of a step. Every other key is a parameter of the plugin."""

MAX_RETRIES = 1000
MAX_RETRY_DELAY_MS = 86_400_000  # a day

_TOP_KEYS = ("workflow", "steps", "schema_version")

# Keys of LAO 0.x that mean something there and nothing here; as parameters they would silently do nothing.
_NOT_YET = {
    "cache_key": "caching of outputs",
    "condition": "conditional steps",
    "for_each": "loops",
    "on_failure": "steps that run after a failure",
    "on_success": "steps that run after a success",
    "input_modality": "modalities; the types come from the plugin",
    "output_modality": "modalities; the types come from the plugin",
}
_RENAMED = {"retry_count": "retries", "runner": "run"}

_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_NUMBERED = re.compile(r"step[0-9]+")


class InvalidWorkflow(LaoError, ValueError):
    """A workflow cannot run as it is written. `problems` lists all that was found, in file order.

    Nothing was run. `str()` of it shows every problem.
    """

    problems: list[Problem]

    def __init__(
        self,
        message: str,
        *,
        problems: Iterable[Problem] = (),
        causes: Iterable[str] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        problems = list(problems)
        super().__init__(message, causes=list(causes) or [str(p) for p in problems], where=where, hint=hint)
        self.problems = problems

    @classmethod
    def of(cls, name: str, problems: Iterable[Problem], *, where: str | None) -> InvalidWorkflow:
        """The error for the workflow called `name`."""
        problems = list(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        return cls(f"workflow `{printable(name)}` has {count}", problems=problems, where=where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: which plugin runs, on what, after whom.

    Attributes:
        number: Place in the workflow, from 1.
        run: Name of the plugin.
        id: Its own name, or None; it answers to `step<number>` in any case.
        capability: What of the plugin to call; None is its first.
        input: The value to pass; text may hold placeholders. None is no value.
        input_from: Name of the step whose output is the input; it goes before `input`.
        depends_on: Names of steps that must be done before.
        params: Parameters of the call; text in them may hold placeholders.
        retries: Further attempts after a failure of the plugin, 0 to 1000.
        retry_delay_ms: Wait before each of them, 0 to a day.
        lines: Line of each key in the file, `""` for the step itself; empty when it came from Python.
    """

    number: int
    run: str
    id: str | None = None
    capability: str | None = None
    input: Any = None
    input_from: str | None = None
    depends_on: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    retries: int = 0
    retry_delay_ms: int = 1000
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The name that results and messages use: the id, else `step<number>`."""
        return self.id if self.id is not None else self.default_name

    @property
    def default_name(self) -> str:
        """`step1` for the first step, and so on."""
        return f"step{self.number}"

    def problem(self, file: str, key: str, message: str, fix: str = "", severity: str = "error") -> Problem:
        """A problem of this step at `key` (`""`: the step as a whole), placed in `file`."""
        line = self.lines.get(re.split(r"[.\[]", key)[0], self.lines.get(""))
        place = f"{file}:{line}" if line is not None else file
        path = f"steps[{self.number - 1}]" + (f".{key}" if key else "")
        return Problem(place, path, message, fix, severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFile:
    """A workflow file as read, with what is wrong with it.

    Attributes:
        name: The value of `workflow`; the file's name when it has none.
        steps: In file order; a step with problems is there with what could be read of it.
        file: The file as the user named it.
        problems: All that is wrong or doubtful (`severity`), in file order.
    """

    name: str
    steps: tuple[Step, ...]
    file: str
    problems: tuple[Problem, ...] = ()


def parse_workflow(text: str, *, file: str = "workflow.yaml") -> WorkflowFile:
    """Reads a workflow file and collects everything that is wrong with it.

    Args:
        text: YAML 1.2.
        file: Its name, for the problems.

    Example:
        >>> flow = parse_workflow("workflow: hi\\nsteps:\\n  - {run: Echo, input: hello}\\n")
        >>> flow.name, flow.steps[0].name, flow.problems
        ('hi', 'step1', ())
    """
    document = read_yaml(text, file=file)
    return _FileReader(document, file).read()


def step_problems(step: Step, file: str) -> list[Problem]:
    """What is wrong, or doubtful, with the names and ranges of one step, from YAML or from Python."""
    found: list[Problem] = []

    def add(key: str, message: str, fix: str = "") -> None:
        found.append(step.problem(file, key, message, fix))

    if not step.run.strip():
        add("run", "the name of the plugin is empty")
    if step.capability is not None and not step.capability:
        add("capability", "the name of the capability is empty", "leave it out to take the plugin's first")
    if step.id is not None:
        if step.id == "input":
            add("id", "`input` cannot be an id", "`${input.NAME}` stands for the inputs of the run")
        elif not _ID.fullmatch(step.id):
            add(
                "id",
                f"`{printable(step.id)}` cannot be an id",
                "use 1 to 64 letters, digits, `_` and `-`, no digit first",
            )
        elif _NUMBERED.fullmatch(step.id) and step.id != step.default_name:
            add(
                "id",
                f"`{step.id}` is the name of another place",
                f"this is `{step.default_name}`; choose another id",
            )
    if not 0 <= step.retries <= MAX_RETRIES:
        add("retries", f"{step.retries} is out of range", f"use 0 to {MAX_RETRIES}")
    if not 0 <= step.retry_delay_ms <= MAX_RETRY_DELAY_MS:
        add(
            "retry_delay",
            f"{step.retry_delay_ms} is out of range",
            f"use 0 to {MAX_RETRY_DELAY_MS} milliseconds",
        )
    if step.input is not None and step.input_from is not None:
        message = f"`input` is ignored: the output of `{printable(step.input_from)}` is passed instead"
        found.append(step.problem(file, "input", message, "remove `input` or `input_from`", "warning"))
    for key in step.params:
        found.extend(_param_problems(step, file, key))
    return found


def _param_problems(step: Step, file: str, key: str) -> list[Problem]:
    """Whether a parameter's name is one of a key that has, or had, another meaning."""
    value = step.params[key]
    if key in _NOT_YET:
        if value is None:  # files saved by the 0.x editor have every optional key, set to null
            return []
        return [
            step.problem(file, key, f"`{key}` is not supported by this LAO yet: {_NOT_YET[key]}", "remove it")
        ]
    if key in _RENAMED:
        return [step.problem(file, key, f"`{key}` is not a key of a step", f"write `{_RENAMED[key]}`")]
    # A short name is too close to too much; LAO 0.3 drew the line at seven characters as well.
    if len(key) >= 7:
        close = [known for known in STEP_KEYS if _distance_at_most_2(key.lower().replace("-", "_"), known)]
        if close:
            return [step.problem(file, key, f"`{key}` is not a key of a step", f"did you mean `{close[0]}`?")]
    return []


def _distance_at_most_2(a: str, b: str) -> bool:
    """Whether two insertions, deletions or replacements of a letter make `b` of `a` (Levenshtein)."""
    if abs(len(a) - len(b)) > 2:
        return False
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1] <= 2


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """Problems by line; where there are no lines, by step."""

    def place(problem: Problem) -> tuple[int, int]:
        line = problem.file.rpartition(":")[2]
        step = re.match(r"steps\[(\d+)\]", problem.key)
        return (int(line) if line.isdigit() else 0, int(step[1]) if step else -1)

    return sorted(problems, key=place)


class _FileReader:
    """Takes a document apart into steps. One per file."""

    def __init__(self, document: LocatedYaml, file: str) -> None:
        self._value = document.value
        self._lines = document.lines
        self._file = file
        self._problems = list(document.problems)

    def read(self) -> WorkflowFile:
        name = self._file
        steps: tuple[Step, ...] = ()
        if isinstance(self._value, dict):
            name = self._name(self._value)
            self._version(self._value.get("schema_version"))
            steps = self._steps(self._value)
        elif not self._problems:
            fix = "write `workflow: NAME` and a list of `steps`"
            self._problem(
                (), "it is empty" if self._value is None else "it is not a mapping of keys to values", fix
            )
        problems = in_file_order(self._problems)
        return WorkflowFile(name=name, steps=steps, file=self._file, problems=tuple(problems))

    def _problem(self, path: tuple[str | int, ...], message: str, fix: str = "") -> None:
        at = path
        while at and at not in self._lines:
            at = at[:-1]
        line = self._lines.get(at)
        place = f"{self._file}:{line}" if line is not None else self._file
        self._problems.append(Problem(place, key_path(path), message, fix))

    def _missing(self, key: str, holder: Mapping[str, Any], known: tuple[str, ...]) -> str:
        """The fix for a missing key: the key that looks like it, if there is one."""
        close = suggest(key, [other for other in holder if other not in known])
        return f"did you mean it with `{close[0]}`?" if close else f"add `{key}`"

    def _name(self, top: Mapping[str, Any]) -> str:
        name = top.get("workflow")
        if isinstance(name, str) and name.strip():
            return name
        if "workflow" not in top:
            self._problem((), "`workflow`, its name, is missing", self._missing("workflow", top, _TOP_KEYS))
        else:
            self._problem(
                ("workflow",), f"the name of the workflow must be text, not {_what(name)}", "put it in quotes"
            )
        return self._file

    def _version(self, version: Any) -> None:
        if version is None or (version == 1 and not isinstance(version, bool)):
            return
        if version == 2 and not isinstance(version, bool):
            message = "schema version 2 is not supported by this LAO yet"
        else:
            message = f"schema version `{printable(str(version))}` is not known"
        self._problem(("schema_version",), message, "use `schema_version: 1`, or leave it out")

    def _steps(self, top: Mapping[str, Any]) -> tuple[Step, ...]:
        steps = top.get("steps")
        if "steps" not in top:
            self._problem((), "`steps` is missing", self._missing("steps", top, _TOP_KEYS))
        elif not isinstance(steps, list):
            self._problem(
                ("steps",),
                f"`steps` must be a list, not {_what(steps)}",
                "begin each step with `- run: NAME`",
            )
        elif not steps:
            self._problem(("steps",), "there are no steps", "add `- run: NAME`")
        else:
            return tuple(self._step(index, value) for index, value in enumerate(steps))
        return ()

    def _step(self, index: int, value: Any) -> Step:
        if not isinstance(value, dict):
            message = f"a step must be a mapping, not {_what(value)}"
            self._problem(("steps", index), message, "write `- run: NAME`")
            return Step(number=index + 1, run="?")
        read = _StepReader(self, index, value)
        run = read.text("run")
        # A file of another dialect says `runner`; that is reported at its own line.
        if value.get("run") is None and "runner" not in value:
            self._problem(("steps", index), "`run`, the name of the plugin, is missing", read.fix_for_run())
        place = ("steps", index)
        lines = {key: self._lines[*place, key] for key in value if (*place, key) in self._lines}
        step = Step(
            number=index + 1,
            run=run if run is not None else "?",
            id=read.text("id"),
            capability=read.text("capability"),
            input=value.get("input"),
            input_from=read.reference("input_from"),
            depends_on=read.references("depends_on"),
            params={key: param for key, param in value.items() if key not in STEP_KEYS},
            retries=read.integer("retries", 0),
            retry_delay_ms=read.integer("retry_delay", 1000),
            lines={"": self._lines[place], **lines},
        )
        self._problems.extend(step_problems(step, self._file))
        return step

    def report(self, index: int, key: str, message: str, fix: str = "") -> None:
        """A problem at `key` of the step at `index`."""
        self._problem(("steps", index, key), message, fix)


class _StepReader:
    """Reads the structural keys of one step, each with its type. A null counts as absent."""

    def __init__(self, file: _FileReader, index: int, value: Mapping[str, Any]) -> None:
        self._file = file
        self._index = index
        self._value = value

    def fix_for_run(self) -> str:
        close = suggest("run", [key for key in self._value if key not in STEP_KEYS])
        return f"did you mean it with `{close[0]}`?" if close else "add `run: NAME`"

    def text(self, key: str) -> str | None:
        value = self._value.get(key)
        if value is None or isinstance(value, str):
            return value
        self._file.report(self._index, key, f"`{key}` must be text, not {_what(value)}", "put it in quotes")
        return None

    def reference(self, key: str) -> str | None:
        value = self._value.get(key)
        if value is None or isinstance(value, str):
            return value
        fix = "give the name of one step"
        if isinstance(value, dict) and "step" in value:
            fix = f"write `{key}: {printable(str(value['step']))}`"
        self._file.report(self._index, key, f"`{key}` must be the name of a step, not {_what(value)}", fix)
        return None

    def references(self, key: str) -> tuple[str, ...]:
        value = self._value.get(key)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            return tuple(value)
        fix = f"write `{key}: [{printable(value)}]`" if isinstance(value, str) else "write `[step1, step2]`"
        self._file.report(self._index, key, f"`{key}` must be a list of step names, not {_what(value)}", fix)
        return ()

    def integer(self, key: str, default: int) -> int:
        value = self._value.get(key)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        self._file.report(self._index, key, f"`{key}` must be a whole number, not {_what(value)}")
        return default


def _what(value: Any) -> str:
    """The type of a value, in the words of somebody who writes YAML."""
    if value is None:
        return "empty"
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a mapping",
    }
    if isinstance(value, list) and value:
        return "a list of other things" if any(not isinstance(item, str) for item in value) else "a list"
    return names.get(type(value), "a value of another type")
