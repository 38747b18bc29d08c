"""`lao plugin test`: the author's own tests, conformance, and a given input."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lao.authoring.building import build_checked, loaded
from lao.authoring.calling import ReadInput
from lao.authoring.check import Check
from lao.authoring.conformance import conformance
from lao.authoring.own_tests import own_tests
from lao.build import ProjectSource, built, built_for_release
from lao.errors import LaoError
from lao.model.capability import Capability
from lao.model.kinds import Kind
from lao.model.manifest import Manifest

__all__ = ["TestRun", "run_tests"]


@dataclass(slots=True)
class TestRun:
    """What a test run found.

    Attributes:
        seed: Of the random inputs; the same seed repeats them.
        checks: All of them, in order.
        output: What the plugin gave for the given input; None without one, or when it failed.
        capability: The capability that was given the input.
    """

    __test__ = False  # for pytest: this is no test case

    seed: int
    checks: list[Check] = field(default_factory=list)
    output: Any = None
    capability: Capability | None = None

    @property
    def failed(self) -> bool:
        """Whether any check failed."""
        return any(check.failed for check in self.checks)


def run_tests(
    target: ProjectSource | Path,
    *,
    read_input: ReadInput | None = None,
    seed: int | None = None,
    on_check: Callable[[Check], None] | None = None,
    on_output: Callable[[str], None] | None = None,
) -> TestRun:
    """Tests a project, which is built first when its sources changed, or a library alone.

    Args:
        target: A project, or a library file (also of LAO 0.x).
        read_input: Gives the input to try at last, and where capabilities refuse the ordinary ones; None has none.
        seed: 0 to 2^32 - 1; a random one if not given.
        on_check: Gets every check when it is done.
        on_output: Gets what compilers and tests write.

    Raises:
        ManifestError, BuildFailed, LaoError: It cannot be built.
    """
    found = TestRun(secrets.randbits(32) if seed is None else seed)
    library, manifest = _library(target, on_output)

    def note(check: Check) -> None:
        found.checks.append(check)
        if on_check is not None:
            on_check(check)

    if isinstance(target, ProjectSource):
        for check in own_tests(target, library.parent.name, on_output):
            note(check)
    given = None if read_input is None else _Given(read_input)
    conformance(library, manifest, seed=found.seed, read_input=given, on_check=note)
    if given is not None:
        note(_try_input(found, library, given))
    return found


def _library(
    target: ProjectSource | Path, on_output: Callable[[str], None] | None
) -> tuple[Path, Manifest | None]:
    if isinstance(target, Path):
        from lao.host.source import source_of_library

        return target, source_of_library(target).manifest
    library = built(target)
    if library is None:
        library = build_checked(target, release=built_for_release(target), on_output=on_output).library
    return library, target.manifest()


class _Given:
    """Reads the input once for each kind."""

    def __init__(self, read_input: ReadInput) -> None:
        self._read = read_input
        self._known: dict[Kind, Any] = {}

    def __call__(self, capability: Capability) -> Any:
        kind = capability.input_kind
        if kind not in self._known:
            try:
                self._known[kind] = self._read(capability)
            except LaoError as error:
                self._known[kind] = error
        if isinstance(self._known[kind], LaoError):
            raise self._known[kind]
        return self._known[kind]


def _try_input(found: TestRun, library: Path, read_input: ReadInput) -> Check:
    name = "the given input"
    try:
        with loaded(library) as plugin:
            found.capability = plugin.capabilities[0]
            value = read_input(found.capability)
            if found.capability.streams:
                found.output = list(plugin.stream(found.capability.name, value))
            else:
                found.output = plugin(value)
    except LaoError as error:
        return Check(name, "failed", str(error))
    return Check(name, "passed", f"`{found.capability.name}`")
