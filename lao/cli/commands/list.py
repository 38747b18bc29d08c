"""`lao plugin list`"""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["command"]


def command(
    json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> int:
    """List the installed plugins and the local projects: state, version, description."""
    from lao.cli.listing import print_plugins

    return print_plugins(as_json=json)
