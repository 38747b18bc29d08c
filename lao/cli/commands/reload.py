"""`lao plugin reload`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lao.cli import printer

__all__ = ["command"]

TIMEOUT_S = 60.0  # half of it for a worker to load the plugin, half for calls that its state has to wait for


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An installed plugin, a local project, or its path.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print what every host answered as JSON.")] = False,
) -> int:
    """Have every running host load a plugin again.

    New calls go to the new one, with the state that the old one saved. Calls in flight finish on the old one, and a
    library that does not load leaves it serving.
    """
    from lao.cli.plugins import find
    from lao.errors import PluginNotFound
    from lao.host.running import ask_hosts
    from lao.store import Store

    store = Store()
    try:
        plugin, unknown = find(name, store).name, None
    except PluginNotFound as error:  # a host may have loaded it from elsewhere
        plugin, unknown = name, error
    with printer.progress(f"reloading `{plugin}`", unit="hosts") as progress:
        answers = ask_hosts(
            store.home, {"what": "reload", "plugin": plugin}, timeout_s=TIMEOUT_S, on_wait=progress.expect
        )
    silent = [answer for answer in answers if not isinstance(answer.content, dict)]
    found = [
        {"pid": answer.pid, "program": answer.program, **one}
        for answer in answers
        if isinstance(answer.content, dict)
        for one in answer.content.get("plugins", ())
    ]
    if unknown is not None and not found and not silent:
        raise unknown
    if json:
        printer.json(
            {"name": plugin, "hosts": len(answers), "reloaded": found}
            | {"silent": [{"pid": answer.pid, "program": answer.program} for answer in silent]}
        )
    failed = [one for one in found if "error" in one]
    for one in found:
        if "error" not in one and not json:
            _show(plugin, one)
    for one in failed:
        printer.error(_failure(plugin, one))
    for answer in silent:
        printer.warning(f"host {answer.pid} ({answer.program}) did not answer within {TIMEOUT_S:.0f} s")
    if not answers:
        printer.note(f"no host is running; the next one that loads `{plugin}` takes what is there then")
    elif not found and not silent:
        printer.note(f"{_hosts(len(answers))} running, and none has loaded `{plugin}`")
    return 1 if failed or silent else 0


def _show(plugin: str, one: Mapping[str, Any]) -> None:
    old, new = one["old"], one["new"]
    printer.data(f"{plugin} in {_host(one)}")
    printer.data(f"  old {old['version'] or '-'} sha256 {old['digest']}")
    printer.data(f"  new {new['version'] or '-'} sha256 {new['digest']}")
    if one["state"] != "none":
        printer.data(f"  state {one['state']}")
    if old["digest"] == new["digest"]:
        printer.note("the library is the same as before")


def _failure(plugin: str, one: Mapping[str, Any]) -> Exception:
    from lao.errors import LaoError

    error = one["error"]
    return LaoError(
        f"cannot reload `{plugin}` in {_host(one)}; the old one goes on serving",
        causes=[error["message"], *error["causes"]],
        where=error["where"],
        hint=error["hint"],
    )


def _host(one: Mapping[str, Any]) -> str:
    where = "in workers" if one["isolation"] == "process" else "in its own process"
    return f"host {one['pid']} ({one['program'] or 'python'}), {where}"


def _hosts(count: int) -> str:
    return "1 host is" if count == 1 else f"{count} hosts are"
