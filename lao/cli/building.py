"""How a build is shown: its progress while it runs, and all of the compiler's output when it fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lao.cli import printer

__all__ = ["showing_build"]

_NINJA = re.compile(r"\[(\d+)/(\d+)\]")
_MAKE = re.compile(r"\[ *(\d+)%\]")
_CARGO = re.compile(r"\s*(?:Compiling|Checking|Finished) ")


@contextmanager
def showing_build(name: str) -> Iterator[Callable[[str], None]]:
    """Gives the function that takes a build's output. When a build fails, its output is printed first."""
    from lao.build import BuildFailed

    try:
        with printer.progress(f"building `{name}`", unit="steps") as progress:
            done = 0

            def on_output(line: str) -> None:
                nonlocal done
                if match := _NINJA.match(line):
                    progress.expect(int(match[2]))
                    progress.advance(int(match[1]) - done)
                    done = int(match[1])
                elif _MAKE.match(line) or _CARGO.match(line):
                    progress.advance()

            yield on_output
    except BuildFailed as failure:
        if failure.output:
            printer.note(failure.output.rstrip("\n"))
        raise
