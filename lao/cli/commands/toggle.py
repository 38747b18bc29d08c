"""`lao plugin toggle`"""

from __future__ import annotations

from typing import Annotated

import typer

from lao.cli import printer

__all__ = ["command"]


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An installed plugin or a local project.")],
    state: Annotated[str, typer.Argument(metavar="true|false", help="Whether it may run.")],
    json: Annotated[bool, typer.Option("--json", help="Print the new state as JSON.")] = False,
) -> int:
    """Switch a plugin on or off; one that is off does not run, anywhere."""
    from lao.cli.plugins import find
    from lao.errors import InvalidInput
    from lao.store import Store

    if state.lower() not in ("true", "false"):
        printer.usage_error(
            f"the state is `true` or `false`, not `{state}`", hint=f"lao plugin toggle {name} true"
        )
        return 2
    enabled = state.lower() == "true"
    store = Store()
    plugin = find(name, store)
    if plugin.state == "file":
        raise InvalidInput(
            f"cannot switch `{name}` on or off",
            causes=["it is a path, and only installed plugins and local projects have a state"],
            hint=f"run `lao plugin install {name}` first",
        )
    store.set_enabled(plugin.name, enabled)
    if json:
        printer.json({"name": plugin.name, "enabled": enabled})
    else:
        printer.data(f"{plugin.name} is {'enabled' if enabled else 'disabled'}")
    return 0
