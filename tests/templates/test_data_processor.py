"""The template `data-processor`: its own tests, conformance, and documents that are longer than the memory it has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import lao
from tests.templates.made import Made, languages, make, passed

MB = 1 << 20


@pytest.fixture(scope="module", params=languages("data-processor"))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    language = str(request.param)
    return make(
        "data-processor", language, tmp_path_factory.mktemp(language) / "city data", libraries=("expat",)
    )


def test_its_own_tests_and_conformance(made: Made) -> None:
    sample = (made.project.directory / "sample.csv").read_text("utf-8")
    found = passed(made, lambda _: lao.Text(sample))
    assert found.output == sample


# --- Streams that are longer than its memory ---


def csv_parts(count: int, taken: list[int]) -> Iterator[bytes]:
    """About a megabyte each, cut anywhere."""
    rest = b"number,name,amount\n"
    for part in range(count):
        rows = "".join(f'{part},"Zoë, {index}",{index % 100}.25\n' for index in range(40_000)).encode()
        whole, cut = rest + rows, len(rows) - part % 7
        taken.append(cut)
        yield whole[:cut]
        rest = whole[cut:]
    yield rest


@pytest.mark.parametrize(
    "to", ["csv", *(pytest.param(one, marks=pytest.mark.matrix) for one in ("ndjson", "xml"))]
)
def test_a_stream_of_any_length_in_bounded_memory(made: Made, to: str) -> None:
    parts, given = 100, list[int]()
    with lao.Host() as host:
        plugin = host.load(
            made.project.directory, isolation="process", limits={"max_memory_mb": 64}, timeout=120
        )
        steps = [
            {"cast": {"amount": "number"}},
            {"filter": "amount < 1"},
            {"derive": {"double": "amount * 2"}},
        ]
        size = records = 0
        for part in plugin.stream("transform", csv_parts(parts, given), to=to, steps=steps):
            size += len(part)
            records += bytes(part).count(b"Zo\xc3\xab")
        assert records == parts * 400
        assert sum(given) > 85 * MB > size
        assert plugin.stats.restarts == 0


def test_sorting_more_than_it_may_keep_is_refused(made: Made) -> None:
    with lao.Host() as host:
        plugin = host.load(made.project.directory, isolation="process", config={"max_kept_mb": 4})
        with pytest.raises(lao.InvalidInput, match="`sort` would keep more than 4 MiB"):
            plugin.call("transform", csv_parts(5, []), steps=[{"sort": ["name"]}])
        compute = {"n": "count()", "sum": "sum(number(amount))"}
        steps: list[Any] = [{"aggregate": {"by": ["number"], "compute": compute}}]
        found = json.loads(plugin.call("transform", csv_parts(5, []), to="json", steps=steps))
        assert found == [
            {"number": str(part), "n": 40_000, "sum": 400 * sum(range(100)) + 10_000} for part in range(5)
        ]


# --- Documents that mean harm: each is refused at once, and the worker stays ---

HOSTILE: dict[str, bytes] = {
    "deep lists": b"[" * 10_000_000,
    "deep objects": b'{"a":' * 1_000_000,
    "deep elements": b"<a>" * 1_000_000,
    "a laughing billion": b'<!DOCTYPE a [<!ENTITY b "&c;&c;"><!ENTITY c "ha">]><a>&b;</a>',
    "a file of the system": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "a long text": b'{"a":"' + b"x" * 20_000_000,
    "a long number": b"[" + b"1" * 20_000_000,
    "a long field": b'a\n"' + b"x\n" * 10_000_000,
    "a long comment": b"<!-- " + b"x" * 20_000_000,
    "many attributes": b"<a><b " + b" ".join(b'a%d="1"' % index for index in range(100_000)) + b"/></a>",
    "many fields": b"{" + b",".join(b'"%d":1' % index for index in range(100_000)) + b"}",
    "many columns": b",".join(b"c%d" % index for index in range(100_000)) + b"\n",
    "many children": b"<a><b>" + b"".join(b"<c%d/>" % index for index in range(100_000)) + b"</b></a>",
    "half a character": b'{"a":"\xc3',
    "no UTF-8": b"a\n\xff\xfe\n",
    "an overlong NUL": b'["\xc0\x80"]',
    "a surrogate": b'["\xed\xa0\x80"]',
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_documents_that_mean_harm(made: Made, name: str) -> None:
    data = HOSTILE[name]
    with lao.Host() as host:
        plugin = host.load(made.project.directory, isolation="process", timeout=20)
        for size in (len(data), 65_536):
            with pytest.raises(lao.InvalidInput, match=r"line \d+"):
                plugin.call(
                    "transform", (data[at : at + size] for at in range(0, len(data), size)), to="json"
                )
        assert plugin.call("process", "a\n1\n", to="ndjson") == '{"a":"1"}\n'
        assert plugin.stats.restarts == 0
