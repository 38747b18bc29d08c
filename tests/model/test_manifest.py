"""The manifest: both dialects, every problem at once, and one clear problem for each field that is wrong."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from lao.errors import ManifestError, Problem
from lao.model.kinds import Kind
from lao.model.manifest import (
    LARGEST_MANIFEST,
    check_manifest,
    defaults_of,
    parse_manifest,
    read_manifest,
    require_compatible,
)
from lao.model.manifest_dialects import known_keys
from lao.model.manifest_tables import (
    CapabilityTable,
    Dependency,
    Document,
    Event,
    Permissions,
    PluginTable,
    Resources,
    Table,
)

NESTED = """
[plugin]
name = "MyAwesomePlugin"
version = "1.0.0"
description = "A plugin that does awesome things"
author = "Plugin Developer <contact@example.net>"
license = "MIT"
repository = "https://github.com/user/my-awesome-plugin"
homepage = "https://my-awesome-plugin.com"
keywords = ["ai", "processing", "awesome"]
categories = ["ai-tools", "data-processing"]
min_lao_version = "0.1.0"

[[dependencies]]
name = "SomeDependency"
version = "1.0.0"
optional = false

[[capabilities]]
name = "process"
description = "Process input data"
input_type = "text"
output_type = "json"
output_schema = '{"type": "object"}'
sanitize = ["trim"]
min_bytes = 1
max_bytes = 1000
idempotent = true

[capabilities.params_schema]
type = "object"
properties.width = { type = "integer" }

[permissions]
required = ["read_files", "write_files", "system_access"]
optional = ["network_access"]

[resources]
max_memory_mb = 512
max_cpu_percent = 50.0
network_access = true
file_access = ["./data/", "./cache/"]
disk_quota_mb = 100
max_threads = 4
timeout_s = 2
max_network_requests_per_second = 10
allowed_hosts = ["localhost:11434", "*.example.org", "[::1]:80"]
allowed_commands = ["ffmpeg", "/usr/bin/env"]
runtimes = ["onnx"]
gpu = true

[config_schema]
type = "object"
properties.model_path = { type = "string", description = "Path to model file" }
properties.max_tokens = { type = "integer", default = 2048 }

[[events]]
name = "data_processed"
description = "After each document"
schema = { type = "object" }
"""

FLAT = """
name = "my_plugin"
version = "0.1.0"
description = "d"
author = "Plugin Developer"
license = "MIT"
keywords = ["lao", "plugin"]
categories = ["plugins"]
min_lao_version = "0.1.0"
permissions = ["network_access", "read_files"]
input_schema = { type = "object" }

[[dependencies]]
name = "other"
version = "1.0"
optional = true

[[capabilities]]
name = "inference"
description = "AI inference"
input_type = "text"
output_type = "text"

[resources]
max_memory_mb = 512
max_cpu_percent = 50.0
network_access = false
file_access = ["./data/", "./cache/"]
"""


def problems_of(text: str) -> list[Problem]:
    """The errors (not warnings) of a manifest that is refused."""
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text)
    return [problem for problem in caught.value.problems if problem.severity == "error"]


def test_nested_dialect_whole() -> None:
    manifest = parse_manifest(NESTED)
    assert manifest.dialect == "toml"
    assert manifest.warnings == []
    assert manifest.plugin.name == "MyAwesomePlugin"
    assert manifest.plugin.keywords == ["ai", "processing", "awesome"]
    (capability,) = manifest.capabilities
    assert (capability.input_kind, capability.output_kind) == (Kind.TEXT, Kind.JSON)
    assert capability.output_schema == {"type": "object"}
    assert capability.params_schema == {"type": "object", "properties": {"width": {"type": "integer"}}}
    assert capability.idempotent
    assert (capability.sanitize, capability.min_bytes, capability.max_bytes) == (("trim",), 1, 1000)
    assert manifest.permissions.requested == {"read_files", "write_files", "system_access", "network_access"}
    assert manifest.resources.timeout_s == 2.0
    assert manifest.resources.allowed_hosts == ["localhost:11434", "*.example.org", "[::1]:80"]
    assert manifest.resources.gpu
    assert manifest.events[0].payload_schema == {"type": "object"}
    assert defaults_of(manifest.config_schema) == {"max_tokens": 2048}
    assert check_manifest(manifest) == []


def test_a_bare_dependency_version_is_a_caret_range() -> None:
    dependency = parse_manifest(NESTED).dependencies[0]
    assert "1.9.0" in dependency.range
    assert "2.0.0" not in dependency.range
    assert not dependency.optional


def test_flat_dialect_whole() -> None:
    manifest = parse_manifest(FLAT)
    assert manifest.dialect == "toml-flat"
    assert manifest.warnings == []
    assert manifest.plugin.author == "Plugin Developer"
    assert manifest.permissions.required == ["network_access", "read_files"]
    assert manifest.permissions.optional == []
    assert manifest.capabilities[0].input_schema == {"type": "object"}
    assert manifest.dependencies[0].optional
    assert manifest.resources.max_memory_mb == 512


def test_least_manifest() -> None:
    manifest = parse_manifest('[plugin]\nname = "a"\nversion = "1.0.0"\n')
    assert manifest.capabilities == ()
    assert manifest.resources.network_access is None
    assert manifest.resources.file_access == ["./"]
    assert {problem.key for problem in check_manifest(manifest)} == {"plugin.description", "capabilities"}


# --- every field wrong in turn; the cases come from the models, so that a new key cannot be forgotten ---

WRONG_VALUES: dict[str, list[Any]] = {
    "plugin.name": ["../x", "", "a" * 65],
    "plugin.version": ["1.0", "one"],
    "plugin.min_lao_version": ["new"],
    "plugin.author": ["a\x1b[2J"],
    "plugin.license": ["a\nb"],
    "plugin.description": ["a\x07"],
    "plugin.repository": ["javascript:alert(1)", "github.com/user/x"],
    "plugin.homepage": ["file:///etc/passwd"],
    "plugin.keywords": [["", "b"], [1], "ai"],
    "plugin.categories": [["c" * 65]],
    "plugin.example_prompts": [[1]],
    "capabilities[0].sanitize": ["trim", ["htmlescape"]],
    "capabilities[0].min_bytes": [-1, 1.5],
    "capabilities[0].max_value": [float("inf"), float("nan")],
    "dependencies[0].name": ["a/b"],
    "dependencies[0].version": ["latest", ">=1 <2"],
    "capabilities[0].name": ["", "a b"],
    "capabilities[0].input_type": ["txt"],
    "capabilities[0].output_type": ["Txet"],
    "capabilities[0].input_schema": ["{", "[]", {"type": "strin"}],
    "capabilities[0].output_schema": [{"$ref": "http://localhost/x"}, {"minLength": -1}],
    "capabilities[0].params_schema": [{"type": "array"}, {"pattern": "(?=a)"}],
    "permissions.required": [["read_file"], "read_files"],
    "permissions.optional": [["everything"]],
    "resources.max_memory_mb": [0, -1, 1.5, 2**60],
    "resources.max_cpu_percent": [0, -0.5, float("nan"), float("inf")],
    "resources.file_access": [["/etc"], ["../x"], ["a/../../x"], ["C:\\x"], ["~/x"], [""]],
    "resources.disk_quota_mb": [-1],
    "resources.max_threads": [0],
    "resources.timeout_s": [0],
    "resources.max_network_requests_per_second": [0],
    "resources.allowed_hosts": [["https://a.b/c"], ["a b"], ["a:99999"], [""]],
    "resources.allowed_commands": [["rm -rf /"], [""], ["../x"]],
    "resources.runtimes": [["../onnx"]],
    "config_schema": [{"type": "string"}, {"properties": {"a": 5}}],
    "events[0].name": ["workflow_started", "a b"],
    "events[0].schema": ["nope"],
}

TABLES: dict[str, type[Table]] = {
    "plugin": PluginTable,
    "dependencies[0]": Dependency,
    "capabilities[0]": CapabilityTable,
    "permissions": Permissions,
    "resources": Resources,
    "events[0]": Event,
}


def _all_keys() -> list[str]:
    keys = [f"{table}.{key}" for table, model in TABLES.items() for key in known_keys(model)]
    return keys + known_keys(Document)


def _wrong_type(key: str, example: object) -> object:
    if key.endswith(("min_value", "max_value")):
        return "five"
    return 5 if isinstance(example, (str, list, dict, bool)) or example is None else "five"


def _set(document: dict[str, Any], key: str, value: object) -> None:
    target: Any = document
    *way, last = key.replace("[0]", ".0").split(".")
    for part in way:
        target = target[int(part)] if part.isdigit() else target.setdefault(part, {})
    target[last] = value


def _get(document: dict[str, Any], key: str) -> Any:
    target: Any = document
    for part in key.replace("[0]", ".0").split("."):
        target = target[int(part)] if isinstance(target, list) else target.get(part)
    return target


CASES = [(key, None) for key in _all_keys()] + [
    (key, value) for key, values in WRONG_VALUES.items() for value in values
]


@pytest.mark.parametrize(("key", "value"), CASES, ids=lambda case: repr(case)[:50])
def test_each_wrong_field_gives_one_clear_problem(key: str, value: Any) -> None:
    document = tomllib.loads(NESTED)
    _set(document, key, _wrong_type(key, _get(document, key)) if value is None else value)
    (problem,) = problems_of(tomlkit.dumps(document))
    assert problem.file == "plugin.toml"
    assert problem.key == key or problem.key.startswith((f"{key}[", f"{key}.")), problem
    assert problem.message
    assert "\x1b" not in problem.message
    assert problem.fix, f"{problem} has no fix"


@pytest.mark.parametrize("key", [key for key in _all_keys() if key not in known_keys(Document)])
def test_each_key_is_known_and_has_an_example(key: str) -> None:
    table, _, name = key.rpartition(".")
    info = {field.alias or field_name: field for field_name, field in TABLES[table].model_fields.items()}[
        name
    ]
    assert info.examples
    document = tomllib.loads(NESTED)
    _set(document, key, info.examples[0])
    if key == "permissions.required":
        document["permissions"].pop("optional")
    assert parse_manifest(tomlkit.dumps(document)).warnings == []


@pytest.mark.parametrize(
    "key",
    [
        "plugin.name",
        "plugin.version",
        "capabilities[0].name",
        "capabilities[0].input_type",
        "dependencies[0].name",
    ],
)
def test_each_missing_field(key: str) -> None:
    document = tomllib.loads(NESTED)
    table, _, name = key.rpartition(".")
    del _get(document, table)[name]
    (problem,) = problems_of(tomlkit.dumps(document))
    assert (problem.key, problem.message) == (key, "it is missing")
    assert problem.fix.startswith(f"add for example `{name} = ")


FLAT_KEYS = [
    "name",
    "version",
    "author",
    "keywords",
    "permissions",
    "resources",
    "dependencies",
    "input_schema",
]


@pytest.mark.parametrize("key", FLAT_KEYS)
def test_problems_of_the_flat_dialect_name_the_keys_as_written(key: str) -> None:
    document = tomllib.loads(FLAT)
    document[key] = 5
    (problem,) = problems_of(tomlkit.dumps(document))
    assert problem.key == key


def test_a_wrong_permission_in_the_flat_dialect() -> None:
    (problem,) = problems_of(FLAT.replace('"read_files"', '"read_file"'))
    assert problem.key == "permissions[1]"
    assert problem.fix == "did you mean `read_files`?"


def test_all_problems_come_at_once() -> None:
    text = """
    [plugin]
    name = "../x"
    version = 1
    keyword = []
    [capabilities]
    [resources]
    max_memory_mb = "512"
    file_access = ["/etc", "../x"]
    """
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text, file="a/plugin.toml")
    error = caught.value
    assert [problem.key for problem in error.problems] == [
        "plugin.name",
        "plugin.version",
        "capabilities",
        "resources.max_memory_mb",
        "resources.file_access[0]",
        "resources.file_access[1]",
        "plugin.keyword",
    ]
    assert [problem.severity for problem in error.problems] == ["error"] * 6 + ["warning"]
    assert error.message == "the manifest `a/plugin.toml` has 6 problems"
    assert len(error.causes) == 6


@pytest.mark.parametrize(
    ("extra", "key", "fix"),
    [
        ("[plugin]\nautor = 'x'", "plugin.autor", "did you mean `author`?"),
        ("[plugin]\ngpu = true", "plugin.gpu", "it belongs in [resources]"),
        ("[resource]\nx = 1\n[plugin]", "resource", "did you mean `resources`?"),
        ("[zzz]\n[plugin]", "zzz", "remove it; LAO ignores it"),
        ("name = 'x'\n[plugin]", "name", "it belongs in [plugin]"),
        ("[plugin]\n'a.b\x1b'=1".replace("\x1b", ""), "plugin.a.b", "remove it; LAO ignores it"),
    ],
)
def test_unknown_keys_warn_with_a_suggestion(extra: str, key: str, fix: str) -> None:
    text = extra.replace("[plugin]", '[plugin]\nname = "a"\nversion = "1.0.0"')
    (warning,) = parse_manifest(text).warnings
    assert (warning.key, warning.fix, warning.severity) == (key, fix, "warning")


def test_unknown_keys_in_lists_of_tables_and_flat_files() -> None:
    text = FLAT.replace("[[capabilities]]", "[[capabilities]]\ninputtype = 'x'").replace("author", "Author")
    assert [(w.key, w.fix) for w in parse_manifest(text).warnings] == [
        ("Author", "did you mean `author`?"),
        ("capabilities[0].inputtype", "did you mean `input_type`?"),
    ]


def test_the_flat_dialect_forgives_what_the_old_host_never_read() -> None:
    text = FLAT.replace('version = "0.1.0"\ndesc', 'version = "1.0"\ndesc').replace(
        'output_type = "text"', 'output_type = "spreadsheet"'
    )
    manifest = parse_manifest(text)
    assert manifest.plugin.version == "1.0.0"
    assert manifest.capabilities[0].output_kind is Kind.ANY
    assert [w.key for w in manifest.warnings] == ["version", "capabilities[0].output_type"]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("[plugin\nx = 1", "plugin.toml:1:8", "expected ']' at the end of a table declaration"),
        ("a = 1\na = 2", "plugin.toml:2:6", "cannot overwrite a value"),
        ('x = "', "plugin.toml:1:6", "unterminated string"),
        ("x = [\n1,\n", "plugin.toml:3:1", "invalid value"),
        ("x = {a = 1\n}", "plugin.toml:1:11", "unclosed inline table"),
    ],
)
def test_wrong_syntax_gives_line_and_column(text: str, place: str, message: str) -> None:
    (problem,) = problems_of(text)
    assert problem.file == place
    assert problem.message.startswith(message)


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = " + "9" * 6000], ids=["deep", "huge number"])
def test_hostile_toml(text: str) -> None:
    assert len(problems_of(text)) == 1


def test_an_empty_file_says_what_to_add() -> None:
    (problem,) = problems_of("")
    assert (problem.key, problem.message, problem.fix) == ("plugin", "it is missing", "add `[plugin]`")


def test_duplicates_and_self_dependency() -> None:
    document = tomllib.loads(NESTED)
    for table in ("capabilities", "dependencies", "events"):
        document[table].append(copy.deepcopy(document[table][0]))
    document["dependencies"][1]["name"] = "some_dependency"
    document["dependencies"].append({"name": "my-awesome-plugin"})
    document["dependencies"][0]["name"] = "Some-Dependency"
    document["plugin"]["name"] = "My_Awesome-Plugin"
    keys = [problem.key for problem in problems_of(tomlkit.dumps(document))]
    assert keys == ["dependencies[1].name", "capabilities[1].name", "events[1].name", "dependencies[2].name"]


def test_schema_problems_point_into_the_schema() -> None:
    (problem,) = problems_of(NESTED.replace('type = "integer", default', 'type = "int", default'))
    assert problem.key == "config_schema.properties.max_tokens.type"
    assert problem.message == "`int` is not a JSON type"
    (problem,) = problems_of(NESTED.replace("default = 2048", "default = 2020-01-01"))
    assert problem.key == "config_schema.properties.max_tokens.default"


def test_schemas_are_never_fetched() -> None:
    (problem,) = problems_of(
        NESTED.replace("schema = { type", 'schema = { "$ref" = "http://127.0.0.1:9/x", type')
    )
    assert problem.key == "events[0].schema.$ref"
    assert problem.message == "it refers to another document"


# --- what is checked beyond the shape ---


def _warned(text: str) -> dict[str, str]:
    return {problem.key: problem.severity for problem in check_manifest(parse_manifest(text))}


def test_network_access_false_beside_the_permission_is_reported() -> None:
    text = NESTED.replace("network_access = true", "network_access = false")
    assert _warned(text) == {"resources.network_access": "warning"}


def test_bounds_without_their_permission_are_reported() -> None:
    text = NESTED.replace('optional = ["network_access"]', "")
    text = text.replace('["read_files", "write_files", "system_access"]', "[]")
    assert set(_warned(text)) == {
        "resources.network_access",
        "resources.allowed_hosts",
        "resources.max_network_requests_per_second",
        "resources.allowed_commands",
        "resources.file_access",
    }


def test_other_doubts() -> None:
    text = NESTED.replace('output_type = "json"', 'output_type = "text"').replace(
        '["onnx"]', '["onnx", "tpu"]'
    )
    text = text.replace('optional = ["network_access"]', 'optional = ["network_access", "read_files"]')
    assert {
        "capabilities[0].output_schema",
        "resources.runtimes[1]",
        "permissions.optional",
    } <= set(_warned(text))


@pytest.mark.parametrize(
    ("kind", "extra", "key"),
    [
        ("text", "min_bytes = 5\nmax_bytes = 4", "max_bytes"),
        ("tensor", "min_value = 1.0\nmax_value = 0.5", "max_value"),
        ("text", "max_value = 1.0", "max_value"),
        ("file", "max_bytes = 10", "max_bytes"),
        ("none", "min_bytes = 1", "min_bytes"),
        ("image", 'sanitize = ["nfc"]', "sanitize"),
    ],
)
def test_bounds_that_bound_nothing(kind: str, extra: str, key: str) -> None:
    head = '[plugin]\nname = "a"\nversion = "1.0.0"\ndescription = "d"\n'
    text = f'{head}[[capabilities]]\nname = "a"\ninput_type = "{kind}"\noutput_type = "text"\n{extra}\n'
    assert _warned(text) == {f"capabilities[0].{key}": "warning"}


def test_a_schema_that_asks_without_end_is_refused() -> None:
    twice = {
        f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]} for i in range(40)
    }
    document = tomllib.loads(NESTED)
    bomb = {"type": "object", "$defs": {**twice, "d40": {"type": "string"}}, "$ref": "#/$defs/d0"}
    for key in ("capabilities[0].params_schema", "config_schema", "events[0].schema"):
        _set(document, key, bomb)
        (problem,) = problems_of(tomlkit.dumps(document))
        assert problem.key == key
        assert "take too long" in problem.message
        document = tomllib.loads(NESTED)


def test_a_default_that_its_schema_refuses_is_an_error() -> None:
    text = NESTED.replace("default = 2048", 'default = "many"')
    assert _warned(text)["config_schema.properties.max_tokens.default"] == "error"


@pytest.mark.parametrize(("text", "key"), [(NESTED, "plugin.min_lao_version"), (FLAT, "min_lao_version")])
def test_a_newer_lao_is_refused(text: str, key: str) -> None:
    manifest = parse_manifest(text.replace('min_lao_version = "0.1.0"', 'min_lao_version = "99.0.0"'))
    (problem,) = [problem for problem in check_manifest(manifest) if problem.severity == "error"]
    assert problem.key == key
    with pytest.raises(ManifestError) as caught:
        require_compatible(manifest)
    assert "it needs LAO 99.0.0; this is LAO" in str(caught.value)
    require_compatible(parse_manifest(text))


# --- files ---


def test_read_manifest(tmp_path: Path) -> None:
    file = tmp_path / "plugin.toml"
    file.write_bytes(b"\xef\xbb\xbf" + NESTED.replace("\n", "\r\n").encode())
    assert read_manifest(file).plugin.name == "MyAwesomePlugin"
    assert read_manifest(file).file == str(file)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'[plugin]\nname = "\xff"', "it is not UTF-8 text"),
        (b"#" * (LARGEST_MANIFEST + 1), "it is larger than 1048576 bytes"),
        (b"\x7fELF\0\0", "found invalid"),
    ],
)
def test_files_that_are_no_manifest(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "plugin.toml"
    file.write_bytes(data)
    with pytest.raises(ManifestError) as caught:
        read_manifest(file)
    (problem,) = caught.value.problems
    assert message in problem.message or "invalid" in problem.message
    if b"\xff" in data:
        assert problem.file == f"{file}:2:9"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such file"):
        read_manifest(tmp_path / "plugin.toml")
    with pytest.raises(ManifestError, match="is a directory"):
        read_manifest(tmp_path)


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(_all_keys()), _values)
def test_any_value_anywhere_is_read_or_a_manifest_error(key: str, value: Any) -> None:
    document = tomllib.loads(NESTED)
    _set(document, key, value)
    try:
        text = tomlkit.dumps(document)
        tomllib.loads(text)
    except (
        TypeError,
        ValueError,
        tomlkit.exceptions.TOMLKitError,
    ):  # what TOML cannot hold, or tomlkit cannot write, is not this test's
        return
    try:
        check_manifest(parse_manifest(text))
    except ManifestError as error:
        unclear = [problem for problem in error.problems if not problem.message]
    else:
        unclear = []
    assert not unclear
