"""What is printed where, and how errors look."""

from __future__ import annotations

import io
import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lao.cli import printer
from lao.errors import LaoError, PluginCrashed, PluginLoadError


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_an_error_in_its_shape(capsys: pytest.CaptureFixture[str]) -> None:
    printer.error(
        PluginLoadError(
            "cannot load `denoise` 1.4.0",
            causes=["it needs glibc 2.39; this system has 2.36"],
            where="plugins/denoise/libdenoise.so",
            hint="run `lao plugin install denoise --version '<1.4'`",
        )
    )
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "error: cannot load `denoise` 1.4.0\n"
        "  cause: it needs glibc 2.39; this system has 2.36\n"
        "  at: plugins/denoise/libdenoise.so\n"
        "\n"
        "hint: run `lao plugin install denoise --version '<1.4'`\n"
    )


def test_an_error_without_more(capsys: pytest.CaptureFixture[str]) -> None:
    printer.error(LaoError("no"))
    assert capsys.readouterr().err == "error: no\n"


def test_a_crash_shows_what_the_plugin_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    printer.error(PluginCrashed("`x` crashed", signal=11, stderr_tail="one\n\x1b[2Jtwo"))
    assert capsys.readouterr().err == "error: `x` crashed\n  stderr:\n    one\n    \\x1b[2Jtwo\n"


def test_causes_of_several_lines(capsys: pytest.CaptureFixture[str]) -> None:
    printer.error(LaoError("does not compile", causes=["a.c:1: error\n  int x\n      ^"]))
    assert (
        capsys.readouterr().err
        == "error: does not compile\n  cause: a.c:1: error\n      int x\n          ^\n"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("grüße 你好", "grüße 你好"),
        ("two\nlines\tand\r\x0b more", "two lines and more"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b31m", "\\x9b31m"),
        ("\x00\x07", "\\x00\\x07"),
        ("evil\u202egnp.so", "evil\\u202egnp.so"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("\udc80", "\\udc80"),
    ],
)
def test_cleaning(text: str, shown: str) -> None:
    assert printer.clean(text) == shown


def test_cleaning_keeps_lines_if_wanted() -> None:
    assert printer.clean("a\n\tb\x1b", lines=True) == "a\n\tb\\x1b"


def test_data_is_unchanged_in_a_pipe_and_cleaned_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    printer.data("\x1b[31mred")
    assert capsys.readouterr().out == "\x1b[31mred\n"
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    printer.data("\x1b[31mred\nnext")
    assert terminal.getvalue() == "\\x1b[31mred\nnext\n"


def test_tables_are_cleaned_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    printer.table(("A", "B"), [("x\ny", "\x1b[2J"), ("long name", "")])
    assert capsys.readouterr().out == "A          B\nx y        \\x1b[2J\nlong name\n"


def test_a_stream_that_cannot_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    printer.data("grüße")
    sys.stdout.flush()
    assert raw.getvalue() == b"gr\\xfc\\xdfe\n"


def test_progress_in_a_pipe_is_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with printer.progress("fetching", total=2000) as progress:
        progress.advance(1000)
        progress.advance(1000)
    assert capsys.readouterr().err == "fetching\n"


def test_progress_on_a_terminal_is_one_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("time.monotonic", iter(range(100)).__next__)
    with printer.progress("fetching") as progress:
        progress.expect(2000)
        progress.advance(500)
        progress.advance(1500)
    shown = terminal.getvalue().split("\r\x1b[K")
    assert shown == ["", "fetching", "fetching 500 B of 2.0 kB (25%)", "fetching 2.0 kB of 2.0 kB (100%)", ""]


@pytest.mark.parametrize(("answer", "agreed"), [("y\n", True), ("YES\n", True), ("n\n", False), ("", False)])
def test_asking(monkeypatch: pytest.MonkeyPatch, answer: str, agreed: bool) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    monkeypatch.setattr(sys, "stderr", _Terminal())
    assert printer.confirm("install it?") is agreed


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (1_500_000, "1.5 MB")],
)
def test_sizes(count: int, text: str) -> None:
    assert printer.size(count) == text


def test_json_on_a_terminal_is_the_same_json(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    value = {"grüße": "\x1b[31m \x9b31m \u202e \x7f"}
    printer.json(value)
    assert json.loads(terminal.getvalue()) == value
    assert not {"\x1b", "\x9b", "\u202e", "\x7f"} & set(terminal.getvalue())
    assert "grüße" in terminal.getvalue()


@given(st.text())
def test_nothing_cleaned_can_drive_a_terminal(text: str) -> None:
    for shown in (printer.clean(text), printer.clean(text, lines=True)):
        left = {c for c in shown if unicodedata.category(c) in ("Cc", "Cs")} - {"\n", "\t"}
        assert not left
        assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert len(printer.clean(text).splitlines()) <= 1
