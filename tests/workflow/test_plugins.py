"""Workflows over real plugins, on both backends."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lao
from lao.model.workflow_file import InvalidWorkflow
from lao.workflow import WorkflowError
from tests import plugins


@pytest.fixture(params=["none", "process"])
def isolation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a plugin that gives back what it is given, found as a project under plugins/."""
    folder = tmp_path / "plugins" / "mirror"
    folder.mkdir(parents=True)
    (folder / "libmirror.so").write_bytes(plugins.build("echo").read_bytes())
    monkeypatch.chdir(tmp_path)
    return "mirror"


def test_a_file_runs_over_a_local_plugin(echo: str, isolation: str, tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text(
        """
workflow: every kind that text can become
steps:
  - {run: mirror, input: "${input.word}, world"}
  - {run: mirror, id: document, capability: json, input: {said: "${step1}", again: ["${input.word}"]}}
  - {run: mirror, capability: params, said: "${step1}", whole: "${document}", n: 3, f: 0.5, on: true, no: null}
  - {run: mirror, capability: text, input: "${document}!", depends_on: [step3]}
"""
    )
    flow = lao.Workflow.from_yaml(file)
    result = flow.run({"word": "hello"}, isolation=isolation)
    assert result.outputs["step1"] == "hello, world"
    assert result.outputs["document"] == {"said": "hello, world", "again": ["hello"]}
    document = {"said": "hello, world", "again": ["hello"]}
    assert result.outputs["step3"]["json"] == {
        "said": "hello, world",
        "whole": document,
        "n": 3,
        "f": 0.5,
        "on": True,
    }
    assert result.output == '{"said":"hello, world","again":["hello"]}!'


@pytest.mark.parametrize("layout", [24, 40, 64, 80])
def test_plugins_of_lao_0x_and_of_today_work_together(
    echo: str, isolation: str, tmp_path: Path, layout: int
) -> None:
    old = tmp_path / "plugins" / "old"
    old.mkdir()
    (old / "libold.so").write_bytes(plugins.build("v0/echo", layout=layout).read_bytes())
    flow = (
        lao.Workflow("w")
        .step(echo, input="hello")
        .step("old", input_from="step1")
        .step(echo, input="${step2}!")
    )
    result = flow.run(isolation=isolation)
    assert result.output == f"{result.outputs['step2']}!"
    assert "hello" in result.outputs["step2"]


def test_arrays_pass_between_steps_without_a_copy(echo: str, isolation: str) -> None:
    flow = (
        lao.Workflow("w")
        .step(echo, capability="ramp", rows=3, columns=5)
        .step(echo, capability="look", input_from="step1")
        .step(echo, capability="sum", input="${step1}")
    )
    result = flow.run(isolation=isolation)
    ramp = result.outputs["step1"]
    assert isinstance(ramp, np.ndarray)
    assert ramp.shape == (3, 5)
    assert (result.outputs["step2"], result.output["sum"]) == ("15", ramp.sum())
    if isolation == "none":
        assert result.output["address"] == ramp.__array_interface__["data"][0]


def test_types_come_from_the_plugin(echo: str, isolation: str) -> None:
    flow = (
        lao.Workflow("w")
        .step(echo, capability="ramp")
        .step(echo, input_from="step1")
        .step(echo, capability="txt")
    )
    with pytest.raises(InvalidWorkflow) as caught:
        flow.run(isolation=isolation)
    first, second = (str(problem) for problem in caught.value.problems)
    assert "`text` of `mirror` takes text, and `step1` gives tensor" in first
    assert "`mirror` has no capability `txt` (did you mean `text`?)" in second


def test_plugins_that_do_not_exist_get_a_suggestion(echo: str, isolation: str) -> None:
    with pytest.raises(InvalidWorkflow, match=r"there is no plugin `miror`.*did you mean `mirror`"):
        lao.Workflow("w").step("miror", input="a").run(isolation=isolation)


def test_independent_steps_overlap_in_real_time(echo: str, isolation: str) -> None:
    flow = lao.Workflow("w")
    for _ in range(4):
        flow.step(echo, capability="overlap", ms=600)
    result = flow.run(isolation=isolation, max_parallel=4)
    assert result.duration_s < 2.3, "four sleeps of 0.6 s, one after the other, take 2.4 s"


def test_a_failure_of_the_plugin_names_the_step(echo: str, isolation: str) -> None:
    flow = lao.Workflow("w").step(
        echo, id="bad", capability="fail", message="no model", retries=2, retry_delay=1
    )
    with pytest.raises(WorkflowError) as caught:
        flow.run(isolation=isolation)
    assert caught.value.step == "bad"
    assert isinstance(caught.value.__cause__, lao.PluginError)
    assert "no model" in str(caught.value)
    assert caught.value.result is not None
    assert caught.value.result.steps[0].attempts == 3


def test_a_time_limit_of_each_call(echo: str, isolation: str) -> None:
    flow = lao.Workflow("w").step(echo, capability="wait")
    with pytest.raises(WorkflowError) as caught:
        flow.run(isolation=isolation, load_options={"timeout": 0.3})
    assert isinstance(caught.value.__cause__, lao.PluginTimeout)


def test_cancelling_a_task_ends_calls_that_would_never_end(echo: str, isolation: str) -> None:
    started = threading.Event()
    flow = (
        lao.Workflow("w").step(echo, capability="wait").step(echo, capability="where", depends_on=["step1"])
    )

    async def main() -> float:
        task = asyncio.create_task(
            flow.arun(isolation=isolation, load_options={"timeout": None}, on_event=lambda _: started.set())
        )
        assert await asyncio.to_thread(started.wait, 20)
        await asyncio.sleep(0.1)
        begun = time.perf_counter()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.perf_counter() - begun

    assert asyncio.run(main()) < 10


def test_a_host_of_the_caller_stays_open(echo: str, isolation: str) -> None:
    with lao.Host() as host:
        flow = lao.Workflow("w").step(echo, input="a")
        assert flow.run(host=host, isolation=isolation).output == "a"
        assert flow.run(host=host, isolation=isolation).output == "a"
        assert host.load(echo, isolation=isolation)("b") == "b"


@pytest.mark.parametrize("value", [{"a": 1}, [1, 2], 3, True, "text", b"bytes", Path("/tmp/x")], ids=repr)
def test_any_value_that_a_plugin_takes_can_be_an_input(echo: str, isolation: str, value: Any) -> None:
    kinds = {dict: "json", list: "json", int: "json", bool: "json", str: "text", bytes: "binary"}
    capability = kinds.get(type(value), "file")
    flow = lao.Workflow("w").step(echo, capability=capability, input=value)
    flow.step(echo, capability=capability, input_from="step1")
    assert flow.run(isolation=isolation).output == value
