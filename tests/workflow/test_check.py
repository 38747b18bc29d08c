"""Types are checked before anything runs, and every problem is reported at once."""

from __future__ import annotations

from typing import Any

import pytest

from lao.model.kinds import Kind
from lao.model.workflow_file import InvalidWorkflow
from lao.workflow.workflow import Workflow


def said(host: Any, flow: Workflow) -> list[str]:
    with pytest.raises(InvalidWorkflow) as caught:
        flow.run(dict.fromkeys(flow.inputs, "x"), host=host)
    assert host.calls == [], "nothing may run"
    assert all(plugin.closed for plugin in host.loaded)
    return [str(problem).removeprefix("workflow `w`: ") for problem in caught.value.problems]


def test_plugins_and_capabilities_must_exist(host: Any) -> None:
    flow = (
        Workflow("w")
        .step("Ecko", input="a")
        .step("Echo", capability="proces", input="a")
        .step("Nothing at all")
    )
    assert said(host, flow) == [
        "steps[0].run: there is no plugin `Ecko` (did you mean `Echo`?)",
        "steps[1].capability: `Echo` has no capability `proces` (did you mean `process`?)",
        "steps[2].run: there is no plugin `Nothing at all`",
    ]


def test_outputs_must_suit_the_inputs_that_they_go_to(host: Any) -> None:
    flow = (
        Workflow("w").step("Draw", input="a").step("Echo", input_from="step1").step("Blur", input="${step2}")
    )
    assert said(host, flow) == [
        "steps[1].input_from: `process` of `Echo` takes text, and `step1` gives image",
        "steps[2].input: `process` of `Blur` takes image, and `step2` gives text",
    ]


def test_the_rule_between_kinds_is_that_of_the_model(host: Any) -> None:
    for given in Kind:
        for taken in Kind:
            if given == Kind.NONE or taken == Kind.NONE:
                continue
            name = f"{given.label}-{taken.label}"
            host.add(f"make-{name}", lambda value: "x", gives=given)
            host.add(f"take-{name}", lambda value: "x", takes=taken)
            flow = Workflow("w").step(f"make-{name}", input="x").step(f"take-{name}", input_from="step1")
            media = {Kind.AUDIO, Kind.IMAGE, Kind.VIDEO}
            fits = (
                given == taken
                or Kind.ANY in (given, taken)
                or (given == Kind.FILE and taken in media)
                or (given in media and taken == Kind.FILE)
            )
            if fits:
                assert flow.plan(host=host)[1].after == ("step1",)
            else:
                with pytest.raises(InvalidWorkflow):
                    flow.plan(host=host)


@pytest.mark.parametrize(
    ("plugin", "value", "expected"),
    [
        ("Echo", 5, ["steps[0].input: `process` of `Echo` takes text, not a number (put it in quotes)"]),
        ("Echo", {"a": 1}, ["steps[0].input: `process` of `Echo` takes text, not a mapping"]),
        ("Echo", b"a", ["steps[0].input: `process` of `Echo` takes text, not binary"]),
        (
            "Echo",
            None,
            ["steps[0]: `process` of `Echo` takes text, and the step has none (add `input` or `input_from`)"],
        ),
        ("Clock", "x", ["steps[0].input: `process` of `Clock` takes no input (remove `input`)"]),
        ("Clock", "${input.x}", ["steps[0].input: `process` of `Clock` takes no input (remove `input`)"]),
        ("Echo", "a", []),
        ("Echo", "${input.x}", []),
        ("Ask", {"a": 1}, []),
        ("Ask", '{"a": 1}', []),
        ("Any", None, []),
        ("Any", 5, []),
        ("Clock", None, []),
        ("Open", "a.png", []),
        ("Blur", "a.png", []),
    ],
)
def test_literal_inputs(host: Any, plugin: str, value: Any, expected: list[str]) -> None:
    flow = Workflow("w").step(plugin, input=value)
    if expected:
        assert said(host, flow) == expected
    else:
        assert len(flow.plan(host=host)) == 1


@pytest.mark.parametrize(
    ("plugin", "value", "expected"),
    [
        ("Echo", "a", ""),
        ("Echo", 5, "takes text, not a number"),
        ("Echo", b"", "takes text, not binary"),
        ("Blur", "cat.png", "takes image, not text (pass a file, with `@` on the command line: `x=@PATH`"),
        ("Blur", bytearray(), ""),
        ("Open", "cat.png", ""),
        ("Ask", "not JSON, which the host says", ""),
        ("Ask", [1], ""),
        ("Any", 5, ""),
    ],
)
def test_inputs_of_the_run_are_checked_too(host: Any, plugin: str, value: Any, expected: str) -> None:
    flow = Workflow("w").step("Echo", input="first").step(plugin, input="${input.x}")
    host.known[plugin] = [(host.known[plugin][0][0], lambda value, /, **params: "ran")]
    if not expected:
        assert flow.run({"x": value}, host=host).output == "ran"
        return
    with pytest.raises(InvalidWorkflow) as caught:
        flow.run({"x": value}, host=host)
    assert expected in str(caught.value)
    assert host.calls == []


def test_text_for_json_must_be_json_without_placeholders(host: Any) -> None:
    flow = (
        Workflow("w").step("Echo", input="a").step("Ask", input='{"q": "${step1}"}').step("Ask", input="{oh")
    )
    first, second = said(host, flow)
    assert first == (
        "steps[1].input: `process` of `Ask` takes json, not text with placeholders "
        "(write the input as a mapping or list; placeholders work inside it)"
    )
    assert second.startswith("steps[2].input: `process` of `Ask` takes json, and this text is not JSON")


def test_what_cannot_be_written_into_text_or_parameters(host: Any) -> None:
    host.add("Tick", lambda value: None, takes=Kind.NONE, gives=Kind.NONE)
    flow = (
        Workflow("w")
        .step("Draw", input="a")
        .step("Tick")
        .step("Echo", input="see ${step1} and ${step2}", style="${step1}", other="x${step2}")
        .step("Ask", input=["${step1}"])
    )
    assert said(host, flow) == [
        "steps[2].input: `step1` gives image, which cannot be part of a text (pass it with `input_from`)",
        "steps[2].input: `step2` has no output, which cannot be part of a text (pass it with `input_from`)",
        "steps[2].style: `step1` gives image, which cannot be a parameter",
        "steps[2].other: `step2` has no output, which cannot be part of a text (pass it with `input_from`)",
        "steps[3].input: `step1` gives image, which cannot be part of a text (pass it with `input_from`)",
    ]


def test_parameters_are_held_against_a_closed_schema(host: Any) -> None:
    schema = {"properties": {"width": {}, "height": {}}, "required": ["width"], "additionalProperties": False}
    host.add("Resize", lambda value, **params: value, params_schema=schema)
    flow = Workflow("w").step("Resize", input="a", widht=5).step("Resize", input="a", width=5)
    assert said(host, flow) == [
        "steps[0].widht: `process` of `Resize` has no parameter `widht` (did you mean `width`?)",
        "steps[0]: `process` of `Resize` needs the parameter `width` (add `width`)",
    ]


def test_problems_of_a_file_carry_their_lines(host: Any) -> None:
    text = (
        "workflow: w\nsteps:\n- run: Draw\n  input: a\n- run: Echo\n  input_from: step1\n  speed: ${step1}\n"
    )
    flow = Workflow.from_text(text, file="w.yaml")
    assert said(host, flow) == [
        "w.yaml:6: steps[1].input_from: `process` of `Echo` takes text, and `step1` gives image",
        "w.yaml:7: steps[1].speed: `step1` gives image, which cannot be a parameter",
    ]
