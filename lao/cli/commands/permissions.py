"""`lao plugin permissions`"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lao.cli import printer

if TYPE_CHECKING:
    from lao.cli.decisions import Subject

__all__ = ["command"]


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An installed plugin or a local project.")],
    grant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="P",
            help="Grant a permission; several with commas or several times. For LAO 0.x plugins also "
            "connect=HOST:PORT, run=PROGRAM and cwd=DIRECTORY.",
        ),
    ] = None,
    revoke: Annotated[
        list[str] | None, typer.Option(metavar="P", help="Revoke one; as it was granted.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the permissions as JSON.")] = False,
) -> int:
    """Show, grant or revoke what a plugin may do."""
    from lao.cli.decisions import subject

    about = subject(name)
    more, less = _words(grant), _words(revoke)
    if more or less:
        _decide(about, more, less)
        about = subject(name)
    _show(about, json)
    return 0


def _words(options: list[str] | None) -> list[str]:
    return [word.strip() for option in options or () for word in option.split(",") if word.strip()]


def _decide(about: Subject, more: list[str], less: list[str]) -> None:
    import os

    from lao.grants import Decided

    about.source.operator.require(about.source.name, more, os.path.realpath)

    def edit(decided: Decided) -> Decided:
        changed = decided.grant
        for word in more:
            changed = changed.plus(word)
        for word in less:
            changed = changed.minus(word)
        return replace(decided, grant=changed)

    about.grants.change(about.source.name, about.source.digest, edit)
    for action, words in (("grant", more), ("revoke", less)):
        if words:
            about.audit.record(
                action, plugin=about.source.name, permissions=words, digest=about.source.digest, by="user"
            )


def _show(about: Subject, json: bool) -> None:
    from lao.model.rights import wanted_by

    rights = about.source.rights
    required, optional = wanted_by(about.source.manifest)
    held = set(rights.permissions) | ({"gpu"} if rights.gpu else set())
    rows: dict[str, dict[str, Any]] = {
        permission: {
            "granted": permission in held,
            "required": permission in required,
        }
        for permission in sorted(required | optional | held)
    }
    hosts = about.source.manifest.resources.allowed_hosts if about.source.manifest is not None else []
    if hosts and "network_access" in rows:
        rows["network_access"]["hosts"] = list(hosts)
    extras = [f"connect={address}" for address in rights.connect]
    extras += [f"run={program}" for program in rights.programs]
    extras += [f"cwd={rights.working_directory}"] if rights.working_directory else []
    extras += ["private_addresses"] if rights.private_addresses else []
    if json:
        printer.json({"name": about.source.name, "permissions": rows, "extras": extras})
        return
    if not rows and not extras:
        printer.note(f"{about.source.name} asks for no permission and has none")
    for permission, row in rows.items():
        state = "granted" if row["granted"] else "not granted"
        reach = f", to {', '.join(row['hosts'])}" if "hosts" in row else ""
        printer.data(f"{permission}: {state}{' (required)' if row['required'] else ''}{reach}")
    for extra in extras:
        printer.data(f"{printer.clean(extra)}: granted")
