"""`lao plugin build`"""

from __future__ import annotations

from typing import Annotated

import typer

from lao.cli import printer

__all__ = ["command"]


def command(
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="A project's folder or name.")] = ".",
    release: Annotated[bool, typer.Option("--release/--debug", help="Optimised, or not.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Compilers at the same time.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="SYSTEM", help="Build for another system; `help` lists them."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Build a plugin with CMake or cargo, and write what its code declares into its manifest."""
    from lao.authoring import build_checked, find_source
    from lao.build import TARGETS, find_target
    from lao.cli.building import showing_build

    if target == "help":
        printer.data("\n".join(one.name for one in TARGETS))
        return 0
    system = find_target(target) if target is not None else None
    project = find_source(path)
    with showing_build(project.name) as on_output:
        result = build_checked(project, release=release, jobs=jobs, on_output=on_output, target=system)
    for warning in result.manifest.warnings:
        printer.warning(str(warning))
    name = result.manifest.plugin.name
    if json:
        printer.json(
            {"name": name, "version": str(result.manifest.plugin.version), "profile": result.profile}
            | {"library": str(result.library), "changed": result.changed, "target": target}
            | {"manifest_written": result.manifest_written}
        )
        return 0
    if result.manifest_written:
        printer.note(f"wrote what the code declares into {project.manifest_file}")
    made = result.profile if system is None else f"{result.profile}, {system.name}"
    printer.note(f"built `{name}` {result.manifest.plugin.version} ({made}): {result.library}")
    if system is not None and not system.runs_here:
        printer.note("it was read, not loaded: it is for another system than this one")
    return 0
