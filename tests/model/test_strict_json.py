"""Documents that every parser reads alike, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lao.errors import InvalidInput
from lao.model.sanitize import sanitize, sanitizer_of
from lao.model.strict_json import DEEPEST, depth_of, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)  # fmt: skip


@given(VALUES, st.booleans())
def test_what_json_can_say_is_read_as_it_is(value: Any, ascii_only: bool) -> None:
    assert read_json(json.dumps(value, ensure_ascii=ascii_only)) == value


@given(st.text())
def test_anything_else_is_refused_as_input(text: str) -> None:
    try:
        value = read_json(text)
    except InvalidInput:
        return
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


def test_numbers_at_the_edge_of_doubles() -> None:
    assert read_json("[1e308, -1.7976931348623157e308, 1e-400, 0e999]") == [
        1e308,
        -1.7976931348623157e308,
        0,
        0,
    ]
    for text in ("1e309", "-1e309", "1.0E+400", "1" + "0" * 309 + ".0", '{"a": [1e99999]}'):
        with pytest.raises(InvalidInput, match="too large"):
            read_json(text)


def test_pairs_of_surrogates_are_whole() -> None:
    assert read_json('"\\ud83d\\ude42"') == "🙂"
    assert read_json('"\\\\ud800"') == "\\ud800"  # a backslash, not an escape
    for text in ('"\\ud800"', '"\\ude42\\ud83d"', '{"\\udc00": 1}'):
        with pytest.raises(InvalidInput, match="surrogate"):
            read_json(text)


def test_depth() -> None:
    assert depth_of(1) == 0
    assert depth_of([[], {"a": {}}]) == 3
    assert depth_of(read_json("[" * DEEPEST + "]" * DEEPEST)) == DEEPEST
    assert read_json("[" + ", ".join(["[]"] * 5000) + "]") == [[]] * 5000
    assert read_json(json.dumps("[" * 5000)) == "[" * 5000
    mixed = '{"a": [' * (DEEPEST // 2)
    assert depth_of(read_json(mixed + "1" + "]}" * (DEEPEST // 2))) == DEEPEST
    for text in (
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        "[" * 1_000_000,
        '{"a":' * 1_000_000,
        "[" + mixed + "1" + "]}" * (DEEPEST // 2) + "]",
        '["]]]]]", ' * 1000 + "1" + "]" * 1000,
        '["' + "[]" * 1000 + '", ' * 1,
        "[" * 300 + "}" * 300,
    ):
        with pytest.raises(InvalidInput):
            read_json(text)


@given(VALUES)
def test_many_brackets_are_no_depth(value: Any) -> None:
    text = json.dumps([value] * 300 + ["[[{{" * 300, '\\"[{'])
    assert read_json(text) == [value] * 300 + ["[[{{" * 300, '\\"[{']


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escaped_text_holds_no_markup(text: str) -> None:
    clean = sanitizer_of(["trim", "nfc", "html-escape"])
    assert clean is not None
    shown = clean(text)
    assert not set(shown) & set("<>\"'")
    assert all(part.startswith(("amp;", "lt;", "gt;", "quot;", "#x27;")) for part in shown.split("&")[1:])


def test_no_sanitisers_are_none() -> None:
    assert sanitizer_of([]) is None
    assert sanitize({"a": [" b "], " c": 1}, str.strip) == {"a": ["b"], "c": 1}
    with pytest.raises(InvalidInput, match="the same"):
        sanitize({"a": 1, " a": 2}, str.strip)


@pytest.mark.parametrize("offset", range(0, 101, 4))
def test_a_number_of_many_digits_overflows_wherever_it_stands(offset: int) -> None:
    space = " " * offset
    with pytest.raises(InvalidInput, match="document") as caught:
        read_json(f"[{space}{'9' * 309}.0]")
    assert "too large" in str(caught.value)
    assert read_json(f'["{space}", {"9" * 308}.0]')[1] == float("9" * 308)
