"""Mutation fuzzing of the arrays that the template `ai-model` reads in C++, under ASan and UBSan. `make fuzz` runs this
file as a script, and longer; see `test_package_parsers.py` for its time and seed."""

import os
import struct
from pathlib import Path

import pytest

from lao.paths import templates_dir
from tests.fuzz.fed_program import build, fuzz_program


def block(header: bytes, elements: int) -> bytes:
    return struct.pack("<Q", len(header)) + header + bytes(range(elements))


SEEDS = [
    block(b"{}", 0),
    block(b'{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}   ', 24),
    block(
        b'{"__metadata__":{"x":"y"},"b":{"dtype":"BOOL","shape":[],"data_offsets":[16,17]},'
        b'"a":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]},"c":{"dtype":"U8","shape":[0],"data_offsets":[17,17]}}',
        17,
    ),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = templates_dir() / "cpp" / "ai-model" / "src"
    return build(
        tmp_path_factory.mktemp("fuzz") / "ai_model",
        Path(__file__).with_name("ai_model.cpp"),
        [sources / "named_tensors.cpp"],
    )


def test_fuzz_named_arrays(program: Path) -> None:
    fuzz_program("named arrays", program, SEEDS)


if __name__ == "__main__":
    os.environ.setdefault("LAO_FUZZ_SECONDS", "60")
    raise SystemExit(pytest.main([__file__, "-q", "-s"]))
