"""Calls: capabilities, inputs of every kind, parameters, errors that a plugin reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lao


@pytest.mark.parametrize("allocator", ["host", "malloc"])
@pytest.mark.parametrize("text", ["", "hello", "grüße 🙂", "with\0nul", "x" * 100_000])
def test_text_comes_back_as_it_went(echo: lao.Plugin, text: str, allocator: str) -> None:
    assert echo.call("text", text, allocator=allocator) == text


@pytest.mark.parametrize("data", [b"", b"\x00\xff", bytes(range(256)) * 1000])
def test_bytes(echo: lao.Plugin, data: bytes) -> None:
    assert echo.call("binary", data) == data
    assert echo.call("binary", bytearray(data)) == data
    assert echo.call("binary", memoryview(data)) == data
    assert echo.call("binary", lao.Binary(data, media_type="image/png")) == data


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True, "ü"]}, [], 0, 1.5, True, "text", None])
def test_json_values(echo: lao.Plugin, value: Any) -> None:
    assert echo.call("json", lao.Json(value)) == value


def test_json_takes_a_document_as_text(echo: lao.Plugin) -> None:
    assert echo.call("json", '{"a": 1}') == {"a": 1}
    with pytest.raises(lao.InvalidInput, match="not a JSON document"):
        echo.call("json", "{")


def test_json_that_has_no_form_is_refused(echo: lao.Plugin) -> None:
    for value in ({"a": object()}, [float("nan")], {"a": float("inf")}):
        with pytest.raises(lao.InvalidInput, match="no JSON form"):
            echo.call("json", value)


def test_file_is_an_absolute_path(echo: lao.Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert echo.call("file", "a.txt") == tmp_path / "a.txt"
    assert echo.call("file", Path("b.txt")) == tmp_path / "b.txt"
    assert echo.call("file", lao.File("c.txt")) == tmp_path / "c.txt"


def test_audio_keeps_its_rate(echo: lao.Plugin) -> None:
    samples = np.linspace(-1, 1, 20, dtype=np.float32).reshape(10, 2)
    heard = echo.call("audio", lao.Audio(samples, 44100))
    assert isinstance(heard, lao.Audio)
    assert heard.sample_rate == 44100
    assert np.array_equal(heard.samples, samples)
    assert np.asarray(heard).shape == (10, 2)


def test_any_goes_by_the_python_type(echo: lao.Plugin) -> None:
    assert echo.call("any", "text") == "text"
    assert echo.call("any", b"bytes") == b"bytes"
    assert echo.call("any", {"a": 1}) == {"a": 1}
    assert np.array_equal(echo.call("any", np.arange(3)), np.arange(3))


def test_the_first_capability_is_the_default(echo: lao.Plugin) -> None:
    assert echo.capabilities[0].name == "text"
    assert echo("hello") == "hello"
    assert echo("hello", allocator="malloc") == "hello"


@pytest.mark.parametrize(
    ("capability", "value"),
    [
        ("text", 5),
        ("text", b"bytes"),
        ("text", None),
        ("binary", "text"),
        ("tensor", "text"),
        ("tensor", {"a": 1}),
        ("image", np.zeros(5, np.uint8)),
        ("json", None),
        ("file", 5),
        ("params", "no input is taken"),
    ],
)
def test_a_value_of_another_kind_is_refused_before_the_plugin_sees_it(
    echo: lao.Plugin, capability: str, value: Any
) -> None:
    calls = echo.stats.calls
    with pytest.raises(lao.InvalidInput):
        echo.call(capability, value)
    assert echo.stats.calls == calls


def test_lone_surrogates_are_refused(echo: lao.Plugin) -> None:
    with pytest.raises(lao.InvalidInput, match="surrogate"):
        echo.call("text", "\ud800")
    with pytest.raises(lao.InvalidInput, match="surrogate"):
        echo.call("params", name="\ud800")


def test_unknown_capability_gets_a_suggestion(echo: lao.Plugin) -> None:
    with pytest.raises(lao.InvalidInput, match="no capability `tensr`") as caught:
        echo.call("tensr", 1)
    assert caught.value.hint is not None
    assert "tensor" in caught.value.hint


def test_parameters_keep_their_types(echo: lao.Plugin) -> None:
    given = {
        "flag": True,
        "count": -3,
        "big": 2**63 - 1,
        "ratio": 0.1,
        "name": 'quo"te\n',
        "none": None,
        "list": [1, "two"],
        "nested": {"a": {"b": 1}},
    }
    seen = echo.call("params", **given)
    assert seen["json"] == given
    typed = {name: value for name, (_, value) in seen["typed"].items()}
    assert typed == given
    kinds = {name: kind for name, (kind, _) in seen["typed"].items()}
    assert kinds == {
        "flag": 1,
        "count": 2,
        "big": 2,
        "ratio": 3,
        "name": 4,
        "none": 6,
        "list": 6,
        "nested": 6,
    }


def test_numpy_scalars_and_bytes_as_parameters(echo: lao.Plugin) -> None:
    seen = echo.call("params", whole=np.int64(7), part=np.float32(0.5), raw=b"\x00ab")
    assert seen["json"] == {"whole": 7, "part": 0.5, "raw": "AGFi"}
    assert seen["typed"] == {"whole": [2, 7], "part": [3, 0.5], "raw": [5, 3]}


def test_more_parameters_than_fit_on_the_stack(echo: lao.Plugin) -> None:
    given = {f"p{index}": index for index in range(200)}
    assert echo.call("params", **given)["json"] == given


@pytest.mark.parametrize("value", [2**63, float("nan"), float("inf"), object(), {1, 2}])
def test_parameters_that_cannot_cross_are_named(echo: lao.Plugin, value: Any) -> None:
    with pytest.raises(lao.InvalidInput, match="`bad`"):
        echo.call("params", good=1, bad=value)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (1, lao.PluginError),
        (2, lao.InvalidInput),
        (3, lao.InvalidInput),
        (6, lao.PluginError),
        (7, lao.ResourceLimitExceeded),
        (8, lao.PermissionDenied),
        (9, lao.Cancelled),
        (10, lao.PluginTimeout),
    ],
)
def test_a_status_becomes_its_exception(echo: lao.Plugin, status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="because"):
        echo.call("fail", status=status, message="because")
    assert echo.call("text", "still here") == "still here"


@pytest.mark.parametrize("status", [33, 36, 38, 57, 2**31])
def test_a_plugin_cannot_pose_as_the_host(echo: lao.Plugin, status: int) -> None:
    with pytest.raises(lao.PluginError, match="may not"):
        echo.call("fail", status=status, message="x")


def test_stats_count_calls_and_failures(echo: lao.Plugin) -> None:
    before = echo.stats
    for _ in range(5):
        echo.call("text", "x")
    with pytest.raises(lao.PluginError):
        echo.call("fail")
    stats = echo.stats
    assert (stats.calls - before.calls, stats.failures - before.failures) == (6, 1)
    assert stats.in_flight == 0
    assert 0 < stats.p50_s <= stats.p99_s * 1.01
    assert stats.longest_s <= stats.total_s


def test_configuration_and_folders_reach_the_instance(host: lao.Host, isolation: str, home: Path) -> None:
    from tests import plugins

    plugin = host.load(plugins.build("echo"), isolation=isolation, config={"depth": 3})
    seen = plugin.call("config")
    assert seen["config"] == {"depth": 3}
    assert seen["data_dir"] == str(home / "data" / "echo")
    assert Path(seen["data_dir"]).is_dir()
