"""What version 1 published keeps its place, its value and its meaning."""

from __future__ import annotations

import copy

import pytest

from tests.abi import frozen


@pytest.fixture(autouse=True)
def _needs_a_compiler() -> None:
    if frozen.offsets.compiler("lp64") is None:
        pytest.skip("no compiler for lp64 here: cc makes it on a 64-bit Unix")


def test_nothing_that_was_published_has_changed() -> None:
    assert frozen.broken(frozen.read_record()) == []


def test_everything_is_recorded() -> None:
    added = frozen.missing(frozen.read_record())
    assert added == [], (
        "run `python tests/abi/frozen.py`, count LAO_ABI_MINOR up, and say it in the changelog"
    )


def test_the_record_is_of_every_kind() -> None:
    constants = frozen.read_record()["constants"]
    assert constants["LAO_ABI_MAJOR"] == 1
    assert constants["LAO_EXT_STREAM"] == "lao.stream/1"
    assert constants["LAO_PLUGIN_ENTRY"] == "lao_plugin_entry"
    assert constants["LAO_KIND_TENSOR"] == 9
    assert constants["LAO_SYSTEM"] == 39
    assert constants["LAO_CAPABILITY_STREAMS_IN"] == 4
    assert not set(frozen.VERSIONS) & set(constants)
    assert len(constants) > 90
    declarations = frozen.read_record()["declarations"]
    assert declarations["lao_host_t.now_ns"] == "int64_t(LAO_CALL *now_ns)(const struct lao_host *host)"
    assert len(declarations) == sum(len(fields) for fields in frozen.read_record()["structs"].values())


def test_what_breaks_is_found() -> None:
    record = copy.deepcopy(frozen.read_record())
    record["constants"]["LAO_KIND_TEXT"] = 7
    record["constants"]["LAO_KIND_GONE"] = 77
    record["structs"]["lao_request_t"]["deadline_ns"] = [56, 8]
    record["structs"]["lao_gone_t"] = {"struct_size": [0, 4]}
    del record["structs"]["lao_value_t"]["size"]
    record["declarations"]["lao_value_t.kind"] = "int32_t kind"
    assert frozen.broken(record) == [
        "LAO_KIND_TEXT was 7 and is 1",
        "LAO_KIND_GONE was 77 and is None",
        "lao_request_t.deadline_ns was at [56, 8] and is at [48, 8]",
        "lao_value_t.size is new, and not at the end",
        "lao_gone_t has gone",
        "lao_value_t.kind was declared `int32_t kind` and is `uint32_t kind`",
    ]


def test_what_is_new_at_the_end_is_no_break() -> None:
    record = copy.deepcopy(frozen.read_record())
    del record["structs"]["lao_value_t"]["owner"]
    del record["constants"]["LAO_KIND_TENSOR"]
    assert frozen.broken(record) == []
    assert frozen.missing(record) == ["LAO_KIND_TENSOR", "lao_value_t.owner"]
