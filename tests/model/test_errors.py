"""Errors keep their fields, print their causes, and survive pickling."""

import pickle

import pytest

from lao import errors
from lao.errors import LaoError, ManifestError, PluginDisabled, PluginNotFound, Problem

ALL = [getattr(errors, name) for name in errors.__all__ if name != "Problem"]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_common_fields_and_text(kind: type[LaoError]) -> None:
    error = kind("it failed", causes=["first", "second"], where="a/b", hint="run `x`")
    assert isinstance(error, LaoError)
    assert str(error) == "it failed: first: second"
    assert (error.message, error.causes, error.where, error.hint) == (
        "it failed",
        ("first", "second"),
        "a/b",
        "run `x`",
    )
    assert str(kind("it failed")) == "it failed"


OWN_FIELDS: dict[str, dict[str, object]] = {
    "ManifestError": {"problems": [Problem("plugin.toml", "plugin.name", "it is missing")]},
    "PluginNotFound": {"name": "Ecko", "suggestions": ("Echo",)},
    "PluginDisabled": {"name": "Echo"},
    "PluginError": {"status": 6},
    "PluginCrashed": {"signal": 11, "exit_code": None, "stderr_tail": "boom"},
    "WorkerRestarted": {"caused_by": "another call"},
    "PluginTimeout": {"timeout_s": 1.5},
    "ResourceLimitExceeded": {"limit": "max_memory_mb", "used": 600.0, "allowed": 512.0},
}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_pickle_keeps_every_field(kind: type[LaoError]) -> None:
    own = OWN_FIELDS.get(kind.__name__, {})
    error = kind("it failed", causes=["why"], where="w", hint="h", **own)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == "it failed: why"
    for field in ("causes", "where", "hint", *own):
        assert getattr(copy, field) == getattr(error, field), field
    for field, value in own.items():
        assert getattr(copy, field) == value


def test_standard_bases() -> None:
    assert issubclass(errors.InvalidInput, ValueError)
    assert issubclass(errors.PluginTimeout, TimeoutError)
    assert not issubclass(errors.PermissionDenied, PermissionError)
    for kind in (errors.AbiMismatch, PluginNotFound, PluginDisabled):
        assert issubclass(kind, errors.PluginLoadError)


def test_hints_that_make_themselves() -> None:
    assert (
        PluginNotFound("no plugin `Ecko`", name="Ecko", suggestions=["Echo"]).hint == "did you mean `Echo`?"
    )
    assert PluginNotFound("no plugin `Ecko`", suggestions=["Echo"], hint="own").hint == "own"
    assert PluginDisabled("off", name="Echo").hint == "run `lao plugin toggle Echo true`"


def test_problems_print_in_one_line() -> None:
    problem = Problem(
        "plugin.toml", "capabilities[1].input_type", "`txt` is not a kind", "did you mean `text`?"
    )
    assert (
        str(problem) == "plugin.toml: capabilities[1].input_type: `txt` is not a kind (did you mean `text`?)"
    )
    assert str(Problem("plugin.toml", "", "it is empty")) == "plugin.toml: it is empty"
    assert ManifestError("m").problems == []


def test_a_single_string_is_one_cause() -> None:
    assert LaoError("m", causes="why").causes == ("why",)
