"""LAO 0.x plugins through the public API, on both backends: every layout, dialect and trap of their tables."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lao
from lao.errors import (
    AbiMismatch,
    InvalidInput,
    LaoError,
    PluginClosed,
    PluginCrashed,
    PluginError,
    PluginLoadError,
)
from lao.model.kinds import Kind
from tests.plugins import build

LAYOUTS = (24, 40, 64, 80)
DIALECTS: tuple[dict[str, Any], ...] = ({}, {"symbol": True}, {"dialect": "data"})
RUST = pytest.mark.skipif(shutil.which("rustc") is None, reason="needs rustc to build the fixture")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lao.Host]:
    with lao.Host(tmp_path_factory.mktemp("home")) as host:
        yield host


def load(host: lao.Host, isolation: str, name: str = "v0/echo", **options: Any) -> lao.Plugin:
    return host.load(build(name, **options), isolation=isolation)


def counts(plugin: lao.Plugin) -> dict[str, int]:
    return dict(json.loads(plugin("@counts")))


# --- Layouts and dialects ---


@pytest.mark.parametrize("dialect", DIALECTS, ids=["function", "function-and-symbol", "data"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_in_every_dialect(
    host: lao.Host, isolation: str, layout: int, dialect: dict[str, Any]
) -> None:
    with load(host, isolation, layout=layout, **dialect) as plugin:
        assert plugin.info.abi == "lao/0.x"
        assert plugin.info.name == ("v0-echo" if layout >= 64 else "EchoOfTheOldDays")
        assert plugin.info.thread_role == "unsafe"
        assert plugin("hello") == "hello"
        assert plugin("käse 🧀") == "käse 🧀"
        long = "x" * 1_000_000
        assert plugin(long) == long
        seen = counts(plugin)
        assert seen["name"] <= 1
        assert seen["metadata"] <= 1
        assert seen["capabilities"] <= 1
        assert seen["alive"] == 0
        assert seen["bad_frees"] == 0
        assert (seen["structured"] > 0, seen["run"] > 0) == (layout == 80, layout < 80)


def test_metadata_becomes_info(host: lao.Host, isolation: str) -> None:
    with load(host, isolation) as plugin:
        assert plugin.info.version == "1.0.0"
        assert plugin.info.description == "Echoes and watches"
        assert "EchoOfTheOldDays" in plugin.info.aliases
        assert [one.name for one in plugin.capabilities] == ["echo"]
        assert plugin.capabilities[0].input_kind is Kind.TEXT
        assert plugin.call("echo", "by its name") == "by its name"


def test_name_is_called_at_most_once_over_many_loads_and_calls(host: lao.Host) -> None:
    library = build("v0/echo", plugin_name='"called-once"')
    for _ in range(3):
        with host.load(library, isolation="none") as plugin:
            for _ in range(100):
                plugin("x")
            assert counts(plugin)["name"] <= 1


# --- What counts as a failure ---


@pytest.mark.parametrize(
    "text",
    [
        "no errors found",
        "error",
        "an error: x",
        "errors: 3",
        "Summarizer error: none",
        "whisper.cpp failed: x",
    ],
)
def test_texts_that_are_answers(host: lao.Host, isolation: str, text: str) -> None:
    with load(host, isolation) as plugin:
        assert plugin(text) == text


@pytest.mark.parametrize("text", ["error: no model", "Error: no model", "ERROR:x", " \n error: late"])
def test_texts_that_are_failures(host: lao.Host, isolation: str, text: str) -> None:
    with load(host, isolation) as plugin:
        with pytest.raises(PluginError) as caught:
            plugin(text)
        assert text.strip() in str(caught.value)
        assert counts(plugin)["alive"] == 0  # a failure's text is freed as well


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SummarizerPlugin", "Summarizer error: connection refused"),
        ("WhisperPlugin", "Failed to run whisper.cpp: not found"),
        ("WhisperPlugin", "whisper.cpp failed: exit 1"),
    ],
)
def test_failures_that_known_plugins_told_otherwise(
    host: lao.Host, isolation: str, name: str, text: str
) -> None:
    with (
        load(host, isolation, plugin_name=f'"{name}"') as plugin,
        pytest.raises(PluginError, match=text[:20]),
    ):
        plugin(text)


@pytest.mark.parametrize(
    ("text", "reason"), [("@null", "null output"), ("@empty", "empty text"), ("@blank", "empty text")]
)
def test_outputs_without_a_text(host: lao.Host, isolation: str, text: str, reason: str) -> None:
    with load(host, isolation) as plugin:
        with pytest.raises(PluginError, match=reason):
            plugin(text)
        assert counts(plugin)["bad_frees"] == 0  # a null output is not given to free_output
        assert plugin("still there") == "still there"


def test_validation_comes_before_the_run(host: lao.Host, isolation: str) -> None:
    with load(host, isolation) as plugin:
        before = counts(plugin)
        with pytest.raises(InvalidInput, match="refused"):
            plugin("@refuse")
        after = counts(plugin)
        assert after["run"] == before["run"] + 1  # the question itself
        assert after["validate"] == before["validate"] + 2
    with load(host, isolation, layout=40) as plugin:
        assert plugin("@refuse") == "@refuse"


# --- Inputs ---


@pytest.mark.parametrize("text", ["\0", "in\0side", "at the end\0"])
def test_nul_characters_never_reach_it(host: lao.Host, isolation: str, text: str) -> None:
    with load(host, isolation) as plugin:
        before = counts(plugin)
        with pytest.raises(InvalidInput, match="NUL"):
            plugin(text)
        after = counts(plugin)
        assert (after["run"], after["validate"]) == (before["run"] + 1, before["validate"] + 1)


@pytest.mark.parametrize("value", [b"bytes", 1.5, object(), None])
def test_what_is_no_text(host: lao.Host, isolation: str, value: object) -> None:
    with load(host, isolation) as plugin, pytest.raises((InvalidInput, TypeError)):
        plugin(value)


def test_parameters_are_refused(host: lao.Host, isolation: str) -> None:
    with load(host, isolation) as plugin, pytest.raises(InvalidInput, match="parameters"):
        plugin("text", width=1)


def test_an_unknown_capability(host: lao.Host, isolation: str) -> None:
    with load(host, isolation) as plugin, pytest.raises(InvalidInput, match="echo"):
        plugin.call("ecko", "text")


def test_lone_surrogates_are_refused(host: lao.Host, isolation: str) -> None:
    with load(host, isolation) as plugin, pytest.raises((InvalidInput, UnicodeEncodeError)):
        plugin("half \ud800 pair")


def test_every_call_has_its_own_buffer(host: lao.Host, isolation: str) -> None:
    text = "the fixture overwrites its input"
    with load(host, isolation) as plugin:
        assert plugin(text) == text
        assert text == "the fixture overwrites its input"
        assert plugin(text) == text


def test_an_output_that_is_not_utf8_is_repaired(host: lao.Host, isolation: str) -> None:
    with load(host, isolation) as plugin:
        assert plugin("@latin1") == "caf\ufffd"


# --- Threads ---


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_call_at_a_time(host: lao.Host, isolation: str, layout: int) -> None:
    with load(host, isolation, layout=layout) as one, load(host, isolation, layout=layout) as other:
        failures: list[BaseException] = []

        def work(plugin: lao.Plugin) -> None:
            try:
                assert plugin("@slow") == "@slow"
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(plugin,)) for plugin in (one, other) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert counts(one)["most_running"] == 1
        assert counts(other)["most_running"] == 1


# --- run_structured ---


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("1:not like this", InvalidInput, "not like this"),
        ("2:it broke", PluginError, "it broke"),
        ("7:odd", PluginError, "unknown status 7"),
        ("0:", PluginError, "empty text"),
        ("0! no text at all", PluginError, "empty text"),
        ("2! no text at all", PluginError, "failure"),
    ],
)
def test_structured_failures(
    host: lao.Host, isolation: str, text: str, kind: type[LaoError], reason: str
) -> None:
    with load(host, isolation, "v0/structured") as plugin, pytest.raises(kind, match=reason):
        plugin(text)


def test_structured_results_are_freed_once(host: lao.Host, isolation: str) -> None:
    with load(host, isolation, "v0/structured") as plugin:
        assert plugin("0:error: is no failure here") == "error: is no failure here"
        before = json.loads(plugin("@counts"))
        assert before["made"] == before["freed"]
        for text in ("1:x", "2:x", "9:x"):
            with pytest.raises(LaoError):
                plugin(text)
        after = json.loads(plugin("@counts"))
        assert after["made"] == after["freed"] == before["made"] + 4


# --- Metadata ---


@pytest.mark.parametrize(
    "metadata", ["sound", "not_utf8", "string_dependencies", "schemas", "one_bad_of_two"]
)
def test_odd_metadata_keeps_its_capabilities(host: lao.Host, isolation: str, metadata: str) -> None:
    with load(host, isolation, "v0/metadata", metadata=metadata) as plugin:
        assert plugin.info.name == "odd"
        assert [one.name for one in plugin.capabilities] == ["work"]
        assert plugin("x") == "x"


@pytest.mark.parametrize("metadata", ["lower_case", "upper_case", "no_description"])
def test_types_in_any_case(host: lao.Host, isolation: str, metadata: str) -> None:
    with load(host, isolation, "v0/metadata", metadata=metadata) as plugin:
        (work,) = plugin.capabilities
        assert (work.name, work.input_kind, work.output_kind) == ("work", Kind.TEXT, Kind.JSON)


@pytest.mark.parametrize("metadata", ["broken_json", "not_a_list", "empty_list", "all_null", "empty_strings"])
def test_lost_capabilities_leave_one_that_runs(host: lao.Host, isolation: str, metadata: str) -> None:
    with load(host, isolation, "v0/metadata", metadata=metadata) as plugin:
        (only,) = plugin.capabilities
        assert (only.input_kind, only.output_kind) == (Kind.ANY, Kind.ANY)
        assert plugin("x") == "x"
        if metadata in ("broken_json", "not_a_list"):
            assert any("capabilities" in warning for warning in plugin.info.warnings)


def test_an_unknown_type_is_any(host: lao.Host, isolation: str) -> None:
    with load(host, isolation, "v0/metadata", metadata="unknown_type") as plugin:
        assert plugin.capabilities[0].output_kind is Kind.ANY
        assert any("Hologram" in warning for warning in plugin.info.warnings)


@pytest.mark.parametrize("metadata", ["all_null", "name_null", "empty_strings"])
def test_a_plugin_without_a_name_in_its_metadata(host: lao.Host, isolation: str, metadata: str) -> None:
    with load(host, isolation, "v0/metadata", metadata=metadata) as plugin:
        assert plugin.info.name in ("PluginByItsFunction", "metadata")


def test_strings_that_are_not_utf8(host: lao.Host, isolation: str) -> None:
    with load(host, isolation, "v0/metadata", metadata="not_utf8") as plugin:
        assert "\ufffd" in plugin.info.description or plugin.info.description == ""
        json.dumps(plugin.info.description)
    with load(host, isolation, "v0/metadata", metadata="name_not_utf8") as plugin:
        assert plugin.info.name
        assert plugin("x") == "x"


# --- Tables that cannot be used ---


@pytest.mark.parametrize(
    ("name", "options", "kind", "reason"),
    [
        ("v0/no_table", {"kind": "null"}, PluginLoadError, "returned NULL"),
        ("v0/no_table", {"kind": "size_56"}, AbiMismatch, "56 bytes"),
        ("v0/echo", {"version": 3}, AbiMismatch, "version 3"),
        ("v0/echo", {"version": 0}, AbiMismatch, "version 0"),
        ("v0/echo", {"version": 3, "symbol": True}, AbiMismatch, "version 3"),
        ("v0/echo", {"version": 2, "symbol": True}, AbiMismatch, "version 2"),
        ("v0/echo", {"without": "run"}, AbiMismatch, "`run`"),
        ("v0/echo", {"without": "free_output"}, AbiMismatch, "`free_output`"),
        (
            "v0/echo",
            {"layout": 80, "symbol": True, "without": "run_structured"},
            AbiMismatch,
            "run_structured",
        ),
        ("v0/echo", {"layout": 80, "symbol": True, "without": "free_result"}, AbiMismatch, "free_result"),
    ],
)
def test_tables_that_are_refused(
    host: lao.Host, isolation: str, name: str, options: dict[str, Any], kind: type[LaoError], reason: str
) -> None:
    with pytest.raises(kind, match=reason) as caught:
        load(host, isolation, name, **options)
    assert caught.value.where is not None


@pytest.mark.parametrize("slot", ["name", "get_metadata", "validate_input", "get_capabilities"])
def test_slots_that_may_be_null(host: lao.Host, isolation: str, slot: str) -> None:
    with load(host, isolation, symbol=True, without=slot) as plugin:
        assert plugin("hello") == "hello"
        assert plugin.info.name == ("EchoOfTheOldDays" if slot == "get_metadata" else "v0-echo")


# --- Noise ---


def test_noise_stays_out_of_the_hosts_output(host: lao.Host, capfd: pytest.CaptureFixture[str]) -> None:
    with load(host, "process", "v0/noisy") as plugin:
        for _ in range(50):
            assert plugin("hello") == "hello"
        assert "NOISE ON STDOUT" in plugin.output
    assert "NOISE" not in capfd.readouterr().out


def test_noise_in_process_does_no_harm(host: lao.Host, capfd: pytest.CaptureFixture[str]) -> None:
    with load(host, "none", "v0/noisy") as plugin:
        assert plugin("hello") == "hello"
    capfd.readouterr()


# --- What it sees around it ---


def test_working_directory_path_and_programs(
    host: lao.Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old plugins run `./whisper.cpp` and read prompts by relative paths."""
    tool = tmp_path / "whisper.cpp"
    tool.write_text("#!/bin/sh\necho transcribed\n")
    tool.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with load(host, "none", "v0/surroundings") as plugin:
        assert plugin("cwd") == str(tmp_path)
        assert plugin("env PATH") == os.environ["PATH"]
        assert plugin("run ./whisper.cpp") == "transcribed\n"
        assert plugin("run whisper.cpp") == "transcribed\n"


def test_a_worker_has_neither_the_hosts_secrets_nor_its_input(
    host: lao.Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "secret")
    with load(host, "process", "v0/surroundings") as plugin:
        assert plugin("env API_TOKEN") == "unset"
        assert plugin("stdin") == "0"  # the end of an empty input


# --- Rust ---


@RUST
def test_a_rust_plugin_of_version_1(
    host: lao.Host, isolation: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with load(host, isolation, "v0/rust_v1") as plugin:
        assert (plugin.info.name, plugin.info.version) == ("v0-rust", "1.0.0")
        assert plugin("grüße") == "GRÜSSE"
        with pytest.raises(PluginError, match="told to fail"):
            plugin("fail")
        with pytest.raises(InvalidInput):
            plugin("   ")
        seen = json.loads(plugin("counts"))
        assert seen["names"] <= 1
        assert seen["freed"] >= 2
    capfd.readouterr()  # in-process, its println! lands here


@RUST
@pytest.mark.parametrize("text", ["nul", "panic"])
def test_a_panic_in_rust_ends_the_worker_only(host: lao.Host, text: str) -> None:
    with load(host, "process", "v0/rust_v1") as plugin:
        with pytest.raises(PluginCrashed) as caught:
            plugin(text)
        assert caught.value.signal == signal.SIGABRT
        assert "panicked" in caught.value.stderr_tail
        assert plugin("after") == "AFTER"


@RUST
def test_a_rust_plugin_of_version_2(host: lao.Host, isolation: str) -> None:
    with load(host, isolation, "v0/rust_v2") as plugin:
        assert plugin.info.version == "2.1.0"
        assert plugin("hello") == "olleh"
        with pytest.raises(InvalidInput, match="not valid"):
            plugin("invalid")
        with pytest.raises(PluginError, match="told to fail"):
            plugin("fail")
        freed = int(plugin("freed"))
        assert plugin("x") == "x"
        assert int(plugin("freed")) == freed + 2


@RUST
def test_a_rust_plugin_that_races_is_called_one_at_a_time(host: lao.Host, isolation: str) -> None:
    with load(host, isolation, "v0/rust_v2") as plugin:
        answers: list[str] = []
        threads = [threading.Thread(target=lambda: answers.append(plugin("slow"))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == ["wols"] * 6  # a second call inside would have aborted the process


# --- A manifest beside it ---


def test_a_manifest_beside_the_library_takes_effect(host: lao.Host, isolation: str, tmp_path: Path) -> None:
    library = tmp_path / "libold.so"
    shutil.copy(build("v0/echo"), library)
    (tmp_path / "plugin.toml").write_text(
        '[plugin]\nname = "renamed"\nversion = "3.2.1"\ndescription = "By its manifest"\nauthor = "A"\n'
        "[resources]\ntimeout_s = 5.0\n"
        '[config_schema]\ntype = "object"\nproperties.model = { type = "string", default = "small" }\n'
    )
    for target in (library, tmp_path):
        with host.load(target, isolation=isolation) as plugin:
            assert (plugin.info.name, plugin.info.version) == ("renamed", "3.2.1")
            assert plugin.info.description == "By its manifest"
            assert plugin.timeout_s == 5.0
            assert plugin("hello") == "hello"


# --- The end ---


def test_a_closed_plugin(host: lao.Host, isolation: str) -> None:
    plugin = load(host, isolation)
    plugin.close()
    with pytest.raises(PluginClosed):
        plugin("too late")
    plugin.close()
