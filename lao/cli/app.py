"""The `lao` command as typer defines it: groups, commands and how their failures become exit statuses."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.main import get_command

from lao.cli import printer
from lao.cli.commands import PLUGIN, TOP
from lao.errors import LaoError

__all__ = ["USAGE", "build", "help_text", "run"]

USAGE = 2
"""Exit status of a command line that cannot be understood."""

# One width everywhere, so that the texts generated ahead are the ones typer gives.
_CONTEXT = {"terminal_width": 90, "max_content_width": 90, "help_option_names": ["--help", "-h"]}


def build() -> typer.Typer:
    """The whole command tree."""
    app = _group("LAO, a host for compiled plugins.")
    for name in TOP:
        _add(app, name)
    plugin = _group("Create, build, install, inspect and call plugins.")
    for name in PLUGIN:
        _add(plugin, name)
    app.add_typer(plugin, name="plugin")
    return app


def run(arguments: Sequence[str]) -> int:
    """Runs one command line.

    Args:
        arguments: The words after `lao`.

    Returns:
        The exit status: 0 done, 1 the user's input or the plugin failed, 2 usage, 130 interrupted.
    """
    status = _unknown_command(arguments)
    if status is not None:
        return status
    try:
        result = get_command(build()).main(list(arguments), prog_name="lao", standalone_mode=False)
    except LaoError as error:
        printer.error(error)
        return 1
    except Exception as error:
        if not hasattr(error, "format_message"):  # what typer raises for a wrong command line has one
            raise
        return _usage_failure(error)
    return result if isinstance(result, int) else 0


def help_text(path: Sequence[str]) -> str:
    """The text of `lao PATH... --help`, without the line break at its end."""
    command: Any = get_command(build())
    context = command.make_context("lao", [], resilient_parsing=True)
    for word in path:
        command = command.commands[word]
        context = command.make_context(word, [], parent=context, resilient_parsing=True)
    text: str = context.get_help()
    return text.rstrip("\n")


def _group(help_line: str) -> typer.Typer:
    return typer.Typer(
        help=help_line,
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings=dict(_CONTEXT),
    )


def _add(group: typer.Typer, name: str) -> None:
    module = import_module(f"lao.cli.commands.{name}")
    settings = {**_CONTEXT, **getattr(module, "CONTEXT", {})}
    group.command(name=name, context_settings=settings)(module.command)


def _unknown_command(arguments: Sequence[str]) -> int | None:
    """A word where a command should be that names none: says so, with a suggestion."""
    known, prefix, words = (*TOP, "plugin"), "lao", list(arguments)
    if words[:1] == ["plugin"]:
        known, prefix, words = PLUGIN, "lao plugin", words[1:]
    if not words or words[0].startswith("-") or words[0] in known:
        return None
    from lao.model.names import suggest

    close = suggest(words[0], known, limit=1)
    hint = f"did you mean `{prefix} {close[0]}`?" if close else f"run `{prefix} --help` for the commands"
    printer.usage_error(f"`{prefix}` has no command `{words[0]}`", hint=hint)
    return USAGE


def _usage_failure(error: Any) -> int:
    text = str(error.format_message()).rstrip(".")
    close = getattr(error, "possibilities", None)
    if close:  # typer puts them into the message
        printer.usage_error(str(error.message).lower(), hint=f"did you mean `{sorted(close)[0]}`?")
        return USAGE
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "lao"
    printer.usage_error(text[:1].lower() + text[1:], hint=f"run `{path} --help`")
    return int(getattr(error, "exit_code", USAGE))
