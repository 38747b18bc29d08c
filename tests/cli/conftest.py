"""Runs `lao` as a user does: in a process of its own, in an empty place, with a home of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.install.libraries import library, manifest
from tests.install.server import Site, serving

SNAPSHOTS = Path(__file__).with_name("snapshots")
UPDATE = os.environ.get("LAO_UPDATE_SNAPSHOTS") == "1"


@dataclass(frozen=True)
class Done:
    """What a command did."""

    status: int
    stdout: str
    stderr: str


class Terminal:
    """A shell's worth of commands in one directory, and the transcript of them."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.here = place
        self.transcript: list[str] = []
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("LAO_PLUGIN_DIR", "LAO_PLUGINS_DIR") and "proxy" not in name.lower()
        }
        self.environment |= {"LAO_HOME": str(place / "home"), "COLUMNS": "80", "PYTHONWARNINGS": "error"}

    def __call__(self, *words: str, stdin: str | None = None, status: int | None = None) -> Done:
        """Runs `lao WORDS...`; the exit status is checked when it is given."""
        done = subprocess.run(
            [sys.executable, "-m", "lao", *words],
            cwd=self.here,
            env=self.environment,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        shown = " ".join(word if re.fullmatch(r"[\w@%+=:,./-]+", word) else repr(word) for word in words)
        self.transcript.append(f"$ lao {shown}")
        self.transcript += done.stdout.splitlines()
        self.transcript += [f"2> {line}".rstrip() for line in done.stderr.splitlines()]
        self.transcript += [f"[exit {done.returncode}]", ""]
        if status is not None:
            assert done.returncode == status, done.stdout + done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def compare(self, name: str) -> None:
        """Compares everything so far with a snapshot; LAO_UPDATE_SNAPSHOTS=1 writes it."""
        text = normalised("\n".join(self.transcript), self.place)
        file = SNAPSHOTS / f"{name}.txt"
        if UPDATE:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.exists(), f"there is no snapshot {file.name}: run with LAO_UPDATE_SNAPSHOTS=1"
        assert text == file.read_text(encoding="utf-8")


def normalised(text: str, place: Path) -> str:
    """A transcript without what differs from run to run: paths, digests, times, ports and this machine."""
    text = text.replace(str(place), "<place>")
    text = re.sub(r"\b[0-9a-f]{64}\b", "<sha256>", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", "<time>", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:<port>", text)
    text = re.sub(r"\b(manylinux|musllinux|macosx)_\w+", "<platform>", text)
    text = re.sub(r'(glibc"?:? +"?)\d+\.\d+', r"\1<version>", text)
    return re.sub(r"\b\d+(\.\d+)? (B|kB)\b", "<size>", text)


@pytest.fixture
def lao(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture(scope="session")
def prepared_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that carries the manifest of `speaker` 1.0.0; it cannot be called."""
    return library(tmp_path_factory.mktemp("cli") / "libspeaker.so", manifest_text=manifest())


@pytest.fixture
def speaker(prepared_library: Path, tmp_path: Path) -> Path:
    """The library, in the directory where commands run."""
    file = tmp_path / "libspeaker.so"
    file.write_bytes(prepared_library.read_bytes())
    return file


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """A plugin that can be called, with its manifest beside it."""
    from tests.plugins import build

    folder = tmp_path / "echo-plugin"
    folder.mkdir()
    (folder / "libecho.so").write_bytes(build("echo").read_bytes())
    (folder / "plugin.toml").write_text(
        '[plugin]\nname = "echo"\nversion = "1.0.0"\ndescription = "Gives back what it gets"\n'
    )
    return folder


Run = Callable[..., Done]
