"""The cases: from the number in a test's name to the library that attacks."""

from __future__ import annotations

import functools
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.plugins import build_source

__all__ = ["build_all", "library_of", "sibling"]

SOURCES = Path(__file__).resolve().parent / "plugins"


def library_of(test: str) -> Path | None:
    """The library of `test_05_exit_in_a_call`: that of the one source `plugins/05_*`; None for a test without a number.

    Raises:
        CompilerMissing: There is no compiler for its language.
        FileNotFoundError: No plugin, or more than one, has that number.
    """
    number = re.match(r"test_(\d{2,3})_", test)
    return build_source(_source(number[1])) if number else None


def sibling() -> Path:
    """The library of the plugin that has to be served meanwhile."""
    return build_source(SOURCES / "sibling.c")


def build_all(tests: list[str]) -> None:
    """Compiles what these tests need, several at a time; whatever fails fails again in its own test."""
    numbers = {found[1] for test in tests if (found := re.match(r"test_(\d{2,3})_", test))}
    sources = [source for number in sorted(numbers) for source in SOURCES.glob(f"{number}_*")]
    with ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(build_source, source) for source in sources]:
            job.exception()


@functools.cache
def _source(number: str) -> Path:
    found = sorted(SOURCES.glob(f"{number}_*"))
    if len(found) != 1:
        raise FileNotFoundError(f"{len(found)} plugins have the number {number} in {SOURCES}; one is needed")
    return found[0]
