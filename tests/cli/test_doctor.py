"""`lao doctor`"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lao import paths
from lao.cli import main
from lao.errors import LaoError


def test_it_says_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"build", "load", "enforce", "resources"}
    assert found["build"]["tools"]["cc"]["version"][0].isdigit()
    assert found["build"]["languages"]["c"] in ("yes", "no: cmake not found")
    assert found["load"]["python"]
    assert found["enforce"]["anything"] is False
    assert found["resources"]["headers"]["path"] == str(paths.include_dir())
    assert found["resources"]["worker"]["path"] == str(paths.worker_path())


def test_it_says_plainly_that_nothing_is_enforced(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    assert "this version has no sandbox: a plugin can do whatever you can do" in capsys.readouterr().out


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
