"""Fuzzes what reads bytes of the other side in C, under ASan and UBSan: a worker's answers, values as plugins hand them
over, texts, and the plan of a sandbox.

Run by `make fuzz`. Guided by coverage either way: by libFuzzer where clang is, else by tests/native/fuzz_driver.c.
LAO_FUZZ_SECONDS is the time for each target (60 by default), LAO_FUZZ_SEED the seed, LAO_FUZZ_COMPILER `clang` or `gcc`
where both are. An input that fails is kept in build/fuzz-*, and its path printed.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TARGETS = ("frame", "value", "text", "plan")
LONGEST = 8192


def compiler() -> str:
    """`clang` where it has libFuzzer, else `gcc`."""
    wanted = os.environ.get("LAO_FUZZ_COMPILER")
    if wanted:
        return wanted
    if shutil.which("clang") is not None:
        probe = subprocess.run(
            ["clang", "-fsanitize=fuzzer,address", "-xc", "-", "-o", os.devnull],
            input=b"int LLVMFuzzerTestOneInput(const char *d, unsigned long s) { return d == 0 && s > 0; }",
            capture_output=True,
            check=False,
        )
        if probe.returncode == 0:
            return "clang"
    return "gcc"


def build(chosen: str) -> Path:
    """Builds the targets; returns the folder of the programs."""
    folder = ROOT / "build" / f"fuzz-{chosen}"
    sanitizers = "address,undefined" + (",fuzzer-no-link" if chosen == "clang" else "")
    configure = ["cmake", f"-S{ROOT}", f"-B{folder}", f"-DCMAKE_C_COMPILER={chosen}", "-DLAO_BUILD_TESTS=ON"]
    configure += ["-DLAO_BUILD_FUZZERS=ON", f"-DLAO_SANITIZE={sanitizers}"]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        ["cmake", "--build", str(folder), "--target", "fuzzers"], check=True, stdout=subprocess.DEVNULL
    )
    return folder / "tests" / "native"


def fuzz(chosen: str, programs: Path, target: str, seconds: int, seed: int) -> int:
    """Runs one target; its exit code."""
    program = programs / f"fuzz_{target}"
    if chosen == "gcc":
        command = [str(program), str(seconds), str(seed)]
    else:
        corpus = programs.parent.parent / "corpus" / target
        corpus.mkdir(parents=True, exist_ok=True)
        os.environ["LAO_FUZZ_SEEDS"] = str(corpus)
        command = [str(program), str(corpus), f"-max_total_time={seconds}", f"-max_len={LONGEST}"]
        command += [f"-seed={seed}", f"-artifact_prefix={programs}/{target}-", "-print_final_stats=1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    if done.returncode != 0:
        print("\n".join(said[-80:]))
        print(f"{target}: FAILED; the seed was {seed}, the input lies in {programs}")
        return done.returncode
    figures = [line for line in said if "cov:" in line or "number_of_executed" in line or "places" in line][
        -2:
    ]
    print(f"{target} ({chosen}, seed {seed}): " + "; ".join(line.strip() for line in figures))
    return 0


def main() -> int:
    chosen = compiler()
    programs = build(chosen)
    seconds = int(float(os.environ.get("LAO_FUZZ_SECONDS", "60")))
    seed = int(os.environ.get("LAO_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
    outcomes = [fuzz(chosen, programs, target, seconds, seed) for target in TARGETS]
    return max(outcomes, key=abs)


if __name__ == "__main__":
    sys.exit(main())
