"""The three basic templates do the same, pass their own tests, and stand the conformance test; with no edit."""

# ruff: noqa: RUF001 - letters that look alike are what is tested

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lao
from lao.authoring import run_tests, validate
from lao.package.embed import embedded_manifest
from lao.package.inspect import inspect_library
from tests.templates.made import Made

TEXTS = [
    "",
    "Hello, World!",
    "Grüße aus Łódź, Ελλάδα und 東京!\n  Zweite Zeile.",
    "ǆ ß ŉ İ ı ſ K ﬃ Σς ᾳ Ⱥ ⱥ Ɐ 𐐀",
    "a\0b\u00a0c\u2003d\u3000e\u0085f\u1680g\u200bh",
    "\U0010ffff\ufeff\u0301 👨‍👩‍👧 —“quoted”—",
    "\r\n\n x\n\n",
    "a\u00aab\u00b5c×d÷e",
]
# What the three must answer alike; the first expectation is written down, not taken from one of them.
EXPECTED = {
    ("upper", "Hello, World!"): "HELLO, WORLD!",
    ("lower", "Hello, World!"): "hello, world!",
    ("title", "hello wORLD"): "Hello World",
    ("reverse", "añb東"): "東bña",
    ("slug", "  Crème brûlée & Tea!  "): "crème-brûlée-tea",
    ("slug", "a\u00aab\u00b5c×d÷e"): "a-b-c×d÷e",
    ("upper", "ǆ ß ŉ İ ı ſ K ﬃ Σς ᾳ Ⱥ ⱥ Ɐ 𐐀"): "Ǆ ß ŉ İ I S K ﬃ ΣΣ ᾳ Ⱥ Ⱥ Ɐ 𐐀",
    ("lower", "ǆ ß ŉ İ ı ſ K ﬃ Σς ᾳ Ⱥ ⱥ Ɐ 𐐀"): "ǆ ß ŉ İ ı ſ k ﬃ σς ᾳ ⱥ ⱥ ɐ 𐐨",
}


@pytest.fixture(params=["none", "process"])
def plugin(request: pytest.FixtureRequest, made: Made) -> Iterator[lao.Plugin]:
    with lao.Host() as host:
        yield host.load(made.project.directory, isolation=str(request.param))


def model(mode: str, text: str) -> str:
    """The same in Python, as a specification."""

    def upper(character: str) -> str:
        changed = character.upper()
        return changed if len(changed) == 1 else character

    def lower(character: str) -> str:
        changed = character.lower()
        return changed if len(changed) == 1 else character

    def space(character: str) -> bool:
        return character.isspace() and character not in "\x1c\x1d\x1e\x1f"

    def in_slug(character: str) -> bool:
        if character < "\x80":
            return character.isalnum()
        punctuation = "\u2000" <= character <= "\u206f" or "\u3000" <= character <= "\u303f"
        return character > "\xbf" and not punctuation and not space(character)

    if mode == "reverse":
        return text[::-1]
    if mode == "slug":
        words = "".join(lower(c) if in_slug(c) else " " for c in text).split(" ")
        return "-".join(word for word in words if word)
    if mode == "title":
        begins = [True, *(space(c) for c in text)]
        return "".join(upper(c) if begin else lower(c) for c, begin in zip(text, begins, strict=False))
    return "".join(upper(c) if mode == "upper" else lower(c) for c in text)


@pytest.mark.parametrize("mode", ["upper", "lower", "title", "reverse", "slug"])
def test_process_is_what_the_specification_says(plugin: lao.Plugin, mode: str) -> None:
    for text in TEXTS:
        assert plugin.call("process", text, mode=mode) == model(mode, text), text


def test_process_examples(plugin: lao.Plugin) -> None:
    for (mode, text), expected in EXPECTED.items():
        assert plugin.call("process", text, mode=mode) == expected
    assert plugin("abc") == "ABC"
    assert plugin("\u3000 abc\u2028\n", trim=True) == "ABC"
    assert plugin(" \n ", trim=True) == ""
    assert plugin("x" * 1_000_000) == "X" * 1_000_000


def test_analyze(plugin: lao.Plugin) -> None:
    for text in TEXTS:
        words = "".join(" " if c.isspace() else c for c in text).split(" ")
        expected = {
            "bytes": len(text.encode()),
            "characters": len(text),
            "words": sum(bool(word) for word in words),
            "lines": text.count("\n") + (bool(text) and not text.endswith("\n")),
        }
        assert plugin.call("analyze", text) == expected, text


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (
            {"mode": "sideways"},
            "parameter `mode` must be one of upper, lower, title, reverse, slug; not `sideways`",
        ),
        ({"mode": 3}, "parameter `mode` must be a text"),
        ({"trim": "yes"}, "parameter `trim` must be true or false"),
        ({"mod": "upper"}, "there is no parameter `mod`"),
    ],
)
def test_wrong_parameters_say_the_same_everywhere(
    plugin: lao.Plugin, params: dict[str, Any], said: str
) -> None:
    with pytest.raises(lao.InvalidInput, match=f"/{next(iter(params))}: "):
        plugin.call("process", "x", **params)  # the host knows the schema
    plugin._uncheck()
    with pytest.raises(lao.InvalidInput) as failure:
        plugin.call("process", "x", **params)  # so does the plugin, for hosts that do not look
    assert said in str(failure.value)


def test_configuration(made: Made) -> None:
    with lao.Host() as host:

        def load(target: Path = made.result.library, **config: Any) -> lao.Plugin:
            return host.load(target, isolation="none", config=config)

        assert load(prefix='» "\\\n')("x") == '» "\\\nX'
        assert load(max_length=4)("äöü😀") == "ÄÖÜ😀"
        with pytest.raises(lao.InvalidInput, match="the text has 5 characters; `max_length` allows 4"):
            load(max_length=4)("äöü😀!")
        with pytest.raises(lao.InvalidInput, match="max_length"):
            load(max_length=0)


def test_the_library_carries_the_manifest(made: Made) -> None:
    info = inspect_library(made.result.library)
    assert embedded_manifest(made.result.library) == made.project.manifest_file.read_text("utf-8")
    assert info.entry == "lao/1"
    assert not info.unique_symbols
    assert not info.static_tls
    functions = {name for name, export in info.exports.items() if export.kind == "func"}
    assert functions == {"lao_plugin_entry"}


def test_its_own_tests_and_conformance(made: Made) -> None:
    found = run_tests(made.project, read_input=lambda _: "Hello, World!", seed=20240607)
    assert [check for check in found.checks if check.outcome != "passed"] == []
    names = [check.name for check in found.checks]
    assert names[0] == ("cargo test" if made.language == "rust" else "ctest")
    assert names[1] == "tests/*.py"
    assert "process: 4 threads (role full)" in names
    assert "300 instances made and ended" in names
    assert found.output == "HELLO, WORLD!"


def test_validate_finds_nothing(made: Made) -> None:
    assert validate(made.project) == []
