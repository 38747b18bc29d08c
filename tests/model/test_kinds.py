"""Kinds: their numbers, their names, and which go together."""

import re

import pytest

from lao.errors import InvalidInput
from lao.model.capability import Capability
from lao.model.kinds import Kind, compatible
from lao.paths import include_dir


def test_numbers_equal_the_header() -> None:
    header = (include_dir() / "lao" / "value.h").read_text()
    constants = {name: int(value) for name, value in re.findall(r"LAO_KIND_(\w+) = (\d+)", header)}
    assert constants == {kind.name: kind.value for kind in Kind}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("text", Kind.TEXT),
        ("Text", Kind.TEXT),
        ("STRING", Kind.TEXT),
        ("str", Kind.TEXT),
        ("markdown", Kind.TEXT),
        ("json", Kind.JSON),
        ("object", Kind.JSON),
        ("structured", Kind.JSON),
        ("TaggedData", Kind.JSON),
        ("bytes", Kind.BINARY),
        ("path", Kind.FILE),
        ("AudioFile", Kind.AUDIO),
        ("", Kind.ANY),
        (" any ", Kind.ANY),
        ("tensor", Kind.TENSOR),
        ("none", Kind.NONE),
    ],
)
def test_parse(text: str, kind: Kind) -> None:
    assert Kind.parse(text) is kind
    assert Kind.parse(kind.label) is kind


def test_parse_of_an_unknown_kind_suggests() -> None:
    with pytest.raises(InvalidInput) as caught:
        Kind.parse("txt")
    assert caught.value.hint == "did you mean `text`?"
    with pytest.raises(InvalidInput) as caught:
        Kind.parse("quux")
    assert "text, json, binary" in (caught.value.hint or "")


def test_compatible_over_the_whole_square() -> None:
    media = {Kind.AUDIO, Kind.IMAGE, Kind.VIDEO}
    for output in Kind:
        for input_ in Kind:
            expected = output == input_
            if Kind.NONE not in (output, input_):
                expected = expected or Kind.ANY in (output, input_)
                expected = expected or (output in media and input_ is Kind.FILE)
                expected = expected or (output is Kind.FILE and input_ in media)
            assert compatible(output, input_) is expected, (output, input_)


def test_capability_round_trip() -> None:
    full = Capability(
        name="resize",
        description="d",
        input_kind=Kind.IMAGE,
        output_kind=Kind.IMAGE,
        params_schema={"type": "object"},
        idempotent=True,
        streams=True,
        max_batch=8,
    )
    assert Capability.from_dict(full.to_dict()) == full
    bare = Capability(name="echo")
    assert set(bare.to_dict()) == {"name", "description", "input_type", "output_type"}
    assert Capability.from_dict({"name": "echo"}) == bare
