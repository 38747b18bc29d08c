"""What the code declares is written into the manifest by the build, and nothing else is touched."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lao.authoring import build_checked, find_source, validate
from lao.authoring.declared import BEGIN, END, canonical, with_declared
from lao.build import build
from lao.errors import ManifestError
from lao.host import PluginInfo
from lao.model.capability import Capability
from lao.model.declared_event import DeclaredEvent
from lao.model.kinds import Kind
from lao.model.manifest import parse_manifest
from lao.templates import create_project

HEAD = '[plugin]\nname = "x"\nversion = "1.0.0"\n'
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "odd name": {"type": "string", "default": 'a "b" \\ ä\n', "description": "x"},
        "ratio": {"minimum": 0, "type": "number", "default": 1},
        "steps": {
            "type": "array",
            "items": {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]},
        },
    },
    "additionalProperties": False,
}


def info(**changed: Any) -> PluginInfo:
    one = Capability(
        name="run", input_kind=Kind.TEXT, output_kind=Kind.JSON, params_schema=SCHEMA, idempotent=True
    )
    made = PluginInfo(
        name="x", version="1.0.0", description="", abi="lao/1", library=Path("x.so"), digest="", isolation="process",
        thread_role="full", capabilities=(one,), aliases=(), warnings=(), relaxed=False, config_schema=SCHEMA,
        events=(DeclaredEvent("done", "When", {"type": "object"}),),
    )  # fmt: skip
    return replace(made, **changed)


def test_what_is_written_reads_back_the_same() -> None:
    text = with_declared(HEAD, info())
    assert text.startswith(HEAD)
    manifest = parse_manifest(text)
    assert manifest.capabilities[0].params_schema == canonical(SCHEMA)
    assert manifest.capabilities[0].idempotent
    assert list(manifest.capabilities[0].params_schema or ()) == [
        "type",
        "properties",
        "additionalProperties",
    ]
    assert manifest.config_schema == canonical(SCHEMA)
    assert [(one.name, one.description, one.payload_schema) for one in manifest.events] == [
        ("done", "When", {"type": "object"})
    ]
    assert with_declared(text, info()) == text


def test_only_what_lies_between_the_marks_changes() -> None:
    text = with_declared(HEAD, info()) + "\n[permissions]\nrequired = []  # none\n"
    other = info(
        capabilities=(Capability(name="other", input_kind=Kind.BINARY, output_kind=Kind.ANY),), events=()
    )
    changed = with_declared(text, other)
    manifest = parse_manifest(changed)
    assert [one.name for one in manifest.capabilities] == ["other"]
    assert manifest.events == ()
    assert changed.startswith(HEAD)
    assert changed.endswith(f"{END}\n\n[permissions]\nrequired = []  # none\n")
    assert with_declared(changed, info()) == text


def test_what_only_the_manifest_can_say_stays() -> None:
    text = with_declared(HEAD, info()).replace(
        'output_type = "json"\n', 'output_type = "json"\nsanitize = ["trim"]\nmax_bytes = 100\n'
    )
    changed = with_declared(text, info(config_schema=None))
    (capability,) = parse_manifest(changed).capabilities
    assert (capability.sanitize, capability.max_bytes) == (("trim",), 100)
    assert "config_schema" not in changed


def test_what_was_written_by_hand_is_left_alone() -> None:
    by_hand = HEAD + '[[capabilities]]\nname = "run"\ninput_type = "text"\noutput_type = "json"\n'
    assert with_declared(by_hand, info()) == by_hand
    settings = HEAD + '[config_schema]\ntype = "object"\n'
    manifest = parse_manifest(with_declared(settings, info()))
    assert manifest.config_schema == {"type": "object"}
    assert [one.name for one in manifest.capabilities] == ["run"]


def test_a_file_with_the_line_breaks_of_windows_keeps_them() -> None:
    text = with_declared(HEAD.replace("\n", "\r\n"), info())
    assert text.count("\n") == text.count("\r\n")


def test_libraries_of_lao_0x_declare_nothing() -> None:
    assert with_declared(HEAD, info(abi="lao/0.x")) == HEAD


@pytest.mark.parametrize(
    "broken", [f"{BEGIN}\n", f"{END}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{END}\n{BEGIN}\n"]
)
def test_marks_that_do_not_fit_together(broken: str) -> None:
    with pytest.raises(ManifestError, match="not valid") as failure:
        with_declared(HEAD + broken, info())
    assert "marks" in str(failure.value.problems[0])


def test_a_null_cannot_be_said() -> None:
    with pytest.raises(ManifestError, match="cannot say"):
        with_declared(HEAD, info(config_schema={"type": "object", "properties": {"a": {"default": None}}}))


def test_one_form_of_equal_schemas() -> None:
    one = {"type": "number", "default": 1, "minimum": 0}
    assert json.dumps(canonical(one)) == '{"type": "number", "default": 1.0, "minimum": 0.0}'
    assert (
        json.dumps(canonical({"type": "integer", "maximum": 1e6}))
        == '{"type": "integer", "maximum": 1000000}'
    )
    named = {"type": "object", "properties": {"default": {"type": "integer", "default": 1.0}}}
    assert canonical(named)["properties"]["default"] == {"type": "integer", "default": 1}


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_a_build_writes_it(tmp_path: Path, language: str) -> None:
    directory = tmp_path / "plugins" / "sample"
    create_project("sample", directory, language=language, author="A", description="B")
    manifest = directory / "plugin.toml"
    as_created = manifest.read_text("utf-8")
    begin, end = as_created.index(BEGIN), as_created.index(END) + len(END)
    manifest.write_text(as_created[:begin] + as_created[end:], "utf-8")
    problems = validate(find_source(directory))
    assert ("error", "run `lao plugin build`") in {(one.severity, one.fix) for one in problems}
    result = build_checked(find_source(directory))
    assert result.manifest_written
    assert not build_checked(find_source(directory)).manifest_written
    assert manifest.read_text("utf-8").rstrip() == as_created.rstrip()
    assert [one.name for one in result.manifest.capabilities] == ["process", "analyze"]
    assert validate(find_source(directory)) == []


def test_code_that_changed_is_written_anew(tmp_path: Path) -> None:
    directory = tmp_path / "plugins" / "sample"
    create_project("sample", directory, language="cpp", author="A", description="B")
    project = find_source(directory)
    build_checked(project)
    source = directory / "src" / "plugin.cpp"
    source.write_text(source.read_text("utf-8").replace('"max_length", 1000000', '"max_length", 7'), "utf-8")
    build(project)
    assert [one.fix for one in validate(project)] == ["run `lao plugin build`"]
    settings = build_checked(project).manifest.config_schema
    assert settings is not None
    assert settings["properties"]["max_length"]["default"] == 7
    assert validate(project) == []
