"""Building, with what was built loaded in a worker and held against its manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lao.authoring.compare import differences
from lao.authoring.declared import with_declared
from lao.authoring.trying import trying_host
from lao.build import BuildResult, ProjectSource, Target, alone, build, forget_build, open_project
from lao.durable import write_atomic
from lao.errors import LaoError, ManifestError
from lao.grants import Grants
from lao.host import Plugin, PluginInfo
from lao.model.manifest import Manifest, parse_manifest
from lao.projects import find_project

__all__ = ["build_checked", "described", "find_source", "loaded", "require_agreement"]

LOAD_TIMEOUT_S = 20.0


def find_source(word: str | os.PathLike[str]) -> ProjectSource:
    """The project that a word on the command line means: a folder, or the name of a local project.

    Raises:
        InvalidInput: It is neither.
        LaoError: It cannot be told how to build it.
    """
    text = os.fspath(word)
    if os.sep not in text and text not in (".", "..") and not os.path.isdir(text):
        try:
            project = find_project(text)
        except LaoError:
            project = None  # no plugin may be called so: the error about the folder is the better one
        if project is not None:
            return open_project(project.directory)
    return open_project(text)


def build_checked(
    project: ProjectSource,
    *,
    release: bool = False,
    jobs: int | None = None,
    on_output: Callable[[str], None] | None = None,
    target: Target | None = None,
) -> BuildResult:
    """Builds a project, loads the result in a worker, and compares it with its manifest. Where the manifest leaves
    capabilities, settings and events to the code (`declared`), they are written into it, and the library is built once
    more, with that manifest in it.

    What is built for a system that is not this one is read, not loaded: only its machine, what it needs, its entry and
    its manifest are checked. Where nothing of what the code declares is in the manifest yet, it is built for this one
    first.

    Raises:
        ManifestError: The manifest has errors, or the code is not what it says.
        BuildFailed: The compiler failed; `output` has what it wrote.
        LaoError: A tool is missing, or the result cannot be loaded.
    """
    with alone(project, on_output):
        return _build_checked(project, release, jobs, on_output, target)


def _build_checked(
    project: ProjectSource,
    release: bool,
    jobs: int | None,
    on_output: Callable[[str], None] | None,
    target: Target | None,
) -> BuildResult:
    if target is not None and not target.runs_here:
        if not project.manifest().capabilities:
            build_checked(project, release=release, jobs=jobs, on_output=on_output)
        return build(project, release=release, jobs=jobs, on_output=on_output, target=target)
    result = build(project, release=release, jobs=jobs, on_output=on_output, target=target)
    try:
        if _write_declared(project, result):
            again = build(project, release=release, jobs=jobs, on_output=on_output, target=target)
            result = replace(again, changed=result.changed or again.changed, manifest_written=True)
        with loaded(result.library) as plugin:
            require_agreement(result.manifest, plugin)
            Grants().add_built(plugin.info.digest)
    except LaoError:
        forget_build(project, target)  # nobody shall take it for good because it is there
        raise
    return result


def described(library: Path) -> PluginInfo:
    """What a library says of itself, asked in a worker of its own that makes no instance of it."""
    with trying_host() as host:
        return host._describe(library)


def _write_declared(project: ProjectSource, result: BuildResult) -> bool:
    """Whether the manifest had to be changed."""
    file = project.manifest_file
    text = file.read_bytes().decode("utf-8")
    changed = with_declared(text, described(result.library), file=file.name)
    if changed == text:
        return False
    parse_manifest(changed, file=file.name)  # it must read back
    write_atomic(file, changed)
    return True


def require_agreement(manifest: Manifest, plugin: Plugin) -> None:
    """Raises ManifestError when a library is not what its manifest says."""
    problems = differences(manifest, plugin)
    if problems:
        raise ManifestError(
            f"`{manifest.plugin.name}` was built, but it is not what its manifest says",
            problems=problems,
            causes=[str(problem) for problem in problems],
        )


@contextmanager
def loaded(
    target: Path, *, timeout_s: float | None = LOAD_TIMEOUT_S, checks: bool = True
) -> Iterator[Plugin]:
    """The plugin in a worker of its own, with the default configuration, an empty data directory, and the permissions
    and runtimes that it asks for.

    Args:
        target: A library or a plugin's directory.
        timeout_s: Of each call.
        checks: False: inputs reach it unchecked, to see what it refuses itself.
    """
    with trying_host() as host, host.load(target, isolation="process", timeout=timeout_s) as plugin:
        if not checks:
            plugin._uncheck()
        yield plugin
