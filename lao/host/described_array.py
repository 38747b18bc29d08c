"""Arrays that come out of a plugin together with what it said of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from lao._native import takes_description

__all__ = ["DescribedArray", "described"]


class DescribedArray(numpy.ndarray[Any, Any]):
    """An array as any other; the facts are those of an output as it came, and what is computed from it has none.

    Given to a plugin again, its facts go with it, as those of `lao.Image` do.

    Attributes:
        color_space: As in `lao.Image`.
        channel_order: As in `lao.Image`.
        metadata: What else the plugin said of it.
    """

    color_space: str = "unspecified"
    channel_order: str = "unspecified"
    metadata: Mapping[str, Any] = {}


def described(
    array: Any, color_space: str, channel_order: str, metadata: Mapping[str, Any]
) -> DescribedArray:
    """The same memory, with its facts."""
    view: DescribedArray = array.view(DescribedArray)
    view.color_space, view.channel_order, view.metadata = color_space, channel_order, metadata
    return view


takes_description(DescribedArray)
