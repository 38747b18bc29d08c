"""Arrays: strided views in, owned memory out, the buffer protocol and DLPack both ways."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import lao
from tests import plugins
from tests.host.conftest import Load, assert_all_released

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
DTYPES += ["float16", "float32", "float64", "complex64", "complex128"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back(echo: lao.Plugin, dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    back = echo.call("tensor", array)
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (2, 3, 4, 5), (1,) * 20])
def test_every_rank(echo: lao.Plugin, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(1).random(shape)
    back = echo.call("tensor", array)
    assert back.shape == shape
    assert np.array_equal(back, array)


def views(array: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    return [
        array[::-1],
        array[:, ::2],
        array[1:, ::-1, 1:3],
        array.T,
        array[:, None],
        np.broadcast_to(array[0], (3, *array[0].shape)),
        array[:, :, 0],
    ]


def test_strided_views(echo: lao.Plugin) -> None:
    array = np.arange(60, dtype=np.int32).reshape(3, 4, 5)
    for view in views(array):
        assert np.array_equal(echo.call("tensor", view), view)
        assert echo.call("sum", view)["sum"] == view.sum()


def test_views_go_in_without_a_copy_in_process(host: lao.Host) -> None:
    plugin = host.load(plugins.build("echo"), isolation="none")
    array = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    for view in [array, *views(array)]:
        seen = plugin.call("sum", view)
        assert seen["address"] == view.__array_interface__["data"][0]
        assert seen["read_only"]
        assert seen["shape"] == list(view.shape)
        strides = [stride // view.itemsize for stride in view.strides]
        assert [s for s, n in zip(seen["strides"], view.shape, strict=True) if n > 1] == [
            s for s, n in zip(strides, view.shape, strict=True) if n > 1
        ]


def test_a_stride_that_is_no_multiple_of_the_element_names_the_axis(echo: lao.Plugin) -> None:
    records = np.zeros(4, dtype=[("a", "u1"), ("b", "<f4")])
    with pytest.raises(lao.InvalidInput, match=r"axis 0 .* stride of 5 bytes"):
        echo.call("tensor", records["b"])


@pytest.mark.parametrize("array", [np.zeros(2, ">f4"), np.zeros(2, "U3"), np.zeros(2, [("a", "i4")])])
def test_dtypes_that_plugins_do_not_know(echo: lao.Plugin, array: Any) -> None:
    with pytest.raises(lao.InvalidInput, match="format"):
        echo.call("tensor", array)


def test_outputs_outlive_the_plugin_and_are_released_once(load: Load) -> None:
    plugin = load("echo")
    arrays = [plugin.call("ramp", rows=300, columns=200, allocator=kind) for kind in ("host", "malloc")]
    kept = arrays[0][5:7]
    other = arrays[1]
    del arrays
    plugin.close()
    gc.collect()
    expected = np.arange(300 * 200, dtype=np.float32).reshape(300, 200)
    assert np.array_equal(kept, expected[5:7])
    assert np.array_equal(other, expected)
    with pytest.raises(lao.PluginClosed):
        plugin.call("text", "x")


@pytest.mark.parametrize("owner", ["value", "deleter"])
@pytest.mark.parametrize("allocator", ["host", "malloc"])
def test_every_output_is_released_once(echo: lao.Plugin, allocator: str, owner: str) -> None:
    for _ in range(50):
        echo.call("ramp", rows=10, columns=10, allocator=allocator, owner=owner)
        echo.call("text", "x" * 100_000, allocator=allocator)
        echo.call("json", {"a": 1}, allocator=allocator)
    gc.collect()
    echo.call("text", "so that the worker hears of the releases")
    assert_all_released(echo)


def test_strided_outputs(echo: lao.Plugin) -> None:
    ramp = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert np.array_equal(echo.call("ramp", transposed=True), ramp.T)
    assert np.array_equal(echo.call("ramp", reversed=True), ramp[::-1])


def test_outputs_are_writable_unless_the_plugin_says_no(echo: lao.Plugin) -> None:
    array = echo.call("ramp")
    array += 1
    assert array[0, 0] == 1
    sealed = echo.call("ramp", read_only=True)
    assert not sealed.flags.writeable


def test_read_only_inputs_are_taken(echo: lao.Plugin) -> None:
    array = np.arange(5)
    array.flags.writeable = False
    assert np.array_equal(echo.call("tensor", array), array)


def test_host_empty_crosses_without_a_copy(host: lao.Host, echo: lao.Plugin, isolation: str) -> None:
    array = host.empty((512, 1024), "uint16")
    array[:] = np.arange(1024, dtype=np.uint16)
    part = array[10:20, ::3]
    assert echo.call("sum", part)["sum"] == part.sum()
    first = echo.call("sum", array)
    second = echo.call("sum", array)
    assert first["address"] == second["address"]
    array[0, 0] = 7  # the plugin's mapping is the same memory
    assert echo.call("sum", array)["sum"] == array.sum()
    if isolation == "none":
        assert first["address"] == array.__array_interface__["data"][0]


def test_arrays_of_a_dead_worker_stay_readable(host: lao.Host) -> None:
    plugin = host.load(plugins.build("echo"), isolation="process")
    array = plugin.call("ramp", rows=100, columns=100)
    with pytest.raises(lao.PluginTimeout), plugin.deadline(0.05):
        plugin.call("wait", deaf=1, ms=20_000)
    assert array[99, 99] == 9999
    assert plugin.call("text", "restarted") == "restarted"
    assert array.sum() == np.arange(10_000).sum()


# --- lao.Tensor and DLPack ---


class OnlyDlpack:
    """An array library that knows DLPack and not the buffer protocol."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.asked: Any = None

    def __dlpack__(self, **options: Any) -> Any:
        self.asked = options.get("max_version")
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


def test_dlpack_in(echo: lao.Plugin) -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    for source in (array, array[:, ::2], array.T):
        wrapped = OnlyDlpack(source)
        assert np.array_equal(echo.call("tensor", wrapped), source)
        assert wrapped.asked == (1, 0)


def test_a_read_only_array_crosses_dlpack_as_read_only(host: lao.Host) -> None:
    plugin = host.load(plugins.build("echo"), isolation="none")
    array = np.arange(4)
    array.flags.writeable = False
    assert plugin.call("sum", OnlyDlpack(array))["read_only"]


def test_tensor_exports_dlpack_and_buffers() -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3)[:, ::-1]
    tensor = lao.Tensor(array)
    assert (tensor.shape, tensor.strides, tensor.dtype, tensor.ndim) == ((2, 3), (3, -1), "int16", 2)
    assert (tensor.nbytes, tensor.readonly, len(tensor)) == (12, False, 2)
    assert np.array_equal(np.asarray(tensor), array)
    assert np.shares_memory(np.asarray(tensor), array)
    assert np.array_equal(np.from_dlpack(tensor), array)
    assert np.shares_memory(np.from_dlpack(tensor), array)
    assert tensor.__dlpack_device__() == (1, 0)
    assert memoryview(tensor).tolist() == array.tolist()


def test_read_only_tensors_refuse_what_cannot_say_so() -> None:
    array = np.arange(3)
    array.flags.writeable = False
    tensor = lao.Tensor(array)
    assert tensor.readonly
    with pytest.raises(BufferError, match="read-only"):
        tensor.__dlpack__()
    assert "dltensor_versioned" in repr(tensor.__dlpack__(max_version=(1, 0)))
    assert not np.from_dlpack(tensor).flags.writeable


def test_a_capsule_that_nobody_takes_is_freed() -> None:
    array = np.arange(1000)
    tensor = lao.Tensor(array)
    for _ in range(100):
        tensor.__dlpack__(max_version=(1, 0))
        tensor.__dlpack__()
    del tensor
    gc.collect()
    assert np.array_equal(array, np.arange(1000))


@settings(max_examples=60, deadline=None)
@given(
    array=npst.arrays(
        dtype=st.sampled_from(DTYPES).map(np.dtype),
        shape=npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    ),
    data=st.data(),
)
def test_any_view_of_any_array_crosses_both_backends(array: Any, data: st.DataObject) -> None:
    view = array[data.draw(npst.basic_indices(array.shape, allow_newaxis=True))]
    for plugin in _shared_plugins():
        back = plugin.call("tensor", np.asarray(view))
        assert back.dtype == view.dtype
        assert np.array_equal(back, view, equal_nan=array.dtype.kind in "fc")


_PLUGINS: list[lao.Plugin] = []


def _shared_plugins() -> list[lao.Plugin]:
    """One plugin on each backend for all examples: hypothesis does not run fixtures again."""
    if not _PLUGINS:
        _PLUGINS.extend(
            lao.Host().load(plugins.build("echo"), isolation=name) for name in ("none", "process")
        )
    return _PLUGINS


@pytest.fixture(autouse=True, scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAO_HOME", str(tmp_path_factory.mktemp("home")))
        yield
    for plugin in _PLUGINS:
        plugin.close()
    _PLUGINS.clear()
