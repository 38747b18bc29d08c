"""The workflow file: what is read, and what is said about what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lao.model.located_yaml import MAX_VALUES, read_yaml
from lao.model.workflow_file import STEP_KEYS, parse_workflow


def said(text: str) -> list[str]:
    """The problems of a file called `w.yaml`, as people read them."""
    return [str(problem) for problem in parse_workflow(text, file="w.yaml").problems]


def test_every_key_of_a_step_is_read() -> None:
    flow = parse_workflow(
        """
workflow: speech
schema_version: 1
owner: kept for other tools
steps:
  - run: Whisper
    id: speech
    capability: transcribe
    input: ${input.audio}
    retries: 2
    retry_delay: 50
    language: en
    options: {beam: 5, words: [a, b]}
  - run: Summary
    input_from: speech
    depends_on: [speech, step1]
"""
    )
    assert flow.problems == ()
    assert flow.name == "speech"
    first, second = flow.steps
    assert (first.run, first.id, first.name, first.default_name) == ("Whisper", "speech", "speech", "step1")
    assert (first.capability, first.input, first.retries, first.retry_delay_ms) == (
        "transcribe",
        "${input.audio}",
        2,
        50,
    )
    assert first.params == {"language": "en", "options": {"beam": 5, "words": ["a", "b"]}}
    assert (second.name, second.input_from, second.depends_on) == ("step2", "speech", ("speech", "step1"))
    assert (second.retries, second.retry_delay_ms, second.input) == (0, 1000, None)


def test_null_is_the_same_as_absent_for_every_optional_key() -> None:
    flow = parse_workflow(
        """
workflow: saved by the editor of LAO 0.x
steps:
  - run: Echo
    input: hello
    input_from: null
    depends_on: null
    retries: null
    retry_delay: null
    cache_key: null
    condition: null
    on_success: null
    on_failure: null
"""
    )
    assert flow.problems == ()
    assert flow.steps[0].retries == 0


def test_all_problems_at_once_each_with_line_key_and_fix() -> None:
    text = """\
workflow: 5
steps:
  - rum: Echo
    input: hi
  - run: Echo
    retries: many
    depends_on: step1
  - run: Echo
    input_form: step1
    condition: {field: step1}
  - just text
  - run: Echo
    id: step9
    input_from: {step: step1, output: output}
    retry_delay: -1
"""
    assert said(text) == [
        "w.yaml:1: workflow: the name of the workflow must be text, not a number (put it in quotes)",
        "w.yaml:3: steps[0]: `run`, the name of the plugin, is missing (did you mean it with `rum`?)",
        "w.yaml:6: steps[1].retries: `retries` must be a whole number, not text",
        (
            "w.yaml:7: steps[1].depends_on: `depends_on` must be a list of step names, not text "
            "(write `depends_on: [step1]`)"
        ),
        "w.yaml:9: steps[2].input_form: `input_form` is not a key of a step (did you mean `input_from`?)",
        "w.yaml:10: steps[2].condition: `condition` is not supported by this LAO yet: conditional steps (remove it)",
        "w.yaml:11: steps[3]: a step must be a mapping, not text (write `- run: NAME`)",
        "w.yaml:13: steps[4].id: `step9` is the name of another place (this is `step5`; choose another id)",
        (
            "w.yaml:14: steps[4].input_from: `input_from` must be the name of a step, not a mapping "
            "(write `input_from: step1`)"
        ),
        "w.yaml:15: steps[4].retry_delay: -1 is out of range (use 0 to 86400000 milliseconds)",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "w.yaml: it is empty (write `workflow: NAME` and a list of `steps`)"),
        (
            "- a\n",
            "w.yaml:1: it is not a mapping of keys to values (write `workflow: NAME` and a list of `steps`)",
        ),
        ("workflow: a\n", "w.yaml:1: `steps` is missing (add `steps`)"),
        ("workflow: a\nstep: []\n", "w.yaml:1: `steps` is missing (did you mean it with `step`?)"),
        ("workflow: a\nsteps: []\n", "w.yaml:2: steps: there are no steps (add `- run: NAME`)"),
        (
            "workflow: a\nsteps: {run: x}\n",
            "w.yaml:2: steps: `steps` must be a list, not a mapping (begin each step with `- run: NAME`)",
        ),
        ("steps: [{run: a}]\n", "w.yaml:1: `workflow`, its name, is missing (add `workflow`)"),
        (
            "workflow: a\nworkflow: b\nsteps: [{run: a}]\n",
            "w.yaml:2: workflow: `workflow` is given twice; the first one is in line 1",
        ),
        (
            "workflow: a\nschema_version: 2\nsteps: [{run: a}]\n",
            (
                "w.yaml:2: schema_version: schema version 2 is not "
                "supported by this LAO yet (use `schema_version: 1`, or leave it out)"
            ),
        ),
        (
            "workflow: a\nschema_version: true\nsteps: [{run: a}]\n",
            (
                "w.yaml:2: schema_version: schema version `True` "
                "is not known (use `schema_version: 1`, or leave it out)"
            ),
        ),
        ("workflow: a\nsteps: [{run: ' '}]\n", "w.yaml:2: steps[0].run: the name of the plugin is empty"),
        (
            "workflow: a\nsteps: [{runner: a}]\n",
            "w.yaml:2: steps[0].runner: `runner` is not a key of a step (write `run`)",
        ),
        (
            "workflow: a\nsteps: [{run: a, id: a b}]\n",
            (
                "w.yaml:2: steps[0].id: `a b` cannot be an id "
                "(use 1 to 64 letters, digits, `_` and `-`, no digit first)"
            ),
        ),
        (
            "workflow: a\nsteps: [{run: a, id: input}]\n",
            (
                "w.yaml:2: steps[0].id: `input` cannot be an id "
                "(`${input.NAME}` stands for the inputs of the run)"
            ),
        ),
        (
            "workflow: a\nsteps: [{run: a, 1: b}]\n",
            "w.yaml:2: steps[0]: the key `1` is not text (put it in quotes)",
        ),
        (
            "workflow: a\nsteps: [{run: a, retry_count: 3}]\n",
            "w.yaml:2: steps[0].retry_count: `retry_count` is not a key of a step (write `retries`)",
        ),
        (
            "workflow: a\nsteps: [{run: a, retries: 1001}]\n",
            "w.yaml:2: steps[0].retries: 1001 is out of range (use 0 to 1000)",
        ),
        (
            "workflow: a\nsteps: [{run: a, retries: true}]\n",
            "w.yaml:2: steps[0].retries: `retries` must be a whole number, not true or false",
        ),
        (
            "workflow: a\nsteps: [{run: a, x: !!python/name:os.system b}]\n",
            (
                "w.yaml:2: steps[0].x: the tag "
                "`tag:yaml.org,2002:python/name:os.system` is not supported (use plain YAML values)"
            ),
        ),
    ],
)
def test_one_problem(text: str, expected: str) -> None:
    assert said(text) == [expected]


@pytest.mark.parametrize("key", ["cache_key", "condition", "on_success", "on_failure", "for_each"])
def test_what_comes_later_is_refused_by_name(key: str) -> None:
    (problem,) = said(f"workflow: a\nsteps:\n- run: a\n  {key}: x\n")
    assert problem.startswith(f"w.yaml:4: steps[0].{key}: `{key}` is not supported by this LAO yet")


@pytest.mark.parametrize("key", ["mode", "inputs", "model", "prompt", "input_type", "language"])
def test_other_keys_are_parameters(key: str) -> None:
    flow = parse_workflow(f"workflow: a\nsteps:\n- run: a\n  {key}: x\n")
    assert flow.problems == ()
    assert flow.steps[0].params == {key: "x"}


@pytest.mark.parametrize(
    "key", ["Depends_on", "depends-on", "input_frm", "capabilty", "retires", "retrys_delay"]
)
def test_mistyped_long_keys_are_not_taken_for_parameters(key: str) -> None:
    (problem,) = said(f"workflow: a\nsteps:\n- run: a\n  {key}: x\n")
    assert "did you mean" in problem


def test_input_beside_input_from_is_a_warning() -> None:
    flow = parse_workflow(
        "workflow: a\nsteps:\n- {run: a, input: x}\n- {run: a, input: y, input_from: step1}\n"
    )
    assert [(p.severity, p.key) for p in flow.problems] == [("warning", "steps[1].input")]


# --- YAML itself ---


def test_yaml_is_1_2_and_gives_plain_values() -> None:
    text = "[yes, on, 0o17, 2026-01-02, 1.5, null, !!binary aGk=, 12:30:45, true]\n"
    assert read_yaml(text, file="f").value == [
        *("yes", "on", 15, "2026-01-02", 1.5, None, b"hi", "12:30:45", True)
    ]


def test_anchors_and_merge_keys_work_and_keep_the_lines() -> None:
    document = read_yaml("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nsame: *b\n", file="f")
    assert document.value == {"base": {"x": 1, "y": 2}, "use": {"x": 1, "y": 3}, "same": {"x": 1, "y": 2}}
    assert document.lines["use", "y"] == 4
    assert document.problems == []


def test_aliases_cannot_explode() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    document = read_yaml("\n".join(lines), file="f")
    (problem,) = document.problems
    assert f"{MAX_VALUES} are allowed" in problem.message
    assert document.value is None


def test_an_alias_of_itself_is_refused() -> None:
    (problem,) = read_yaml("a: &a [*a]\n", file="f").problems
    assert problem.message == "an alias refers to the value that it is part of"


@pytest.mark.parametrize(
    "text",
    [
        "a: [1\n",
        "a: b: c\n",
        "\tx: 1\n",
        "a: 'x\n",
        "a: \x00\n",
        "--- a\n--- b\n",
        "a: *nothing\n",
        "[" * 100_000,
    ],
)
def test_broken_yaml_is_one_problem(text: str) -> None:
    document = read_yaml(text, file="f")
    assert len(document.problems) == 1
    assert document.problems[0].file.startswith("f")


def test_every_duplicate_key_is_reported() -> None:
    found = read_yaml("a: 1\na: 2\nb:\n  c: 1\n  c: 2\n", file="f").problems
    assert [(p.file, p.key) for p in found] == [("f:2", "a"), ("f:5", "b.c")]


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    parse_workflow(text)


_yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["step1", "${step1}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.sampled_from([*STEP_KEYS, "condition", "mode"]), _yaml_values), max_size=4)
)
def test_no_step_makes_the_reader_fail(steps: list[dict[str, object]]) -> None:
    import json

    flow = parse_workflow("workflow: w\nsteps: " + json.dumps(steps) + "\n")
    assert len(flow.steps) == len(steps)
    assert all(problem.message and problem.file for problem in flow.problems)
