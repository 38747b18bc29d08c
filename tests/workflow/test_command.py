"""`lao run`: what it prints where, and its exit status."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lao.cli import main
from tests import plugins

Run = Callable[..., tuple[int, str, str]]

FLOW = """\
workflow: greet
steps:
  - run: mirror
    id: hello
    input: hello ${input.who}
  - run: mirror
    capability: json
    input: {said: "${hello}"}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `lao run ...` beside `flow.yaml` and a project `mirror`; gives status, stdout, stderr without times."""
    folder = tmp_path / "plugins" / "mirror"
    folder.mkdir(parents=True)
    (folder / "libmirror.so").write_bytes(plugins.build("echo").read_bytes())
    (tmp_path / "flow.yaml").write_text(FLOW)
    monkeypatch.chdir(tmp_path)

    def run_command(*words: str) -> tuple[int, str, str]:
        status = main(["run", *words])
        out, err = capsys.readouterr()
        notes = [line for line in err.splitlines() if not line.startswith("warning: `mirror` runs")]
        timeless = re.sub(r"[0-9.]+ m?s\b", "TIME", "\n".join(notes))
        return status, out, timeless

    return run_command


@pytest.mark.parametrize("isolation", ["none", "process", "auto"])
def test_progress_goes_to_stderr_and_the_output_to_stdout(run: Run, isolation: str) -> None:
    assert run("flow.yaml", "--input", "who=world", "--isolation", isolation) == (
        0,
        '{\n  "said": "hello world"\n}\n',
        "hello (mirror): running\nhello (mirror): done in TIME\n"
        "step2 (mirror): running\nstep2 (mirror): done in TIME",
    )


def test_an_input_may_be_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text("workflow: w\nsteps: [{run: mirror, input: '${input.text}'}]\n")
    (tmp_path / "notes.txt").write_text("from a file, ${step1}", encoding="utf-8")
    assert run("flow.yaml", "--input", "text=@notes.txt")[:2] == (0, "from a file, ${step1}\n")
    assert run("flow.yaml", "--input", "text=@@notes.txt")[:2] == (0, "@notes.txt\n")
    assert run("flow.yaml", "--input", "text=a=b")[:2] == (0, "a=b\n")
    status, out, err = run("flow.yaml", "--input", "text=@none.txt")
    assert (status, out, err) == (1, "", "error: cannot read `none.txt`\n  cause: there is no such file")


def test_the_output_may_go_to_a_file(run: Run, tmp_path: Path) -> None:
    status, out, err = run("flow.yaml", "--input", "who=world", "--output", "out.json")
    assert (status, out) == (0, "")
    assert err.endswith("wrote out.json (28 B)")
    assert json.loads((tmp_path / "out.json").read_text()) == {"said": "hello world"}


def test_json_says_how_every_step_went(run: Run) -> None:
    status, out, _ = run("flow.yaml", "--input", "who=you", "--json")
    told = json.loads(out)
    assert status == 0
    assert told.pop("seconds") > 0
    for step in told["steps"]:
        assert step.pop("seconds") > 0
    shared = {"run": "mirror", "status": "succeeded", "attempts": 1, "error": None}
    assert told == {
        "workflow": "greet",
        "status": "succeeded",
        "steps": [
            {"step": "hello", "capability": "text", "output": "hello you", **shared},
            {"step": "step2", "capability": "json", "output": {"said": "hello you"}, **shared},
        ],
        "output": {"said": "hello you"},
        "file": None,
    }


def test_a_failed_step_is_exit_1_and_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(
        "workflow: w\nsteps:\n- {run: mirror, capability: fail, message: no model, retries: 1, retry_delay: 1}\n"
        "- {run: mirror, input_from: step1}\n"
    )
    status, out, err = run("flow.yaml", "--json")
    assert status == 1
    assert [(s["step"], s["status"], s["attempts"]) for s in json.loads(out)["steps"]] == [
        ("step1", "failed", 2),
        ("step2", "not started", 0),
    ]
    lines = err.splitlines()
    assert lines[0] == "step1 (mirror): running"
    assert lines[1].startswith("step1 (mirror): attempt 1 failed, trying again: ")
    assert lines[2] == "step1 (mirror): failed after TIME"
    assert lines[3] == "error: step `step1` (`mirror`) failed after 2 attempts"
    assert "no model" in err
    assert lines[-1] == "  at: flow.yaml:3"


def test_a_dry_run_checks_and_runs_nothing(run: Run) -> None:
    assert run("flow.yaml", "--dry-run") == (
        0,
        "STEP   PLUGIN  CAPABILITY  TYPES         AFTER\n"
        "hello  mirror  text        text -> text  -\n"
        "step2  mirror  json        json -> json  hello\n",
        "inputs: who",
    )
    status, out, _ = run("flow.yaml", "--dry-run", "--json")
    assert status == 0
    assert json.loads(out) == {
        "workflow": "greet",
        "inputs": ["who"],
        "steps": [
            {
                "step": name,
                "run": "mirror",
                "capability": kind,
                "input_type": kind,
                "output_type": kind,
                "after": after,
            }
            for name, kind, after in (("hello", "text", []), ("step2", "json", ["hello"]))
        ],
    }


def test_every_problem_of_a_file_is_shown_at_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(
        "workflow: w\nsteps:\n- {run: mirror, input_from: step2, retires: 1}\n- {run: mirror, input_from: step1}\n"
        "- run: mirror\n  depends_on: [stp1]\n"
    )
    assert run("flow.yaml") == (
        1,
        "",
        "error: workflow `w` has 3 problems\n"
        "  cause: flow.yaml:3: steps[0].retires: `retires` is not a key of a step (did you mean `retries`?)\n"
        "  cause: flow.yaml:3: steps[0]: Circular dependency detected involving step1 "
        "(the cycle is `step1` -> `step2` -> `step1`)\n"
        "  cause: flow.yaml:6: steps[2].depends_on[0]: there is no step `stp1` (did you mean `step1`?)\n"
        "  at: flow.yaml",
    )


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["none.yaml"], 1, "cannot read `none.yaml`"),
        (["flow.yaml"], 1, "cause: `who` is missing"),
        (["flow.yaml", "--input", "whom=you"], 1, "did you mean `who`?"),
        (["flow.yaml", "--input", "who"], 1, "`--input who` is not NAME=TEXT or NAME=@FILE"),
        (["flow.yaml", "--input", "who=a", "--input", "who=b"], 1, "the input `who` is given twice"),
        (["flow.yaml", "--isolation", "strong"], 2, "--isolation"),
        (["flow.yaml", "--max-parallel", "0"], 2, "--max-parallel"),
        ([], 2, "WORKFLOW.yaml"),
    ],
)
def test_what_the_user_got_wrong(run: Run, words: list[str], status: int, said: str) -> None:
    got, out, err = run(*words)
    assert (got, out) == (status, "")
    assert said in err
