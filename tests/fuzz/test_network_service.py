"""Mutation fuzzing of what the C++ template `network-service` reads of a server, under ASan and UBSan. `make fuzz`
runs this file as a script, and longer; see `test_package_parsers.py` for its time and seed."""

import os
from pathlib import Path

import pytest

from lao.paths import templates_dir
from tests.fuzz.fed_program import build, fuzz_program

SEEDS = [
    b"https://API.example.org:8443/v1/a%20b?x=1&y=%C3%A9#z",
    b"http://[::1]:80/",
    b"//other.example.org/a/../b",
    b"/items/%2e%2e/1?page=2",
    b'<https://a/1>; rel="prev", <https://a/3?x=1,2>; title="a, b"; rel="next last"',
    b"</p2>;rel=next,<b>",
    b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"120",
    b'{"items": [1, -2.5e3, "\\ud83d\\ude00", null, true, {"a": []}], "next_cursor": "x"}',
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = templates_dir() / "cpp" / "network-service" / "src"
    return build(
        tmp_path_factory.mktemp("fuzz") / "network_service",
        Path(__file__).with_name("network_service.cpp"),
        [sources / f"{part}.cpp" for part in ("address", "pacing", "secrets")],
    )


def test_fuzz_what_a_server_says(program: Path) -> None:
    fuzz_program("what a server says", program, SEEDS)


if __name__ == "__main__":
    os.environ.setdefault("LAO_FUZZ_SECONDS", "60")
    raise SystemExit(pytest.main([__file__, "-q", "-s"]))
