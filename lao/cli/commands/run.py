"""`lao run`"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lao.cli import printer
from lao.errors import InvalidInput

if TYPE_CHECKING:
    from lao.workflow import StepEvent, Workflow, WorkflowResult

__all__ = ["command"]


def command(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW.yaml", help="The workflow file.")],
    input: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="NAME=TEXT|@FILE", help="What ${input.NAME} stands for; once for each name."
        ),
    ] = None,
    isolation: Annotated[
        str, typer.Option(metavar="none|process|auto", help="In which process the plugins run.")
    ] = "auto",
    timeout: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="How long one call may take; 0 is no limit."),
    ] = None,
    max_parallel: Annotated[
        int | None,
        typer.Option(min=1, metavar="COUNT", help="Steps that run at the same time; default: processors."),
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the output of the last step there.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, run nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print how every step went as JSON.")] = False,
) -> int:
    """Run a workflow: progress to stderr, the last step's output to stdout."""
    import lao
    from lao.workflow import WorkflowError

    if isolation not in ("none", "process", "auto"):
        raise typer.BadParameter("it is one of none, process, auto", param_hint="--isolation")
    inputs = _inputs(input or [])
    options: dict[str, Any] = {} if timeout is None else {"timeout": timeout or None}
    flow = lao.Workflow.from_yaml(workflow)
    for problem in flow.warnings:
        printer.warning(str(problem))
    with lao.Host() as host:
        if dry_run:
            _show_plan(flow, host, isolation, options, as_json=json)
            return 0
        try:
            result = flow.run(
                inputs,
                host=host,
                isolation=isolation,
                load_options=options,
                max_parallel=max_parallel,
                on_event=_tell,
            )
        except WorkflowError as error:
            if json and error.result is not None:
                _show_json(error.result, None)
            raise
        _show(result, output, as_json=json)
    return 0


def _inputs(pairs: Sequence[str]) -> dict[str, Any]:
    """The `--input NAME=TEXT|@FILE` of a command line; `@@` begins a text that begins with `@`."""
    from lao.model.names import printable

    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            hint = "for example `--input photo=@cat.png` or `--input topic=whales`"
            raise InvalidInput(f"`--input {printable(pair)}` is not NAME=TEXT or NAME=@FILE", hint=hint)
        if name in found:
            raise InvalidInput(f"the input `{printable(name)}` is given twice")
        is_file = value.startswith("@") and not value.startswith("@@")
        found[name] = _existing(value[1:]) if is_file else value.removeprefix("@")
    return found


def _existing(path: str) -> Path:
    """The path, if there is such a file: better said before the first step than at the one that opens it."""
    if not Path(path).is_file():
        cause = "it is a directory" if Path(path).is_dir() else "there is no such file"
        raise InvalidInput(f"cannot read `{path}`", causes=[cause])
    return Path(path)


def _tell(event: StepEvent) -> None:
    """One line of progress."""
    name = printer.clean(f"{event.step} ({event.run})")
    if event.status == "running":
        printer.note(f"{name}: running")
    elif event.status == "succeeded":
        printer.note(f"{name}: done in {_seconds(event.duration_s)}")
    elif event.status == "retrying":
        printer.note(
            f"{name}: attempt {event.attempt} failed, trying again: {printer.clean(str(event.error))}"
        )
    else:
        printer.note(f"{name}: failed after {_seconds(event.duration_s)}")


def _seconds(duration_s: float) -> str:
    return f"{duration_s:.2f} s" if duration_s >= 0.1 else f"{duration_s * 1000:.1f} ms"


def _show_plan(
    flow: Workflow, host: Any, isolation: str, options: Mapping[str, Any], *, as_json: bool
) -> None:
    plan = flow.plan(host=host, isolation=isolation, load_options=options)
    if as_json:
        steps = [
            {
                "step": step.step,
                "run": step.run,
                "capability": step.capability.name,
                "input_type": step.capability.input_kind.label,
                "output_type": step.capability.output_kind.label,
                "after": list(step.after),
            }
            for step in plan
        ]
        printer.json({"workflow": flow.name, "inputs": list(flow.inputs), "steps": steps})
        return
    rows = []
    for step in plan:
        kinds = f"{step.capability.input_kind.label} -> {step.capability.output_kind.label}"
        rows.append((step.step, step.run, step.capability.name, kinds, ", ".join(step.after) or "-"))
    printer.table(("STEP", "PLUGIN", "CAPABILITY", "TYPES", "AFTER"), rows)
    if flow.inputs:
        printer.note(f"inputs: {', '.join(flow.inputs)}")


def _show(result: WorkflowResult, output: str | None, *, as_json: bool) -> None:
    from lao.cli.outputs import show, store

    written = store(result.output, output) if output is not None else None
    if as_json:
        _show_json(result, output)
    elif written is not None:
        printer.note(written)
    else:
        show(result.output, result.steps[-1].output_kind)


def _show_json(result: WorkflowResult, output: str | None) -> None:
    from lao.cli.outputs import as_json

    steps = [
        {
            "step": step.step,
            "run": step.run,
            "capability": step.capability,
            "status": step.status,
            "seconds": round(step.duration_s, 6),
            "attempts": step.attempts,
            "error": str(step.error) if step.error is not None else None,
            "output": as_json(result.outputs.get(step.step), step.output_kind),
        }
        for step in result.steps
    ]
    succeeded = all(step.status == "succeeded" for step in result.steps)
    printer.json(
        {
            "workflow": result.name,
            "status": "succeeded" if succeeded else "failed",
            "seconds": round(result.duration_s, 6),
            "steps": steps,
            "output": as_json(result.output, result.steps[-1].output_kind),
            "file": output,
        }
    )
