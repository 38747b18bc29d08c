"""The ways to fuzz what a template decodes: its C++ as a program under ASan and UBSan that reads inputs from standard
input, each behind its size, and answers with a line; and the whole plugin, in a worker."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lao
from lao.paths import include_dir
from tests.fuzz.test_package_parsers import SLOWEST_S, fuzz
from tests.templates.libraries import PACKAGES, has_library
from tests.templates.made import make

FLAGS = ["-std=c++17", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
VARIABLES = {
    **os.environ,
    "LSAN_OPTIONS": f"suppressions={Path(__file__).with_name('known_leaks.txt')}:print_suppressions=0",
}
MOST_SAID = 20_000


def build(made: Path, driver: Path, sources: list[Path], libraries: tuple[str, ...] = ()) -> Path:
    """Compiles the driver with the sources of a template, two at a time.

    Args:
        made: The program.
        driver: Its `main`.
        sources: What is fuzzed.
        libraries: What they need, as pkg-config calls it; the test is skipped where it is missing.
    """
    missing = [PACKAGES[name] for name in libraries if not has_library(name)]
    if missing:
        pytest.skip(f"apt install pkg-config {' '.join(missing)}")
    folders = [
        f"-I{include_dir()}",
        f"-I{sources[0].parent}",
        f"-I{driver.parent}",
        *options_of("--cflags", libraries),
    ]
    objects: list[Path] = []
    running: list[subprocess.Popen[bytes]] = []
    for source in [driver, *sources]:
        objects.append(made.parent / f"{source.stem}.o")
        if len(running) >= 2:
            wait(running.pop(0))
        running.append(subprocess.Popen(["c++", *FLAGS, *folders, "-c", source, "-o", objects[-1]]))
    for one in running:
        wait(one)
    links = options_of("--libs", libraries)
    subprocess.run(["c++", *FLAGS, *objects, *links, "-o", made], check=True, timeout=300)
    return made


def options_of(kind: str, libraries: tuple[str, ...]) -> list[str]:
    tool = shutil.which("pkg-config")
    if tool is None or not libraries:
        return []
    return subprocess.run([tool, kind, *libraries], check=True, capture_output=True, text=True).stdout.split()


def wait(compiler: subprocess.Popen[bytes]) -> None:
    assert compiler.wait(timeout=300) == 0


def fuzz_program(name: str, program: Path, seeds: list[bytes]) -> None:
    """Feeds it mutations of the seeds; it ends where something is found."""
    # Libraries complain there of what they read, which would fill a pipe.
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [program], env=VARIABLES, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
        ) as running,
    ):
        assert running.stdin is not None
        assert running.stdout is not None
        writing, reading = running.stdin, running.stdout

        def target(data: bytes) -> None:
            writing.write(b"%d\n%s" % (len(data), data))
            writing.flush()
            answers, _, _ = select.select([reading], [], [], SLOWEST_S)
            if not answers:
                running.kill()
                raise AssertionError(f"not read within {SLOWEST_S:.0f} s")
            if reading.readline() != b"read\n":
                raise AssertionError(last_words())

        def last_words() -> str:
            running.wait(timeout=60)
            said.seek(max(said.seek(0, os.SEEK_END) - MOST_SAID, 0))
            return said.read().decode("utf-8", "replace")

        fuzz(name, seeds, target)
        writing.close()
        assert running.wait(timeout=60) == 0, last_words()


def fuzz_decode(
    name: str,
    template: str,
    folder: Path,
    seeds: list[bytes],
    check: Callable[[np.ndarray[Any, Any]], None],
    config: dict[str, Any],
) -> None:
    """The capability `decode` of a template in Rust: what it takes passes `check`, all else is refused as bad input.
    It is built for debugging, so that an overflow is a panic, which is no refusal."""
    project = make(template, "rust", folder / "fuzzed").project
    with lao.Host(folder / "home") as host:
        plugin = host.load(project.directory, isolation="process", config=config)

        def target(data: bytes) -> None:
            try:
                found = np.asarray(plugin.call("decode", data))
            except lao.InvalidInput:
                return
            except lao.LaoError as error:
                raise AssertionError(f"no refusal: {error!r}") from error
            check(found)

        fuzz(name, seeds, target)
        assert plugin.stats.restarts == 0
