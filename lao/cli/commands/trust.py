"""`lao plugin trust`"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from lao.cli import printer

__all__ = ["command"]


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An installed plugin or a local project.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Trust it no longer.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Let a plugin run in the host's own process: faster, and able to do whatever you can do.

    Trust is for this very package: another version, or a file that was swapped, has none.
    """
    from lao.cli.decisions import subject
    from lao.errors import PermissionDenied
    from lao.grants import Decided

    about = subject(name)
    if not revoke and not about.source.operator.may_trust(about.source.name):
        raise PermissionDenied(
            f"the operator of this machine does not let you trust `{about.source.name}`",
            causes=["`allow_plugins` of its policy does not list it", *about.source.operator.problems],
            where=", ".join(about.source.operator.files),
        )

    def edit(decided: Decided) -> Decided:
        return replace(decided, trusted=not revoke)

    about.grants.change(about.source.name, about.source.digest, edit)
    about.audit.record(
        "distrust" if revoke else "trust", plugin=about.source.name, digest=about.source.digest, by="user"
    )
    if json:
        printer.json({"name": about.source.name, "trusted": not revoke, "digest": about.source.digest})
    elif revoke:
        printer.data(f"{about.source.name} runs in sandboxed workers")
    else:
        printer.data(f"{about.source.name} runs in the host's own process")
        printer.note("nothing protects you from it there: it can do whatever you can do")
    return 0
