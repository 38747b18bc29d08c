"""`lao plugin test`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lao.cli import printer

if TYPE_CHECKING:
    from lao.authoring import Check

__all__ = ["command"]

_MARKS = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}


def command(
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A project's folder or name, or a library.")
    ] = ".",
    input: Annotated[
        str | None,
        typer.Option(
            "--input", metavar="TEXT|@FILE", help="Also try this input, wherever it fits; @- reads stdin."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Repeat the random inputs of an earlier run.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Test a plugin: its own tests, how it takes whatever a host may do to it, and a given input."""
    from pathlib import Path

    from lao.authoring import build_checked, find_source, run_tests
    from lao.build import ProjectSource, built, built_for_release
    from lao.cli.building import showing_build
    from lao.cli.inputs import read_input
    from lao.cli.outputs import as_json, show

    target = Path(path).absolute() if Path(path).is_file() else find_source(path)
    reader = None if input is None else lambda capability: read_input(input, capability.input_kind)
    if isinstance(target, ProjectSource) and built(target) is None:
        with showing_build(target.name) as on_output:
            build_checked(target, release=built_for_release(target), on_output=on_output)
    found = run_tests(target, read_input=reader, seed=seed, on_check=None if json else _show)
    gave = found.capability is not None and found.output is not None
    if json:
        kind: Any = found.capability.output_kind if found.capability is not None else None
        printer.json(
            {
                "passed": not found.failed,
                "seed": found.seed,
                "checks": [check.to_dict() for check in found.checks],
            }
            | ({"output": as_json(found.output, kind)} if gave else {})
        )
    else:
        if gave and found.capability is not None:
            parts = found.output if found.capability.streams else [found.output]
            for part in parts:
                show(part, found.capability.output_kind)
        printer.note(_summary(found.checks, found.seed))
    return 1 if found.failed else 0


def _show(check: Check) -> None:
    first, *rest = check.detail.split("\n") if check.detail else [""]
    printer.note(f"{_MARKS[check.outcome]} {check.name}" + (f": {first}" if first else ""))
    for line in rest:
        printer.note(f"       {line}")


def _summary(checks: list[Check], seed: int) -> str:
    count = {outcome: sum(check.outcome == outcome for check in checks) for outcome in _MARKS}
    return (
        f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped; "
        f"`--seed {seed}` repeats the random inputs"
    )
