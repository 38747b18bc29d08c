"""What a capability declares of its inputs is checked before the plugin sees them: on both backends, by every way to
call. Each test that refuses also looks that the plugin was not called."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lao
from lao.model.manifest import parse_manifest
from tests import plugins

Checked = Callable[..., lao.Plugin]

HEAD = '[plugin]\nname = "echo"\nversion = "1.2.3"\n'
ITEMS = """
[[capabilities]]
name = "json"
input_type = "json"
output_type = "json"
[capabilities.input_schema]
type = "object"
required = ["items"]
additionalProperties = false
[capabilities.input_schema.properties.items]
type = "array"
maxItems = 10
[capabilities.input_schema.properties.items.items]
type = "object"
properties.width = { type = "integer", minimum = 1, maximum = 4096 }
properties.name = { type = "string", maxLength = 5, pattern = "^[a-z]*$" }
"""
PARAMS = """
[[capabilities]]
name = "params"
input_type = "none"
output_type = "json"
[capabilities.params_schema]
type = "object"
additionalProperties = false
properties.width = { type = "integer", minimum = 1, maximum = 4096 }
properties.ratio = { type = "number", exclusiveMinimum = 0, maximum = 1 }
properties.mode = { enum = ["fast", "good"] }
properties.data = { type = "string" }
properties.list = { type = "array", items = { type = "integer" } }
"""


def capability(name: str, kind: str, extra: str) -> str:
    return f'[[capabilities]]\nname = "{name}"\ninput_type = "{kind}"\noutput_type = "{kind}"\n{extra}\n'


@pytest.fixture
def checked(host: lao.Host, isolation: str, tmp_path: Path) -> Checked:
    """Loads the fixture `echo` with this text in its manifest."""

    def load(text: str, **options: Any) -> lao.Plugin:
        folder = tmp_path / f"plugin{len(os.listdir(tmp_path))}"
        folder.mkdir()
        shutil.copy(plugins.build("echo"), folder / "libecho.so")
        (folder / "plugin.toml").write_text(HEAD + text, encoding="utf-8")
        return host.load(folder, isolation=isolation, **options)

    return load


@contextmanager
def refused(plugin: lao.Plugin, *, match: str | None = None, pointer: str | None = None) -> Iterator[None]:
    calls = plugin.stats.calls
    with pytest.raises(lao.InvalidInput, match=match) as caught:
        yield
    assert plugin.stats.calls == calls, "the plugin was called"
    if pointer is not None:
        assert caught.value.pointer == pointer


# --- JSON Schema ---


def test_json_that_fits_goes_through_unchanged(checked: Checked) -> None:
    plugin = checked(ITEMS)
    for value in ({"items": []}, {"items": [{"width": 1, "name": "ab"}, {"width": 4096}]}):
        assert plugin.call("json", value) == value
        assert plugin.call("json", json.dumps(value)) == value
        assert plugin.call("json", lao.Json(value)) == value


@pytest.mark.parametrize(
    ("value", "pointer", "match"),
    [
        ({}, "/items", "it is missing"),
        ([], "", "it must be an object, not a list"),
        ({"items": 5}, "/items", "it must be an array, not an integer"),
        ({"items": [{"width": 0}]}, "/items/0/width", "less than the minimum of 1"),
        ({"items": [{"width": 4096}, {"width": 4097}]}, "/items/1/width", "greater than the maximum of 4096"),
        ({"items": [{"width": 1.5}]}, "/items/0/width", "it must be an integer, not a number"),
        ({"items": [{"width": True}]}, "/items/0/width", "it must be an integer, not a boolean"),
        ({"items": [{"width": 10**400}]}, "/items/0/width", "greater than the maximum"),
        ({"items": [{"name": "abcdef"}]}, "/items/0/name", "longer than 5"),
        ({"items": [{"name": "ab\n"}]}, "/items/0/name", "does not match"),
        ({"items": [{"name": "a\0b"}]}, "/items/0/name", "does not match"),
        ({"items": [0] * 11}, "/items", "more than 10 items"),
        ({"items": [], "a/b~": 1}, "/a~1b~0", "it is not known"),
    ],
)
def test_json_that_does_not_fit_is_refused_with_its_place(
    checked: Checked, value: Any, pointer: str, match: str
) -> None:
    plugin = checked(ITEMS)
    with refused(plugin, match=match, pointer=pointer):
        plugin.call("json", value)
    with refused(plugin, match=match, pointer=pointer):
        plugin.call("json", json.dumps(value))


def test_a_refusal_names_plugin_and_capability_and_hides_the_value(checked: Checked) -> None:
    plugin = checked(ITEMS)
    with pytest.raises(lao.InvalidInput) as caught:
        plugin.call("json", {"items": [{"name": "s3cret-token"}]})
    assert caught.value.message == "the input of `json` of `echo` is not valid"
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('{"items": [], "items": 5}', "the key `items` comes twice"),
        ('{"items": [{"width": 1, "width": 9999}]}', "the key `width` comes twice"),
        ('{"items": [], "\\u0069tems": 5}', "the key `items` comes twice"),
        ('{"items": [{"width": NaN}]}', "NaN is not JSON"),
        ('{"items": [{"width": -Infinity}]}', "-Infinity is not JSON"),
        ('{"items": [{"width": 1e400}]}', "is too large"),
        ('{"items": [{"width": -1E+999}]}', "is too large"),
        ('{"items": [{"width": ' + "9" * 400 + ".5}]}", "is too large"),
        ('{"items": [{"width": ' + "9" * 5000 + "}]}", "not a JSON document"),
        ('{"items": [{"name": "\\ud800"}]}', "lone surrogate"),
        ('{"\\uDFFF": 1}', "lone surrogate"),
        ('{"items": []} x', "not a JSON document"),
        ("\ufeff{}", "not a JSON document"),
        ("", "not a JSON document"),
        ('{"items": [\0]}', "not a JSON document"),
        ("[" * 300 + "]" * 300, "nested more than 256"),
        ("[" * 100_000 + "]" * 100_000, "nested more than 256"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested more than 256"),
    ],
)
def test_json_that_parsers_read_differently_is_refused(checked: Checked, text: str, match: str) -> None:
    plugin = checked(ITEMS)
    with refused(plugin, match=match):
        plugin.call("json", text)


def test_the_constants_of_python_are_no_json_even_without_a_schema(checked: Checked) -> None:
    plugin = checked("")
    for text in ("NaN", "[Infinity]", '{"a": -Infinity}'):
        with refused(plugin, match="not a JSON document"):
            plugin.call("json", text)


def test_keys_that_become_one_in_json_are_refused(checked: Checked) -> None:
    plugin = checked(capability("json", "json", "input_schema = { maxProperties = 1 }"))
    with refused(plugin, match="the key `1` comes twice"):
        plugin.call("json", {1: "one", "1": "other"})


def test_an_object_that_lies_about_itself_is_sent_as_it_was_checked(checked: Checked) -> None:
    plugin = checked(capability("json", "json", "input_schema = { items = { maximum = 5 } }"))

    class Liar:
        """Another list each time that it is asked."""

        asked = 0

        def tolist(self) -> list[int]:
            self.asked += 1
            return [1] if self.asked == 1 else [99]

    class Twofaced(dict[str, int]):
        def items(self) -> Any:
            return {"a": 99}.items()

    assert plugin.call("json", [Liar()]) == [[1]]
    with refused(plugin):
        plugin.call("json", [7])
    plugin = checked(capability("json", "json", "input_schema = { properties = { a = { maximum = 5 } } }"))
    with refused(plugin, pointer="/a"):
        plugin.call("json", Twofaced(a=1))


def test_a_value_that_changes_during_the_call_is_never_sent_unchecked(checked: Checked) -> None:
    plugin = checked(capability("json", "json", "input_schema = { properties = { a = { maximum = 5 } } }"))
    value = {"a": 1}
    done = threading.Event()

    def flip() -> None:
        while not done.is_set():
            value["a"] = 99
            value["a"] = 1

    thread = threading.Thread(target=flip)
    thread.start()
    seen = set()
    try:
        for _ in range(300):
            try:
                seen.add(plugin.call("json", value)["a"])
            except lao.InvalidInput:
                seen.add(0)
    finally:
        done.set()
        thread.join()
    assert 99 not in seen
    assert seen <= {0, 1}


def test_integers_at_the_edges(checked: Checked) -> None:
    bounds = f"input_schema = {{ minimum = {-(2**63)}, maximum = {2**63 - 1} }}"
    plugin = checked(capability("json", "json", bounds))
    for good in (2**63 - 1, -(2**63), 0, -0.0, 9007199254740993):
        assert plugin.call("json", good) == good
    for bad in (2**63, -(2**63) - 1, 1e300, -1e300, 2**64):
        with refused(plugin):
            plugin.call("json", bad)
    plugin = checked(capability("json", "json", "input_schema = { maximum = 9007199254740992 }"))
    with refused(plugin):
        plugin.call("json", 9007199254740993)  # equal as doubles


# --- Parameters ---


def test_parameters_that_fit(checked: Checked) -> None:
    plugin = checked(PARAMS)
    assert plugin.call("params")["json"] is None
    given = {"width": 4096, "ratio": 0.5, "mode": "fast", "list": [1, 2]}
    assert plugin.call("params", **given)["json"] == given
    got = plugin.call("params", width=np.int64(7), ratio=np.float32(0.5), data=b"\xff")
    assert got["json"] == {"width": 7, "ratio": 0.5, "data": "/w=="}
    assert got["typed"]["width"] == [1, 7] or got["typed"]["width"][1] == 7


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"width": 0}, "/width"),
        ({"width": 4097}, "/width"),
        ({"width": 2**64}, "/width"),
        ({"width": "1920"}, "/width"),
        ({"width": True}, "/width"),
        ({"width": np.int64(5000)}, "/width"),
        ({"ratio": 0}, "/ratio"),
        ({"ratio": 1.0000001}, "/ratio"),
        ({"ratio": np.float64(2)}, "/ratio"),
        ({"mode": "slow"}, "/mode"),
        ({"list": [1, "2"]}, "/list/1"),
        ({"list": np.array([1, 2])}, None),
        ({"widht": 1}, "/widht"),
        ({"ratio": float("nan")}, None),
        ({"ratio": float("inf")}, None),
        ({"ratio": np.float32("nan")}, None),
    ],
)
def test_parameters_that_do_not_fit(checked: Checked, params: dict[str, Any], pointer: str | None) -> None:
    plugin = checked(PARAMS)
    with refused(plugin, pointer=pointer):
        plugin.call("params", **params)


def test_a_parameter_is_read_once(checked: Checked) -> None:
    class Growing:
        value = 4095

        def __index__(self) -> int:
            self.value += 1
            return self.value

    plugin = checked(PARAMS)
    growing = Growing()
    assert plugin.call("params", width=growing)["json"] == {"width": 4096}
    with refused(plugin, pointer="/width"):
        plugin.call("params", width=growing)


def test_required_parameters(checked: Checked) -> None:
    plugin = checked(PARAMS.replace("additionalProperties = false", 'required = ["width"]'))
    with refused(plugin, match="it is missing", pointer="/width"):
        plugin.call("params")
    assert plugin.call("params", width=1)["json"] == {"width": 1}


# --- Sanitisers ---


def test_text_is_trimmed_composed_and_escaped(checked: Checked) -> None:
    plugin = checked(capability("text", "text", 'sanitize = ["html-escape", "nfc", "trim"]'))
    attack = " \n<script>alert('x' & \"y\")</script>\t\u2003"
    assert (
        plugin.call("text", attack) == "&lt;script&gt;alert(&#x27;x&#x27; &amp; &quot;y&quot;)&lt;/script&gt;"
    )
    assert plugin("e\u0301") == "\u00e9"
    assert plugin.call("text", "plain") == "plain"


def test_escaping_runs_last_whatever_the_order(checked: Checked) -> None:
    """NFC makes one character of `<` and an overlay; after the escaping it would meet `;` instead."""
    plugin = checked(capability("text", "text", 'sanitize = ["html-escape", "nfc"]'))
    assert plugin.call("text", "<\u0338") == "\u226e"
    assert plugin.call("text", "\u037e") == ";"


def test_texts_inside_of_json_and_keys_and_parameters_are_cleaned(checked: Checked) -> None:
    text = capability("json", "json", 'sanitize = ["trim", "html-escape"]')
    text += capability("params", "none", 'sanitize = ["trim", "html-escape"]')
    plugin = checked(text)
    assert plugin.call("json", {" <k>": [" <v> ", 1, {"a": "&"}]}) == {
        "&lt;k&gt;": ["&lt;v&gt;", 1, {"a": "&amp;"}]
    }
    assert plugin.call("json", '" <b>"') == "&lt;b&gt;"
    got = plugin.call("params", title=" <b> ", deep={"x": ["<i>"]})
    assert got["json"] == {"title": "&lt;b&gt;", "deep": {"x": ["&lt;i&gt;"]}}
    with refused(plugin, match="two keys are the same"):
        plugin.call("json", {"a": 1, " a": 2})


def test_sanitisers_run_before_the_checks(checked: Checked) -> None:
    plugin = checked(capability("json", "json", 'sanitize = ["trim"]\ninput_schema = { maxLength = 3 }'))
    assert plugin.call("json", lao.Json("  abc  ")) == "abc"
    plugin = checked(
        capability("json", "json", 'sanitize = ["html-escape"]\ninput_schema = { maxLength = 3 }')
    )
    with refused(plugin, match="longer than 3"):
        plugin.call("json", lao.Json("<<"))
    plugin = checked(capability("text", "text", 'sanitize = ["trim"]\nmin_bytes = 1'))
    with refused(plugin, match="at least 1"):
        plugin.call("text", " \n ")


# --- Sizes and numbers ---


def test_sizes_are_bytes_and_the_bounds_are_inside(checked: Checked) -> None:
    bounds = "min_bytes = 2\nmax_bytes = 4"
    plugin = checked("".join(capability(kind, kind, bounds) for kind in ("text", "binary", "json", "tensor")))
    for good in ("ab", "abcd", "üü", "🙂"):
        assert plugin.call("text", good) == good
    for bad in ("", "a", "abcde", "üüa", "🙂a"):
        with refused(plugin, match="bytes"):
            plugin.call("text", bad)
    for data in (b"ab", bytearray(b"abcd"), memoryview(b"abc")):
        assert plugin.call("binary", data) == bytes(data)
    for data in (b"", bytearray(b"abcde"), memoryview(b"abcdef"), memoryview(b"abcdefghij")[::2]):
        with refused(plugin):
            plugin.call("binary", data)
    assert plugin.call("json", [1]) == [1]
    for value in (1, [1, 2], "[1,\n2]"):
        with refused(plugin):
            plugin.call("json", value)
    assert plugin.call("tensor", np.zeros(2, np.uint16)).nbytes == 4
    with refused(plugin):
        plugin.call("tensor", np.zeros(5, np.uint8))


def test_an_overlong_text_is_refused_before_it_is_read(checked: Checked) -> None:
    plugin = checked(capability("json", "json", "max_bytes = 1000"))
    with refused(plugin, match="at most 1000"):
        plugin.call("json", "[" * 2_000_000)


def test_numbers_in_arrays_keep_their_bounds(checked: Checked) -> None:
    bounds = "min_value = -1.0\nmax_value = 1.0"
    plugin = checked(capability("tensor", "tensor", bounds) + capability("audio", "audio", bounds))
    good = np.array([-1, 0, 1], np.float32)
    assert np.array_equal(plugin.call("tensor", good), good)
    assert plugin.call("tensor", np.zeros(0, np.float32)).shape == (0,)
    for bad in (
        np.array([0, 1.0000001], np.float32),
        np.array([-2], np.int8),
        np.array([2], np.uint64),
        np.array([0, np.nan]),
        np.array([np.inf]),
        np.array([[0, 0], [0, -np.inf]]).T,
        np.array([1j]),
    ):
        with refused(plugin):
            plugin.call("tensor", bad)
    with refused(plugin):
        plugin.call("audio", lao.Audio(np.full((4, 2), 1.5, np.float32), 16000))


class OnlyDlpack:
    """An array as other libraries have it: without the buffer protocol."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


def test_arrays_of_other_libraries_keep_their_bounds(checked: Checked) -> None:
    bounds = "min_value = -1.0\nmax_value = 1.0\nmax_bytes = 400"
    plugin = checked(capability("tensor", "tensor", bounds))
    good = np.linspace(-1, 1, 100, dtype=np.float32)
    assert np.array_equal(plugin.call("tensor", OnlyDlpack(good)), good)
    assert np.array_equal(plugin.call("tensor", good[::-2]), good[::-2])
    for bad in (np.zeros(101, np.float32), np.full(4, 2, np.float32)):
        with refused(plugin):
            plugin.call("tensor", OnlyDlpack(bad))
        with refused(plugin):
            plugin.call("tensor", memoryview(bad))


def test_an_array_is_read_once(checked: Checked) -> None:
    class Turning:
        asked = 0

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            del dtype, copy
            self.asked += 1
            return np.full(2, 0.5 if self.asked == 1 else 99, np.float32)

    plugin = checked(capability("tensor", "tensor", "max_value = 1.0"))
    assert plugin.call("tensor", Turning()).tolist() == [0.5, 0.5]


def test_text_with_a_name_is_its_text(checked: Checked) -> None:
    import enum

    class Mode(str, enum.Enum):  # noqa: UP042 - its str() is its name, unlike that of a StrEnum
        FAST = "fast"

    text = capability("text", "text", "max_bytes = 5") + PARAMS
    for plugin in (checked(text), checked("")):
        assert plugin.call("text", Mode.FAST) == "fast"
        assert plugin.call("params", mode=Mode.FAST)["json"] == {"mode": "fast"}


# --- UTF-8, NUL, surrogates ---


def test_a_path_has_no_nul(checked: Checked, tmp_path: Path) -> None:
    plugin = checked("")
    for path in (f"{tmp_path}/a\0.txt", Path(f"{tmp_path}/a\0b"), lao.File("x\0")):
        with refused(plugin, match="NUL"):
            plugin.call("file", path)


def test_a_name_with_a_nul_is_not_the_name_before_it(checked: Checked) -> None:
    """A plugin reads names as C strings: `width` with a NUL behind it would be `width`, unchecked."""
    for text in (PARAMS.replace("additionalProperties = false\n", ""), ""):
        plugin = checked(text)
        with refused(plugin, match="NUL"):
            plugin.call("params", **{"width\0": 99999})
        with refused(plugin, match="NUL"):
            next(plugin.stream("params", **{"width\0x": 99999}))
        with refused(plugin, match="surrogate"):
            plugin.call("params", **{"width\ud800": 1})
        with refused(plugin, match="NUL"):
            plugin.call("binary", lao.Binary(b"x", media_type="image/png\0x"))


def test_lone_surrogates_are_refused_with_checks_too(checked: Checked) -> None:
    text = capability("text", "text", 'sanitize = ["trim"]\nmax_bytes = 10') + ITEMS + PARAMS
    plugin = checked(text)
    with refused(plugin, match="surrogate"):
        plugin.call("text", "a\ud800")
    with refused(plugin, match="surrogate"):
        plugin.call("json", {"items": [{"name": "\udfff"}]})
    with refused(plugin):
        plugin.call("params", data="\ud800")
    with refused(plugin):
        plugin.call("params", **{"\ud800": 1})


# --- Every way to call ---


def test_every_way_to_call_is_checked(checked: Checked) -> None:
    plugin = checked(capability("text", "text", 'max_bytes = 3\nsanitize = ["trim"]'))

    async def later(text: str) -> Any:
        return await plugin.acall("text", text)

    async def parts(text: str) -> list[Any]:
        return [part async for part in plugin.astream("text", text)]

    ways: list[Callable[[str], Any]] = [
        lambda text: plugin.call("text", text),
        plugin,
        lambda text: lao.Plugin.__call__(plugin, text),
        lambda text: asyncio.run(later(text)),
        lambda text: asyncio.run(parts(text))[0],
        lambda text: next(iter(plugin.stream("text", text))),
        lambda text: next(iter(plugin.map("text", [text]))),
    ]
    for way in ways:
        assert way(" abc ") == "abc"
        with refused(plugin, match="at most 3"):
            way("abcd")


def test_map_over_several_checks_each(checked: Checked) -> None:
    plugin = checked(capability("text", "text", "max_bytes = 3"), workers=2)
    outputs = plugin.map("text", ["a", "bb", "cccc", "d"])
    assert [next(outputs), next(outputs)] == ["a", "bb"]
    with pytest.raises(lao.InvalidInput, match="at most 3"):
        next(outputs)


def test_checks_come_back_with_a_reload(checked: Checked, isolation: str) -> None:
    if isolation == "none":
        pytest.skip("a library in this process is not loaded twice")
    plugin = checked(capability("text", "text", "max_bytes = 3"))
    manifest = plugin.info.library.parent / "plugin.toml"
    manifest.write_text(manifest.read_text().replace("max_bytes = 3", "max_bytes = 2"))
    assert plugin("abc") == "abc"
    plugin.reload()
    with refused(plugin):
        plugin("abc")


def test_names_of_parameters_outlive_the_call_that_opened_a_stream(checked: Checked) -> None:
    for text in ("", PARAMS.replace("additionalProperties = false\n", "")):
        plugin = checked(text)
        for number in range(50):
            name = "-".join(["parameter", str(number)])  # of no other owner
            stream = plugin.stream("params", **{name: number})
            del name
            noise = ["-".join(["parametre", str(other)]) for other in range(50)]
            assert next(stream)["json"] == {f"parameter-{number}": number}
            del noise


def test_what_checks_hold_ends_with_the_call(checked: Checked) -> None:
    import gc
    import weakref

    class Held(dict[str, Any]):
        pass

    plugin = checked(ITEMS)
    for items in ([], [1]):
        value = Held(items=items)
        gone = weakref.ref(value)
        with suppress(lao.InvalidInput):
            plugin.call("json", value)
        del value
        gc.collect()
        assert gone() is None


# --- LAO 0.x ---


def test_declared_checks_hold_for_old_plugins(host: lao.Host, isolation: str, tmp_path: Path) -> None:
    shutil.copy(plugins.build("v0/echo"), tmp_path / "libold.so")
    extra = 'sanitize = ["trim", "html-escape"]\nmax_bytes = 20'
    head = '[plugin]\nname = "old"\nversion = "1.0.0"\n'
    (tmp_path / "plugin.toml").write_text(head + capability("run", "text", extra))
    plugin = host.load(tmp_path, isolation=isolation)
    assert plugin(" <b> ") == "&lt;b&gt;"
    with refused(plugin):
        plugin("x" * 21)
    with pytest.raises(lao.InvalidInput, match="NUL"):
        plugin("a\0b")


# --- Schemas that attack the host ---


def bomb(levels: int) -> str:
    """Each definition refers twice to the next: 2**levels questions about one value."""
    definitions = {
        f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]}
        for i in range(levels)
    }
    schema = {"$defs": {**definitions, f"d{levels}": {"type": "string"}}, "$ref": "#/$defs/d0"}
    return json.dumps(json.dumps(schema))


def test_a_schema_that_asks_without_end_is_refused_at_load(checked: Checked) -> None:
    with pytest.raises(lao.LaoError, match="would take too long"):
        checked(capability("json", "json", f"input_schema = {bomb(40)}"))
    plugin = checked(capability("json", "json", f"input_schema = {bomb(5)}"))
    assert plugin.call("json", lao.Json("x")) == "x"
    with refused(plugin):
        plugin.call("json", 1)


@pytest.mark.parametrize(
    "schema",
    [
        '{ "$ref" = "#" }',
        '{ allOf = [{ "$ref" = "#" }] }',
        '{ not = { "$ref" = "#" } }',
        '{ anyOf = [{ "$ref" = "#" }, { "$ref" = "#" }] }',
        '{ "$dynamicAnchor" = "x", allOf = [{ "$dynamicRef" = "#x" }] }',
        '{ "$defs" = { a = { "$ref" = "#/$defs/b" }, b = { "$ref" = "#/$defs/a" } }, "$ref" = "#/$defs/a" }',
    ],
)
def test_a_schema_that_refers_to_itself_ends(checked: Checked, schema: str) -> None:
    plugin = checked(capability("json", "json", f"input_schema = {schema}"))
    deep: Any = 1
    for _ in range(200):
        deep = {"a": [deep]} if isinstance(deep, list) else [deep]
    for value in (1, deep):
        with suppress(lao.InvalidInput):
            assert plugin.call("json", value) == value


@pytest.mark.parametrize(
    "reference",
    [
        "http://127.0.0.1:{port}/x.json",
        "https://localhost:{port}/x",
        "//127.0.0.1:{port}/x",
        "file:///etc/passwd",
        "x",
    ],
)
def test_a_reference_elsewhere_is_never_fetched(checked: Checked, reference: str) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        address = reference.format(port=server.getsockname()[1])
        for schema in (
            f'{{ "$ref" = "{address}" }}',
            f'{{ "$id" = "{address}", "$ref" = "other.json" }}',
            f'{{ "$schema" = "{address}" }}',
            f'{{ "$id" = "{address}", "$dynamicRef" = "y#z" }}',
        ):
            with pytest.raises(lao.ManifestError):
                checked(capability("json", "json", f"input_schema = {schema}"))
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("pattern", ["^(a|a)*$", "^(a+)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)*=(.*)*"])
def test_patterns_take_linear_time(checked: Checked, pattern: str) -> None:
    plugin = checked(capability("json", "json", f"input_schema = {{ pattern = '{pattern}' }}"))
    with refused(plugin, match="does not match"):
        plugin.call("json", lao.Json("a" * 50_000 + "\n!"))


@pytest.mark.parametrize("pattern", ["((a{100}){100}){100}", "(?=a)b", "(a)\\\\1", "(?<!x)y", "a{5000000}"])
def test_patterns_that_explode_are_no_schema(pattern: str) -> None:
    with pytest.raises(lao.ManifestError):
        parse_manifest(HEAD + capability("json", "json", f'input_schema = {{ pattern = "{pattern}" }}'))


def test_a_dear_pattern_is_not_searched_for_in_a_large_document(checked: Checked) -> None:
    plugin = checked(capability("json", "json", 'input_schema = { pattern = "^[ab]*a[ab]{8000}$" }'))
    with refused(plugin, match="too large to be searched"):
        plugin.call("json", lao.Json("ab" * 500_000))


def test_what_is_wrong_in_a_huge_document_is_said_in_bounded_time(checked: Checked) -> None:
    alternatives = ", ".join('{ items = { type = "string" } }' for _ in range(50))
    plugin = checked(capability("json", "json", f"input_schema = {{ oneOf = [{alternatives}] }}"))
    with refused(plugin, match="does not match the schema", pointer=""):
        plugin.call("json", list(range(50_000)))


def test_messages_are_short_and_printable(checked: Checked) -> None:
    plugin = checked(ITEMS)
    with pytest.raises(lao.InvalidInput) as caught:
        plugin.call("json", {"items": [], "\x1b]52;c;ZXZpbA==\x07" + "k" * 100_000: 1})
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1000
