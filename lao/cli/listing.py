"""What `lao plugin list` prints. Apart from its command, so that it runs without typer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lao.cli import printer
from lao.errors import LaoError
from lao.model.names import fold_name

if TYPE_CHECKING:
    from lao.projects import Project
    from lao.store import Store

__all__ = ["print_plugins"]

_NOTHING = "no plugins yet; begin with `lao plugin create my-plugin` or `lao plugin install FILE`"


def print_plugins(*, as_json: bool) -> int:
    """Prints the installed plugins and the local projects that are not installed; opens no library."""
    from lao.projects import find_projects
    from lao.store import Store

    store = Store()
    rows = []
    for plugin in store.summaries():
        state = "enabled" if plugin.enabled else "disabled"
        rows.append([plugin.name, "damaged" if plugin.problem else state, plugin.version, plugin.description])
        if plugin.problem:
            printer.warning(f"{plugin.problem}; run `lao plugin info {plugin.name}`")
    installed = {fold_name(row[0]) for row in rows}
    for project in find_projects():
        if fold_name(project.name) not in installed:
            rows.append([project.name, _state_of(project, store), project.version, project.description])
        if project.problem:
            printer.warning(f"{project.manifest_file}: {project.problem}")
    if as_json:
        keys = ("name", "state", "version", "description")
        printer.json([dict(zip(keys, row, strict=True)) for row in rows])
    elif rows:
        shown = ([name, state, version or "-", description] for name, state, version, description in rows)
        printer.table(("NAME", "STATE", "VERSION", "DESCRIPTION"), shown)
    else:
        printer.note(_NOTHING)
    return 0


def _state_of(project: Project, store: Store) -> str:
    try:
        return "local" if store.is_enabled(project.name) else "local, disabled"
    except LaoError as error:  # its folder has no name for a plugin, or its configuration is damaged
        printer.warning(str(error))
        return "local, damaged"
