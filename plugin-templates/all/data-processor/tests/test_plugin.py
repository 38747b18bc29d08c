"""The plugin as its users see it, through LAO. Run by `lao plugin test`, after a build."""

import csv
import io
import json
import random
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import lao

PLUGIN = Path(__file__).resolve().parent.parent
SAMPLE = (PLUGIN / "sample.csv").read_text("utf-8")
WORDS = [
    "",
    "a",
    "Ünï 漢字 😀",
    'say "hi"',
    "a,b;c\td",
    "two\nlines",
    " kept ",
    "<b>&amp;</b>",
    "null",
    "1.0",
]


@pytest.fixture(scope="module", params=["process", "none"])
def plugin(request):
    with lao.Host() as host:
        yield host.load(PLUGIN, isolation=request.param)


def load(**settings):
    return lao.Host().load(PLUGIN, isolation="process", config=settings)


def run(plugin, records, *steps, **params):
    """What the steps make of these records."""
    text = json.dumps(records)
    return json.loads(plugin.call("process", text, steps=list(steps), **params))


def refusal(plugin, text, **params):
    with pytest.raises(lao.InvalidInput) as caught:
        plugin.call("process", text, **params)
    return str(caught.value)


# --- Formats ---


def table(seed):
    source = random.Random(seed)
    return [{name: source.choice(WORDS) for name in ("one", "two words", "drei")} for _ in range(50)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("first", ["json", "ndjson", "csv", "xml"])
@pytest.mark.parametrize("second", ["json", "ndjson", "csv", "xml"])
def test_texts_survive_every_conversion(plugin, seed, first, second):
    records = table(seed)
    if "xml" in (first, second):  # there, a name that no element can have is an attribute
        records = [{"one": one["one"], "drei": one["drei"]} for one in records]
    there = plugin.call("process", json.dumps(records), to=first)
    back = plugin.call("process", plugin.call("process", there, to=second), to="json")
    assert json.loads(back) == records


def test_csv_is_what_others_read_and_write(plugin):
    records = table(7)
    written = plugin.call("process", json.dumps(records), to="csv")
    assert list(csv.DictReader(io.StringIO(written, newline=""))) == records
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(records[0]), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(records)
    assert json.loads(plugin.call("process", out.getvalue(), to="json")) == records


def test_what_looks_like_a_mark_is_none_in_csv(plugin):
    records = [{"\ufeffa": "\ufeff"}]
    assert json.loads(plugin.call("process", plugin.call("process", json.dumps(records), to="csv"), to="json")) == records


def test_xml_is_what_others_read(plugin):
    records = [{"name": word, "@id": str(index)} for index, word in enumerate(WORDS)]
    root = ElementTree.fromstring(
        plugin.call("process", json.dumps(records), to="xml", root="all", element="one")
    )
    assert root.tag == "all"
    assert [(one.find("name").text or "", one.get("id")) for one in root] == [
        (word, str(index)) for index, word in enumerate(WORDS)
    ]


def test_names_that_no_element_has_and_white_space_in_attributes_survive(plugin):
    written = plugin.call("process", '{"a b":1,"n:s":2,"x\ufeff":3,"größe":4,"@id":"two\\nlines,\\ta tab"}', to="xml")
    (one,) = ElementTree.fromstring(written)
    assert [(field.tag, field.get("name"), field.text) for field in one] == [
        ("field", "a b", "1"), ("field", "n:s", "2"), ("field", "x\ufeff", "3"), ("größe", None, "4"),
    ]  # fmt: skip
    assert one.get("id") == "two\nlines,\ta tab"


def test_values_stay_as_they_were_written(plugin):
    text = '[{"a":1.10,"b":123456789012345678901234567890,"c":1e5,"d":-0,"e":[1.0,{"x":2.50}],"f":null,"g":true}]'
    assert plugin.call("process", text) == "[\n{" + text[2:-2] + "}\n]\n"


def test_a_record_of_ndjson_is_one_line(plugin):
    text = json.dumps([{"a": {"b": [1.50, "two\nlines"]}, "c": 12345678901234567890}], indent=2)
    lines = plugin.call("process", text, to="ndjson")
    assert lines == '{"a":{"b":[1.5,"two\\nlines"]},"c":12345678901234567890}\n'


def test_xml_comes_in_with_attributes_lists_and_text(plugin):
    text = """<?xml version="1.0"?><!-- a list --><catalog><book id="1" lang="de"><title>Eins &amp; zwei</title>
      <author>A</author><author>B</author><note>see <b>this</b></note><empty/><![CDATA[ <raw> ]]></book></catalog>"""
    (book,) = json.loads(plugin.call("process", text, to="json"))
    assert book == {
        "@id": "1",
        "@lang": "de",
        "title": "Eins & zwei",
        "author": ["A", "B"],
        "note": {"b": "this", "#text": "see "},
        "empty": "",
        "#text": "\n       <raw> ",
    }
    within = "<a><x/><list><item>1</item></list><deep><item n='2'/></deep></a>"
    found = json.loads(plugin.call("process", within, to="json", record="item"))
    assert found == [{"#text": "1"}, {"@n": "2"}]


def test_other_delimiters_and_no_header(plugin):
    assert json.loads(plugin.call("process", "1;2\n3;4\n", to="json", delimiter=";", header=False)) == [
        {"column1": "1", "column2": "2"},
        {"column1": "3", "column2": "4"},
    ]
    assert plugin.call("process", "a\tb\n1\t2,3\n", delimiter="\\t", to="ndjson") == '{"a":"1","b":"2,3"}\n'
    assert plugin.call("process", "\ufeffa,b\r\n1,2", to="ndjson") == '{"a":"1","b":"2"}\n'


def test_what_is_nested_is_written_without_the_white_space_between(plugin):
    text = '[{"a":{"b" : [1.0,\n\t"x \\"  y", { } ],\r\n"c":"\\\\" } }]'
    assert plugin.call("process", text, to="ndjson") == '{"a":{"b":[1.0,"x \\"  y",{}],"c":"\\\\"}}\n'


def test_nothing_in_is_nothing_out(plugin):
    assert plugin.call("process", "", to="json") == "[]\n"
    assert plugin.call("process", "a,b\n", to="json") == "[]\n"
    assert plugin.call("process", "[]", to="csv") == ""
    assert plugin.call("process", "<r/>", to="json") == "[]\n"


# --- Steps ---

PEOPLE = [
    {"name": "Ann", "age": 31, "town": {"name": "Ulm"}, "pay": 10.5},
    {"name": "Bob", "age": None, "town": {"name": "Bonn"}, "pay": 7},
    {"name": "Cid", "age": 5, "town": {"name": "Ulm"}, "pay": 8.25},
]


def test_select_rename_filter(plugin):
    found = run(
        plugin,
        PEOPLE,
        {"filter": "age >= 18 or name == 'Bob'"},
        {"select": ["name", "age", "x"]},
        {"rename": {"age": "years"}},
    )
    assert found == [{"name": "Ann", "years": 31, "x": None}, {"name": "Bob", "years": None, "x": None}]
    assert run(plugin, PEOPLE, {"filter": "not (town.name == 'Ulm')"}, {"select": ["name"]}) == [
        {"name": "Bob"}
    ]


def test_cast(plugin):
    text = "a,b,c,d\n 7 ,1.50,Yes,[1]\n,,no,{}\n"
    steps = [{"cast": {"a": "integer", "b": "number", "c": "boolean", "d": "json", "missing": "text"}}]
    found = json.loads(plugin.call("process", text, to="json", steps=steps))
    assert found == [{"a": 7, "b": 1.5, "c": True, "d": [1]}, {"a": None, "b": None, "c": False, "d": {}}]
    odd = "n,k\n1,x\n1.5,y\nabc,z\n"
    assert "line 3: cast: `n` is not an integer: `1.5`" in refusal(
        plugin, odd, steps=[{"cast": {"n": "integer"}}]
    )
    dropped = plugin.call("process", odd, to="json", steps=[{"cast": {"n": "integer"}, "invalid": "drop"}])
    assert json.loads(dropped) == [{"n": 1, "k": "x"}]
    nulls = plugin.call("process", odd, to="json", steps=[{"cast": {"n": "number"}, "invalid": "null"}])
    assert [one["n"] for one in json.loads(nulls)] == [1, 1.5, None]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3 - -4", 11),
        ("(1 + 2) * 3", 9),
        ("7 % 4", 3),
        ("7 / 2", 3.5),
        ("1.5e2", 150.0),
        ("i + 1", 42),
        ("x + 1", None),
        ("s == 'it''s'", True),
        ("`odd name` * 2", 8),
        ("1 < 2 and 2 < 3", True),
        ("1 > 2 or null", None),
        ("not null", None),
        ("null == null", True),
        ("null < 1", False),
        ("1 == 1.0", True),
        ("'a' < 'b'", True),
        ("1 == '1'", False),
        ("upper(s)", "IT'S"),
        ("length('漢字')", 2),
        ("contains(s, 't')", True),
        ("replace(s, 't', 'T')", "iT's"),
        ("concat(s, '-', i, null)", "it's-41"),
        ("coalesce(x, 5)", 5),
        ("if(i > 40, 'old', 'new')", "old"),
        ("round(2.5)", 3),
        ("round(2.345, 2)", 2.35),
        ("floor(-1.5)", -2),
        ("abs(-3)", 3),
        ("ceil(1.2)", 2),
        ("number(' 12 ')", 12),
        ("number('x')", None),
        ("text(i)", "41"),
        ("trim('  a ')", "a"),
        ("nested.list.1", 20),
        ("nested.no.thing", None),
        ("9223372036854775807", 9223372036854775807),
    ],
)
def test_expressions(plugin, expression, value):
    record = {"i": 41, "s": "it's", "x": None, "odd name": 4, "nested": {"list": [10, 20]}}
    (found,) = run(plugin, [record], {"derive": {"it": expression}}, {"select": ["it"]})
    assert found["it"] == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 +", "a value is missing, at character 4"),
        ("(1", "`)` is missing"),
        ("1 2", "an operator is missing, at character 3"),
        ("a = 1", "compared with `=="),
        ("'open", "never closed, at character 1"),
        ("what(1)", "there is no function `what`"),
        ("lower()", "does not take 0 values"),
        ("", "a value is missing"),
        ("(" * 100, "64 levels"),
        ("+".join("1" * 300), "200 values"),
        ("1e999", "this is no number"),
        ("2x", "backticks"),
    ],
)
def test_expressions_that_are_none(plugin, expression, reason):
    with pytest.raises(lao.LaoError, match="steps/0") as caught:
        run(plugin, [{}], {"filter": expression})
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        ("100000.0 * 1", "100000"), ("1 / 3", "0.3333333333333333"), ("2.5e20 * 4", "1e21"), ("1.5 / 1e9", "1.5e-9"),
        ("0.1 + 0.2", "0.30000000000000004"), ("1e300 * 1", "1e300"), ("0.5 - 0.5", "0"), ("9007199254740993.0 * 1", "9007199254740992"),
    ],
)  # fmt: skip
def test_computed_numbers_are_written_in_the_fewest_digits(plugin, expression, written):
    steps = [{"derive": {"it": expression}}, {"select": ["it"]}]
    assert plugin.call("process", '{"a":1}', steps=steps) == f'{{"it":{written}}}\n'


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("name + 1", "`+` needs numbers, not a text (`Ann`)"),
        ("age < name", "have no order"),
        ("name and true", "true or false is needed"),
        ("age / 0", "is no number"),
        ("9223372036854775807 + age", "beyond a 64-bit integer"),
        ("upper(age)", "a text is needed, not an integer"),
    ],
)
def test_expressions_that_fail_name_their_record(plugin, expression, reason):
    found = refusal(plugin, "\n\n" + json.dumps(PEOPLE[0]), steps=[{"derive": {"it": expression}}])
    assert "line 3: `it`: " in found
    assert reason in found


def test_aggregate_and_sort(plugin):
    compute = {
        "n": "count()",
        "aged": "count(age)",
        "sum": "sum(pay)",
        "mean": "mean(pay)",
        "low": "min(pay)",
        "last": "last(name)",
    }
    found = run(
        plugin,
        PEOPLE,
        {"derive": {"place": "town.name"}},
        {"aggregate": {"by": ["place"], "compute": compute}},
        {"sort": ["-n"]},
    )
    assert found == [
        {"place": "Ulm", "n": 2, "aged": 2, "sum": 18.75, "mean": 9.375, "low": 8.25, "last": "Cid"},
        {"place": "Bonn", "n": 1, "aged": 0, "sum": 7, "mean": 7, "low": 7, "last": "Bob"},
    ]
    mixed = [{"v": value} for value in ("b", 2, None, True, 10, "a", 1.5, [1])]
    assert [one["v"] for one in run(plugin, mixed, {"sort": ["v"]})] == [
        None,
        True,
        1.5,
        2,
        10,
        "a",
        "b",
        [1],
    ]
    many = [{"k": index % 3, "i": index} for index in range(30)]
    found = run(plugin, many, {"sort": ["-k", "i"]})
    assert found == sorted(many, key=lambda one: (-one["k"], one["i"]))
    assert run(plugin, many, {"sort": ["-i"]}, {"limit": 2}) == [many[29], many[28]]


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"bake": 1}, "there is no step `bake`: select, rename"),
        ({}, "the step is empty"),
        ([], "a step is an object"),
        ({"select": "a"}, "a list of fields"), ({"select": ["a", "b", "a"]}, "`a` comes twice"),
        ({"rename": ["a"]}, "an object with fields"),
        ({"cast": {"a": "date"}}, "there is no type `date`"),
        ({"select": [], "sort": []}, "are two steps"),
        ({"limit": -1}, "a number of records"),
        ({"aggregate": {"by": ["a"]}}, "`compute` is missing"),
        ({"aggregate": {"compute": {"n": "avg(x)"}}}, "none of count()"),
    ],
)
def test_steps_that_are_none(plugin, step, reason):
    with pytest.raises(lao.LaoError, match="steps/1") as caught:
        run(plugin, [{}], {"limit": 1}, step)
    assert reason in str(caught.value)


# --- Malformed documents ---


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"a":1},\n {"a":}]', "line 2, column 7: expected value"),
        ('[{"a":1}\n{"a":2}]', "line 2, column 1: `,` or `]` is missing"),
        ('[{"a":1},]', "line 1, column 10: a member is missing"),
        ('[{"a":1}', "ends within its list"),
        ('{"a":1,\n"ü":2,"a":3}', "the field `a` comes twice"),
        ('[{"a":"\\ud800"}]', "line 1, column 14: "),
        ('[{"a":1e999}]', "line 1, column 7: the number is beyond"),
        ("[1] x", "column 5: something stands behind"),
        ('{"a":"tab\there"}', "line 1, column 10: control character"),
        ("[" * 10_000, "column 66: JSON is nested more than 64"),
        ('[{"a":{"b":1,"b":2}}]', "`b` comes twice"),
        ("[nul]", "line 1, column"),
        ('[{"é":"ö","x" 1}]', "line 1, column 15"),
    ],
)
def test_malformed_json(plugin, text, reason):
    assert reason in refusal(plugin, text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('a,b\n1,"2\n', "line 2, column 3: the quotation mark that opens here is never closed"),
        ('a,b\n1,x"y\n', "line 2, column 4: a quotation mark stands within"),
        ('a,b\n"1"2,3\n', "line 2, column 4: a field goes on behind"),
        ("a,b\n1,2,3\n", "line 2, column 1: the record has 3 fields, and the first line 2"),
        ("a,b\n\n1\n", "line 3, column 1: the record has 1 fields"),
        ("a,a\n", "two columns are called `a`"),
        ("a,,c\n", "column 2 has no name"),
        ("a,b\n1,x\0\n", "line 2, column 4: a field holds a NUL"),
        ("a,b\rc,d\n", "a carriage return stands alone"),
        ('ä,b\n"ü\n",é"\n', "line 3, column 4: a quotation mark stands within"),
    ],
)
def test_malformed_csv(plugin, text, reason):
    assert reason in refusal(plugin, text, **{"from": "csv"})


BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x><y>&b;</y></x>'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "a document type is not taken"),
        ("<a>\n <b>&bomb;</b></a>", "line 2, column 5: there is no entity `bomb`"),
        ("<a>\n<b></c></a>", "line 2"),
        ("<a><b></a>", "line 1"),
        ("<a>\n<b>", "line 2, column 4: the document ends within `b`"),
        ("<a/>\n<b/>", "line 2, column 1: a second root"),
        ("<a/>text", "text stands outside"),
        ("<a><b x='1' x='2'/></a>", "line 1, column"),
        ("<a>" * 100, "64 levels"),
        ("<a><b>\x01</b></a>", "U+0001 cannot stand in XML"),
        ("<a><b>&#0;</b></a>", "line 1"),
        ("<?xml version='1.0' encoding='latin-1'?><a/>", "the encoding is `latin-1`"), ("<?xml version='2.0'?><a/>", "no version `2.0`"),
        ("<?xml version='1.0' odd='1'?><a/>", "line 1"), ("<a>\n<?xml version='1.0'?></a>", "line 2"), ("<a>]]></a>", "line 1"), ("<a>\n<b x='1'y='2'/></a>", "line 2"),
        ("<a><b x='<'/></a>", "line 1"), ("<a><b 1='2'/></a>", "line 1"), ("<a><!-- \x02 --></a>", "line 1"), ("<a><? x?></a>", "line 1"),
        ("<a><1/></a>", "line 1, column"),
        ("<", "line 1"),
    ],
)
def test_malformed_xml(plugin, text, reason):
    assert reason in refusal(plugin, text)


def test_what_cannot_be_written(plugin):
    assert "line 2: the field `b` is not among those of the first record" in refusal(
        plugin, '{"a":1}\n{"b":2}', to="csv"
    )
    assert "line 1: a field without a name has no column" in refusal(plugin, '{"":1}', to="csv")
    assert "U+0000 cannot stand in XML" in refusal(plugin, '{"a":"\\u0000"}', to="xml")
    with pytest.raises(lao.LaoError, match="no name of an element"):
        plugin.call("process", "[]", to="xml", root="1")
    with pytest.raises(lao.LaoError, match="delimiter"):
        plugin.call("process", "", delimiter="ü")


def test_the_bounds_of_the_settings():
    with load(max_record_bytes=1024, max_kept_mb=1) as plugin:
        assert "a record has more than 1024 bytes" in refusal(plugin, '{"a":"' + "x" * 2000 + '"}')
        assert "a record has more than 1024 bytes" in refusal(plugin, "a\n" + "x" * 2000)
        assert "a record has more than 1024 bytes" in refusal(plugin, "<a><b>" + "x" * 2000 + "</b></a>")
        rows = "a\n" + "x" * 100 + "\n"
        assert "`sort` would keep more than 1 MiB" in refusal(
            plugin, "a\n" + rows * 20_000, steps=[{"sort": ["a"]}]
        )
        groups = "a\n" + "".join(f"{index}\n" for index in range(20_000))
        steps = [{"aggregate": {"by": ["a"], "compute": {"n": "count()"}}}]
        assert "`aggregate` would keep more than 1 MiB" in refusal(plugin, groups, steps=steps)


# --- Batches, streams, descriptions ---


def test_many_documents_at_once(plugin):
    texts = [json.dumps([{"n": index}]) for index in range(200)]
    steps = [{"derive": {"m": "n * 2"}}]
    assert [json.loads(one) for one in plugin.map("process", texts, steps=steps)] == [
        [{"n": index, "m": index * 2}] for index in range(200)
    ]


def pieces(data, size):
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "xml"])
def test_a_stream_gives_what_the_whole_gives(plugin, form, size):
    text = plugin.call("process", json.dumps(table(size)[:8]), to=form, steps=[{"select": ["one", "drei"]}])
    steps = [{"derive": {"both": "concat(one, drei)"}}, {"filter": "length(one) > 0"}]
    whole = plugin.call("process", text, to="json", steps=steps)
    parts = plugin.stream("transform", pieces(("\ufeff" + text).encode(), size), to="json", steps=steps)
    assert b"".join(parts).decode() == whole


def test_an_error_in_a_stream_says_where(plugin):
    text = 'a,b\n1,2\n"ä",x"y\n'.encode()
    for size in (1, 4, 100):
        with pytest.raises(lao.InvalidInput, match="line 3, column 6: a quotation mark"):
            list(plugin.stream("transform", pieces(text, size)))
    with pytest.raises(lao.InvalidInput, match="line 2, column 3: this is not UTF-8"):
        plugin.call("transform", iter([b"a,b\n1,\xff\n"]))
    with pytest.raises(lao.InvalidInput, match="UTF-16"):
        plugin.call("transform", iter([b"\xff", b"\xfea\0"]))


def test_an_endless_stream_is_read_as_it_is_wanted(plugin):
    def lines():
        yield b"n\n"
        number = 0
        while True:
            yield b"".join(b"%d\n" % (number + index) for index in range(1000))
            number += 1000

    found = plugin.call(
        "transform",
        lines(),
        to="ndjson",
        steps=[{"cast": {"n": "integer"}}, {"filter": "n % 7 == 0"}, {"limit": 3}],
    )
    assert found == b'{"n":0}\n{"n":7}\n{"n":14}\n'
    with plugin.stream("transform", lines(), to="ndjson") as parts:
        assert next(iter(parts)).startswith(b'{"n":"0"}\n{"n":"1"}\n')


def test_describe(plugin):
    found = plugin.call("describe", SAMPLE)
    assert (found["format"], found["records"]) == ("csv", 5)
    by_name = {field.pop("name"): field for field in found["fields"]}
    assert by_name["population"] == {"types": {"integer": 5}, "missing": 0, "min": 873000, "max": 3769000}
    assert by_name["capital"]["types"] == {"boolean": 5}
    odd = plugin.call("describe", '{"a":1}\n{"b":[1],"a":"x"}\n{"a":null}\n{"a":2.5}')
    by_name = {field.pop("name"): field for field in odd["fields"]}
    assert by_name["a"]["types"] == {"integer": 1, "text": 1, "null": 1, "number": 1}
    assert (by_name["a"]["min"], by_name["a"]["max"]) == (1, 2.5)
    assert by_name["b"] == {"types": {"list": 1}, "missing": 3}
