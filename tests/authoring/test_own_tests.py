"""A project's own tests in Python run with the project's settings, not with those of a folder around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lao.authoring.own_tests import own_tests
from lao.build import open_project
from lao.cli import main

STRANGERS = (
    '[tool.pytest.ini_options]\naddopts = "--no-such-option"\nfilterwarnings = ["error"]\ncache_dir = "x"\n'
)


def test_settings_of_a_folder_above_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(STRANGERS)
    monkeypatch.chdir(tmp_path)
    assert main(["plugin", "create", "mine", "--lang", "c"]) == 0
    assert main(["plugin", "build", "plugins/mine"]) == 0
    project = tmp_path / "plugins" / "mine"
    checks = {check.name: check for check in own_tests(open_project(project), "debug")}
    assert checks["tests/*.py"].outcome == "passed", checks["tests/*.py"]
    (project / "pyproject.toml").write_text(STRANGERS)
    checks = {check.name: check for check in own_tests(open_project(project), "debug")}
    assert checks["tests/*.py"].outcome == "failed", "its own settings count"
