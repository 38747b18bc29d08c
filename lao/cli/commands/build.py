"""`lao plugin build`"""

from __future__ import annotations

from typing import Annotated

import typer

from lao.cli import printer

__all__ = ["command"]


def command(
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="A project's folder or name.")] = ".",
    release: Annotated[bool, typer.Option("--release", help="Optimised.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Compilers at the same time.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Build a plugin with CMake or cargo, and check its manifest against the code."""
    from lao.authoring import build_checked, find_source
    from lao.cli.building import showing_build

    project = find_source(path)
    with showing_build(project.name) as on_output:
        result = build_checked(project, release=release, jobs=jobs, on_output=on_output)
    for warning in result.manifest.warnings:
        printer.warning(str(warning))
    name = result.manifest.plugin.name
    if json:
        printer.json(
            {"name": name, "version": str(result.manifest.plugin.version), "profile": result.profile}
            | {"library": str(result.library), "changed": result.changed}
        )
    else:
        printer.note(f"built `{name}` {result.manifest.plugin.version} ({result.profile}): {result.library}")
    return 0
