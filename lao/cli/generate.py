"""Writes `help.json`: the help text of every command, so that `--help` need not import typer.

Run `python -m lao.cli.generate` after a command was added or its arguments changed; a test compares the file
with typer.
"""

from __future__ import annotations

import json
from pathlib import Path

from lao.cli.app import help_text
from lao.cli.commands import PLUGIN, TOP

__all__ = ["FILE", "help_texts", "write"]

FILE = Path(__file__).with_name("help.json")


def help_texts() -> dict[str, str]:
    """Every command's help text by its path: `""`, `"plugin"`, `"plugin list"`, ..."""
    paths: list[tuple[str, ...]] = [
        (),
        *((name,) for name in TOP),
        ("plugin",),
        *(("plugin", name) for name in PLUGIN),
    ]
    return {" ".join(path): help_text(path) for path in paths}


def write() -> None:
    """Writes the file anew."""
    FILE.write_text(json.dumps(help_texts(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
