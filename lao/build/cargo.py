"""Building with cargo, against the SDK crate that came with LAO.

The project names it as `lao-plugin = "0.1"`, so that it can move between machines. Where the crate lies on this one is
told to cargo on the command line, and in `.cargo/config.toml` for cargo and editors that are run by hand.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lao.build.project import ProjectSource
from lao.build.run import BuildFailed, OnOutput, find_tool, run
from lao.build.target import Target
from lao.build.zig import find_zig, write_tools
from lao.errors import LaoError
from lao.paths import sdk_rust_dir

__all__ = ["check", "compile_project", "run_tests"]

_HINT = "install Rust from https://rustup.rs"
_MARK = "# Written by `lao plugin build`: where LAO's SDK is on this machine. Not for version control.\n"
# What cargo says when a dependency would have to be downloaded.
_NEEDS_NETWORK = ("--offline", "offline mode", "no matching package", "failed to select a version")


def compile_project(
    project: ProjectSource,
    profile: str,
    jobs: int | None,
    on_output: OnOutput | None,
    target: Target | None = None,
) -> Path:
    """Compiles the crate; dependencies are downloaded only when they are missing.

    Returns:
        The library.

    Raises:
        BuildFailed: The compiler failed.
        LaoError: There is no cargo, nothing to build for the target with, or the crate makes no library that can be
            loaded.
    """
    arguments = ["build", "--lib", "--message-format=json-render-diagnostics", *_options(profile, jobs)]
    what, environment = f"the build of `{project.name}`", {}
    if target is not None:
        _require_std(project, target)
        environment = _environment(project, target)
        arguments += ["--target", target.rust]
        what += f" for {target.name}"
    messages = _cargo(project, arguments, what, on_output, keep_stdout=True, environment=environment)
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
    environment: Mapping[str, str] | None = None,
) -> str:
    cargo = find_tool("cargo", what_for=f"build `{project.name}`", hint=_HINT)
    sdk = sdk_rust_dir()
    _write_config(project, sdk)
    patch = f"patch.crates-io.lao-plugin.path={_toml(sdk)}"

    def attempt(*more: str) -> str:
        command = [cargo, "--config", patch, *more, *arguments]
        return run(
            command,
            cwd=project.directory,
            what=what,
            on_output=on_output,
            environment=environment,
            keep_stdout=keep_stdout,
        )

    try:
        return attempt("--offline")
    except BuildFailed as failure:
        if not any(sign in failure.output for sign in _NEEDS_NETWORK):
            raise
    return attempt()


def _require_std(project: ProjectSource, target: Target) -> None:
    """Raises LaoError where the Rust toolchain that builds the project has no standard library for the target."""
    rustc = find_tool("rustc", what_for=f"build `{project.name}`", hint=_HINT)
    command = [rustc, "--print", "target-libdir", "--target", target.rust]
    asked = subprocess.run(
        command, cwd=project.directory, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    folder = Path(asked.stdout.strip() or "/nowhere")
    if asked.returncode == 0 and any(folder.glob("libstd-*")):
        return
    rustup = shutil.which("rustup") is not None
    raise LaoError(
        f"cannot build `{project.name}` for {target.name}",
        causes=[f"the Rust toolchain has no standard library for `{target.rust}`"],
        hint=f"run `rustup target add {target.rust}` in the project's folder"
        if rustup
        else f"install Rust from https://rustup.rs, then run `rustup target add {target.rust}`",
    )


def _environment(project: ProjectSource, target: Target) -> dict[str, str]:
    """zig as the linker, and as the compiler of the C and C++ in crates."""
    zig = find_zig(what_for=f"build `{project.name}` for {target.name}")
    tools = write_tools(project.directory / "build" / "cargo" / target.name / "zig", zig, target)
    name = target.rust.replace("-", "_")
    flags = {}
    if target.rust.endswith("-musl"):  # a library that is loaded has no C library of its own
        flags[f"CARGO_TARGET_{name.upper()}_RUSTFLAGS"] = "-Ctarget-feature=-crt-static"
    elif target.system == "macos":
        flags["SDKROOT"] = str(tools["cc"].parent)  # rustc would look for Apple's; zig has its own
    elif target.system == "windows":
        flags[f"CARGO_TARGET_{name.upper()}_RUSTFLAGS"] = f"-Cdlltool={tools['dlltool']}"
    return {
        **flags,
        f"CARGO_TARGET_{name.upper()}_LINKER": str(tools["cc"]),
        f"CC_{name}": str(tools["cc"]),
        f"CXX_{name}": str(tools["c++"]),
        f"AR_{name}": str(tools["ar"]),
        f"RANLIB_{name}": str(tools["ranlib"]),
    }


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
