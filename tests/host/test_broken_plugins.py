"""Libraries that are broken in one way each: the right kind of error, a clear reason, and a host that goes on.

What can be survived in-process runs on both backends; what kills or hangs a process runs in a worker only.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import lao
from lao.errors import (
    AbiMismatch,
    LaoError,
    PluginCrashed,
    PluginError,
    PluginLoadError,
    PluginTimeout,
    ProtocolViolation,
)
from tests.plugins import BAD_TABLES, build


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lao.Host]:
    with lao.Host(tmp_path_factory.mktemp("home")) as host:
        yield host


# --- Libraries that are no plugins ---


def test_a_table_without_a_defect(host: lao.Host, isolation: str) -> None:
    """The fixture itself is sound: what the others show is their defect."""
    with host.load(build("bad_table", defect="none"), isolation=isolation) as plugin:
        assert plugin("x") == "served"
    with host.load(build("bad_table", defect="newer_minor"), isolation=isolation) as plugin:
        assert plugin("x") == "served"


REASONS = {
    "entry_returns_null": "declined",
    "size_zero": "0 bytes",
    "table_too_small": "version 1.0 has",
    "table_size_lies": "4294967295 bytes",
    "wrong_major": "ABI 2.0",
    "name_null": "name or version",
    "name_empty": "name or version",
    "name_not_utf8": "UTF-8",
    "version_null": "name or version",
    "no_capabilities": "0 capabilities",
    "too_many_capabilities": "4294967295 capabilities",
    "capabilities_null": "capabilities",
    "capability_null": "capability 1 is missing",
    "capability_too_small": "capability 1 is missing or too small",
    "capability_name_null": "name of its capability 1",
    "capability_name_twice": "`echo` twice",
    "capability_kind_unknown": "unknown kind",
    "create_null": "`create`",
    "destroy_null": "`destroy`",
    "call_null": "`call`",
    "thread_role_unknown": "thread role is 3",
}


def test_every_bad_table_has_its_reason() -> None:
    assert set(REASONS) == set(BAD_TABLES)


@pytest.mark.parametrize("defect", BAD_TABLES)
def test_bad_tables(host: lao.Host, isolation: str, defect: str) -> None:
    library = build("bad_table", defect=defect)
    with pytest.raises(PluginLoadError) as caught:
        host.load(library, isolation=isolation)
    assert REASONS[defect] in str(caught.value)
    assert isinstance(caught.value, AbiMismatch) == (defect != "entry_returns_null")
    assert caught.value.where == str(library)


def test_an_entry_that_is_data(host: lao.Host, isolation: str) -> None:
    with pytest.raises(PluginLoadError, match="data, not a function"):
        host.load(build("entry_is_data"), isolation=isolation)


def test_a_library_without_an_entry(host: lao.Host, isolation: str) -> None:
    with pytest.raises(PluginLoadError) as caught:
        host.load(build("no_entry"), isolation=isolation)
    assert "lao_plugin_entry" in str(caught.value)


CONTENTS = {
    "text": (b"This is a text about plugins.\n", "text"),
    "script": (b"#!/bin/sh\necho hello\n", "script"),
    "empty": (b"", "empty"),
    "zip": (b"PK\x03\x04" + b"\0" * 200, "ZIP"),
    "elf magic alone": (b"\x7fELF", "truncated"),
    "noise": (bytes(range(256)) * 16, "not a shared library"),
}


@pytest.mark.parametrize("what", CONTENTS)
def test_files_that_are_no_libraries(host: lao.Host, isolation: str, tmp_path: Path, what: str) -> None:
    content, reason = CONTENTS[what]
    path = tmp_path / "libthing.so"
    path.write_bytes(content)
    with pytest.raises(PluginLoadError) as caught:
        host.load(path, isolation=isolation)
    assert reason in str(caught.value)


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_truncated_libraries(host: lao.Host, isolation: str, tmp_path: Path, fraction: float) -> None:
    whole = build("echo").read_bytes()
    path = tmp_path / "libcut.so"
    path.write_bytes(whole[: int(len(whole) * fraction)])
    try:
        plugin = host.load(path, isolation=isolation)
    except PluginLoadError as error:
        assert error.where is not None  # noqa: PT017 -- which files still load is the loader's business
    else:
        with plugin:  # only what the loader does not need was cut off, such as debug information
            assert fraction >= 0.3
            assert plugin("hello") == "hello"


def test_a_missing_file_and_a_folder(host: lao.Host, isolation: str, tmp_path: Path) -> None:
    with pytest.raises(PluginLoadError, match="no such file"):
        host.load(tmp_path / "nowhere.so", isolation=isolation)
    with pytest.raises(PluginLoadError, match="no library"):
        host.load(tmp_path, isolation=isolation)


# --- Answers that break the rules ---

VIOLATIONS = {
    "null_data": "no data",
    "size_near_max": "bytes",
    "size_near_max_binary": "bytes",
    "wrong_kind": "declares text",
    "kind_any": "kind 8",
    "kind_unknown": "kind 77",
    "kind_none": "kind 0",
    "text_not_utf8": "UTF-8",
    "text_overlong": "UTF-8",
    "text_surrogate": "UTF-8",
    "json_not_utf8": "UTF-8",
    "json_broken": "JSON",
    "metadata_size_near_max": "metadata",
    "metadata_null": "metadata",
    "file_without_path": "without a path",
    "text_as_tensor": "no tensor",
    "count_above_capacity": "2 outputs",
    "count_huge": "4294967295 outputs",
    "count_zero": "0 outputs",
    "rank_negative": "rank -1",
    "rank_huge": "rank 2147483647",
    "rank_33": "rank 33",
    "shape_null": "no shape",
    "dimension_negative": "length -3",
    "shape_overflows": "overflows",
    "size_overflows": "overflows",
    "dtype_code_unknown": "dtype code 99",
    "dtype_bits_zero": "0 bits",
    "dtype_bits_odd": "13 bits",
    "dtype_lanes_zero": "0 lanes",
    "strides_overflow": "overflows",
    "strides_overflow_negative": "overflows",
    "offset_overflows": "offset",
    "tensor_data_null": "no data",
    "tensor_device_unknown": "device",
    "tensor_null": "no tensor",
    "tensor_dlpack_major": "DLPack version 2",
    "tensor_as_text": "declares tensor",
}


@pytest.mark.parametrize("capability", VIOLATIONS)
def test_answers_that_break_the_rules(host: lao.Host, isolation: str, capability: str) -> None:
    with host.load(build("bad_values"), isolation=isolation) as plugin:
        with pytest.raises(ProtocolViolation) as caught:
            plugin.call(capability)
        assert VIOLATIONS[capability] in str(caught.value)
        assert "bad-values" in str(caught.value)
        assert plugin.call("good") == "sixty-four bytes"


FAILURES = {
    "status_unknown": "status 12345",
    "status_unknown_text": "a text that must survive",
    "status_host_only": "status 36",
    "status_max": "status 4294967295",
    "error_size_lies": "reported a failure",
    "error_text_stolen": "reported a failure",
    "error_not_utf8": "bad \ufffd",
    "outputs_on_failure": "reported a failure",
}


@pytest.mark.parametrize("capability", FAILURES)
def test_failures_that_break_the_rules(host: lao.Host, isolation: str, capability: str) -> None:
    with host.load(build("bad_values"), isolation=isolation) as plugin:
        with pytest.raises(PluginError) as caught:
            plugin.call(capability)
        assert FAILURES[capability] in str(caught.value)
        assert plugin.call("good") == "sixty-four bytes"


def test_a_tensor_in_a_devices_memory(host: lao.Host, isolation: str) -> None:
    """In-process it is handed on for whoever knows the device; it cannot leave a worker."""
    with host.load(build("bad_values"), isolation=isolation) as plugin:
        if isolation == "none":
            assert plugin.call("tensor_on_cuda").__dlpack_device__() == (2, 0)
        else:
            with pytest.raises(PluginError, match="device"):
                plugin.call("tensor_on_cuda")
        assert plugin.call("good") == "sixty-four bytes"


def test_nothing_is_released_twice(host: lao.Host, isolation: str) -> None:
    with host.load(build("bad_values"), isolation=isolation) as plugin:
        for capability in (*VIOLATIONS, *FAILURES):
            before = plugin.call("released")
            with pytest.raises(LaoError):
                plugin.call(capability)
            assert plugin.call("released") - before <= 1
        before = plugin.call("released")
        for _ in range(10):
            plugin.call("good")
        assert plugin.call("released") == before + 10


def test_an_output_without_a_release_is_fine(host: lao.Host, isolation: str) -> None:
    with host.load(build("bad_values"), isolation=isolation) as plugin:
        assert plugin.call("release_missing") == "sixty-four bytes"


def test_metadata_that_is_no_json_is_the_callers_to_judge(host: lao.Host, isolation: str) -> None:
    with host.load(build("bad_values"), isolation=isolation) as plugin:
        try:
            assert plugin.call("metadata_not_json") == "sixty-four bytes"
        except ProtocolViolation as error:
            assert "metadata" in str(error)  # noqa: PT017 -- refusing it is as good


# --- Crashes: in workers only ---

DEATHS = {
    "segv": (signal.SIGSEGV, None),
    "abort": (signal.SIGABRT, None),
    "exit_0": (None, 0),
    "exit_now": (None, 0),
    "overflow": (signal.SIGSEGV, None),
}


def assert_death(error: PluginCrashed, how: str) -> None:
    number, code = DEATHS[how]
    assert error.signal == number
    assert error.exit_code == code
    assert (number.name if number else "code 0") in str(error)


@pytest.mark.parametrize("how", DEATHS)
def test_a_crash_in_a_call(host: lao.Host, how: str) -> None:
    with host.load(build("crash", where="call", how=how), isolation="process") as plugin:
        assert plugin.call("echo", "before") == "alive"
        with pytest.raises(PluginCrashed) as caught:
            plugin.call("die", "now")
        assert_death(caught.value, how)
        assert plugin.call("echo", "after") == "alive"
        assert plugin.stats.restarts == 1


@pytest.mark.parametrize("how", ["segv", "abort"])
def test_last_words_are_part_of_the_error(host: lao.Host, how: str) -> None:
    with host.load(build("crash", where="call", how=how), isolation="process") as plugin:
        with pytest.raises(PluginCrashed) as caught:
            plugin.call("stderr", "now")
        assert "last words, line 63" in caught.value.stderr_tail


@pytest.mark.parametrize("how", DEATHS)
@pytest.mark.parametrize("where", ["constructor", "entry", "create"])
def test_a_crash_while_it_is_loaded(host: lao.Host, where: str, how: str) -> None:
    library = build("crash", where=where, how=how)
    before = workers()
    with pytest.raises(PluginCrashed) as caught:
        host.load(library, isolation="process")
    assert_death(caught.value, how)
    assert caught.value.where == str(library)
    assert workers() <= before


@pytest.mark.parametrize("how", [*DEATHS, "spin", "hang"])
@pytest.mark.parametrize("where", ["destroy", "shutdown"])
def test_an_end_that_fails_ends_all_the_same(host: lao.Host, where: str, how: str) -> None:
    before = workers()
    plugin = host.load(build("crash", where=where, how=how), isolation="process")
    assert plugin.call("echo", "x") == "alive"
    start = time.monotonic()
    plugin.close()
    assert time.monotonic() - start < 5
    assert workers() <= before


@pytest.mark.parametrize("how", ["segv", "exit_0"])
def test_a_release_that_crashes(host: lao.Host, how: str) -> None:
    """The output was copied before; whichever call the death meets is reported, and the next one is served."""
    with host.load(build("crash", where="release", how=how), isolation="process") as plugin:
        seen = []
        for _ in range(3):
            try:
                seen.append(plugin.call("echo", "x"))
            except PluginCrashed as error:
                seen.append(type(error).__name__)
        assert set(seen) <= {"alive", "PluginCrashed"}
        assert "PluginCrashed" in seen


# --- Hangs: in workers only ---


@pytest.mark.parametrize("how", ["spin", "hang"])
def test_a_call_that_never_ends(host: lao.Host, how: str) -> None:
    library = build("crash", where="call", how=how)
    with host.load(library, isolation="process", timeout=0.3) as plugin:
        start = time.monotonic()
        with pytest.raises(PluginTimeout) as caught:
            plugin.call("die", "never")
        assert 0.3 <= time.monotonic() - start < 5
        assert caught.value.timeout_s == 0.3
        assert plugin.call("echo", "after") == "alive"


@pytest.mark.parametrize("how", ["spin", "hang"])
@pytest.mark.parametrize("where", ["constructor", "entry", "create"])
def test_a_load_that_never_ends(
    host: lao.Host, monkeypatch: pytest.MonkeyPatch, where: str, how: str
) -> None:
    monkeypatch.setattr("lao.host.isolated.OPEN_TIMEOUT_S", 0.4)
    before = workers()
    start = time.monotonic()
    with pytest.raises(PluginTimeout):
        host.load(build("crash", where=where, how=how), isolation="process")
    assert time.monotonic() - start < 5
    assert workers() <= before


def test_a_plugin_that_keeps_dying_is_given_up(host: lao.Host) -> None:
    """Without an end to restarts, a plugin that dies at once would be started for ever."""
    with host.load(build("crash", where="call", how="segv"), isolation="process") as plugin:
        for _ in range(20):
            with pytest.raises(LaoError):
                plugin.call("die", "again")
        assert plugin.stats.restarts < 20


def workers() -> set[int]:
    """The processes that this one started and that are not gone, zombies included."""
    return {child.pid for child in psutil.Process(os.getpid()).children()}


# --- A worker that attacks the channel ---


@pytest.mark.parametrize("capability", ["never_written", "never_written_binary"])
def test_a_claim_of_gigabytes_that_were_never_written(host: lao.Host, capability: str) -> None:
    """Address space costs a worker nothing; copied, it would cost the host its memory."""
    with host.load(build("bad_values"), isolation="process") as plugin:
        before = psutil.Process().memory_info().rss
        with pytest.raises(ProtocolViolation, match="claims an output of 3221225472 bytes"):
            plugin.call(capability)
        assert psutil.Process().memory_info().rss - before < 64 << 20
        assert plugin.call("good") == "sixty-four bytes"


@pytest.mark.parametrize("target", ["lao-outputs", "lao-signals"])
@pytest.mark.parametrize("pause_us", [0, 20, 300])
def test_rubbish_in_the_channel_never_hurts_the_host(host: lao.Host, target: str, pause_us: int) -> None:
    """A plugin overwrites its answers while the host reads them: wrong answers and errors, never a crash or a hang."""
    kinds = {"text": str, "json": object, "tensor": object}
    calls, failures = 0, 0
    seeds = itertools.count()
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        with host.load(build("scribble"), isolation="process", timeout=0.5) as plugin:
            for _ in range(4):
                try:
                    plugin.call("start", seed=next(seeds), target=target, pause_us=pause_us)
                    for capability, kind in [*kinds.items()] * 100:
                        value = plugin.call(capability)
                        assert isinstance(value, kind)
                        repr(value)
                        calls += 1
                except LaoError:  # which one depends on what was overwritten
                    failures += 1
    assert failures > 0 or pause_us > 0
    assert calls > 0 or pause_us == 0
    with host.load(build("echo"), isolation="process") as sound:
        assert sound("hello") == "hello"


def test_a_flood_of_output_does_not_drown_the_host(host: lao.Host, capfd: pytest.CaptureFixture[str]) -> None:
    """A thread of the plugin prints without end: calls go on, the host keeps the newest lines only."""
    with host.load(build("flood"), isolation="process") as plugin:
        before = psutil.Process().memory_info().rss
        assert plugin("begin") == "begin"
        end = time.monotonic() + 1.0
        calls = 0
        while time.monotonic() < end:
            assert plugin("hello") == "hello"
            calls += 1
        assert calls > 100
        assert len(plugin.output) <= 16384
        assert "flood" in plugin.output
        assert psutil.Process().memory_info().rss - before < 32 << 20
    assert "flood" not in capfd.readouterr().out
