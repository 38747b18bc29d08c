"""Placeholders: what is one, and that a value is put in once and never looked into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lao.errors import InvalidInput
from lao.workflow.placeholders import Reference, fill, parse, whole_reference

ALIASES = {"step1": "step1", "resize": "resize", "step2": "resize"}


def filled(value: Any, **values: Any) -> Any:
    return fill(
        value, ALIASES, lambda reference: values[("in_" if reference.is_input else "") + reference.name]
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ${step1} b", "a ONE b"),
        ("a ${step1.output} b", "a ONE b"),
        ("${step2}${resize}${resize.output}", "TWOTWOTWO"),
        ("${ step1 }!", "ONE!"),
        ("${input.x}${step1}", "INONE"),
        ("${HOME} ${} $step1 {step1} ${unknown} ${a.b}", "${HOME} ${} $step1 {step1} ${unknown} ${a.b}"),
        ("$${step1} $${HOME}", "${step1} $${HOME}"),
        ("$$${step1}", "$${step1}"),
        ("", ""),
    ],
)
def test_text(text: str, expected: str) -> None:
    assert filled(text, step1="ONE", resize="TWO", in_x="IN") == expected


def test_a_lone_placeholder_is_the_value_itself() -> None:
    image = bytearray(b"pixels")
    assert filled("${step1}", step1=image) is image
    assert whole_reference("${step2.output}", ALIASES) == Reference("resize")
    assert whole_reference("a${step2}", ALIASES) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, None, "ö"]}, '{"a":[1,null,"ö"]}'),
        (1.5, "1.5"),
        (True, "true"),
        (Path("/a/b"), "/a/b"),
        ("x", "x"),
    ],
)
def test_values_inside_a_longer_text(value: Any, text: str) -> None:
    assert filled("<${step1}>", step1=value) == f"<{text}>"


@pytest.mark.parametrize("value", [b"bytes", bytearray(3), object()])
def test_what_cannot_be_text_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"`\$\{step1\}` is of type"):
        filled("<${step1}>", step1=value)
    with pytest.raises(InvalidInput, match=r"`\$\{step1\}` is of type"):
        filled(["${step1}"], step1=value)


def test_lists_and_dicts_are_filled_and_their_keys_are_not() -> None:
    given_value = {"${step1}": ["${step1}", {"q": "is ${step2}?"}], "n": 1}
    assert filled(given_value, step1={"x": 1}, resize="it") == {
        "${step1}": [{"x": 1}, {"q": "is it?"}],
        "n": 1,
    }
    assert given_value["n"] == 1, "the original is left alone"


def test_only_plain_text_is_searched() -> None:
    class Marked(str):
        """As `lao.Text`: text that is said to be just that."""

    assert filled(Marked("${step1}"), step1="no") == "${step1}"


@given(st.text(max_size=40), st.text(max_size=40))
def test_values_are_never_expanded_again(one: str, two: str) -> None:
    one = "${step2}" + one + "${input.x}"
    assert filled("<${step1}|${step2}>", step1=one, resize=two) == f"<{one}|{two}>"
    assert filled("${step1}", step1=one, resize=two) == one


@given(st.text(alphabet="${}step12.output inp x", max_size=60))
def test_the_parts_of_a_text_make_up_the_text(text: str) -> None:
    if "$$" not in text:
        shown = "".join(part if isinstance(part, str) else "\0" for part in parse(text, ALIASES))
        literals = shown.split("\0")
        position = 0
        for literal in literals:
            position = text.index(literal, position) + len(literal)
