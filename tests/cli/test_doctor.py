"""`lao doctor`"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lao import paths
from lao.build import zig
from lao.cli import diagnosis, main
from lao.errors import LaoError
from lao.host import machine


def test_it_says_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"build", "load", "enforce", "resources"}
    assert found["build"]["tools"]["cc"]["version"][0].isdigit()
    assert found["build"]["languages"]["c"] in ("yes", "no: cmake not found")
    assert found["load"]["python"]
    assert list(found["enforce"]["promises"]) == [f"P{number}" for number in range(1, 13)]
    assert {kept["level"] for kept in found["enforce"]["promises"].values()} <= {
        "kernel",
        "host",
        "soft",
        "none",
    }
    assert found["resources"]["headers"]["path"] == str(paths.include_dir())
    assert found["resources"]["worker"]["path"] == str(paths.worker_path())


def test_it_says_for_which_systems_plugins_can_be_built(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    main(["doctor"])
    assert "  other systems   x86_64-linux-gnu, aarch64-linux-gnu," in capsys.readouterr().out
    monkeypatch.setattr(zig.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(zig.shutil, "which", lambda name: None)
    assert diagnosis._targets() == {
        "compiler": "",
        "names": [],
        "problem": "pip install 'lao-orchestrator[cross]'",
    }


def test_it_says_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    shown = capsys.readouterr().out
    assert "enforce, for a plugin without permissions:" in shown
    assert "P12 host        the manifest is never produced by running plugin code" in shown


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox of this system is not written yet")
def test_what_is_kept_was_tried(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json"])
    enforced = json.loads(capsys.readouterr().out)["enforce"]
    if not enforced["facts"].get("landlock"):
        pytest.skip("this kernel has no Landlock")
    assert {enforced["promises"][name]["level"] for name in ("P1", "P2", "P3", "P4")} == {"kernel"}
    assert "open a socket: EPERM" in enforced["facts"]["canaries"]


def test_without_a_sandbox_it_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_sandbox(plan: str) -> str:
        del plan
        raise LaoError("this LAO has no sandbox for this system")

    monkeypatch.setattr(machine, "_probe", no_sandbox)
    main(["doctor"])
    shown = capsys.readouterr().out
    assert "P1 none " in shown
    assert "this LAO has no sandbox for this system" in shown
    assert "P12 host" in shown


def test_a_missing_part_of_lao(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise LaoError("cannot find the worker executable", causes=["there is none"])

    monkeypatch.setattr(paths, "worker_path", missing)
    assert main(["doctor"]) == 1
    captured = capsys.readouterr()
    assert "worker          missing" in captured.out
    assert "warning: worker: cannot find the worker executable: there is none" in captured.err


def test_nothing_to_build_with(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    main(["doctor"])
    shown = capsys.readouterr().out
    assert "rust plugins    no: cargo not found" in shown
    assert "c plugins       no: cc and cmake not found" in shown


def test_a_compiler_that_does_not_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cargo").write_text("no program")
    (tmp_path / "cargo").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    main(["doctor", "--json"])
    tool = json.loads(capsys.readouterr().out)["build"]["tools"]["cargo"]
    assert tool["path"] == str(tmp_path / "cargo")
    assert tool["version"].startswith("does not run")
