"""Programs under ASan and UBSan that read inputs from standard input, each behind its size, and answer with a line."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lao.paths import include_dir
from tests.fuzz.test_package_parsers import fuzz

FLAGS = ["-std=c++17", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]


def build(made: Path, driver: Path, sources: list[Path], libraries: tuple[str, ...] = ()) -> Path:
    """Compiles the driver with the sources of a template, two at a time."""
    objects: list[Path] = []
    running: list[subprocess.Popen[bytes]] = []
    folders = [f"-I{include_dir()}", f"-I{sources[0].parent}"]
    for source in [driver, *sources]:
        objects.append(made.parent / f"{source.stem}.o")
        if len(running) >= 2:
            wait(running.pop(0))
        running.append(subprocess.Popen(["c++", *FLAGS, *folders, "-c", source, "-o", objects[-1]]))
    for one in running:
        wait(one)
    subprocess.run(["c++", *FLAGS, *objects, *libraries, "-o", made], check=True, timeout=300)
    return made


def wait(compiler: subprocess.Popen[bytes]) -> None:
    assert compiler.wait(timeout=300) == 0


def fuzz_program(name: str, program: Path, seeds: list[bytes]) -> None:
    """Feeds it mutations of the seeds; it ends where something is found."""
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

        fuzz(name, seeds, target)
        writing.close()
    assert running.returncode == 0
