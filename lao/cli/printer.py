"""The only place of the command line that prints: data on stdout, everything else on stderr.

What plugins, packages and servers wrote (names, descriptions, outputs, error texts) may hold escape
sequences that would
drive the reader's terminal, so it passes `clean` before a terminal shows it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, TextIO, TypeVar

__all__ = [
    "Progress",
    "Reports",
    "clean",
    "confirm",
    "data",
    "error",
    "flush",
    "is_interactive",
    "json",
    "note",
    "progress",
    "raw",
    "size",
    "table",
    "usage_error",
    "warning",
]

_Q = TypeVar("_Q")
_A = TypeVar("_A")

# Bidirectional controls reorder what follows them, so a name can read as another one; the first two break lines.
_DECEIVING = frozenset("\u2028\u2029\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str, *, lines: bool = False) -> str:
    """`text` without what could drive a terminal: control characters and bidirectional overrides, shown
    escaped.

    Args:
        text: Anything that somebody else wrote.
        lines: Keep line breaks and tabs; otherwise all white space becomes single blanks.
    """
    if not lines:
        text = " ".join(text.split())
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _harmless(c, lines) else _escaped(c) for c in text)


def data(text: str, *, end: str = "\n") -> None:
    """Writes a result to stdout; unchanged into a file or pipe, cleaned on a terminal."""
    _write(sys.stdout, clean(text, lines=True) if _is_terminal(sys.stdout) else text, end)


def raw(content: bytes | memoryview) -> None:
    """Writes bytes to stdout as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def json(value: Any) -> None:
    """Writes a value to stdout as indented JSON; what JSON has no type for is written as its text."""
    from json import dumps

    text = dumps(value, indent=2, ensure_ascii=False, default=str)
    if _is_terminal(sys.stdout):  # what is escaped here lies inside of strings, so it stays the same JSON
        text = "".join(c if _harmless(c, True) else f"\\u{ord(c):04x}" for c in text)
    _write(sys.stdout, text, "\n")


def flush() -> None:
    """Passes on what was written to stdout so far, so that a reader has it now."""
    sys.stdout.flush()


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Writes aligned columns to stdout. Cells are cleaned; the last column is not padded."""
    cells = [tuple(headings), *(tuple(clean(cell) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        _write(sys.stdout, "  ".join(padded).rstrip(), "\n")


def note(text: str) -> None:
    """Tells the user what happened, on stderr."""
    _write(sys.stderr, clean(text, lines=True), "\n")


def warning(text: str) -> None:
    """Warns, on stderr."""
    _write(sys.stderr, f"warning: {_continued(text)}", "\n")


def error(failure: BaseException) -> None:
    """Renders a failure on stderr: what, the causes, where, a blank line, a hint.

    An error of LAO gives its fields; any other exception its text.
    """
    message = getattr(failure, "message", None) or str(failure) or type(failure).__name__
    lines = [f"error: {_continued(message)}"]
    lines += [f"  cause: {_indented(cause)}" for cause in getattr(failure, "causes", ())]
    where = getattr(failure, "where", None)
    if where:
        lines.append(f"  at: {clean(str(where))}")
    tail = getattr(failure, "stderr_tail", "")
    if tail:
        lines += ["  stderr:", *(f"    {clean(line)}" for line in tail.splitlines())]
    hint = getattr(failure, "hint", None)
    if hint:
        lines += ["", f"hint: {_continued(hint)}"]
    _write(sys.stderr, "\n".join(lines), "\n")


def usage_error(message: str, *, hint: str | None = None) -> None:
    """Renders a mistake in the command line itself, on stderr."""
    _write(sys.stderr, f"error: {clean(message)}" + (f"\n\nhint: {clean(hint)}" if hint else ""), "\n")


def is_interactive() -> bool:
    """Whether a question can be asked: both stdin and stderr are terminals."""
    return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)


def confirm(question: str) -> bool:
    """Asks on the terminal; anything but `y` or `yes`, and the end of the input, means no."""
    sys.stderr.write(f"{clean(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class Progress:
    """Shows how far long work has come: one line that is redrawn on a terminal, a line now and then
    elsewhere.

    Args:
        label: What is being done.
        total: How much there is in all, or None when that is not known.
        unit: `"bytes"`, or the name of what is counted.
    """

    def __init__(self, label: str, *, total: int | None = None, unit: str = "bytes") -> None:
        self._label = clean(label)
        self._total = total
        self._unit = unit
        self._done = 0
        self._terminal = _is_terminal(sys.stderr)
        self._interval_s = 0.1 if self._terminal else 5.0
        self._shown_at = 0.0

    def __enter__(self) -> Progress:
        if self._terminal:
            self._draw()
        else:
            _write(sys.stderr, self._label, "\n")
        self._shown_at = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def expect(self, total: int | None) -> None:
        """Sets the total once it is known."""
        self._total = total

    def advance(self, amount: int = 1) -> None:
        """Counts `amount` more as done."""
        self._done += amount
        now = time.monotonic()
        if now - self._shown_at >= self._interval_s:
            self._shown_at = now
            self._draw()

    def paused(self, ask: Callable[[_Q], _A]) -> Callable[[_Q], _A]:
        """`ask`, with the line taken away before it so that the question does not run into it."""

        def with_a_clear_line(question: _Q) -> _A:
            if self._terminal:
                sys.stderr.write("\r\x1b[K")
            return ask(question)

        return with_a_clear_line

    def _draw(self) -> None:
        line = f"{self._label} {self._amount()}".rstrip()
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
        else:
            _write(sys.stderr, line, "\n")

    def _amount(self) -> str:
        if not self._done and self._total is None:
            return ""
        shown = size(self._done) if self._unit == "bytes" else f"{self._done} {self._unit}"
        if not self._total:
            return shown
        whole = size(self._total) if self._unit == "bytes" else str(self._total)
        return f"{shown} of {whole} ({min(100, 100 * self._done // self._total)}%)"


def progress(label: str, *, total: int | None = None, unit: str = "bytes") -> Progress:
    """A `Progress` to be used in a `with` statement."""
    return Progress(label, total=total, unit=unit)


class Reports:
    """Shows what a plugin says of its progress: on a terminal one line that is redrawn until `end`, elsewhere nothing.
    Called as a listener is, on any thread."""

    def __init__(self, label: str) -> None:
        self._label = clean(label)
        self._lock = threading.Lock()
        self._shown = False
        self._ended = not _is_terminal(sys.stderr)

    def __call__(self, fraction: float | None, text: str) -> None:
        share = "" if fraction is None else f" {fraction:.0%}"
        with self._lock:
            if not self._ended:
                self._shown = True
                sys.stderr.write(f"\r\x1b[K{self._label}{share} {clean(text)[:60]}".rstrip())
                sys.stderr.flush()

    def end(self) -> None:
        """Takes the line away; later reports show nothing. Idempotent."""
        with self._lock:
            if self._shown:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
            self._shown, self._ended = False, True


def size(count: int) -> str:
    """A number of bytes for people, e.g. `1.5 MB` (of 1,000,000 bytes)."""
    if count < 1000:
        return f"{count} B"
    amount, unit = count / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if amount < 999.95:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}"


def _continued(text: str) -> str:
    """Text that begins behind a label; further lines are indented, so that none of them can pass for a label."""
    return "\n  ".join(clean(line, lines=True) for line in text.splitlines() or [""])


def _indented(cause: str) -> str:
    """A cause of several lines, such as a compiler's output, keeps them under its heading."""
    return "\n    ".join(clean(line, lines=True) for line in cause.splitlines() or [""])


def _harmless(character: str, lines: bool) -> bool:
    if character.isprintable():
        return True
    if lines and character in "\n\t":
        return True
    return character not in _DECEIVING and ord(character) >= 0xA0 and not 0xD800 <= ord(character) <= 0xDFFF


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it was closed
        return False


def _write(stream: TextIO | None, text: str, end: str) -> None:
    if stream is None:  # it was closed by who started us
        return
    try:
        stream.write(text + end)
    except UnicodeEncodeError:  # lone surrogates of file names, or a terminal that is not UTF-8
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + end)
