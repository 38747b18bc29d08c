"""A project as `create` and `build` leave it."""

from __future__ import annotations

from dataclasses import dataclass

from lao.build import BuildResult, ProjectSource


@dataclass(frozen=True)
class Made:
    """A project, its language, and what its build gave."""

    language: str
    project: ProjectSource
    result: BuildResult
