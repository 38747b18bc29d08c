"""Settings against their JSON Schema: checked all at once, with defaults."""

from lao.model.json_schema import check_config, defaults_of

SCHEMA = {
    "type": "object",
    "properties": {
        "max_tokens": {"type": "integer", "minimum": 1},
        "mode": {"enum": ["fast", "good"]},
        "nested": {"type": "object", "properties": {"x": {"default": 1}, "y": {}}},
    },
    "required": ["mode"],
}


def test_settings_are_checked_all_at_once() -> None:
    problems = check_config(SCHEMA, {"max_tokens": "many", "max_token": 3, "nested": []})
    assert {(p.key, p.message, p.severity) for p in problems} == {
        ("max_tokens", "it must be an integer, not a string", "error"),
        ("nested", "it must be an object, not a list", "error"),
        ("mode", "it is missing", "error"),
        ("max_token", "the plugin has no such setting", "warning"),
    }
    assert check_config(SCHEMA, {"mode": "fast", "max_tokens": 4096}) == []
    (problem,) = check_config(SCHEMA, {"mode": "bad"})
    assert problem.message == "it must be one of `fast`, `good`"
    assert check_config(None, {"anything": 1}) == []


def test_forbidden_settings_are_errors_with_a_suggestion() -> None:
    (problem,) = check_config({**SCHEMA, "additionalProperties": False}, {"mode": "fast", "max-tokens": 1})
    assert (problem.key, problem.severity, problem.fix) == (
        "max-tokens",
        "error",
        "did you mean `max_tokens`?",
    )


def test_defaults() -> None:
    assert defaults_of(SCHEMA) == {"nested": {"x": 1}}
    assert defaults_of(None) == {}
    assert defaults_of({"properties": 5}) == {}
    schema = {"properties": {"l": {"default": [1]}}}
    defaults_of(schema)["l"].append(2)
    assert defaults_of(schema) == {"l": [1]}
