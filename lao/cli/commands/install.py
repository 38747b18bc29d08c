"""`lao plugin install`"""

from __future__ import annotations

from typing import Annotated

import typer

from lao.cli import printer

__all__ = ["command"]


def command(
    source: Annotated[
        str,
        typer.Argument(metavar="DIRECTORY|LIBRARY|ARCHIVE|URL", help="What to install."),
    ],
    sha256: Annotated[
        str | None, typer.Option(metavar="HASH", help="What the file or download must hash to.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take a download without a hash unasked.")] = False,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Let the host's name lead to a private address.")
    ] = False,
    grant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="P", help="Grant a permission that it asks for; several with commas, or `none`."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was installed as JSON.")] = False,
) -> int:
    """Install a plugin from a directory, a library, an archive or an address."""
    from lao.grants import PermissionRequest
    from lao.install import Question, install

    words = [word.strip() for option in grant or () for word in option.split(",") if word.strip()]

    def ask_permissions(request: PermissionRequest) -> set[str]:
        what = f"{request.name} {request.version}".strip()
        reach = {"network_access": f" (to {', '.join(request.hosts) or 'any public host'})"}
        printer.note(f"{what} asks for {'more ' if request.update else ''}permissions:")
        return {
            word
            for word in (*request.required, *request.optional)
            if printer.confirm(
                f"  grant {word}{reach.get(word, '')}"
                f"{' (it does not run without)' if word in request.required else ''}?"
            )
        }

    def ask(question: Question) -> bool:
        printer.note(f"{question.source}\n  {printer.size(question.size)}, SHA-256 {question.sha256}")
        printer.note("nothing vouches for this file: once you call it, its code runs on this machine")
        return printer.confirm("install it?")

    with printer.progress(f"installing {source}") as progress:

        def show(amount: int, total: int | None) -> None:
            progress.expect(total)
            progress.advance(amount)

        confirm = progress.paused(ask) if printer.is_interactive() else None
        outcome = install(
            source,
            sha256=sha256,
            yes=yes,
            allow_private=allow_private,
            confirm=confirm,
            on_progress=show,
            grant=words,
            ask=progress.paused(ask_permissions) if printer.is_interactive() else None,
        )
    for warning in outcome.warnings:
        printer.warning(warning)
    installed, before = outcome.installed, outcome.replaced
    if outcome.relaxed:
        printer.note("it needs a newer glibc, but only for weak symbols: a relaxed copy of it is loaded")
    if json:
        printer.json(
            {
                "name": installed.name,
                "version": installed.version,
                "digest": installed.digest,
                "library": str(installed.library),
                "replaced": before.version if before is not None else None,
            }
        )
    else:
        version = f" {installed.version}" if installed.version else ""
        instead = f" in place of {before.version}" if before is not None and before.version else ""
        printer.data(f"installed {installed.name}{version}{instead}")
    return 0
