"""lao.hpp: a plugin that uses every part of it, on both backends."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

import lao
from lao.authoring.conformance import conformance
from lao.paths import include_dir

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("cpp") / "libevery_part.so")


def compiled(path: Path, *macros: str) -> Path:
    flags = ["-std=c++17", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-gnu-unique"]
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
    command = [
        os.environ.get("CXX", "c++"),
        *flags,
        *strict,
        f"-I{include_dir()}",
        str(HERE / "every_part.cpp"),
    ]
    subprocess.run([*command, *macros, "-o", str(path)], check=True)
    return path


@pytest.fixture(params=["none", "process"])
def isolation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def host() -> Iterator[lao.Host]:
    with lao.Host() as made:
        yield made


@pytest.fixture
def plugin(host: lao.Host, library: Path, isolation: str) -> lao.Plugin:
    return host.load(library, isolation=isolation)


def test_what_it_declares(plugin: lao.Plugin) -> None:
    info = plugin.info
    assert (info.name, info.version, info.description) == ("every-part", "1.2.3", "Every part of the SDK")
    assert info.thread_role == "full"
    kinds = {
        one.name: (one.input_kind.label, one.output_kind.label, one.streams) for one in plugin.capabilities
    }
    assert kinds["config"] == ("none", "json", False)
    assert kinds["twice"] == ("text", "text", False)
    assert kinds["reversed"] == ("binary", "binary", False)
    assert kinds["inverted"] == ("image", "image", False)
    assert kinds["scaled"] == ("tensor", "tensor", False)
    assert kinds["silence"] == ("none", "audio", False)
    assert kinds["echo"] == ("any", "any", False)
    assert kinds["words"] == ("text", "text", True)
    assert kinds["joined"] == ("text", "text", False)
    schema = plugin.capabilities[1].params_schema
    assert schema is not None
    assert schema["properties"]["text"] == {"type": "string", "default": 'a"b', "description": "A text"}
    assert schema["properties"]["count"]["maximum"] == 10
    assert schema["additionalProperties"] is False


def test_configuration(host: lao.Host, library: Path, isolation: str) -> None:
    settings = {"start": 7, "scale": -2.5, "loud": True, "name": 'é "q" \\ 😀\n'}
    plugin = host.load(library, isolation=isolation, config={**settings, "other": [{"start": 1}]})
    assert plugin.call("config") == settings
    assert host.load(library, isolation=isolation).call("config")["name"] == "nobody"
    mistakes: list[dict[str, Any]] = [{"start": -1}, {"start": "x"}, {"scale": []}, {"loud": 1}, {"name": 3}]
    for wrong in mistakes:
        with pytest.raises(lao.InvalidInput, match=next(iter(wrong))):
            host.load(library, isolation=isolation, config=wrong).call("config")


def test_parameters(plugin: lao.Plugin) -> None:
    assert plugin.call("params") == {"text": 'a"b', "flag": True, "count": 3, "ratio": 0.5}
    given: dict[str, Any] = {"text": "ü", "flag": False, "count": 10, "ratio": 2}
    assert plugin.call("params", **given) == given
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"count": 11}, "parameter `count` must be between 0 and 10"),
        ({"count": "3"}, "parameter `count` must be an integer"),
        ({"flag": 1}, "parameter `flag` must be true or false"),
        ({"nonsense": 1}, "there is no parameter `nonsense`"),
    ]
    for wrong, _ in mistakes:
        with pytest.raises(lao.InvalidInput, match=f"/{next(iter(wrong))}: "):
            plugin.call("params", **wrong)  # the host knows the schema
    plugin._uncheck()
    for wrong, said in mistakes:
        with pytest.raises(lao.InvalidInput, match=said):
            plugin.call("params", **wrong)  # so does the plugin, for hosts that do not look


def test_values(plugin: lao.Plugin) -> None:
    assert plugin.call("twice", "ä\0") == "ä\0ä\0"
    assert plugin.call("twice", "") == ""
    assert plugin.call("reversed", b"\x00\x01\xff") == b"\xff\x01\x00"
    assert plugin.call("echo", "text") == "text"
    assert plugin.call("echo", b"bytes") == b"bytes"


def test_arrays_in_any_layout(plugin: lao.Plugin) -> None:
    image = numpy.arange(4 * 5 * 3, dtype="uint8").reshape(4, 5, 3)
    for view in (image, image[::-1], image[:, ::2], image.transpose(1, 0, 2), numpy.asfortranarray(image)):
        numpy.testing.assert_array_equal(plugin.call("inverted", view), 255 - view)
    tensor = numpy.arange(24.0).reshape(2, 3, 4)
    for view in (tensor, tensor.T, tensor[:, ::-1, 1::2], tensor[:0], tensor[0, 0, 0:1]):
        numpy.testing.assert_array_equal(plugin.call("scaled", view, factor=3), view * 3)
    misaligned = numpy.zeros(8 * 6 + 1, "uint8")[1:].view("float64")
    misaligned[:] = range(6)
    numpy.testing.assert_array_equal(plugin.call("scaled", misaligned), misaligned * 2)
    with pytest.raises(lao.InvalidInput, match="elements of float32, not of float64"):
        plugin.call("scaled", tensor.astype("float32"))
    audio = plugin.call("silence", frames=3)
    assert (audio.sample_rate, audio.samples.shape) == (8000, (3, 2))


def test_streams(plugin: lao.Plugin) -> None:
    assert list(plugin.stream("words", "one two three")) == ["one", "two", "three"]
    assert plugin.call("joined", "whole") == "whole;"


def test_exceptions_become_statuses(plugin: lao.Plugin) -> None:
    with pytest.raises(lao.PluginError, match="not this"):
        plugin.call("thrown", "unsupported")
    with pytest.raises(lao.ResourceLimitExceeded, match="out of memory"):
        plugin.call("thrown", "memory")
    with pytest.raises(lao.PluginError, match="an exception of unknown type"):
        plugin.call("thrown", "number")
    with pytest.raises(lao.PluginError, match="it went wrong: ä"):
        plugin.call("thrown", "else")
    assert plugin.call("twice", "a") == "aa"


def test_cancel_and_deadline(plugin: lao.Plugin) -> None:
    with plugin.deadline(0.05), pytest.raises(lao.PluginTimeout):
        plugin.call("wait")
    timer = threading.Timer(0.1, plugin.cancel)
    timer.start()
    with pytest.raises(lao.Cancelled):
        plugin.call("wait")
    timer.join()


def test_outputs_outlive_the_plugin(plugin: lao.Plugin) -> None:
    kept = plugin.call("scaled", numpy.ones(1000))
    plugin.close()
    assert kept.sum() == 2000


def test_every_part_stands_the_conformance_test(tmp_path: Path) -> None:
    library = compiled(tmp_path / "libevery_part.so", "-DWITHOUT_WAIT")
    checks = conformance(library, None, seed=11)
    assert [check for check in checks if check.failed] == []
    assert {check.name for check in checks if check.outcome == "skipped"} == {
        "manifest against library",  # it has none
        "thrown: 4 threads (role full)",  # it only throws
    }


@pytest.mark.parametrize("target", ["x86_64-linux-gnu", "x86_64-windows-gnu", "aarch64-macos"])
def test_clang_compiles_it_for(target: str, tmp_path: Path) -> None:
    import sys

    flags = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{include_dir()}"]
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "c++",
        "-target",
        target,
        *flags,
        "-c",
        str(HERE / "every_part.cpp"),
    ]
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(tmp_path), "ZIG_LOCAL_CACHE_DIR": str(tmp_path)}
    subprocess.run([*command, "-o", tmp_path / "out.o"], check=True, env=environment, timeout=200)
