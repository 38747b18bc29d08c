"""Building with cargo, against the SDK crate that came with LAO.

The project names it as `lao-plugin = "0.1"`, so that it can move between machines. Where the crate lies on this one is
told to cargo on the command line, and in `.cargo/config.toml` for cargo and editors that are run by hand.
"""

from __future__ import annotations

import json
from pathlib import Path

from lao.build.project import ProjectSource
from lao.build.run import BuildFailed, OnOutput, find_tool, run
from lao.errors import LaoError
from lao.paths import sdk_rust_dir

__all__ = ["check", "compile_project", "run_tests"]

_HINT = "install Rust from https://rustup.rs"
_MARK = "# Written by `lao plugin build`: where LAO's SDK is on this machine. Not for version control.\n"
# What cargo says when a dependency would have to be downloaded.
_NEEDS_NETWORK = ("--offline", "offline mode", "no matching package", "failed to select a version")


def compile_project(
    project: ProjectSource, profile: str, jobs: int | None, on_output: OnOutput | None
) -> Path:
    """Compiles the crate; dependencies are downloaded only when they are missing.

    Returns:
        The library.

    Raises:
        BuildFailed: The compiler failed.
        LaoError: There is no cargo, or the crate makes no library that can be loaded.
    """
    arguments = ["build", "--lib", "--message-format=json-render-diagnostics", *_options(profile, jobs)]
    messages = _cargo(project, arguments, f"the build of `{project.name}`", on_output, keep_stdout=True)
    libraries = []
    for line in messages.splitlines():
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("reason") != "compiler-artifact" or "cdylib" not in message["target"]["crate_types"]:
            continue
        if Path(message["manifest_path"]).parent.resolve() == project.directory.resolve():
            libraries += [Path(f) for f in message["filenames"] if f.endswith((".so", ".dylib", ".dll"))]
    if not libraries:
        raise LaoError(
            f"the build of `{project.name}` gave no library",
            where=str(project.directory / "Cargo.toml"),
            hint='write `crate-type = ["cdylib"]` below `[lib]`',
        )
    return libraries[-1]


def run_tests(project: ProjectSource, profile: str, on_output: OnOutput | None) -> str | None:
    """Runs `cargo test`; returns what it wrote.

    Raises:
        BuildFailed: A test failed.
    """
    arguments = ["test", *_options(profile, None)]
    return _cargo(project, arguments, f"testing `{project.name}`", on_output)


def check(project: ProjectSource, on_output: OnOutput | None = None) -> str:
    """Runs `cargo check` over everything in the crate.

    Raises:
        BuildFailed: It does not compile.
    """
    return _cargo(project, ["check", "--all-targets"], f"checking `{project.name}`", on_output)


def _options(profile: str, jobs: int | None) -> list[str]:
    options = ["--release"] if profile == "release" else []
    return options + (["--jobs", str(jobs)] if jobs is not None else [])


def _cargo(
    project: ProjectSource,
    arguments: list[str],
    what: str,
    on_output: OnOutput | None,
    *,
    keep_stdout: bool = False,
) -> str:
    cargo = find_tool("cargo", what_for=f"build `{project.name}`", hint=_HINT)
    sdk = sdk_rust_dir()
    _write_config(project, sdk)
    patch = f"patch.crates-io.lao-plugin.path={_toml(sdk)}"

    def attempt(*more: str) -> str:
        command = [cargo, "--config", patch, *more, *arguments]
        return run(command, cwd=project.directory, what=what, on_output=on_output, keep_stdout=keep_stdout)

    try:
        return attempt("--offline")
    except BuildFailed as failure:
        if not any(sign in failure.output for sign in _NEEDS_NETWORK):
            raise
    return attempt()


def _write_config(project: ProjectSource, sdk: Path) -> None:
    """Tells cargo run by hand the same. A file that the author wrote is left alone."""
    file = project.directory / ".cargo" / "config.toml"
    text = f"{_MARK}[patch.crates-io]\nlao-plugin = {{ path = {_toml(sdk)} }}\n"
    try:
        present = file.read_text("utf-8") if file.exists() else None
        if present != text and (present is None or present.startswith(_MARK)):
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, "utf-8")
    except OSError:
        return  # a read-only tree builds all the same


def _toml(path: Path) -> str:
    return json.dumps(path.as_posix(), ensure_ascii=False)
