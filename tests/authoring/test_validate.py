"""`validate` lists every problem, and `build` refuses a manifest that is not what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from lao.authoring import build_checked, find_source, validate
from lao.authoring.declared import BEGIN, END
from lao.build import BuildFailed
from lao.errors import InvalidInput, ManifestError
from lao.templates import create_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "plugins" / "sample"
    create_project("sample", directory, language="c", author="A", description="B")
    return directory


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def by_hand(file: Path) -> None:
    """Takes away the marks, so that nothing is written into the manifest."""
    edit(file, f"{BEGIN}\n", "")
    edit(file, f"{END}\n", "")


def test_every_difference_between_manifest_and_code(project: Path) -> None:
    by_hand(project / "plugin.toml")
    edit(project / "plugin.toml", 'name = "analyze"', 'name = "analyse"')
    edit(project / "plugin.toml", 'output_type = "text"', 'output_type = "binary"')
    edit(project / "plugin.toml", "properties.trim", "properties.strip")
    problems = validate(find_source(project))
    assert {(problem.key, problem.severity) for problem in problems} == {
        ("capabilities[0].output_type", "error"),
        ("capabilities[0].params_schema", "error"),
        ("capabilities[1].name", "error"),
        ("capabilities", "error"),
    }
    assert all(problem.fix for problem in problems)
    with pytest.raises(ManifestError, match="not what its manifest says") as failure:
        build_checked(find_source(project))
    assert [str(problem) for problem in failure.value.problems] == list(failure.value.causes)


def test_a_version_in_the_code_that_is_not_the_manifests(project: Path) -> None:
    edit(project / "src" / "plugin.c", ".version = LAO_PLUGIN_VERSION", '.version = "9.9.9"')
    (problem,) = validate(find_source(project))
    assert problem.key == "plugin.version"
    assert "9.9.9" in problem.message


def test_manifest_problems_come_all_at_once(project: Path) -> None:
    edit(project / "plugin.toml", 'version = "0.1.0"', 'version = "one"')
    edit(project / "plugin.toml", 'input_type = "text"', 'input_type = "txet"')
    problems = validate(find_source(project))
    keys = [problem.key for problem in problems if problem.severity == "error"]
    assert "plugin.version" in keys
    assert "capabilities[0].input_type" in keys


def test_permissions_and_newer_lao(project: Path) -> None:
    edit(project / "plugin.toml", "required = []", 'required = ["network_access"]')
    edit(project / "plugin.toml", "max_memory_mb = 256", "network_access = false")
    edit(project / "plugin.toml", 'min_lao_version = "0.1.0"', 'min_lao_version = "99.0.0"')
    problems = validate(find_source(project))
    assert any("network_access" in str(problem) for problem in problems)
    assert any(
        problem.key.endswith("min_lao_version") and problem.severity == "error" for problem in problems
    )


def test_a_compiler_error_is_whole(project: Path) -> None:
    edit(
        project / "src" / "text.c",
        '#include "text.h"',
        '#include "text.h"\nint first = nowhere;\nint again = no_such_thing;',
    )
    (problem,) = validate(find_source(project))
    assert problem.severity == "error"
    assert "nowhere" in problem.message
    assert "no_such_thing" in problem.message
    with pytest.raises(BuildFailed) as failure:
        build_checked(find_source(project))
    assert "no_such_thing" in failure.value.output


def test_a_library_without_the_entry(project: Path) -> None:
    edit(project / "src" / "plugin.c", "LAO_CALL lao_plugin_entry", "LAO_CALL some_other_entry")
    (problem,) = [one for one in validate(find_source(project)) if one.severity == "error"]
    assert "lao_plugin_entry" in problem.message


def test_problems_of_a_crate(tmp_path: Path) -> None:
    create_project("sample", tmp_path / "x", language="rust", author="A", description="B")
    edit(tmp_path / "x" / "Cargo.toml", 'version = "0.1.0"\nedition', 'version = "0.2.0"\nedition')
    edit(tmp_path / "x" / "src" / "text.rs", "text.len()", "text.length()")
    version, code = validate(find_source(tmp_path / "x"))
    assert (version.key, version.severity) == ("package.version", "warning")
    assert "length" in code.message
    assert code.severity == "error"


def test_find_source(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_source("sample").directory == project
    assert find_source("SAMPLE").directory == project
    assert find_source(project).tool == "cmake"
    monkeypatch.chdir(project)
    assert find_source(".").directory == project
    for nothing in ("nothing", "../..", "a/b"):
        with pytest.raises(InvalidInput):
            find_source(nothing)
