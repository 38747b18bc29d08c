"""One plugin that uses every part of the SDK, in each language: the same test, on both backends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

import lao
from lao.authoring.conformance import conformance
from lao.paths import include_dir, sdk_rust_dir

HERE = Path(__file__).parent

# What becomes of a failure that is no error of the SDK.
BARRIER = {
    "c": "the status 4711, which a plugin may not return",
    "cpp": "an exception of unknown type",
    "rust": "the plugin panicked: it panicked on purpose",
}


@pytest.fixture(scope="module", params=list(BARRIER))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def library(language: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(language, tmp_path_factory.mktemp(language))


def built(language: str, folder: Path, *macros: str) -> Path:
    """The library; `macros` leave parts of it out."""
    if language == "rust":
        return built_by_cargo(folder, *macros)
    made = folder / "libevery_part.so"
    tool = os.environ.get("CXX", "c++") if language == "cpp" else os.environ.get("CC", "cc")
    flags = ["-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow"]
    strict = ["-Wconversion", "-Werror", "-std=c++17" if language == "cpp" else "-std=c11"]
    unique = ["-fno-gnu-unique"] if language == "cpp" else []
    source = HERE / f"every_part.{language}"
    defines = [f"-D{macro}" for macro in macros]
    command = [tool, *flags, *strict, *unique, *defines, f"-I{include_dir()}", str(source), "-o", str(made)]
    subprocess.run(command, check=True)
    return made


def built_by_cargo(folder: Path, *features: str) -> Path:
    if shutil.which("cargo") is None:
        pytest.skip("there is no cargo: https://rustup.rs")
    (folder / "src").mkdir()
    shutil.copy(HERE / "every_part.rs", folder / "src" / "lib.rs")
    (folder / "plugin.toml").write_text('[plugin]\nname = "every-part"\nversion = "1.2.3"\n')
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "every-part"\nversion = "1.2.3"\nedition = "2021"\n[lib]\ncrate-type = ["cdylib"]\n'
        f'[dependencies]\nlao-plugin = {{ path = "{sdk_rust_dir()}" }}\n[features]\nWITHOUT_WAIT = []\n'
    )
    options = ["--features", ",".join(features)] if features else []
    subprocess.run(["cargo", "build", "--offline", "--quiet", *options], cwd=folder, check=True, timeout=280)
    return folder / "target" / "debug" / "libevery_part.so"


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
    assert kinds["louder"] == ("audio", "audio", True)
    assert kinds["picture"] == ("none", "binary", False)
    assert kinds["flipped"] == ("image", "image", False)
    assert kinds["reel"] == ("video", "video", False)
    assert kinds["lengths"] == ("text", "json", False)
    assert {one.name: one.max_batch for one in plugin.capabilities if one.max_batch > 1} == {"lengths": 8}
    assert [one.name for one in plugin.capabilities if one.idempotent] == ["twice"]


def test_what_it_declares_of_fields(plugin: lao.Plugin) -> None:
    schemas = {one.name: one.params_schema for one in plugin.capabilities}
    assert schemas["params"] == {
        "type": "object",
        "properties": {
            "text": {"type": "string", "default": 'a"b', "description": "A text"},
            "flag": {"type": "boolean", "default": True},
            "count": {
                "type": "integer",
                "default": 3,
                "minimum": 0,
                "maximum": 10,
                "description": "A number",
            },
            "ratio": {"type": "number", "default": 0.5},
            "names": {
                "type": "array",
                "items": {"type": "string"},
                "default": [],
                "description": "Some names",
            },
            "nothing": {"type": "integer"},
        },
        "additionalProperties": False,
    }
    assert schemas["twice"] == {"type": "object", "properties": {}, "additionalProperties": False}
    assert plugin.capabilities[0].output_schema == {
        "type": "object",
        "properties": {
            "start": {"type": "integer"},
            "scale": {"type": "number"},
            "loud": {"type": "boolean"},
            "name": {"type": "string"},
        },
        "required": ["start", "scale", "loud", "name"],
    }
    assert plugin.info.config_schema == {
        "type": "object",
        "properties": {
            "start": {"type": "integer", "default": 1, "minimum": 0, "description": "Where it starts"},
            "scale": {"type": "number", "default": 1},
            "loud": {"type": "boolean", "default": False},
            "name": {"type": "string", "default": "nobody", "minLength": 1, "description": "Whose it is"},
        },
    }
    (event,) = plugin.info.events
    assert (event.name, event.description) == ("noted", "When something was noted")
    assert event.data_schema == {
        "type": "object",
        "properties": {"text": {"type": "string", "description": "What"}},
        "required": ["text"],
        "additionalProperties": False,
    }


def test_configuration(host: lao.Host, library: Path, isolation: str) -> None:
    settings = {"start": 7, "scale": -2.5, "loud": True, "name": 'é "q" \\ 😀\n'}
    plugin = host.load(library, isolation=isolation, config={**settings, "other": [{"start": 1}]})
    assert plugin.call("config") == settings
    default = host.load(library, isolation=isolation).call("config")
    assert default == {"start": 1, "scale": 1, "loud": False, "name": "nobody"}
    mistakes: list[dict[str, Any]] = [
        *({"start": -1}, {"start": "x"}, {"scale": []}, {"loud": 1}, {"name": 3}, {"name": ""}),
        {"name": "nemo"},  # which its own code refuses
    ]
    for wrong in mistakes:
        with pytest.raises(lao.InvalidInput, match=next(iter(wrong))):
            host.load(library, isolation=isolation, config=wrong).call("config")


def test_parameters(plugin: lao.Plugin) -> None:
    defaults = {"text": 'a"b', "flag": True, "count": 3, "ratio": 0.5, "names": [], "nothing": False}
    assert plugin.call("params") == defaults
    given: dict[str, Any] = {"text": "ü", "flag": False, "count": 10, "ratio": 2, "names": ["a", "b"]}
    assert plugin.call("params", **given, nothing=1) == {**given, "nothing": True}
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"count": 11}, "parameter `count` must be between 0 and 10"),
        ({"count": "3"}, "parameter `count` must be an integer"),
        ({"flag": 1}, "parameter `flag` must be true or false"),
        ({"names": "a"}, "parameter `names` must be a list"),
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


def test_element_types_that_are_known_at_run_time(plugin: lao.Plugin) -> None:
    for dtype in ("uint8", "uint16", "float32"):
        image = numpy.arange(4 * 5 * 3, dtype=dtype).reshape(4, 5, 3)
        flipped = plugin.call("flipped", image)
        assert flipped.dtype == dtype
        numpy.testing.assert_array_equal(flipped, image[:, ::-1])
    with pytest.raises(lao.InvalidInput, match="elements of int64"):
        plugin.call("flipped", numpy.zeros((2, 2, 3), "int64"))


def test_encoded_media(plugin: lao.Plugin) -> None:
    picture = plugin.call("picture")
    assert picture == b"P5 1 1 255 \x7f"
    assert picture.media_type == "image/x-portable-graymap"
    assert picture.metadata == {"width": 1, "height": 1}
    assert plugin.call("media_type", picture) == "image/x-portable-graymap"
    assert plugin.call("media_type", b"") == ""


def test_video(plugin: lao.Plugin) -> None:
    frames = numpy.arange(2 * 3 * 4 * 3, dtype="uint8").reshape(2, 3, 4, 3)
    reel = plugin.call("reel", lao.Video(frames))
    numpy.testing.assert_array_equal(numpy.asarray(reel), frames)


def test_a_batch_of_one(plugin: lao.Plugin) -> None:
    assert plugin.call("lengths", "äb", times=2) == {"bytes": 6, "together": 1}
    with pytest.raises(lao.InvalidInput, match="this one is bad"):
        plugin.call("lengths", "bad")
    with pytest.raises(lao.PluginError, match="gave no answer to this request"):
        plugin.call("lengths", "none")
    with pytest.raises(lao.PluginError, match="the batch went wrong"):
        plugin.call("lengths", "doomed")


def test_batches(plugin: lao.Plugin) -> None:
    answers = list(plugin.map("lengths", ["x" * count for count in range(8)], times=3))
    assert answers == [{"bytes": 3 * count, "together": 8} for count in range(8)]
    answers = plugin.map("lengths", ["a", "bb", "bad", "cc"])
    assert [next(answers)["bytes"], next(answers)["bytes"]] == [1, 2]
    with pytest.raises(lao.InvalidInput, match="this one is bad"):
        next(answers)
    with pytest.raises(lao.PluginError, match="gave no answer to this request"):
        list(plugin.map("lengths", ["none"]))
    with pytest.raises(lao.PluginError, match="the batch went wrong"):
        list(plugin.map("lengths", ["doomed", "doomed"]))
    plugin._uncheck()
    with pytest.raises(lao.InvalidInput, match="parameter `times` must be between 1 and 9"):
        list(plugin.map("lengths", ["a", "b"], times=10))
    assert [one["bytes"] for one in plugin.map("lengths", ["still", "there"])] == [5, 5]


def test_state_is_of_an_instance(host: lao.Host, library: Path, isolation: str) -> None:
    first, second = (host.load(library, isolation=isolation) for _ in range(2))
    assert [first.call("count")["count"] for _ in range(3)] == [1, 2, 3]
    assert second.call("count") == {"count": 1}


def test_state_outlives_a_reload(plugin: lao.Plugin) -> None:
    assert [plugin.call("count")["count"] for _ in range(3)] == [1, 2, 3]
    assert plugin.reload() == "carried"
    assert plugin.call("count") == {"count": 4}


def test_new_settings_while_it_lives(plugin: lao.Plugin) -> None:
    plugin.call("count")
    plugin.configure({"name": "somebody", "scale": 2.5})
    assert plugin.call("config") == {"start": 1, "scale": 2.5, "loud": False, "name": "somebody"}
    for wrong in ({"start": -1}, {"name": "nemo"}, {"loud": "yes"}):
        with pytest.raises(lao.InvalidInput, match=next(iter(wrong))):
            plugin.configure(wrong)
    assert plugin.call("config")["name"] == "somebody"
    assert plugin.call("count") == {"count": 2}  # it is the same instance


def test_health(plugin: lao.Plugin) -> None:
    plugin.check_health()
    plugin.configure({"name": "ill"})
    with pytest.raises(lao.PluginError, match="it feels ill"):
        plugin.check_health()
    plugin.configure({"name": "well"})
    plugin.check_health()


def test_it_is_told_how_many_threads_it_may_have(host: lao.Host, library: Path, isolation: str) -> None:
    processors = len(os.sched_getaffinity(0))
    assert host.load(library, isolation=isolation).call("threads") == {"threads": processors}
    if isolation == "process":
        bounded = host.load(library, isolation=isolation, limits={"max_threads": 1})
        assert bounded.call("threads") == {"threads": 1}


def test_events_come_in(plugin: lao.Plugin) -> None:
    plugin.deliver("first", "happened", {"what": "ä"})
    plugin.deliver("second", "happened")
    with pytest.raises(lao.PluginError, match="not for me"):
        plugin.deliver("first", "refused", {})
    first, second = plugin.call("heard")["heard"]
    assert first.startswith("first happened ")
    assert json.loads(first.removeprefix("first happened ")) == {"what": "ä"}
    assert second == "second happened null"


def test_events_go_out(library: Path, isolation: str, tmp_path: Path) -> None:
    (tmp_path / "plugin.toml").write_text(
        '[plugin]\nname = "every-part"\nversion = "1.2.3"\n[permissions]\nrequired = ["plugin_communication"]\n'
        '[[events]]\nname = "noted"\n'
    )
    shutil.copy(library, tmp_path / library.name)
    seen: list[Any] = []
    said: list[tuple[float, str]] = []
    with lao.Host() as host:
        host.events.subscribe(seen.append)
        plugin = host.load(tmp_path, isolation=isolation, grant=["plugin_communication"])
        plugin.on_progress = lambda fraction, text: said.append((fraction, text))
        assert plugin.call("note", 'ä "quoted"') == "noted"
        host.events.flush()
    assert [event.data for event in seen if event.name.endswith("noted")] == [
        {"payload": {"text": 'ä "quoted"'}}
    ]
    assert said == [(0.5, "half")]


def test_streams(plugin: lao.Plugin) -> None:
    assert list(plugin.stream("words", "one two three")) == ["one", "two", "three"]
    assert plugin.call("joined", "whole") == "whole;"
    assert plugin.call("words", "one two") == "onetwo"  # a plain call puts the parts together


def test_parts_come_in(plugin: lao.Plugin) -> None:
    assert plugin.call("joined", iter(["a", "", "ä" * 100_000])) == "a;;" + "ä" * 100_000 + ";"
    assert plugin.call("joined", iter([])) == ""
    with pytest.raises(lao.LaoError):
        plugin.call("joined", iter(["a", b"no text"]))
    assert plugin.call("joined", ["still", "there"]) == "still;there;"


def test_parts_in_and_parts_out(plugin: lao.Plugin) -> None:
    taken = 0

    def sound() -> Iterator[lao.Audio]:
        nonlocal taken
        for taken in range(1, 1001):
            yield lao.Audio(numpy.full((10, 2), taken, "float32"), 16000)

    parts = plugin.stream("louder", sound())
    for number in range(1, 6):
        part = next(parts)
        assert part.sample_rate == 16000
        numpy.testing.assert_array_equal(part.samples, numpy.full((10, 2), 2 * number, "float32"))
    assert taken < 50  # as they were wanted
    parts.close()
    assert len(list(plugin.stream("louder", [lao.Audio(numpy.zeros((3, 1), "float32"), 8000)] * 7))) == 7
    with pytest.raises(lao.InvalidInput, match="elements of int16, not of float32"):
        list(plugin.stream("louder", [lao.Audio(numpy.zeros((3, 1), "int16"), 8000)]))


def test_cancelling_while_it_waits_for_a_part(plugin: lao.Plugin) -> None:
    going_on = threading.Event()

    def slow() -> Iterator[str]:
        yield "first"
        going_on.wait(10)
        yield "second"

    timer = threading.Timer(0.2, plugin.cancel)
    timer.start()
    with pytest.raises(lao.Cancelled):
        plugin.call("joined", slow())
    going_on.set()
    timer.join()
    assert plugin.call("joined", "next") == "next;"


def test_failures_become_errors(plugin: lao.Plugin, language: str) -> None:
    with pytest.raises(lao.PluginError, match="not this"):
        plugin.call("thrown", "unsupported")
    with pytest.raises(lao.ResourceLimitExceeded, match="out of memory"):
        plugin.call("thrown", "memory")
    with pytest.raises(lao.PluginError, match=BARRIER[language]):
        plugin.call("thrown", "barrier")
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


def test_it_stands_the_conformance_test(language: str, tmp_path: Path) -> None:
    checks = conformance(built(language, tmp_path, "WITHOUT_WAIT"), None, seed=11)
    assert [check for check in checks if check.failed] == []
    assert {check.name for check in checks if check.outcome == "skipped"} == {
        "manifest against library",  # it has none
        "thrown: 4 threads (role full)",  # it only throws
        "note: 4 threads (role full)",  # without a manifest, no event is declared
    }
