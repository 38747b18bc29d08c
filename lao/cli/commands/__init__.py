"""The commands, one file each.

To add a command `lao plugin NAME`: write `commands/NAME.py` with one public function,

    def command(path: Annotated[str, typer.Argument(help="...")] = ".", ...) -> int:
        \"\"\"One line that the list of commands shows.\"\"\"

typer reads its arguments from the annotations, and its docstring is the help text. It returns the exit
status: 0 done, 1 the user's input or the plugin failed (raise a `LaoError` for that: it is rendered and gives 1),
2 usage. At the top of the file import only the standard library, `typer`, `lao.errors` and `lao.cli.printer`;
import what is heavy inside the function. Print with `lao.cli.printer` only: data to stdout, everything else to
stderr, `--json` wherever there is data.

Then enter the name in `PLUGIN` below (or in `TOP` for `lao NAME`), in the order in which the help lists them, and
run `python -m lao.cli.generate`, which writes the help texts that are shown without importing typer (`help.json`),
and `python docs/generate.py`, which writes them into `docs/cli.md`.
"""

from __future__ import annotations

__all__ = ["PLUGIN", "TOP"]

PLUGIN: tuple[str, ...] = (
    "create",
    "build",
    "test",
    "validate",
    "package",
    "install",
    "uninstall",
    "list",
    "info",
    "toggle",
    "config",
    "reload",
    "permissions",
    "limits",
    "trust",
    "call",
)
"""Commands under `lao plugin`."""

TOP: tuple[str, ...] = ("run", "doctor")
"""Commands directly under `lao`."""
