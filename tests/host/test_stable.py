"""`stable=True`: an array that was handed over is the caller's, whatever the plugin still does to its own memory."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

import lao
from tests import plugins

RAMP = np.arange(12, dtype=np.float32).reshape(4, 3)


def keeper(host: lao.Host, **options: Any) -> lao.Plugin:
    return host.load(plugins.build("keeper"), isolation="process", **options)


@pytest.mark.parametrize("capability", ["tensor", "image", "audio"])
@pytest.mark.parametrize("allocator", ["host", "malloc"])
def test_a_stable_array_does_not_change(host: lao.Host, capability: str, allocator: str) -> None:
    plugin = keeper(host, stable=True)
    array = np.asarray(plugin.call(capability, allocator=allocator))
    assert np.array_equal(array, RAMP)
    assert plugin.call("scribble") == "written"
    assert np.array_equal(array, RAMP)


def test_without_it_the_worker_writes_into_what_was_handed_out(host: lao.Host) -> None:
    """What `stable` is for: if this ever fails, the tests beside it show nothing any more."""
    plugin = keeper(host)
    array = plugin.call("tensor")
    assert np.array_equal(array, RAMP)
    plugin.call("scribble")
    assert not np.array_equal(array, RAMP)


@pytest.mark.parametrize(
    ("turned", "expected"),
    [
        ({"reversed": 1}, RAMP[::-1]),
        ({"transposed": 1}, RAMP.T),
        ({"transposed": 1, "reversed": 1}, RAMP.T[::-1]),
        ({"rows": 0}, np.zeros((0, 3), np.float32)),
        ({"rows": 0, "reversed": 1}, np.zeros((0, 3), np.float32)),
        ({"rows": 1, "columns": 1}, np.zeros((1, 1), np.float32)),
    ],
)
@pytest.mark.parametrize("stable", [True, False])
def test_strides_survive_the_copy(
    host: lao.Host, stable: bool, turned: dict[str, int], expected: Any
) -> None:
    plugin = keeper(host, stable=stable)
    array = plugin.call("tensor", **turned)
    assert np.array_equal(array, expected)
    if stable and turned.get("rows", 1):
        plugin.call("scribble")
        assert np.array_equal(array, expected)


def test_every_way_to_call_gives_stable_arrays(host: lao.Host) -> None:
    import asyncio

    plugin = keeper(host, stable=True)
    found = [
        plugin(),
        asyncio.run(plugin.acall("tensor")),
        next(iter(plugin.stream("tensor"))),
        next(iter(plugin.map("tensor", [None]))),
    ]
    plugin.call("scribble")
    assert all(np.array_equal(array, RAMP) for array in found)


def test_a_stable_array_outlives_its_worker_and_its_plugin(host: lao.Host) -> None:
    plugin = keeper(host, stable=True)
    array = plugin.call("tensor")
    plugin.reload()
    assert np.array_equal(array, RAMP)
    plugin.close()
    assert np.array_equal(array, RAMP)
    array[0, 0] = 7  # it is the caller's own
    assert array[0, 0] == 7


def test_stable_arrays_give_back_the_workers_memory_at_once(host: lao.Host) -> None:
    """They hold no lease, so keeping many does not fill the worker's region."""
    plugin = keeper(host, stable=True)
    kept = [plugin.call("tensor", rows=1024, columns=1024) for _ in range(8)]
    with_lease = keeper(host)
    also = [with_lease.call("tensor", rows=1024, columns=1024) for _ in range(8)]
    assert all(np.array_equal(one, kept[0]) for one in (*kept, *also))

    assert output_bytes(plugin) < output_bytes(with_lease)


def output_bytes(plugin: lao.Plugin) -> int:
    """What its worker wrote to the region of its outputs, as the kernel counts it."""
    from lao._native import ffi, lib

    target = plugin._loaded.target.pointer
    view, usage = ffi.new("lao__worker_view_t *"), ffi.new("lao__worker_usage_t *")
    assert lib.lao__isolated_workers(target, view, 1) == 1
    assert lib.lao__isolated_usage(target, view.index, view.generation, usage)
    return int(usage.output_bytes)


def test_a_stable_tensor_without_numpy_is_stable_too(host: lao.Host) -> None:
    plugin = keeper(host, stable=True)
    array = plugin.call("tensor")
    view = memoryview(array)
    plugin.call("scribble")
    assert view.tobytes() == RAMP.tobytes()


# --- Long texts and bytes, which are copied once ---


def is_sound(text: str) -> bool:
    """Whether it is a str as Python makes them: one that claims to be ASCII and is not would give other bytes away."""
    data = text.encode()
    return text.isascii() == data.isascii() and data.decode() == text


@pytest.mark.parametrize("size", [65_536, 65_537, 100_001, 1 << 20])
def test_a_text_that_changes_while_it_is_read_is_sound_or_refused(host: lao.Host, size: int) -> None:
    with host.load(plugins.build("fickle"), isolation="process") as plugin:
        for _ in range(200):
            with contextlib.suppress(lao.ProtocolViolation):  # by then it is no UTF-8
                assert is_sound(plugin.call("text", size=size))
            assert len(plugin.call("binary", size=size)) == size


@pytest.mark.parametrize("character", ["x", "é", "東", "🙂", "\0"])
@pytest.mark.parametrize("length", [65_535, 65_536, 65_537, 200_003])
def test_long_texts_come_back_as_they_went(echo: lao.Plugin, character: str, length: int) -> None:
    for text in (character * length, "x" * length + character, character + "x" * length):
        answer = echo.call("text", text)
        assert answer == text
        assert is_sound(answer)
        assert echo.call("binary", text.encode()) == text.encode()
