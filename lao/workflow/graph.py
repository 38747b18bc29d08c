"""The graph of a workflow: who waits for whom, and which steps may run now. Pure, no I/O, no threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from lao.errors import Problem
from lao.model.names import printable, suggest
from lao.model.workflow_file import Step
from lao.workflow.placeholders import Reference, find_references

__all__ = ["Graph", "Progress"]


@dataclass(frozen=True, slots=True)
class Graph:
    """The steps of a workflow with their names resolved.

    Attributes:
        steps: By name, in file order.
        aliases: Every name that a step answers to (its id and `step1` ...), with its name.
        parents: For each step the steps that must be done before it, in file order.
        inputs: Names of the inputs of the run that the steps mention, in order of first use.
    """

    steps: Mapping[str, Step]
    aliases: Mapping[str, str]
    parents: Mapping[str, tuple[str, ...]]
    inputs: tuple[str, ...]

    @classmethod
    def build(cls, steps: Sequence[Step], *, file: str) -> tuple[Graph, list[Problem]]:
        """Resolves names and finds cycles.

        An edge comes from `input_from`, from `depends_on` and from every placeholder. The graph may be used
        only if there are no problems.

        Args:
            steps: In file order, numbered from 1.
            file: Name of the workflow file, for the problems.
        """
        return _Builder(steps, file).build()

    def order(self) -> tuple[str, ...]:
        """All names, each after its parents; steps that could change places are in file order."""
        progress, done = Progress(self), []
        while ready := progress.take_ready():
            for name in ready:
                progress.finish(name)
            done.extend(ready)
        return tuple(done)

    def widths(self) -> dict[str, int]:
        """How many steps of each plugin may well run at the same time: the most on one level of the graph.

        A level is the length of the longest way to a step. Steps on different levels can meet as well, so this is
        a good number of workers, not a bound.
        """
        level: dict[str, int] = {}
        for name in self.order():
            level[name] = max((level[parent] + 1 for parent in self.parents[name]), default=0)
        crowd = Counter((self.steps[name].run, depth) for name, depth in level.items())
        widths: dict[str, int] = {}
        for (run, _), count in crowd.items():
            widths[run] = max(count, widths.get(run, 1))
        return widths

    def source(self, step: Step) -> str | None:
        """The step that `input_from` of `step` names, or None when it has none."""
        return self.aliases[step.input_from] if step.input_from is not None else None


class Progress:
    """Which steps of one run may start. Not safe for use by several threads."""

    def __init__(self, graph: Graph) -> None:
        self._number = {name: index for index, name in enumerate(graph.steps)}
        self._sorter: TopologicalSorter[str] = TopologicalSorter(graph.parents)
        self._sorter.prepare()

    def take_ready(self) -> list[str]:
        """Steps whose parents are all finished and that no earlier call has returned, in file order."""
        return sorted(self._sorter.get_ready(), key=self._number.__getitem__)

    def finish(self, name: str) -> None:
        """`name` is done; its dependents may become ready.

        Raises:
            ValueError: `take_ready` has not returned it, or it was finished before.
        """
        self._sorter.done(name)


class _Builder:
    def __init__(self, steps: Sequence[Step], file: str) -> None:
        self._steps = steps
        self._file = file
        self._problems: list[Problem] = []
        self._aliases = self._name_all()
        self._number = {step.name: step.number for step in reversed(steps)}
        self._inputs: dict[str, None] = {}

    def build(self) -> tuple[Graph, list[Problem]]:
        parents = {step.name: self._parents(step) for step in self._steps}
        self._problems.extend(self._cycles(parents))
        named = {step.name: step for step in self._steps}
        return Graph(named, self._aliases, parents, tuple(self._inputs)), self._problems

    def _name_all(self) -> dict[str, str]:
        # The first step of an id keeps it, so that what else is wrong can still be found.
        aliases: dict[str, str] = {}
        for step in self._steps:
            if step.id is not None and step.id in aliases:
                first = aliases[step.id]
                message = f"the id `{printable(step.id)}` is taken by an earlier step"
                self._problems.append(
                    step.problem(self._file, "id", message, f"`{first}` and this one need two ids")
                )
                continue
            aliases[step.name] = step.name
        for step in self._steps:
            aliases.setdefault(step.default_name, step.name)
        return aliases

    def _parents(self, step: Step) -> tuple[str, ...]:
        found: dict[str, None] = {}
        named = [("input_from", step.input_from)] if step.input_from is not None else []
        named += [(f"depends_on[{index}]", name) for index, name in enumerate(step.depends_on)]
        for key, name in named:
            if name in self._aliases:
                found[self._aliases[name]] = None
            else:
                self._problems.append(step.problem(self._file, key, *self._unknown(name, step)))
        for key, value in _texts(step):
            for part in find_references(value, self._aliases):
                if not isinstance(part, Reference):
                    self._problems.append(step.problem(self._file, key, part.message, part.fix))
                elif part.is_input:
                    self._inputs[part.name] = None
                else:
                    found[part.name] = None
        return tuple(sorted(found, key=self._number.__getitem__))

    def _unknown(self, name: str, step: Step) -> tuple[str, str]:
        """Message and fix for a name that no step has."""
        message = f"there is no step `{printable(name)}`"
        users = [other.name for other in self._steps if other.run == name and other is not step]
        if users:  # LAO 0.x files of one summer name steps by their plugin
            return message, f"`{printable(name)}` is the plugin of `{users[-1]}`; write `{users[-1]}`"
        close = suggest(name, self._aliases)
        return message, f"did you mean `{close[0]}`?" if close else f"the steps are {_listed(self._aliases)}"

    def _cycles(self, parents: Mapping[str, tuple[str, ...]]) -> Iterable[Problem]:
        """One problem for each cycle, at its first step in the file; cycles that share a step are one."""
        left = dict(parents)
        by_name = {step.name: step for step in self._steps}
        while True:
            try:
                TopologicalSorter(left).prepare()
                return
            except CycleError as error:
                # graphlib lists a cycle along the edges parent -> child, its first node again at the end.
                cycle: list[str] = error.args[1][:-1]
                first = min(range(len(cycle)), key=lambda index: by_name[cycle[index]].number)
                cycle = cycle[first:] + cycle[:first]
                shown = " -> ".join(f"`{name}`" for name in [*cycle, cycle[0]])
                message = f"Circular dependency detected involving {cycle[0]}"
                yield by_name[cycle[0]].problem(self._file, "", message, f"the cycle is {shown}")
                left = {
                    name: tuple(p for p in its if p not in cycle)
                    for name, its in left.items()
                    if name not in cycle
                }


def _texts(step: Step) -> list[tuple[str, Any]]:
    """The values of a step that may hold placeholders, by key; not an `input` that `input_from` replaces."""
    values = [(key, value) for key, value in step.params.items()]
    return values if step.input_from is not None else [("input", step.input), *values]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
