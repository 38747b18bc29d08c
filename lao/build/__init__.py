"""Builds plugin projects with CMake or cargo, and packs what was built."""

from __future__ import annotations

from lao.build.artefact import BuildResult, alone, build, built, built_for_release, forget_build
from lao.build.project import ProjectSource, open_project
from lao.build.run import BuildFailed
from lao.build.target import TARGETS, Target, find_target

__all__ = [
    "TARGETS",
    "BuildFailed",
    "BuildResult",
    "ProjectSource",
    "Target",
    "alone",
    "build",
    "built",
    "built_for_release",
    "find_target",
    "forget_build",
    "open_project",
]
