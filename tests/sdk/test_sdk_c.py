"""The small C headers in include/lao/c."""

from __future__ import annotations

import os
import subprocess
import unicodedata
from pathlib import Path

import pytest

from lao.paths import include_dir

SOURCE = Path(__file__).with_name("c_parts.c")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("c") / "c_parts"
    flags = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    command = [
        os.environ.get("CC", "cc"),
        *flags,
        "-fno-sanitize-recover=all",
        f"-I{include_dir()}",
        str(SOURCE),
    ]
    subprocess.run([*command, "-o", path], check=True)
    return path


def test_units_under_sanitizers(program: Path) -> None:
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_case_mappings_are_those_of_unicode(program: Path) -> None:
    done = subprocess.run([program, "cases"], capture_output=True, text=True, timeout=60, check=True)
    found = {
        code: (upper, lower)
        for code, upper, lower in (map(int, line.split()) for line in done.stdout.split("\n") if line)
    }
    assert len(found) > 2500

    def single(changed: str, character: str) -> int:
        return ord(changed if len(changed) == 1 else character)

    for code in range(0x110000):
        character = chr(code)
        if unicodedata.category(character) in ("Cn", "Cs", "Co"):
            continue  # not yet a character in the Unicode of this Python
        expected = (single(character.upper(), character), single(character.lower(), character))
        if any(unicodedata.category(chr(other)) == "Cn" for other in found.get(code, ())):
            continue  # its other case is younger
        assert found.get(code, (code, code)) == expected, f"U+{code:04X}"
