"""The conformance test finds each fault that it promises to find, and none in a sound plugin."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lao.authoring import Check
from lao.authoring import conformance as module
from lao.authoring.conformance import conformance
from lao.authoring.samples import hard_samples, samples_of_other_kinds
from lao.model.kinds import Kind
from lao.model.values import Text
from lao.paths import include_dir
from tests import plugins

SOURCE = Path(__file__).with_name("faulty.c")
EXTENSIONS = Path(__file__).with_name("faulty_extensions.c")
Compile = Callable[..., Path]


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    def compile_with(fault: str, source: Path = SOURCE, *more: str) -> Path:
        library = tmp_path / f"libfaulty_{fault.lower()}.so"
        flags = [
            "-std=c11",
            "-O1",
            "-fPIC",
            "-shared",
            "-Wall",
            "-Wextra",
            "-Werror",
            f"-DFAULT={fault}",
            *more,
        ]
        command = [os.environ.get("CC", "cc"), *flags, f"-I{include_dir()}", str(source), "-o", str(library)]
        subprocess.run(command, check=True)
        return library

    return compile_with


def failures(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.detail for check in checks if check.failed}


def test_a_sound_plugin_passes(compiled: Compile) -> None:
    seen: list[Check] = []
    checks = conformance(compiled("SOUND"), None, seed=1, on_check=seen.append)
    assert failures(checks) == {}
    assert seen == checks
    assert {check.name: check.detail for check in checks if check.outcome == "skipped"} == {
        "manifest against library": "there is no manifest"
    }


@pytest.mark.parametrize(
    ("fault", "check", "said"),
    [
        ("LEAK", "shout: memory", "goes on growing"),
        ("LEAK_INSTANCE", "300 instances made and ended", "bytes behind"),
        ("CRASH_ON_EMPTY", "shout: empty, huge and random inputs", "empty text"),
        ("NOT_THREAD_SAFE", "shout: 4 threads (role full)", "another result than alone"),
        ("WRONG_KIND", "shout: ordinary input", "declares text"),
        ("OPEN_PARAMS", "shout: wrong parameters", "one was accepted"),
    ],
)
def test_each_fault_is_found(compiled: Compile, fault: str, check: str, said: str) -> None:
    found = failures(conformance(compiled(fault), None, seed=1))
    assert list(found) == [check]
    assert said in found[check]


@pytest.mark.parametrize(
    ("fault", "check", "said"),
    [
        ("SOUND", None, ""),
        ("FORGETS_A_REQUEST", "sizes: batches", ""),
        ("CRASH_ON_NO_PART", "joined: no part", "SIGSEGV"),
        ("CRASH_ON_STATE", "state: short and random bytes", "SIGSEGV"),
        ("TAKES_EVERY_VERSION", "state: of another version", "a version that it does not know"),
        ("REFUSES_ITS_OWN", "state: taken over", "it does not take what it saved"),
        ("ILL", "health", "it is ill"),
        ("CRASH_ON_SETTINGS", "settings that do not change", "SIGSEGV"),
        ("CRASH_ON_EVENT", "events", "SIGSEGV"),
    ],
)
def test_each_fault_of_the_extensions_is_found(
    compiled: Compile, fault: str, check: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_probe", lambda *_: iter(()))  # it has tests of its own
    found = failures(conformance(compiled(fault, EXTENSIONS), None, seed=1))
    assert list(found) == ([check] if check else [])
    assert said in "".join(found.values())


def test_a_plugin_that_does_not_answer_after_a_cancel(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CALL_TIMEOUT_S", 1.5)
    found = failures(conformance(compiled("DEAF"), None, seed=1))
    assert list(found) == ["shout: cancel"]


@pytest.mark.parametrize(
    ("fault", "check"), [("SOUND", None), ("LEAK", "shout: memory"), ("WRONG_KIND", "shout: ordinary input")]
)
def test_the_authors_input_counts_where_others_are_refused(
    compiled: Compile, fault: str, check: str | None
) -> None:
    library = compiled(fault, SOURCE, "-DPICKY")
    blind = conformance(library, None, seed=1)
    assert failures(blind) == {}
    assert "4 threads" in " ".join(check.name for check in blind if check.outcome == "skipped")
    checks = conformance(library, None, seed=1, read_input=lambda _: Text("open sesame"))
    assert list(failures(checks)) == ([check] if check else [])
    if not check:
        assert [one.name for one in checks if one.outcome == "skipped"] == ["manifest against library"]


def test_a_library_of_lao_0x() -> None:
    checks = conformance(plugins.build("v0/echo"), None, seed=1)
    assert failures(checks) == {}
    assert any(check.name.endswith("memory") and check.outcome == "passed" for check in checks)


def test_what_is_no_plugin(tmp_path: Path) -> None:
    file = tmp_path / "libtext.so"
    file.write_text("not a library")
    (check,) = conformance(file, None, seed=1)
    assert check.failed
    assert "not a shared library" in check.detail


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in (Kind.NONE, Kind.VIDEO)])
def test_a_seed_repeats_its_inputs(tmp_path: Path, kind: Kind) -> None:
    def inputs(seed: int) -> list[tuple[str, str]]:
        return [(sample.label, repr(sample.value)) for sample in hard_samples(kind, tmp_path, seed)]

    assert inputs(7) == inputs(7)
    if kind in (Kind.TEXT, Kind.JSON, Kind.BINARY, Kind.ANY):
        assert inputs(7) != inputs(8)
    labels = [sample.label for sample in samples_of_other_kinds(kind, tmp_path)]
    assert "no input" in labels
    assert len(labels) == len(set(labels)) >= 6
