"""Running: what goes from step to step, what runs at the same time, and what a failure does."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lao.errors import (
    Cancelled,
    InvalidInput,
    LaoError,
    PluginCrashed,
    PluginError,
    PluginTimeout,
    WorkerRestarted,
)
from lao.model.kinds import Kind
from lao.model.workflow_file import InvalidWorkflow
from lao.workflow.result import StepEvent, WorkflowError
from lao.workflow.workflow import Workflow

PATIENCE_S = 20.0  # what a test waits for things that happen at once on an idle machine


def test_outputs_go_from_step_to_step(host: Any) -> None:
    flow = (
        Workflow("greet")
        .step("Echo", id="hello", input="hello")
        .step("Upper", input_from="hello")
        .step("Join", input="<${step2}>", word="${hello}", text="${hello.output}, ${step1}!", n=3, data=b"b")
    )
    result = flow.run(host=host)
    assert result.name == "greet"
    assert result.outputs == {
        "hello": "hello",
        "step2": "HELLO",
        "step3": "<HELLO> data=b'b' n=3 text='hello, hello!' word='hello'",
    }
    assert result.output == result.outputs["step3"]
    assert [(s.step, s.run, s.status, s.attempts, s.error) for s in result.steps] == [
        ("hello", "Echo", "succeeded", 1, None),
        ("step2", "Upper", "succeeded", 1, None),
        ("step3", "Join", "succeeded", 1, None),
    ]
    assert all(0 <= step.duration_s <= result.duration_s for step in result.steps)


def test_values_are_passed_as_they_are(host: Any) -> None:
    flow = (
        Workflow("w")
        .step("Draw", input="pixels")
        .step("Blur", input_from="step1")
        .step("Blur", input="${step2}")
    )
    result = flow.run(host=host)
    assert isinstance(result.output, bytearray)
    assert result.outputs["step1"] is result.outputs["step2"] is result.outputs["step3"]


def test_an_output_is_never_expanded_again(host: Any) -> None:
    flow = (
        Workflow("w")
        .step("Echo", input="$${step3} ${input.secret}")
        .step("Join", input="${step1}", p="${step1}!")
    )
    result = flow.run({"secret": "${step1}"}, host=host)
    assert result.output == "${step3} ${step1} p='${step3} ${step1}!'"


def test_each_plugin_is_loaded_once_and_closed(host: Any) -> None:
    flow = (
        Workflow("w")
        .step("Echo", input="a")
        .step("Upper", input_from="step1")
        .step("Echo", input_from="step2")
    )
    flow.run(host=host, isolation="process", load_options={"timeout": 5.0})
    assert host.load_options == [
        {"target": "Echo", "isolation": "process", "timeout": 5.0},
        {"target": "Upper", "isolation": "process", "timeout": 5.0},
    ]
    assert all(plugin.closed for plugin in host.loaded)


def test_a_plugin_gets_as_many_workers_as_its_steps_can_use(host: Any) -> None:
    flow = Workflow("w").step("Echo", input="a")
    for _ in range(3):
        flow.step("Upper", input_from="step1")
    flow.step("Upper", input_from="step2")
    for limit, expected in ((8, 3), (2, 2)):
        host.load_options.clear()
        flow.run(host=host, max_parallel=limit)
        assert [options.get("workers") for options in host.load_options] == [None, expected]
    host.load_options.clear()
    flow.run(host=host, load_options={"workers": 5})
    assert [options["workers"] for options in host.load_options] == [5, 5]


def test_null_parameters_are_left_out(host: Any) -> None:
    flow = Workflow.from_text("workflow: w\nsteps: [{run: Join, input: a, b: null, cache_key: null, d: 1}]\n")
    assert flow.run(host=host).output == "a d=1"


def test_a_capability_is_chosen_by_name_and_is_the_first_otherwise(host: Any) -> None:
    host.add("Echo", lambda text: text[::-1], capability="reverse")
    flow = Workflow("w").step("Echo", input="abc").step("Echo", input="abc", capability="reverse")
    assert list(flow.run(host=host).outputs.values()) == ["abc", "cba"]


# --- at the same time ---


def test_independent_steps_run_at_the_same_time(host: Any) -> None:
    barrier = threading.Barrier(3)

    def meet(text: str) -> str:
        barrier.wait(PATIENCE_S)  # breaks unless three are inside at once
        return text

    host.add("Meet", meet)
    flow = Workflow("w").step("Meet", input="a").step("Meet", input="b").step("Meet", input="c")
    flow.step("Join", input="${step1}${step2}${step3}")
    assert flow.run(host=host, max_parallel=3).output == "abc"


def test_a_step_waits_for_its_own_parents_only(host: Any) -> None:
    late = threading.Event()
    host.add("Slow", lambda text: str(late.wait(PATIENCE_S)))
    host.add("Free", lambda text: late.set() or "freed")
    # step3 hangs off the quick step; were there levels, step1 would wait for it in vain.
    flow = Workflow("w").step("Slow", input="a").step("Echo", input="b").step("Free", input_from="step2")
    assert flow.run(host=host, max_parallel=2).outputs == {"step1": "True", "step2": "b", "step3": "freed"}


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_max_parallel_is_kept_and_used(host: Any, limit: int) -> None:
    now, most, lock = 0, 0, threading.Lock()

    def count(text: str) -> str:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        deadline = time.monotonic() + PATIENCE_S
        while most < limit and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.005)
        with lock:
            now -= 1
        return text

    host.add("Load", count)
    flow = Workflow("w")
    for _ in range(7):
        flow.step("Load", input="a")
    flow.run(host=host, max_parallel=limit)
    assert most == limit


def test_max_parallel_must_be_at_least_one(host: Any) -> None:
    with pytest.raises(InvalidInput, match="at least 1"):
        Workflow("w").step("Echo", input="a").run(host=host, max_parallel=0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_graph_runs_every_step_once_and_after_its_parents(host: Any, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    finished: list[str] = []
    host.known.pop("Note", None)  # of the example before
    host.add("Note", lambda text, **params: finished.append(text) or text)
    flow = Workflow("w")
    needs: dict[str, list[str]] = {}
    for number in range(1, count + 1):
        parents = data.draw(st.lists(st.integers(1, number - 1), max_size=3) if number > 1 else st.just([]))
        needs[f"step{number}"] = [f"step{parent}" for parent in parents]
        flow.step("Note", input=f"step{number}", depends_on=needs[f"step{number}"])
    result = flow.run(host=host, max_parallel=data.draw(st.integers(1, 4)))
    assert Counter(finished) == Counter(needs.keys())
    assert list(result.outputs) == list(needs), "results are in file order"
    for name, parents in needs.items():
        assert all(finished.index(parent) < finished.index(name) for parent in parents)


# --- failures ---


def fail(error: Exception) -> Any:
    def call(*args: Any, **params: Any) -> Any:
        raise error

    return call


def test_a_failed_step_fails_the_run_with_its_name(host: Any, tmp_path: Path) -> None:
    cause = PluginError("`Bad` failed", causes=["no model"], hint="set model_path", status=5)
    host.add("Bad", fail(cause))
    file = tmp_path / "w.yaml"
    file.write_text(
        "workflow: w\nsteps:\n- {run: Echo, input: a}\n- {run: Bad, id: bad, input_from: step1}\n"
        "- {run: Echo, input_from: bad}\n"
    )
    with pytest.raises(WorkflowError) as caught:
        Workflow.from_yaml(file).run(host=host)
    error = caught.value
    assert (error.step, error.__cause__) == ("bad", cause)
    assert (error.message, error.causes) == ("step `bad` (`Bad`) failed", ("`Bad` failed", "no model"))
    assert (error.where, error.hint) == (f"{file}:4", "set model_path")
    assert error.result is not None
    assert error.result.outputs == {"step1": "a"}
    assert error.result.output is None
    assert [(s.step, s.status, s.attempts) for s in error.result.steps] == [
        ("step1", "succeeded", 1),
        ("bad", "failed", 1),
        ("step3", "not started", 0),
    ]
    assert all(plugin.closed for plugin in host.loaded)


def test_after_a_failure_nothing_starts_and_what_runs_is_waited_for(host: Any) -> None:
    failed = threading.Event()

    def bad(text: str) -> str:
        failed.set()
        raise PluginError("no")

    def slow(text: str) -> str:
        assert failed.wait(PATIENCE_S)
        time.sleep(0.05)  # the coordinator has long seen the failure
        return "slow"

    host.add("Bad", bad)
    host.add("Slow", slow)
    flow = Workflow("w").step("Slow", input="a").step("Bad", input="a").step("Echo", input="a")
    flow.step("Echo", input_from="step1")
    with pytest.raises(WorkflowError) as caught:
        flow.run(host=host, max_parallel=2)
    assert caught.value.result is not None
    assert caught.value.result.outputs == {"step1": "slow"}
    assert [s.status for s in caught.value.result.steps] == [
        "succeeded",
        "failed",
        "not started",
        "not started",
    ]


def test_the_first_failure_names_the_run_and_the_others_are_kept(host: Any) -> None:
    order = threading.Event()
    host.add("First", lambda text: (order.set(), fail(PluginError("one"))())[1])
    host.add("Second", lambda text: (order.wait(PATIENCE_S), time.sleep(0.05), fail(PluginError("two"))())[2])
    flow = Workflow("w").step("Second", input="a").step("First", input="a")
    with pytest.raises(WorkflowError, match="one") as caught:
        flow.run(host=host, max_parallel=2)
    assert caught.value.step == "step2"
    assert caught.value.result is not None
    assert [str(step.error) for step in caught.value.result.steps] == ["two", "one"]


def test_an_error_that_is_not_ours_fails_the_step_too(host: Any) -> None:
    host.add("Bad", fail(ZeroDivisionError("division by zero")))
    with pytest.raises(WorkflowError) as caught:
        Workflow("w").step("Bad", input="a").run(host=host)
    assert caught.value.causes == ("ZeroDivisionError: division by zero",)


def test_the_error_survives_pickling(host: Any) -> None:
    host.add("Bad", fail(PluginError("no")))
    with pytest.raises(WorkflowError) as caught:
        Workflow("w").step("Bad", input="a").run(host=host)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.step) == (str(caught.value), "step1")
    assert copy.result.steps[0].status == "failed"


# --- further attempts ---


@pytest.mark.parametrize(
    "error", [PluginError("x"), PluginCrashed("x"), PluginTimeout("x"), WorkerRestarted("x")], ids=type
)
def test_failures_of_the_plugin_are_retried(host: Any, error: Exception) -> None:
    left = [error, error]
    host.add("Shaky", lambda text: fail(left.pop())() if left else "at last")
    result = Workflow("w").step("Shaky", input="a", retries=2, retry_delay=1).run(host=host)
    assert (result.output, result.steps[0].attempts, result.steps[0].error) == ("at last", 3, None)


def test_attempts_are_retries_plus_one(host: Any) -> None:
    host.add("Bad", fail(PluginError("no")))
    with pytest.raises(WorkflowError, match=r"step `step1` \(`Bad`\) failed after 4 attempts: no") as caught:
        Workflow("w").step("Bad", input="a", retries=3, retry_delay=0).run(host=host)
    assert caught.value.result is not None
    assert caught.value.result.steps[0].attempts == len(host.calls) == 4


@pytest.mark.parametrize("error", [InvalidInput("x"), LaoError("x"), ValueError("x")], ids=type)
def test_other_failures_are_not_retried(host: Any, error: Exception) -> None:
    host.add("Bad", fail(error))
    with pytest.raises(WorkflowError):
        Workflow("w").step("Bad", input="a", retries=5, retry_delay=0).run(host=host)
    assert len(host.calls) == 1


def test_the_delay_is_waited_for(host: Any) -> None:
    left = [PluginError("x")]
    host.add("Shaky", lambda text: fail(left.pop())() if left else "ok")
    result = Workflow("w").step("Shaky", input="a", retries=1, retry_delay=60).run(host=host)
    assert result.steps[0].duration_s >= 0.06


def test_a_failure_elsewhere_ends_the_wait_for_another_attempt(host: Any) -> None:
    waiting = threading.Event()
    host.add("Shaky", lambda text: (waiting.set(), fail(PluginError("shaky"))())[1])
    host.add("Bad", lambda text: (waiting.wait(PATIENCE_S), fail(LaoError("bad"))())[1])
    flow = Workflow("w").step("Shaky", input="a", retries=1, retry_delay=86_400_000).step("Bad", input="a")
    with pytest.raises(WorkflowError) as caught:
        flow.run(host=host, max_parallel=2)
    assert caught.value.step == "step2"


# --- events, cancelling ---


def test_events_come_in_order_in_the_thread_that_runs(host: Any) -> None:
    left = [PluginError("x")]
    host.add("Shaky", lambda text: fail(left.pop())() if left else "ok")
    events: list[StepEvent] = []
    threads = set()

    def note(event: StepEvent) -> None:
        events.append(event)
        threads.add(threading.get_ident())

    Workflow("w").step("Shaky", input="a", retries=1, retry_delay=0).step("Echo", input_from="step1").run(
        host=host, on_event=note
    )
    assert [(e.step, e.status, e.attempt, str(e.error or "")) for e in events] == [
        ("step1", "running", 1, ""),
        ("step1", "retrying", 1, "x"),
        ("step1", "succeeded", 2, ""),
        ("step2", "running", 1, ""),
        ("step2", "succeeded", 1, ""),
    ]
    assert threads == {threading.get_ident()}


def test_an_error_or_ctrl_c_in_the_callback_ends_the_run(host: Any) -> None:
    def note(event: StepEvent) -> None:
        raise KeyboardInterrupt

    flow = Workflow("w").step("Echo", input="a").step("Echo", input_from="step1")
    with pytest.raises(KeyboardInterrupt):
        flow.run(host=host, on_event=note)
    assert len(host.calls) == 1
    assert host.loaded[0].closed
    assert host.loaded[0].cancelled.is_set()


def test_ctrl_c_cancels_the_calls_in_flight(host: Any) -> None:
    def hang(text: str) -> str:
        os.kill(os.getpid(), signal.SIGINT)  # goes to the main thread, which waits for this step
        assert host.loaded[0].cancelled.wait(PATIENCE_S), "the call was not cancelled"
        raise Cancelled("cancelled")

    host.add("Hang", hang)
    flow = Workflow("w").step("Hang", input="a").step("Echo", input_from="step1")
    with pytest.raises(KeyboardInterrupt):
        flow.run(host=host)
    assert [call[0] for call in host.calls] == ["Hang"]
    assert all(plugin.closed for plugin in host.loaded)


def test_arun_gives_what_run_gives(host: Any) -> None:
    flow = Workflow("w").step("Echo", input="${input.x}").step("Upper", input_from="step1")
    assert asyncio.run(flow.arun({"x": "hi"}, host=host)).output == "HI"


def test_arun_leaves_the_loop_free_and_can_be_cancelled(host: Any) -> None:
    started = threading.Event()

    def hang(text: str) -> str:
        started.set()
        assert host.loaded[0].cancelled.wait(PATIENCE_S), "the call was not cancelled"
        raise Cancelled("cancelled")

    host.add("Hang", hang)
    flow = Workflow("w").step("Hang", input="a").step("Echo", input_from="step1")

    async def main() -> None:
        task = asyncio.create_task(flow.arun(host=host))
        assert await asyncio.to_thread(started.wait, PATIENCE_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [call[0] for call in host.calls] == ["Hang"]
    assert all(plugin.closed for plugin in host.loaded)


# --- inputs and files ---


def test_inputs_must_be_those_that_the_steps_mention(host: Any) -> None:
    flow = Workflow("w").step("Echo", input="${input.photo}").step("Join", input="a", size="${input.size}")
    assert flow.inputs == ("photo", "size")
    with pytest.raises(InvalidInput) as caught:
        flow.run({"foto": "x", "size": 1}, host=host)
    assert caught.value.causes == (
        "`photo` is missing",
        "no step mentions `${input.foto}`; did you mean `photo`?",
    )
    assert host.calls == []


def test_a_path_is_opened_where_its_content_is_wanted(host: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes('{"ä": 1}'.encode())
    host.add("Bytes", lambda data: data, takes=Kind.BINARY, gives=Kind.BINARY)
    flow = Workflow("w")
    for plugin in ("Echo", "Ask", "Bytes", "Open", "Any"):
        flow.step(plugin, input="${input.file}")
    flow.step("Join", input="x", path="${input.file}")
    outputs = list(flow.run({"file": file}, host=host).outputs.values())
    assert outputs == ['{"ä": 1}', '{"ä": 1}', '{"ä": 1}'.encode(), str(file), file, f"x path={str(file)!r}"]


def test_a_file_that_cannot_be_read_fails_its_step(host: Any, tmp_path: Path) -> None:
    flow = Workflow("w").step("Echo", input="${input.file}")
    with pytest.raises(WorkflowError, match=r"cannot read .*: no such file"):
        flow.run({"file": tmp_path / "none"}, host=host)
    (tmp_path / "latin").write_bytes(b"\xe4")
    with pytest.raises(WorkflowError, match="is not text"):
        flow.run({"file": tmp_path / "latin"}, host=host)


def test_paths_in_a_file_are_relative_to_it(host: Any, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("workflow: w\nsteps: [{run: Open, input: pictures/a.png}]\n")
    assert Workflow.from_yaml(tmp_path / "w.yaml").run(host=host).output == str(tmp_path / "pictures/a.png")
    assert Workflow("w").step("Open", input="pictures/a.png").run(host=host).output == "pictures/a.png"
    relative = Workflow.from_text("workflow: w\nsteps: [{run: Open, input: '${input.file}'}]\n")
    assert relative.run({"file": "a.png"}, host=host).output == "a.png", "an input of the run is the caller's"


def test_plugins_of_lao_0x_get_text_whatever_they_claim(host: Any, tmp_path: Path) -> None:
    host.abi = "lao/0.x"
    host.add("Whisper", lambda audio: f"heard {audio}", takes=Kind.AUDIO)
    host.add("Pack", lambda text: text, takes=Kind.BINARY)
    file = tmp_path / "speech.wav"
    flow = (
        Workflow("w")
        .step("Whisper", input="speech.wav")
        .step("Whisper", input="${input.file}")
        .step("Pack", input="plain text")
        .step("Echo", input="${input.file}")
    )
    file.write_text("read where text is taken")
    assert list(flow.run({"file": file}, host=host).outputs.values()) == [
        "heard speech.wav",
        f"heard {file}",
        "plain text",
        "read where text is taken",
    ]


def test_workflow_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"cannot read .*: No such file"):
        Workflow.from_yaml(tmp_path / "none.yaml")
    with pytest.raises(InvalidInput, match=r"cannot read .*: Is a directory"):
        Workflow.from_yaml(tmp_path)
    (tmp_path / "w.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="is not UTF-8 text"):
        Workflow.from_yaml(tmp_path / "w.yaml")
    (tmp_path / "w.yaml").write_text("workflow: w\nsteps: [{run: a, input_from: step2}, {runn: b}]\n")
    with pytest.raises(InvalidWorkflow) as caught:
        Workflow.from_yaml(tmp_path / "w.yaml")
    assert caught.value.message == "workflow `w` has 1 problem"
    assert caught.value.where == str(tmp_path / "w.yaml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"run": 5}, "`run` must be a str, not int"),
        ({"run": "a", "id": 5}, "`id` must be a str, not int"),
        ({"run": "a", "retries": "2"}, "`retries` must be an int, not str"),
        ({"run": "a", "depends_on": "step1"}, "`depends_on` must be a list"),
    ],
)
def test_step_refuses_wrong_types(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Workflow("w").step(**arguments)


def test_python_workflows_are_checked_like_files(host: Any) -> None:
    flow = (
        Workflow("w")
        .step("Echo", id="1", input="a", retrys_delay=4)
        .step("Echo", input_from="stp1", retries=-1)
    )
    with pytest.raises(InvalidWorkflow) as caught:
        flow.run(host=host)
    assert [problem.key for problem in caught.value.problems] == [
        "steps[0].id",
        "steps[0].retrys_delay",
        "steps[1].retries",
        "steps[1].input_from",
    ]
    with pytest.raises(InvalidWorkflow, match="there are no steps"):
        Workflow("empty").run(host=host)


def test_a_plan_runs_nothing(host: Any) -> None:
    flow = Workflow("w").step("Upper", input_from="step2").step("Echo", input="a")
    assert [(p.step, p.run, p.capability.name, p.after) for p in flow.plan(host=host)] == [
        ("step2", "Echo", "process", ()),
        ("step1", "Upper", "process", ("step2",)),
    ]
    assert host.calls == []
    assert all(plugin.closed for plugin in host.loaded)
