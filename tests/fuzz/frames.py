"""Fuzzes what reads the bytes of a worker: libFuzzer on frames, layouts and texts, under ASan and UBSan.

Run by `make fuzz`. Needs clang; where there is none it says so and leaves it at the mutation loop of tests/native,
which every `make test` runs. LAO_FUZZ_SECONDS is the time it takes (60 by default); a crashing input is kept beside
the corpus and its path printed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "fuzz"


def build_target(clang: str) -> Path:
    """Configures and builds the target; returns the program."""
    subprocess.run(
        [
            "cmake",
            f"-S{ROOT}",
            f"-B{BUILD}",
            f"-DCMAKE_C_COMPILER={clang}",
            "-DLAO_BUILD_TESTS=ON",
            "-DLAO_BUILD_FUZZERS=ON",
            "-DLAO_SANITIZE=address,undefined,fuzzer-no-link",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run(["cmake", "--build", str(BUILD), "--target", "fuzz_frame"], check=True)
    return BUILD / "tests" / "native" / "fuzz_frame"


def main() -> int:
    clang = shutil.which("clang")
    if clang is None:
        print("frames: clang is not installed, so libFuzzer did not run", file=sys.stderr)
        return 0
    seconds = int(float(os.environ.get("LAO_FUZZ_SECONDS", "60")))
    program = build_target(clang)
    corpus = BUILD / "corpus"
    corpus.mkdir(exist_ok=True)
    command = [
        str(program),
        str(corpus),
        f"-max_total_time={seconds}",
        "-max_len=8192",
        "-print_final_stats=1",
    ]
    seed = os.environ.get("LAO_FUZZ_SEED")
    if seed is not None:
        command.append(f"-seed={seed}")
    return subprocess.run([*command, f"-artifact_prefix={BUILD}/"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
