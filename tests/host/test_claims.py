"""What a library says of itself comes out of a worker that the plugin may own: all of it is refused or understood."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lao.errors import LaoError, PluginLoadError, ProtocolViolation
from lao.host.claims import check_form
from lao.host.describe import read_description
from lao.model.manifest import parse_manifest

CAPABILITY: dict[str, Any] = {
    "name": "text",
    "description": None,
    "input_kind": 1,
    "output_kind": 1,
    "flags": 3,
    "max_batch": 0,
    "input_schema": None,
    "output_schema": None,
    "params_schema": '{"type": "object"}',
}
NEW: dict[str, Any] = {
    "abi": "lao/1",
    "abi_version": 65536,
    "name": "echo",
    "version": "1.2.3",
    "description": "Hands back",
    "thread_role": 2,
    "capabilities": [CAPABILITY, {**CAPABILITY, "name": "json", "input_kind": 2, "input_schema": "{}"}],
}
CLAIM = dict.fromkeys(
    (
        "called",
        "name",
        "version",
        "description",
        "author",
        "dependencies",
        "tags",
        "input_schema",
        "output_schema",
    )
)
OLD: dict[str, Any] = {
    **NEW,
    "abi": "lao/0.x",
    "thread_role": 0,
    "layout": 64,
    "claim": {**CLAIM, "capabilities": '[{"name": "a", "input_type": "Text", "output_type": "Any"}]'},
}
MANIFEST = parse_manifest('[plugin]\nname = "echo"\nversion = "1.2.3"\n')

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["lao/1", "lao/0.x", "{", "[[", '[{"name": 5}]', '{"$ref": "http://127.0.0.1/"}', "x" * 300]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        found += places(child, (*way, key))
    return found


def understood(raw: Any) -> None:
    """Any failure of these is of LAO's own kinds."""
    try:
        checked = check_form(raw, plugin="echo")
    except ProtocolViolation as error:
        refusal = str(error)
    else:
        refusal = ""
    assert len(refusal) < 1000
    assert not refusal or refusal.isprintable()
    if refusal:
        return
    for manifest in (None, MANIFEST):
        try:
            found = read_description(checked, manifest, Path("libecho.so"))
        except PluginLoadError:
            continue
        assert found.capabilities
        assert len(found.rows) == len(found.capabilities)


def test_sound_ones() -> None:
    for sound in (NEW, OLD):
        checked = check_form(sound, plugin="echo")
        assert read_description(checked, MANIFEST, Path("libecho.so")).name == "echo"


@pytest.mark.parametrize("sound", [NEW, OLD], ids=["new", "old"])
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_change_is_refused_or_understood(sound: dict[str, Any], data: st.DataObject) -> None:
    raw = copy.deepcopy(sound)
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from(places(raw)))
        target = raw
        for key in way[:-1]:
            target = target[key]
        if data.draw(st.booleans()) and isinstance(target, dict):
            del target[way[-1]]
        else:
            target[way[-1]] = data.draw(JUNK)
    understood(raw)


@given(JUNK)
def test_anything_at_all_is_refused_or_understood(raw: Any) -> None:
    understood(raw)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"abi": "lao/2"}, "abi"),
        ({"thread_role": 3}, "thread_role"),
        ({"thread_role": -1}, "thread_role"),
        ({"thread_role": True}, "thread_role"),
        ({"name": ""}, "no name"),
        ({"name": "n" * 257}, "name"),
        ({"capabilities": []}, "capabilities"),
        ({"capabilities": [CAPABILITY, CAPABILITY]}, "one name"),
        ({"capabilities": [{**CAPABILITY, "input_kind": 10}]}, "input_kind"),
        ({"capabilities": [{**CAPABILITY, "flags": 2**32}]}, "flags"),
        ({"capabilities": [{**CAPABILITY, "name": ""}]}, "name"),
        ({"capabilities": [{**CAPABILITY, "name": 5}]}, "name"),
        ({"capabilities": [CAPABILITY] * 5000}, "capabilities"),
        ({"abi": "lao/0.x"}, "of no ABI"),
        ({"claim": OLD["claim"]}, "of no ABI"),
        ({"description": "d" * (2**20 + 1)}, "description"),
    ],
)
def test_what_is_refused(change: dict[str, Any], match: str) -> None:
    with pytest.raises(ProtocolViolation, match=match):
        check_form({**NEW, **change}, plugin="echo")


def test_schemas_of_a_library_are_bounded_like_those_of_a_manifest() -> None:
    import json

    twice = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(40)}
    bombs: list[Any] = [
        {"$defs": {**twice, "d40": {}}, "$ref": "#/$defs/d0"},
        {"$ref": "http://127.0.0.1:9/x"},
        {"$ref": "#/nowhere"},
        {"type": "nonsense"},
        {"pattern": "(a{1000}){1000}"},
    ]
    for key in ("input_schema", "params_schema"):
        for bomb in bombs:
            raw = {**NEW, "capabilities": [{**CAPABILITY, "input_kind": 2, key: json.dumps(bomb)}]}
            with pytest.raises(LaoError, match="cannot be used"):
                read_description(check_form(raw, plugin="echo"), None, Path("libecho.so"))
