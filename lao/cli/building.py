"""How a build is shown: its progress while it runs, the compiler's warnings after it, and all that the compiler wrote
when it fails. The tools' own reports of progress are left out of both."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lao.cli import printer

__all__ = ["showing_build"]

_NINJA = re.compile(r"\[(\d+)/(\d+)\]")
_MAKE = re.compile(r"\[ *(\d+)%\]")
_CARGO = re.compile(r"\s*(?:Compiling|Checking|Finished) ")
_OTHER = re.compile(r"-- |\s*(?:Updating|Locking|Downloading|Downloaded|Adding|Fresh) |ninja: ")
_WAITING = "waiting for "
_WARNING = re.compile(r"(?:^|[\s:])[Ww]arning\b.*:")


@contextmanager
def showing_build(name: str) -> Iterator[Callable[[str], None]]:
    """Gives the function that takes a build's output. What the compiler wrote is printed at the end: of the steps with
    warnings, or all when the build fails."""
    from lao.build import BuildFailed

    said = _Said()
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
                elif line.startswith(_WAITING):
                    printer.note(line)
                elif not _OTHER.match(line):
                    said.add(line)
                    return
                said.end_step()

            yield on_output
    except BuildFailed as failure:
        lines = (line for line in failure.output.splitlines() if not _is_progress(line))
        text = "\n".join(lines).strip("\n")
        if text:
            printer.note(text)
        raise
    for step in said.steps():
        printer.note(step)


def _is_progress(line: str) -> bool:
    return any(pattern.match(line) for pattern in (_NINJA, _MAKE, _CARGO, _OTHER))


class _Said:
    """What the compiler wrote between two steps of a build, kept where there is a warning in it."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        self._lines.append(line)

    def end_step(self) -> None:
        text = "\n".join(self._lines).strip()
        if any(_WARNING.search(line) for line in self._lines) and text not in self._kept:
            self._kept.append(text)
        self._lines = []

    def steps(self) -> list[str]:
        self.end_step()
        return self._kept
