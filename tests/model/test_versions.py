"""Version precedence, ranges and the pre-release policy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lao.errors import InvalidInput
from lao.model.versions import LAO_VERSION, complete_version, parse_range, parse_version, satisfies


@pytest.mark.parametrize(
    ("range_", "inside", "outside"),
    [
        ("1.0.0", "1.0.0 1.9.9", "0.9.9 2.0.0"),
        ("^1.2", "1.2.0 1.9.0", "1.1.9 2.0.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.4 0.0.2"),
        ("^0.0", "0.0.0 0.0.9", "0.1.0"),
        ("^0", "0.0.0 0.9.9", "1.0.0"),
        ("~1.4", "1.4.0 1.4.9", "1.5.0 1.3.9"),
        ("~1.4.2", "1.4.2 1.4.9", "1.4.1 1.5.0"),
        ("~1", "1.0.0 1.9.0", "2.0.0"),
        (">=1,<2", "1.0.0 1.9.9", "0.9.9 2.0.0"),
        (">=1.2.3, <1.5", "1.2.3 1.4.9", "1.5.0 1.2.2"),
        (">1.2", "1.3.0", "1.2.9"),
        (">1.2.3", "1.2.4", "1.2.3"),
        ("<=1.2", "1.2.9 0.1.0", "1.3.0"),
        ("<=1.2.3", "1.2.3", "1.2.4"),
        ("=1.2.3", "1.2.3 1.2.3+build.7", "1.2.4"),
        ("==1.2.3", "1.2.3", "1.2.2"),
        ("=1.2", "1.2.0 1.2.9", "1.3.0"),
        ("!=1.2.3", "1.2.2 1.2.4", "1.2.3"),
        ("!=1.2", "1.1.9 1.3.0", "1.2.0 1.2.9"),
        ("*", "0.0.0 99.0.0", ""),
        ("", "0.0.1", ""),
        ("1.*", "1.0.0 1.9.0", "2.0.0"),
        ("1.2.x", "1.2.7", "1.3.0"),
        (" ^ 1.2 , != 1.3.0 ", "1.2.0", "1.3.0"),
    ],
)
def test_ranges(range_: str, inside: str, outside: str) -> None:
    for version in inside.split():
        assert satisfies(range_, version), version
    for version in outside.split():
        assert not satisfies(range_, version), version


@pytest.mark.parametrize(
    ("range_", "version", "expected"),
    [
        ("^1.2", "2.0.0-alpha", False),
        ("^1.2", "1.5.0-beta", False),
        ("*", "1.0.0-rc.1", False),
        (">=1,<2", "2.0.0-alpha", False),
        ("^1.0.0-rc.1", "1.0.0-rc.2", True),
        ("^1.0.0-rc.1", "1.0.0-beta", False),
        ("^1.0.0-rc.1", "1.4.0", True),
        ("^1.0.0-rc.1", "1.2.0-alpha", False),
        ("=1.0.0-rc.1", "1.0.0-rc.1", True),
        ("=1.0.0-rc.1", "1.0.0-rc.1.1", False),
        (">1.0.0-rc.1", "1.0.0-rc.1", False),
        (">1.0.0-rc.1", "1.0.0", True),
        ("<=1.0.0-rc.1", "1.0.0-rc.1", True),
        ("!=1.0.0-rc.1, >=1.0.0-a", "1.0.0-rc.1", False),
    ],
)
def test_prereleases_match_only_where_the_range_names_one(range_: str, version: str, expected: bool) -> None:
    assert satisfies(range_, version) is expected


@pytest.mark.parametrize(
    "text", ["1.0", "v1.0.0", "1.0.0.0", "01.0.0", "", "one", "1.0.0-", "1" * 300, "1.0.0\n"]
)
def test_what_is_not_a_version(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_version(text)
    assert "is not a version" in caught.value.message
    assert caught.value.hint


def test_an_incomplete_version_is_completed_in_the_hint() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_version("v1.2")
    assert caught.value.hint == "write `1.2.0`"
    assert complete_version("1") == "1.0.0"
    assert complete_version("latest") is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (">=1 <2", "by commas"),
        ("^1 || ^2", "alternatives"),
        ("latest", "for example"),
        ("^", "for example"),
        ("*.2", "for example"),
        ("1.2-rc.1", "for example"),
        ("!=*", "for example"),
        ("^1,", "for example"),
    ],
)
def test_what_is_not_a_range(text: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_range(text)
    assert hint in (caught.value.hint or "")


_numbers = st.integers(min_value=0, max_value=50)
_versions = st.builds(lambda a, b, c: f"{a}.{b}.{c}", _numbers, _numbers, _numbers)


@given(_versions, _versions)
def test_comparators_agree_with_precedence(bound: str, version: str) -> None:
    low, number = parse_version(bound), parse_version(version)
    assert satisfies(f">={bound}", version) == (number >= low)
    assert satisfies(f">{bound}", version) == (number > low)
    assert satisfies(f"<{bound}", version) == (number < low)
    assert satisfies(f"<={bound}", version) == (number <= low)
    assert satisfies(f"={bound}", version) == (number == low)
    assert satisfies(f"!={bound}", version) == (number != low)
    assert satisfies(bound, version) == satisfies(f"^{bound}", version)


@given(st.text(max_size=40))
def test_any_text_is_a_range_or_invalid_input(text: str) -> None:
    hint: str | None = "it is a range"
    try:
        parse_range(text)
    except InvalidInput as error:
        hint = error.hint
    assert hint


def test_lao_version_is_a_version() -> None:
    assert str(parse_version(LAO_VERSION)) == LAO_VERSION
