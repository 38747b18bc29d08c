"""`lao doctor`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lao.cli import printer

__all__ = ["command"]


def command(
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> int:
    """Tell what this machine can build, load and enforce."""
    from lao.cli.diagnosis import diagnose

    found = diagnose()
    if json:
        printer.json(found)
    else:
        _print(found)
    missing = [name for name, part in found["resources"].items() if not part["found"]]
    for name in missing:
        printer.warning(f"{name}: {found['resources'][name]['problem']}")
    return 1 if missing else 0


def _print(found: dict[str, Any]) -> None:
    printer.data("build:")
    for name, tool in found["build"]["tools"].items():
        _line(name, f"{tool['version']} ({tool['path']})" if tool["path"] else "not found")
    for language, answer in found["build"]["languages"].items():
        _line(f"{language} plugins", answer)
    targets = found["build"]["targets"]
    _line("other systems", ", ".join(targets["names"]) or f"no: {targets['problem']}")
    printer.data("\nload:")
    for name, value in found["load"].items():
        _line(name, value or "-")
    printer.data("\nenforce, for a plugin without permissions:")
    for name, kept in found["enforce"]["promises"].items():
        _line(f"{name} {kept['level']}", f"{kept['promise']} ({kept['reason']})")
    printer.data("\nresources:")
    for name, part in found["resources"].items():
        _line(name, part["path"] or "missing")


def _line(name: str, value: str) -> None:
    printer.data(f"  {name.ljust(14)}  {printer.clean(str(value))}")
