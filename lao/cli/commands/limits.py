"""`lao plugin limits`"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from lao.cli import printer

if TYPE_CHECKING:
    from lao.cli.decisions import Subject

__all__ = ["command"]


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An installed plugin or a local project.")],
    key: Annotated[
        str | None,
        typer.Argument(metavar="KEY", help="The limit, e.g. max_memory_mb; without it all are shown."),
    ] = None,
    value: Annotated[
        str | None,
        typer.Argument(metavar="VALUE", help="A number above 0, or `default` for what the manifest says."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the limits as JSON.")] = False,
) -> int:
    """Show or set what a plugin's workers are held to."""
    from lao.cli.decisions import subject
    from lao.errors import InvalidInput
    from lao.host.policy import LIMITS
    from lao.model.names import suggest

    about = subject(name)
    if key is not None and key not in LIMITS:
        close = suggest(key, LIMITS, limit=1)
        raise InvalidInput(
            f"there is no limit `{key}`",
            hint=f"did you mean `{close[0]}`?" if close else f"there are {', '.join(LIMITS)}",
        )
    if key is not None and value is not None:
        _set(about, key, value)
        about = subject(name)
    _show(about, key, json)
    return 0


def _set(about: Subject, key: str, text: str) -> None:
    from lao.grants import Decided

    number = None if text == "default" else _number(key, text)

    def edit(decided: Decided) -> Decided:
        limits = {name: value for name, value in decided.limits.items() if name != key}
        if number is not None:
            limits[key] = number
        return replace(decided, limits=limits)

    about.grants.change(about.source.name, about.source.digest, edit)
    about.audit.record("limit", plugin=about.source.name, limit=key, value=number, by="user")


def _number(key: str, text: str) -> float:
    import math

    from lao.errors import InvalidInput

    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise InvalidInput(
            f"`{key}` cannot be `{text}`",
            hint="write a number above 0, or `default` for what the manifest says",
        )
    return number


def _show(about: Subject, key: str | None, json: bool) -> None:
    from lao.host.policy import LIMITS

    resources = about.source.manifest.resources if about.source.manifest else None
    rows: dict[str, tuple[float | None, str]] = {}
    for name in LIMITS:
        stated = getattr(resources, name, None)
        if name in about.source.limits:
            rows[name] = (about.source.limits[name], "set by you")
        elif stated is not None:
            rows[name] = (float(stated), "from its manifest")
        else:
            rows[name] = (None, "the default")
    shown = {name: row for name, row in rows.items() if key in (None, name)}
    if json:
        printer.json({name: {"value": value, "origin": origin} for name, (value, origin) in shown.items()})
        return
    for name, (value, origin) in shown.items():
        printer.data(f"{name} = {'-' if value is None else f'{value:g}'} ({origin})")
