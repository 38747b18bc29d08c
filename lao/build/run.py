"""Running a compiler or a test program: its output line by line, and whole when it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lao.errors import LaoError

__all__ = ["BuildFailed", "OnOutput", "find_tool", "run"]

OnOutput = Callable[[str], None]
"""Gets every line that a tool writes, as it comes, without the line break."""


class BuildFailed(LaoError):
    """A tool failed. `output` is everything it wrote."""

    output: str

    def __init__(
        self,
        message: str,
        *,
        output: str = "",
        causes: Sequence[str] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, causes=causes, where=where, hint=hint)
        self.output = output


def find_tool(name: str, *, what_for: str, hint: str) -> str:
    """The path of a program.

    Raises:
        LaoError: It is not there; the error says what it is needed for.
    """
    path = shutil.which(name)
    if path is None:
        raise LaoError(f"cannot {what_for}: there is no `{name}`", hint=hint)
    return path


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    what: str,
    on_output: OnOutput | None = None,
    environment: Mapping[str, str] | None = None,
    keep_stdout: bool = False,
) -> str:
    """Runs a program to its end.

    Args:
        command: Program and arguments; no shell is involved.
        cwd: Where it runs.
        what: What is being done, for the error: "the build of `x`".
        on_output: Gets the lines.
        environment: Variables to set in addition to the present ones.
        keep_stdout: Return stdout alone, and give only stderr to `on_output`.

    Returns:
        What it wrote to stdout, and to stderr unless `keep_stdout`.

    Raises:
        BuildFailed: It cannot be started, or ended with another status than 0.
    """
    words = [str(word) for word in command]
    try:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if keep_stdout else subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise BuildFailed(
            f"{what} failed", causes=[f"`{words[0]}` cannot be started: {error.strerror}"]
        ) from error
    with process:  # closes the pipes
        try:
            stdout, shown = _collect(process, on_output, keep_stdout)
        except BaseException:
            process.kill()
            raise
        status = process.wait()
    if status != 0:
        ended = f"exit status {status}" if status > 0 else f"signal {-status}"
        raise BuildFailed(
            f"{what} failed", output=shown, causes=[f"`{Path(words[0]).name}` ended with {ended}"]
        )
    return stdout


def _collect(
    process: subprocess.Popen[str], on_output: OnOutput | None, keep_stdout: bool
) -> tuple[str, str]:
    """Reads both pipes at once; returns what is kept as stdout, and what is shown on a failure."""
    import threading

    kept: list[str] = []
    reader = None
    if keep_stdout:
        source = process.stdout
        assert source is not None
        reader = threading.Thread(target=lambda: kept.extend(source), daemon=True)
        reader.start()
    lines: list[str] = []
    stream = process.stderr if keep_stdout else process.stdout
    assert stream is not None
    for line in stream:
        lines.append(line)
        if on_output is not None:
            on_output(line.rstrip("\n"))
    if reader is not None:
        reader.join()
    shown = "".join(lines)
    return ("".join(kept) if keep_stdout else shown), shown
