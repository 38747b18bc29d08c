"""`lao plugin call`"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lao.cli import printer
from lao.errors import InvalidInput, LaoError

if TYPE_CHECKING:
    from lao.host import Plugin
    from lao.model.capability import Capability

__all__ = ["command"]


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An installed plugin, a local project, or a path.")
    ],
    capability: Annotated[
        str | None,
        typer.Argument(metavar="CAPABILITY", help="What it shall do; its first one if not given."),
    ] = None,
    input: Annotated[
        str | None, typer.Option("--input", metavar="TEXT|@FILE", help="The input; @- reads stdin.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A parameter: a JSON literal or a string.")
    ] = None,
    output: Annotated[str | None, typer.Option(metavar="FILE", help="Write the output there.")] = None,
    isolation: Annotated[
        str, typer.Option(metavar="none|process|auto", help="In which process it runs.")
    ] = "auto",
    timeout: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="How long the call may take; 0 is no limit."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Call a capability of a plugin."""
    import lao
    from lao.cli.inputs import parameters, read_input
    from lao.cli.outputs import as_json, joined, show, store

    if isolation not in ("none", "process", "auto"):
        raise typer.BadParameter("it is one of none, process, auto", param_hint="--isolation")
    params = parameters(param or [])
    options: dict[str, Any] = {} if timeout is None else {"timeout": timeout or None}
    told = printer.Reports(name)
    with (
        lao.Host() as host,
        host.load(_target(name), isolation=isolation, on_progress=told, **options) as plugin,
    ):
        chosen = _chosen(plugin.info.name, plugin.capabilities, capability)
        value = read_input(input, chosen.input_kind)
        begun = time.perf_counter()
        if chosen.streams:
            told.end()  # its parts come to the same terminal
            parts = plugin.stream(chosen.name, value, **params)
            if output is None and not json:
                for part in parts:
                    show(part, chosen.output_kind)
                    printer.flush()
                return 0
            result = joined(list(parts))
        else:
            try:
                result = plugin.call(chosen.name, value, **params)
            finally:
                told.end()
        took_s = time.perf_counter() - begun
        written = store(result, output, within=_readable(plugin, value)) if output is not None else None
        if json:
            shown = as_json(result, chosen.output_kind)
            printer.json(
                {
                    "plugin": plugin.info.name,
                    "capability": chosen.name,
                    "type": chosen.output_kind.label,
                    "output": shown,
                    "file": output,
                    "seconds": round(took_s, 6),
                }
            )
        elif written is not None:
            printer.note(written)
        else:
            show(result, chosen.output_kind)
    return 0


def _readable(plugin: Plugin, value: Any) -> list[Path] | None:
    """Where a file that the plugin gives may lie; None for a plugin that runs in this process."""
    if plugin.info.isolation == "none":
        return None
    from lao import paths

    home = paths.home()
    places = [home / "data" / plugin.info.name]
    if plugin.info.library.is_relative_to(home):  # its package; the folder of a bare library is the user's
        places.append(plugin.info.library.parent)
    if isinstance(value, os.PathLike):
        places.append(Path(value))
    return places


def _target(name: str) -> str:
    """What the host loads: a name as it is spelled, or an absolute path."""
    from lao.cli.plugins import find
    from lao.store import Store

    found = find(name, Store())
    if found.state == "file":
        return str(found.library if found.project is None else found.directory)
    if found.library is None:
        raise LaoError(
            f"cannot call `{found.name}`",
            causes=["it is not built"],
            where=str(found.directory),
            hint=f"run `lao plugin build {found.directory}`",
        )
    return found.name


def _chosen(name: str, capabilities: tuple[Capability, ...], wanted: str | None) -> Capability:
    if not capabilities:
        raise InvalidInput(f"`{name}` has no capability to call")
    if wanted is None:
        return capabilities[0]
    for capability in capabilities:
        if capability.name == wanted:
            return capability
    from lao.model.names import printable, suggest

    names = [capability.name for capability in capabilities]
    close = suggest(wanted, names, limit=1)
    listed = ", ".join(f"`{known}`" for known in names)
    raise InvalidInput(
        f"`{name}` has no capability `{printable(wanted)}`",
        causes=[f"it has {listed}"],
        hint=f"did you mean `{close[0]}`?" if close else None,
    )
