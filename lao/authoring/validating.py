"""All that is wrong with a project: manifest, sources, exports, and the manifest against the library."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

from lao.authoring.building import described, loaded
from lao.authoring.compare import differences
from lao.authoring.declared import with_declared
from lao.build import BuildFailed, ProjectSource, build, built, built_for_release, forget_build
from lao.build import cargo as cargo_driver
from lao.errors import LaoError, ManifestError, Problem
from lao.model.manifest import Manifest, check_manifest, read_manifest

__all__ = ["validate"]


def validate(project: ProjectSource, *, on_output: Callable[[str], None] | None = None) -> list[Problem]:
    """Looks at everything that can be looked at, also after something was found.

    Args:
        project: From `find_source`.
        on_output: Gets the compiler's output.

    Returns:
        The problems, errors and warnings, the manifest's first. A failed compilation is one problem with the
        compiler's whole output in its message.
    """
    manifest, problems = _manifest(project)
    problems += _versions(project, manifest)
    if project.tool == "cargo":
        try:
            cargo_driver.check(project, on_output)
        except LaoError as error:
            return [*problems, _source_problem(project, error)]
    if manifest is None:
        return problems  # what is built would have to carry it
    try:
        library = (
            built(project) or build(project, release=built_for_release(project), on_output=on_output).library
        )
    except LaoError as error:
        return [*problems, _source_problem(project, error)]
    found = _library(project, manifest, library)
    if found:
        forget_build(project)
    return problems + found


def _manifest(project: ProjectSource) -> tuple[Manifest | None, list[Problem]]:
    try:
        manifest = read_manifest(project.manifest_file)
    except ManifestError as error:
        return None, list(error.problems) or [Problem(project.manifest_file.name, "", str(error))]
    problems = list(manifest.warnings)
    problems += [problem for problem in check_manifest(manifest) if problem not in problems]
    if not manifest.capabilities:
        text = "it declares no capability, so that nobody can see what the plugin does without loading it"
        problems.append(Problem(manifest.file, "capabilities", text, "add `[[capabilities]]`", "warning"))
    return manifest, problems


def _versions(project: ProjectSource, manifest: Manifest | None) -> list[Problem]:
    """A crate has a version of its own, which people look at too."""
    if project.tool != "cargo" or manifest is None:
        return []
    try:
        crate = tomllib.loads((project.directory / "Cargo.toml").read_text("utf-8"))
        version = crate["package"]["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # cargo says it better
    if not isinstance(version, str) or version == str(manifest.plugin.version):
        return []
    text = f"it is `{version}`, the manifest says `{manifest.plugin.version}`"
    return [Problem("Cargo.toml", "package.version", text, "make them equal", "warning")]


def _library(project: ProjectSource, manifest: Manifest, library: Path) -> list[Problem]:
    try:
        found = _declared(project, library)
        with loaded(library) as plugin:
            return found + differences(manifest, plugin)
    except ManifestError as error:
        return list(error.problems) or [Problem(manifest.file, "", str(error), error.hint or "")]
    except LaoError as error:
        return [Problem(library.name, "", str(error), error.hint or "")]


def _declared(project: ProjectSource, library: Path) -> list[Problem]:
    """Whether a build would write something else into the manifest."""
    file = project.manifest_file
    text = file.read_bytes().decode("utf-8")
    if with_declared(text, described(library), file=file.name) == text:
        return []
    return [Problem(file.name, "", "it does not say what the code declares", "run `lao plugin build`")]


def _source_problem(project: ProjectSource, error: LaoError) -> Problem:
    text = str(error)
    if isinstance(error, BuildFailed) and error.output:
        text += "\n" + error.output.rstrip("\n")
    return Problem("Cargo.toml" if project.tool == "cargo" else "CMakeLists.txt", "", text, error.hint or "")
