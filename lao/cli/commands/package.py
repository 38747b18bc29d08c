"""`lao plugin package`"""

from __future__ import annotations

from typing import Annotated

import typer

from lao.cli import printer

__all__ = ["command"]


def command(
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="A project's folder or name.")] = ".",
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="NAME-VERSION-PLATFORM.tar.gz if not given."),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="SYSTEM", help="Build it for another system.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Pack a plugin for others: manifest, library, README and checksums."""
    from lao.authoring import find_source, package
    from lao.build import find_target
    from lao.cli.building import showing_build
    from lao.package.archive import open_archive

    system = find_target(target) if target is not None else None
    project = find_source(path)
    with showing_build(project.name) as on_output:
        file = package(project, output, target=system, on_output=on_output)
    archive = open_archive(file)  # what was written is read as an installer reads it
    if json:
        printer.json(
            {"file": str(file), "sha256": archive.sha256, "size": file.stat().st_size}
            | {"members": [member.name for member in archive.members]}
        )
        return 0
    printer.data(str(file))
    printer.note(f"{printer.size(file.stat().st_size)}, sha256 {archive.sha256}")
    return 0
