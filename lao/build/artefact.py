"""From sources to `build/lao/<profile>/`: the library, with the manifest embedded, and `build/lao/build.json`.

What is built for another system has `build/lao/<target>/` to itself, with the same in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lao.build import cargo, cmake
from lao.build.project import ProjectSource
from lao.build.run import OnOutput
from lao.build.target import Target, require_target
from lao.errors import LaoError
from lao.model.manifest import Manifest
from lao.package.inspect import inspect_library

__all__ = ["BuildResult", "alone", "build", "built", "built_for_release", "forget_build"]


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build made.

    Attributes:
        library: The library below `build/lao/`.
        profile: `"debug"` or `"release"`.
        manifest: The manifest that it carries.
        changed: The library differs from the one that was there.
        target: The system that it was built for, or None for this one.
        manifest_written: What the code declares was written into `plugin.toml`.
    """

    library: Path
    profile: str
    manifest: Manifest
    changed: bool
    target: Target | None = None
    manifest_written: bool = False


def build(
    project: ProjectSource,
    *,
    release: bool = False,
    jobs: int | None = None,
    on_output: OnOutput | None = None,
    target: Target | None = None,
) -> BuildResult:
    """Compiles a project and embeds its manifest.

    Args:
        project: From `open_project`.
        release: Optimised.
        jobs: Compilers at the same time; None lets the tool choose.
        on_output: Gets the tools' output line by line.
        target: The system to build for, from `find_target`; None builds for this one, with this one's compilers.

    Raises:
        ManifestError: The manifest has errors.
        BuildFailed: A tool failed; `output` has what it wrote.
        LaoError: A tool is missing, or the result is no plugin, or none for the target.
    """
    with alone(project, on_output):
        return _build(project, release, jobs, on_output, target)


@contextlib.contextmanager
def alone(project: ProjectSource, on_output: OnOutput | None = None) -> Iterator[None]:
    """Waits while another process or thread builds the project, and keeps others waiting. May be nested."""
    from filelock import FileLock, Timeout

    folder = project.directory / "build" / "lao"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if on_output is not None:
            on_output(f"waiting for another build of `{project.name}`")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _build(
    project: ProjectSource,
    release: bool,
    jobs: int | None,
    on_output: OnOutput | None,
    target: Target | None,
) -> BuildResult:
    manifest = project.manifest()
    profile = "release" if release else "debug"
    fingerprint = project.fingerprint()
    tool = cargo if project.tool == "cargo" else cmake
    made = tool.compile_project(project, profile, jobs, on_output, target)
    folder = _outputs(project, target) / profile
    folder.mkdir(parents=True, exist_ok=True)
    staged = folder / f".{made.name}.new"
    shutil.copyfile(made, staged)
    staged.chmod(0o755)
    try:
        if target is not None:
            require_target(inspect_library(staged), target)
        _embed(project, staged)
        library = folder / made.name
        changed = not library.is_file() or library.read_bytes() != staged.read_bytes()
        os.replace(staged, library)  # a process that has the old one loaded keeps it
    finally:
        staged.unlink(missing_ok=True)
    for old in folder.iterdir():
        if old != library and old.is_file():
            old.unlink()
    _record(project, library, profile, fingerprint, target)
    return BuildResult(library, profile, manifest, changed, target)


def built(
    project: ProjectSource, *, release: bool | None = None, target: Target | None = None
) -> Path | None:
    """The library of the last build, if it still belongs to the sources; None otherwise.

    Args:
        project: From `open_project`.
        release: True asks for an optimised one, None takes either.
        target: The system that it was built for; None for this one.
    """
    record = _last(project, target)
    library = project.directory / record.get("library", "")
    wanted = release is None or record.get("profile") == ("release" if release else "debug")
    fresh = wanted and record.get("sources_sha256") == project.fingerprint()
    return library if fresh and library.is_file() else None


def forget_build(project: ProjectSource, target: Target | None = None) -> None:
    """Makes `built` find nothing: what was built turned out not to be what it should."""
    (_outputs(project, target) / "build.json").unlink(missing_ok=True)


def built_for_release(project: ProjectSource) -> bool:
    """Whether the last build was an optimised one; a rebuild unasked keeps to that."""
    return _last(project).get("profile") == "release"


def _outputs(project: ProjectSource, target: Target | None) -> Path:
    folder = project.directory / "build" / "lao"
    return folder / target.name if target is not None else folder


def _last(project: ProjectSource, target: Target | None = None) -> dict[str, str]:
    try:
        record = json.loads((_outputs(project, target) / "build.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return (
        {key: value for key, value in record.items() if isinstance(value, str)}
        if isinstance(record, dict)
        else {}
    )


def _embed(project: ProjectSource, library: Path) -> None:
    text = project.manifest_file.read_bytes().decode("utf-8")  # line ends as they are
    info = inspect_library(library)
    if info.entry is None:
        raise LaoError(
            f"`{project.name}` was built, but it is no plugin",
            causes=["the library exports no function `lao_plugin_entry`"],
            hint="see `lao_plugin_entry` in lao/plugin.h, LAO_PLUGIN in lao.hpp, or lao_plugin::export! in Rust",
        )
    if info.manifest_text is None:
        _add_section(project, library, info.format)
    elif info.manifest_text != text:
        raise LaoError(
            f"the library of `{project.name}` carries another manifest than `plugin.toml`",
            hint="delete the folders `build` and `target`, and build again",
        )


def _add_section(project: ProjectSource, library: Path, binary_format: str) -> None:
    objcopy = shutil.which("objcopy")
    if binary_format != "elf" or objcopy is None:
        raise LaoError(
            f"the library of `{project.name}` does not carry its manifest",
            hint="make it with `lao_add_plugin` of LaoPlugin.cmake, or with `lao_plugin::export!` in Rust",
        )
    command = [objcopy, "--add-section", f".lao_manifest={project.manifest_file}", str(library)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode != 0:
        raise LaoError(f"cannot embed the manifest of `{project.name}`", causes=[done.stderr.strip()])


def _record(
    project: ProjectSource, library: Path, profile: str, fingerprint: str, target: Target | None
) -> None:
    record = {
        "profile": profile,
        "library": library.relative_to(project.directory).as_posix(),
        "manifest_sha256": hashlib.sha256(project.manifest_file.read_bytes()).hexdigest(),
        "built_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "sources_sha256": fingerprint,
    }
    file = _outputs(project, target) / "build.json"
    staged = file.with_name(".build.json.new")
    staged.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    os.replace(staged, file)
