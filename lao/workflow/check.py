"""Types between the steps: what each step passes in, against what its capability takes. Pure.

Everything that can be known before the run is checked before it. What cannot (an output of kind `any`, an
input of the run) is checked by the host when the call is made.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lao.errors import Problem
from lao.model.capability import Capability
from lao.model.kinds import Kind, compatible
from lao.model.names import printable, suggest
from lao.model.workflow_file import Step
from lao.workflow.graph import Graph
from lao.workflow.placeholders import Reference, find_references, whole_reference

__all__ = ["PATH_KINDS", "check_types", "choose_capability"]

PATH_KINDS = frozenset({Kind.FILE, Kind.AUDIO, Kind.IMAGE, Kind.VIDEO})
"""Kinds for which a text under `input` is the path of a file."""

# What can stand inside a longer text, or in a list or mapping.
_WRITABLE = frozenset({Kind.TEXT, Kind.JSON, Kind.FILE, Kind.ANY})
# What can be a parameter on its own: parameters carry no arrays.
_PARAMETER = _WRITABLE | {Kind.BINARY}


def choose_capability(step: Step, offered: Sequence[Capability], *, file: str) -> Capability | Problem:
    """The capability that a step calls: the one it names, else the plugin's first."""
    if step.capability is None:
        if offered:
            return offered[0]
        return step.problem(file, "run", f"`{step.run}` has no capabilities")
    for capability in offered:
        if capability.name == step.capability:
            return capability
    close = suggest(step.capability, (capability.name for capability in offered))
    names = ", ".join(f"`{capability.name}`" for capability in offered)
    fix = f"did you mean `{close[0]}`?" if close else f"it has {names}"
    message = f"`{step.run}` has no capability `{printable(step.capability)}`"
    return step.problem(file, "capability", message, fix)


def check_types(
    graph: Graph,
    capabilities: Mapping[str, Capability],
    *,
    file: str,
    inputs: Mapping[str, Any] | None = None,
    textual: Collection[str] = (),
) -> list[Problem]:
    """Every step whose input or parameters cannot suit its capability.

    Args:
        graph: A graph without problems.
        capabilities: What each step calls, by the step's name. Steps that are missing here (their plugin
            could not be loaded) are left out, and what depends on their kinds is not judged.
        file: Name of the workflow file, for the problems.
        inputs: The inputs of the run; None when they are not known yet.
        textual: Steps whose plugin takes everything as text, whatever kind it claims (LAO 0.x).
    """
    problems: list[Problem] = []
    for name, step in graph.steps.items():
        if name in capabilities:
            check = _StepCheck(step, graph, capabilities, file, inputs, name in textual)
            problems += check.input() + check.parameters()
    return problems


class _StepCheck:
    def __init__(
        self,
        step: Step,
        graph: Graph,
        capabilities: Mapping[str, Capability],
        file: str,
        inputs: Mapping[str, Any] | None,
        textual: bool,
    ) -> None:
        self._step = step
        self._graph = graph
        self._capabilities = capabilities
        self._capability = capabilities[step.name]
        self._file = file
        self._inputs = inputs
        self._textual = textual

    def _problem(self, key: str, message: str, fix: str = "") -> Problem:
        return self._step.problem(self._file, key, message, fix)

    def _output_of(self, name: str) -> Kind:
        known = self._capabilities.get(name)
        return known.output_kind if known is not None else Kind.ANY

    def _takes(self) -> str:
        kind = self._capability.input_kind.label
        return (
            f"`{self._capability.name}` of `{self._step.run}` takes {kind if kind != 'none' else 'no input'}"
        )

    def input(self) -> list[Problem]:
        step, wanted = self._step, self._capability.input_kind
        source = self._graph.source(step)
        if source is not None:
            return self._from_step("input_from", source)
        if step.input is None:
            if wanted in (Kind.NONE, Kind.ANY):
                return []
            return [
                self._problem("", f"{self._takes()}, and the step has none", "add `input` or `input_from`")
            ]
        whole = whole_reference(step.input, self._graph.aliases)
        if whole is not None:
            if not whole.is_input:
                return self._from_step("input", whole.name)
            if wanted == Kind.NONE:
                return [self._problem("input", self._takes(), "remove `input`")]
            return [] if self._inputs is None else self._given(whole.name, self._inputs[whole.name])
        return self._literal(step.input) + self._nested("input", step.input)

    def _from_step(self, key: str, source: str) -> list[Problem]:
        given = self._output_of(source)
        if compatible(given, self._capability.input_kind):
            return []
        output = "no output" if given == Kind.NONE else f"{given.label}"
        return [self._problem(key, f"{self._takes()}, and `{source}` gives {output}")]

    def _given(self, name: str, value: Any) -> list[Problem]:
        """The value of an input of the run."""
        wanted = self._capability.input_kind
        if type(value) is str and self._textual:
            return []
        if type(value) is str and wanted not in (Kind.TEXT, Kind.JSON, Kind.FILE, Kind.ANY):
            fix = f"pass a file, with `@` on the command line: `{printable(name)}=@PATH`; in Python a `Path`"
            return [self._problem("input", f"{self._takes()}, not text", fix)]
        if type(value) is str:
            return []  # whether it is JSON, or the path of a file, the host finds out
        return self._literal(value)

    def _literal(self, value: Any) -> list[Problem]:
        wanted = self._capability.input_kind
        if wanted == Kind.NONE:
            return [self._problem("input", self._takes(), "remove `input`")]
        if type(value) is str:
            if self._textual or wanted in (Kind.TEXT, Kind.ANY) or wanted in PATH_KINDS:
                return []
            if wanted == Kind.JSON:
                return self._json_text(value)
            return [self._problem("input", f"{self._takes()}, not text", "pass it with `${input.NAME}`")]
        if isinstance(value, bool | int | float | list | dict):
            if wanted in (Kind.JSON, Kind.ANY):
                return []
            fix = "put it in quotes" if wanted == Kind.TEXT and not isinstance(value, list | dict) else ""
            return [self._problem("input", f"{self._takes()}, not a {_json_word(value)}", fix)]
        if isinstance(value, bytes) and not compatible(Kind.BINARY, wanted) and wanted not in PATH_KINDS:
            return [self._problem("input", f"{self._takes()}, not binary")]
        return []  # arrays, paths, lao.Image ...: the host knows them

    def _json_text(self, value: str) -> list[Problem]:
        if any(isinstance(part, Reference) for part in find_references(value, self._graph.aliases)):
            # An output with a quote in it would change the document around it.
            fix = "write the input as a mapping or list; placeholders work inside it"
            return [self._problem("input", f"{self._takes()}, not text with placeholders", fix)]
        try:
            json.loads(value)
        except ValueError as error:
            fix = "write the input as a mapping, a list or a JSON document"
            return [self._problem("input", f"{self._takes()}, and this text is not JSON: {error}", fix)]
        return []

    def _nested(self, key: str, value: Any) -> list[Problem]:
        """Outputs that cannot be written into a text, a list or a mapping."""
        problems = []
        for part in find_references(value, self._graph.aliases):
            if isinstance(part, Reference) and not part.is_input:
                kind = self._output_of(part.name)
                if kind not in _WRITABLE:
                    what = "has no output" if kind == Kind.NONE else f"gives {kind.label}"
                    message = f"`{part.name}` {what}, which cannot be part of a text"
                    problems.append(self._problem(key, message, "pass it with `input_from`"))
        return problems

    def parameters(self) -> list[Problem]:
        problems = []
        for key, value in self._step.params.items():
            whole = whole_reference(value, self._graph.aliases)
            if whole is None:
                problems += self._nested(key, value)
            elif not whole.is_input and (kind := self._output_of(whole.name)) not in _PARAMETER:
                what = "has no output" if kind == Kind.NONE else f"gives {kind.label}"
                problems.append(self._problem(key, f"`{whole.name}` {what}, which cannot be a parameter"))
        return problems + self._against_schema(self._capability.params_schema)

    def _against_schema(self, schema: dict[str, Any] | None) -> list[Problem]:
        """Names only, unknown ones where the schema is closed and missing ones; the host checks values."""
        if schema is None:
            return []
        known = schema.get("properties")
        known = known if isinstance(known, dict) else {}
        problems = []
        if schema.get("additionalProperties") is False and "patternProperties" not in schema:
            for key, value in self._step.params.items():
                if key not in known and value is not None:
                    close = suggest(key, known)
                    fix = f"did you mean `{close[0]}`?" if close else ""
                    message = (
                        f"`{self._capability.name}` of `{self._step.run}` has no parameter `{printable(key)}`"
                    )
                    problems.append(self._problem(key, message, fix))
        required = schema.get("required")
        for key in required if isinstance(required, list) else []:
            if key not in self._step.params:
                name = printable(str(key))
                message = f"`{self._capability.name}` of `{self._step.run}` needs the parameter `{name}`"
                problems.append(self._problem("", message, f"add `{name}`"))
        return problems


def _json_word(value: Any) -> str:
    if isinstance(value, bool):
        return "truth value"
    return "number" if isinstance(value, int | float) else "list" if isinstance(value, list) else "mapping"
