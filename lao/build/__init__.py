"""Builds plugin projects with CMake or cargo, and packs what was built."""

from __future__ import annotations

from lao.build.artefact import BuildResult, build, built, built_for_release, forget_build
from lao.build.project import ProjectSource, open_project
from lao.build.run import BuildFailed

__all__ = [
    "BuildFailed",
    "BuildResult",
    "ProjectSource",
    "build",
    "built",
    "built_for_release",
    "forget_build",
    "open_project",
]
