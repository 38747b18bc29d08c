"""The tests that came with a project: in its own language, and through LAO in Python."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from lao.authoring.check import Check
from lao.build import BuildFailed, ProjectSource, cargo, cmake
from lao.build.run import run
from lao.errors import LaoError

__all__ = ["own_tests"]

_NO_TESTS = 5  # pytest's exit status


def own_tests(
    project: ProjectSource, profile: str, on_output: Callable[[str], None] | None = None
) -> list[Check]:
    """Runs `ctest` or `cargo test`, then `tests/test_*.py` with pytest.

    Args:
        project: From `find_source`; it is built.
        profile: `"debug"` or `"release"`.
        on_output: Gets what the tests write.
    """
    tool = cargo if project.tool == "cargo" else cmake
    name = "cargo test" if project.tool == "cargo" else "ctest"
    try:
        written = tool.run_tests(project, profile, on_output)
        checks = [Check(name, "passed") if written is not None else Check(name, "skipped", "it has none")]
    except BuildFailed as failure:
        checks = [Check(name, "failed", f"{failure}\n{failure.output}".rstrip())]
    except LaoError as failure:
        checks = [Check(name, "failed", str(failure))]
    if any((project.directory / "tests").glob("test_*.py")):
        checks.append(_python_tests(project, on_output))
    return checks


def _pytest_config(directory: Path) -> Path:
    """The project's own settings of pytest, or none: pytest alone would search upwards, and find a stranger's."""
    own = (directory / place / name for place in ("tests", ".") for name in ("pytest.ini", "pyproject.toml"))
    return next((file for file in own if file.is_file()), Path(os.devnull))


def _python_tests(project: ProjectSource, on_output: Callable[[str], None] | None) -> Check:
    name = "tests/*.py"
    if importlib.util.find_spec("pytest") is None:
        return Check(name, "skipped", "pytest is not installed: `pip install pytest`")
    with tempfile.TemporaryDirectory(prefix="lao-") as home:
        # A home of their own, and no caches in the author's tree.
        environment = {"LAO_HOME": home, "PYTHONDONTWRITEBYTECODE": "1"}
        tests = project.directory / "tests"
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            _pytest_config(project.directory),
            "--rootdir",
            tests,
            tests,
        ]
        try:
            run(
                command,
                cwd=project.directory,
                what=f"testing `{project.name}`",
                on_output=on_output,
                environment=environment,
            )
        except BuildFailed as failure:
            if f"status {_NO_TESTS}" in str(failure):
                return Check(name, "skipped", "there is no test in them")
            return Check(name, "failed", failure.output.rstrip() or str(failure))
    return Check(name, "passed")
