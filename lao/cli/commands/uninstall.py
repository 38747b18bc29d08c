"""`lao plugin uninstall`"""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from lao.cli import printer

__all__ = ["command"]


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An installed plugin.")],
    json: Annotated[bool, typer.Option("--json", help="Print what was removed as JSON.")] = False,
) -> int:
    """Remove an installed plugin and its configuration; a source project is never touched."""
    from lao.errors import PluginNotFound
    from lao.grants import Grants
    from lao.projects import find_project
    from lao.store import Store

    store = Store()
    try:
        removed = store.remove(name)
    except PluginNotFound as error:
        project = find_project(name)
        if project is not None:
            error.causes = (f"`{project.name}` is a local project, and nothing of it is installed",)
            error.hint, error.where = "delete its folder yourself if you mean that", str(project.directory)
        raise
    Grants(store.home).forget(removed.name)
    data = store.home / "data" / removed.name
    with contextlib.suppress(OSError):  # it is not empty, or there is none
        data.rmdir()
    if json:
        printer.json({"name": removed.name, "version": removed.version})
    else:
        printer.data(f"uninstalled {removed.name}" + (f" {removed.version}" if removed.version else ""))
    if data.is_dir():
        printer.note(f"its data is kept in {data}")
    return 0
