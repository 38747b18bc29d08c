"""The README's example gives the output that stands below it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_ten_lines(tmp_path: Path) -> None:
    section = README.read_text(encoding="utf-8").split("## Ten lines")[1].split("\n## ")[0]
    fences = dict(re.findall(r"^```(\w+)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))
    commands = [shlex.split(line, comments=True) for line in fences["sh"].splitlines()]
    shell = re.findall(r"`(lao plugin call [^`]*)`", section)
    for words in [*commands, *map(shlex.split, shell)]:
        assert words[0] == "lao"
        said = lao(tmp_path, *words[1:])
    assert said == fences["text"].splitlines()[0] + "\n"
    assert run(tmp_path, sys.executable, "-c", fences["python"]) == fences["text"]
    assert len(fences["python"].split("\n")) <= 10


def lao(folder: Path, *words: str) -> str:
    return run(folder, sys.executable, "-m", "lao", *words)


def run(folder: Path, *words: str) -> str:
    """Stdout of a command that succeeds."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
