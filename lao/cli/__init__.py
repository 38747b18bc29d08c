"""The command `lao`.

The help texts and `lao plugin list` are answered from data that was made ahead, without importing typer;
everything else
goes through `lao.cli.app`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `lao` with the given words, or with those of the process.

    Returns:
        The exit status: 0 done, 1 the user's input or the plugin failed, 2 usage, 130 interrupted.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        status = _dispatch(words)
        if sys.stdout is not None:  # it may have been closed by who started us
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has gone; nobody is left to tell
        _discard_stdout()
        status = 1
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        status = 130
    except OSError as error:  # the file system refuses something that no command expected
        status = _report(error)
    return status


def _report(error: OSError) -> int:
    from lao.cli import printer
    from lao.errors import LaoError

    reason = (error.strerror or str(error)).lower()
    where = str(error.filename) if error.filename else None
    printer.error(
        error if isinstance(error, LaoError) else LaoError("cannot go on", causes=[reason], where=where)
    )
    return 1


def _dispatch(words: list[str]) -> int:
    if words == ["--version"]:
        from lao.cli import printer
        from lao.model.versions import LAO_VERSION

        printer.data(f"lao {LAO_VERSION}")
        return 0
    shown = _ready_help(words)
    if shown is not None:
        return shown
    if words[:2] == ["plugin", "list"] and set(words[2:]) <= {"--json"}:
        from lao.cli.listing import print_plugins

        return print_plugins(as_json="--json" in words)
    from lao.cli.app import run

    return run(words)


def _ready_help(words: list[str]) -> int | None:
    """Prints the help that is asked for, or the help of a group that was named without a command."""
    asked = bool(words) and words[-1] in ("--help", "-h")
    path = " ".join(words[:-1] if asked else words)
    if not asked and path not in ("", "plugin"):
        return None
    import json
    from pathlib import Path

    texts = json.loads(Path(__file__).with_name("help.json").read_text(encoding="utf-8"))
    if path not in texts:
        return None
    from lao.cli import printer

    if asked:
        printer.data(texts[path])
        return 0
    printer.note(texts[path])
    return 2


def _discard_stdout() -> None:
    """Points stdout at nothing, so that the interpreter's flush at exit does not fail as well."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
