"""Mutation fuzzing of what the C++ template `network-service` reads of a server, under ASan and UBSan. `make fuzz`
runs this file as a script, and longer; see `test_package_parsers.py` for its time and seed."""

import os
import subprocess
from pathlib import Path

import pytest

from lao.paths import include_dir, templates_dir
from tests.fuzz.test_package_parsers import fuzz

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
    made = tmp_path_factory.mktemp("fuzz") / "network_service"
    sources = templates_dir() / "cpp" / "network-service" / "src"
    flags = ["-std=c++17", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
    parts = [str(sources / f"{part}.cpp") for part in ("address", "pacing", "secrets")]
    folders = [f"-I{include_dir()}", f"-I{sources}"]
    driver = str(Path(__file__).with_suffix(".cpp")).replace("test_", "")
    subprocess.run(["c++", *flags, *folders, driver, *parts, "-o", str(made)], check=True, timeout=300)
    return made


def test_fuzz_what_a_server_says(program: Path) -> None:
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        writing, reading, saying = running.stdin, running.stdout, running.stderr

        def target(data: bytes) -> None:
            writing.write(b"%d\n%s" % (len(data), data))
            writing.flush()
            if reading.readline() != b"read\n":
                raise AssertionError(saying.read().decode("utf-8", "replace"))

        fuzz("what a server says", SEEDS, target)
        writing.close()
    assert running.returncode == 0


if __name__ == "__main__":
    os.environ.setdefault("LAO_FUZZ_SECONDS", "60")
    raise SystemExit(pytest.main([__file__, "-q", "-s"]))
