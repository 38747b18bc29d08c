"""Outputs that look like something else, a placeholder, a file, a command, a document's end, stay what they are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lao
from lao.model.kinds import Kind
from lao.workflow import Workflow, WorkflowError
from tests import plugins

ATTACKS = [
    "${step1}",
    "${input.secret}",
    "$${input.secret}",
    "${s${step1}tep1}",
    "${{step1}}",
    "{{ step1 }}",
    "{% include 'x' %}",
    "{step1.output.__class__}",
    "$(touch MARK)",
    "`touch MARK`",
    "; touch MARK #",
    "| touch MARK",
    "$HOME $LAO_HOME ~root %PATH%",
    "@secret.txt",
    "@-",
    "!!python/object/apply:os.system ['touch MARK']",
    "*alias &anchor <<: {a: 1}",
    "steps: [{run: mirror}]",
    '", "admin": true, "x": "',
    "--output=MARK",
    "-",
    "\\u0024{input.secret}",
    "\uff04{input.secret}",
    "$\u200b{input.secret}",
]


@pytest.fixture(params=["none", "process"])
def isolation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "plugins" / "mirror"
    folder.mkdir(parents=True)
    shutil.copy(plugins.build("echo"), folder / "libmirror.so")
    (tmp_path / "secret.txt").write_text("the secret")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_output_is_put_in_and_never_looked_into(mirror: Path, isolation: str) -> None:
    file = mirror / "flow.yaml"
    steps: list[dict[str, Any]] = [
        {
            "run": "mirror",
            "capability": "json",
            "input": {"all": "${input.attacks}", "secret": "${input.secret}"},
        },
        {"run": "mirror", "input": "<${input.one}>"},
        {"run": "mirror", "input": "<${step2}|${step2.output}>"},
        {"run": "mirror", "input": "${step3}"},
        {"run": "mirror", "input_from": "step4"},
        {"run": "mirror", "capability": "json", "input": {"a": ["${step2}", "x ${step2}"], "${step2}": 1}},
        {
            "run": "mirror",
            "capability": "params",
            "whole": "${step2}",
            "part": "x ${step2}",
            "deep": ["${step1}"],
        },
        {"run": "mirror", "capability": "any", "input": "${step1}"},
    ]
    file.write_text(json.dumps({"workflow": "w", "steps": steps}))
    flow = lao.Workflow.from_yaml(file)
    with lao.Host() as host:
        for attack in ATTACKS:
            given = {"attacks": attack, "secret": "the secret", "one": attack}
            found = flow.run(given, host=host, isolation=isolation).outputs
            one = f"<{attack}>"
            assert found["step2"] == one
            assert found["step5"] == found["step4"] == found["step3"] == f"<{one}|{one}>"
            assert found["step6"] == {"a": [one, f"x {one}"], "${step2}": 1}
            assert found["step7"]["json"] == {"whole": one, "part": f"x {one}", "deep": [found["step1"]]}
            assert found["step8"] == found["step1"] == {"all": attack, "secret": "the secret"}
    assert not (mirror / "MARK").exists()


@pytest.mark.parametrize("attack", ["@secret.txt", "${input.secret}", "$(touch MARK)", "-", "--help"])
def test_the_command_line_takes_no_output_for_a_word_of_its_own(mirror: Path, attack: str) -> None:
    steps = [{"run": "mirror", "input": "${input.one}"}, {"run": "mirror", "input": "${step1}"}]
    (mirror / "flow.yaml").write_text(json.dumps({"workflow": "w", "steps": steps}))
    one = f"--input=one=@{attack}" if attack.startswith("@") else f"--input=one={attack}"
    words = [sys.executable, "-m", "lao", "run", "flow.yaml", one, "--isolation", "none"]
    done = subprocess.run(words, cwd=mirror, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.stdout == f"{attack}\n", done.stderr
    assert not (mirror / "MARK").exists()


@pytest.mark.parametrize(
    "output",
    ["/etc/passwd", "../secret", "..", "a/../../secret", "a\0b", "..\\secret", "/", "x/y", "C:\\secret"],
)
def test_an_output_in_a_path_leads_nowhere_else(host: Any, tmp_path: Path, output: str) -> None:
    (tmp_path / "pictures").mkdir()
    host.add("Name", lambda text: output)
    for written in (
        "pictures/${step1}",
        "pictures/${step1}/x.png",
        "${step1}",
        "${step1}.png",
        "p/${step1}${step1}",
    ):
        if output == ".." and written in ("${step1}.png", "p/${step1}${step1}"):
            continue  # files called `...png` and `....`
        text = f"workflow: w\nsteps: [{{run: Name, input: x}}, {{run: Blur, input: '{written}'}}]\n"
        (tmp_path / "w.yaml").write_text(text)
        with pytest.raises(lao.LaoError) as caught:
            Workflow.from_yaml(tmp_path / "w.yaml").run(host=host)
        assert "cannot read" not in str(caught.value), "the host tried to open it"
        assert [call for call in host.calls if call[0] == "Blur"] == []


def test_two_outputs_do_not_make_a_way_up_together(host: Any, tmp_path: Path) -> None:
    host.add("Dot", lambda text: ".")
    text = "workflow: w\nsteps: [{run: Dot, input: x}, {run: Blur, input: 'p/${step1}${step1}/x.png'}]\n"
    (tmp_path / "w.yaml").write_text(text)
    with pytest.raises(WorkflowError, match="upwards"):
        Workflow.from_yaml(tmp_path / "w.yaml").run(host=host)


def test_an_output_may_name_a_file_in_a_folder_of_the_workflow(host: Any, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    np.save(tmp_path / "pictures" / "cat.npy", np.zeros((2, 2, 3), np.uint8))
    host.add("Name", lambda text: "cat")
    host.add("Shape", lambda image: str(image.shape), takes=Kind.IMAGE)
    text = "workflow: w\nsteps: [{run: Name, input: x}, {run: Shape, input: 'pictures/${step1}.npy'}]\n"
    (tmp_path / "w.yaml").write_text(text)
    assert Workflow.from_yaml(tmp_path / "w.yaml").run(host=host).output == "(2, 2, 3)"
    given = "workflow: w\nsteps: [{run: Shape, input: '${input.folder}/cat.npy'}]\n"
    flow = Workflow.from_text(given)
    assert flow.run({"folder": str(tmp_path / "pictures")}, host=host).output == "(2, 2, 3)"


def test_a_path_that_a_plugin_gives_is_not_opened_by_the_host(host: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret.npy"
    np.save(secret, np.zeros((2, 2, 3), np.uint8))
    host.add("Find", lambda text: secret, gives=Kind.FILE)
    host.add("Look", lambda image: type(image).__name__, takes=Kind.IMAGE)
    flow = Workflow("w").step("Find", input="x").step("Look", input="${step1}")
    assert flow.run(host=host).output in ("PosixPath", "WindowsPath")


# --- What a capability declares is checked in every step ---


def test_a_step_that_gets_a_wrong_input_fails_without_a_call(mirror: Path, isolation: str) -> None:
    (mirror / "plugins" / "mirror" / "plugin.toml").write_text(
        """
[plugin]
name = "echo"
version = "1.2.3"
[[capabilities]]
name = "text"
input_type = "text"
output_type = "text"
max_bytes = 5
sanitize = ["html-escape"]
[[capabilities]]
name = "json"
input_type = "json"
output_type = "json"
input_schema = { type = "object", properties = { n = { type = "integer", maximum = 3 } } }
[[capabilities]]
name = "params"
input_type = "none"
output_type = "json"
params_schema = { type = "object", properties = { n = { type = "integer", maximum = 3 } } }
"""
    )
    where = str(mirror / "plugins" / "mirror")
    with lao.Host() as host:
        flow = Workflow("w").step(where, capability="json", input={"n": "${input.n}"})
        flow.step(where, capability="params", n="${input.n}", input_from=None)
        assert flow.run({"n": 3}, host=host, isolation=isolation).outputs["step2"]["json"] == {"n": 3}
        with pytest.raises(WorkflowError) as caught:
            flow.run({"n": 4}, host=host, isolation=isolation)
        assert caught.value.step == "step1"
        assert isinstance(caught.value.__cause__, lao.InvalidInput)
        assert caught.value.__cause__.pointer == "/n"
        flow = Workflow("w").step(where, input="${input.t}", retries=3, retry_delay=60_000)
        assert flow.run({"t": "<"}, host=host, isolation=isolation).output == "&lt;"
        with pytest.raises(WorkflowError, match="at most 5") as failed:
            flow.run({"t": "<<"}, host=host, isolation=isolation)
        assert failed.value.result is not None
        assert failed.value.result.steps[0].attempts == 1, "a wrong input stays wrong"
