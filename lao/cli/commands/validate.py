"""`lao plugin validate`"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from lao.cli import printer

__all__ = ["command"]


def command(
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="A project's folder or name.")] = ".",
    json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
) -> int:
    """Check a project's manifest and code, and list every problem."""
    from lao.authoring import find_source, validate

    project = find_source(path)
    with printer.progress(f"validating `{project.name}`", unit="steps"):
        problems = validate(project)
    errors = sum(problem.severity == "error" for problem in problems)
    if json:
        printer.json({"valid": not errors, "problems": [asdict(problem) for problem in problems]})
        return 1 if errors else 0
    for problem in problems:
        place = f"{problem.file}: {problem.key}" if problem.key else problem.file
        printer.note(f"{problem.severity}: {place}: {problem.message}")
        if problem.fix:
            printer.note(f"  fix: {problem.fix}")
    warnings = len(problems) - errors
    if problems:
        printer.note(
            f"`{project.name}`: {errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
        )
    else:
        printer.note(f"`{project.name}` is valid")
    return 1 if errors else 0
