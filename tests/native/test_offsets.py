"""Every published struct stays as `offsets.json` says: compiled static assertions, for LP64 and Win64."""

from __future__ import annotations

import copy
import importlib.util
import re
import sys

import pytest

from tests.native import offsets

HINT = "if it was meant, run `python tests/native/offsets.py` and say in the changelog what it breaks"


@pytest.mark.parametrize("model", offsets.MODELS)
def test_every_published_struct_is_recorded(model: str) -> None:
    recorded = offsets.read_record()[model]
    published = {struct.name: struct for struct in offsets.published_structs()}
    assert set(published) == set(recorded), HINT
    for name, struct in published.items():
        assert ["", *struct.fields] == list(recorded[name]), f"the fields of {name} changed; {HINT}"


@pytest.mark.parametrize("model", offsets.MODELS)
def test_no_published_field_moves(model: str) -> None:
    command = offsets.compiler(model)
    if command is None:
        pytest.skip(f"no compiler for {model} here: cc makes lp64 on a 64-bit Unix, ziglang makes win64")
    done = offsets.run_compiler(command, offsets.assertions(offsets.read_record()[model]))
    moved = re.findall(r'((?:offsetof|sizeof|_Alignof)\([^"]*? is not \d+)', done.stderr)
    assert done.returncode == 0, f"moved: {'; '.join(moved) or done.stderr}. {HINT}"


@pytest.mark.parametrize(
    "system", ["aarch64-linux-gnu", "aarch64-macos", "x86_64-macos", "x86_64-linux-musl"]
)
def test_other_systems_lay_them_out_alike(system: str) -> None:
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("no compiler for other systems: pip install ziglang")
    command = [sys.executable, "-m", "ziglang", "cc", "-target", system]
    done = offsets.run_compiler(command, offsets.assertions(offsets.read_record()["lp64"]))
    assert done.returncode == 0, done.stderr


def test_a_move_is_noticed() -> None:
    """The assertions can fail: a record with one number changed is refused, by name."""
    command = offsets.compiler("lp64")
    if command is None:
        pytest.skip("no compiler for lp64 here")
    record = copy.deepcopy(offsets.read_record()["lp64"])
    record["lao_request_t"]["deadline_ns"][0] += 8
    done = offsets.run_compiler(command, offsets.assertions(record))
    assert done.returncode != 0
    assert "offsetof(lao_request_t, deadline_ns) is not" in done.stderr


def test_both_models_agree() -> None:
    """Only fixed-width integers, doubles and pointers: no struct may depend on the data model. DLPack's neither."""
    record = offsets.read_record()
    assert record["lp64"] == record["win64"]


def test_growable_structs_start_with_their_size() -> None:
    """All but DLPack's and the frozen ones of LAO 0.x, which cannot grow."""
    fixed = {"lao_device_t", "lao_dtype_t", "lao_tensor_t", "lao_managed_tensor_t"}
    for struct in offsets.published_structs():
        if struct.name not in fixed and not struct.name.startswith("lao_v0_"):
            assert struct.fields[0] == "struct_size", struct.name
            assert offsets.read_record()["lp64"][struct.name]["struct_size"] == [0, 4]


def test_the_tables_of_0x_have_their_sizes() -> None:
    record = offsets.read_record()["lp64"]
    assert record["lao_v0_table24_t"][""] == [24, 8]
    assert record["lao_v0_table_t"][""] == [80, 8]
    ends = {"run_with_buffer": 40, "get_capabilities": 64, "free_result": 80}
    for field, end in ends.items():
        assert sum(record["lao_v0_table_t"][field]) == end
    assert record["lao_v0_metadata_t"][""] == [72, 8]
    assert record["lao_v0_result_t"] == {"": [16, 8], "status": [0, 4], "text": [8, 8]}
