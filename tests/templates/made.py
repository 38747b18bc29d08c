"""A project as `create` and `build` leave it, and what each of them has to pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from lao.authoring import TestRun, build_checked, find_source, run_tests, validate
from lao.build import BuildResult, ProjectSource
from lao.templates import create_project, templates
from tests.templates.libraries import PACKAGES, has_library

__all__ = ["Made", "languages", "make", "passed"]


@dataclass(frozen=True)
class Made:
    """A project, its language, and what its build gave."""

    language: str
    project: ProjectSource
    result: BuildResult


def languages(template: str, *, first: str = "rust") -> list[ParameterSet]:
    """The languages of a template: the first one in every run, the others in `make templates`."""
    found = [one for one in ("rust", "cpp", "c") if template in templates(one)]
    return [pytest.param(one, marks=[] if one == first else [pytest.mark.matrix]) for one in found]


def make(template: str, language: str, directory: Path, *, libraries: tuple[str, ...] = ()) -> Made:
    """Creates a project, which is called as its folder is, with `-` for a blank, and builds it.

    Args:
        template: Its name.
        language: Of the template.
        directory: Where it goes.
        libraries: What it needs in C++, as pkg-config calls it; without them the tests are skipped.
    """
    missing = [PACKAGES[name] for name in libraries if language == "cpp" and not has_library(name)]
    if missing:
        pytest.skip(f"apt install pkg-config {' '.join(missing)}")
    name = directory.name.replace(" ", "-")
    create_project(
        name, directory, template=template, language=language, author="Ann <a@b.c>", description="Of a test"
    )
    project = find_source(directory)
    return Made(language, project, build_checked(project, jobs=2))


def passed(made: Made, read_input: Callable[[Any], Any]) -> TestRun:
    """What `lao plugin test` found: its own tests, those through LAO, and conformance. None of them failed."""
    assert validate(made.project) == []
    found = run_tests(made.project, read_input=read_input, seed=20260607)
    failed = [check for check in found.checks if check.outcome == "failed"]
    assert failed == [], "\n".join(f"{check.name}: {check.detail}" for check in failed)
    names = [check.name for check in found.checks if check.outcome == "passed"]
    assert names[:2] == ["cargo test" if made.language == "rust" else "ctest", "tests/*.py"]
    return found
