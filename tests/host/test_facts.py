"""What plugins say of their arrays: colour space, channel order, metadata."""

from __future__ import annotations

import numpy as np
import pytest

import lao
from lao.host.parts import joined
from lao.model.capability import Capability
from lao.model.kinds import Kind

PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


def test_an_image_keeps_what_was_said_of_it(echo: lao.Plugin) -> None:
    facts = {"taken": "in spring", "gps": [1.5, None]}
    image = lao.Image(PIXELS, color_space="srgb", channel_order="bgr", metadata=facts)
    back = echo.call("image", image)
    assert isinstance(back, np.ndarray)
    assert (back.color_space, back.channel_order, back.metadata) == ("srgb", "bgr", facts)
    assert np.array_equal(back, PIXELS)


def test_it_keeps_it_on_its_way_to_the_next_plugin(echo: lao.Plugin) -> None:
    once = echo.call("image", lao.Image(PIXELS, channel_order="bgr", metadata={"n": 1}))
    again = echo.call("image", once)
    assert (again.channel_order, again.metadata) == ("bgr", {"n": 1})
    assert np.array_equal(again, PIXELS)


def test_what_is_computed_from_it_has_no_facts(echo: lao.Plugin) -> None:
    once = echo.call("image", lao.Image(PIXELS, channel_order="bgr", metadata={"n": 1}))
    for derived in (once[1:3], once[..., 0], once + 1, once.copy()):
        back = echo.call("image", derived)
        assert getattr(back, "channel_order", "unspecified") == "unspecified"
        assert not getattr(back, "metadata", {})
        assert np.array_equal(back, derived)


def test_an_array_of_which_nothing_was_said_is_just_that(echo: lao.Plugin) -> None:
    assert type(echo.call("image", PIXELS)) is np.ndarray
    assert type(echo.call("tensor", PIXELS)) is np.ndarray


def test_audio_keeps_its_metadata(echo: lao.Plugin) -> None:
    sound = lao.Audio(np.zeros((8, 2), np.float32), 48_000, metadata={"title": "ü"})
    back = echo.call("audio", sound)
    assert (back.sample_rate, back.metadata) == (48_000, {"title": "ü"})


def part(
    samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]], rate: int = 8_000, **facts: object
) -> lao.Audio:
    return lao.Audio(samples, rate, metadata=facts)


AUDIO = Capability(name="audio", input_kind=Kind.NONE, output_kind=Kind.AUDIO)
STEREO, MONO = np.ones((3, 2), np.float32), np.zeros((2, 1), np.float32)


def test_parts_of_audio_are_put_together() -> None:
    whole = joined(AUDIO, [part(STEREO, take=1), part(STEREO * 0, take=2, end=True)])
    assert whole.sample_rate == 8_000
    assert np.array_equal(whole.samples, np.concatenate([STEREO, STEREO * 0]))
    assert whole.metadata == {"take": 2, "end": True}


@pytest.mark.parametrize(
    "other", [part(MONO), part(STEREO, 16_000), part(STEREO.astype(np.int16)), part(STEREO[:, 0])]
)
def test_parts_of_audio_that_differ_stay_parts(other: lao.Audio) -> None:
    parts = [part(STEREO), other]
    assert joined(AUDIO, parts) is parts
