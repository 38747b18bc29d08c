"""What a run gives: outputs, the fate of every step, the events on the way, and the error of a failed run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lao.errors import LaoError
from lao.model.kinds import Kind

__all__ = ["StepEvent", "StepResult", "StepStatus", "WorkflowError", "WorkflowResult"]

StepStatus = Literal["succeeded", "failed", "not started"]
EventStatus = Literal["running", "retrying", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class StepEvent:
    """Something that happened to a step, as it happens.

    Attributes:
        step: Name of the step.
        run: Name of its plugin.
        status: `running` before the first attempt, `retrying` after a failed attempt that another one
            follows, then `succeeded` or `failed`.
        attempt: Number of the attempt, from 1.
        duration_s: Seconds since the step began, waits between attempts included.
        error: Why the attempt failed, or None.
    """

    step: str
    run: str
    status: EventStatus
    attempt: int
    duration_s: float = 0.0
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step ended.

    Attributes:
        step: Name of the step: its id, else `step1` ...
        run: Name of its plugin.
        status: `succeeded`, `failed` or `not started`.
        duration_s: Seconds from its start to its end, waits between attempts included; 0 if it did not start.
        attempts: How often the plugin was called; 0 if it did not start.
        error: Why it failed, or None.
        capability: What of the plugin was, or would have been, called.
        output_kind: Kind of what that gives.
    """

    step: str
    run: str
    status: StepStatus = "not started"
    duration_s: float = 0.0
    attempts: int = 0
    error: Exception | None = None
    capability: str = ""
    output_kind: Kind = Kind.ANY


@dataclass(frozen=True, slots=True)
class WorkflowResult:
    """The outcome of one run.

    Attributes:
        name: Name of the workflow.
        outputs: Output of each step that succeeded, by the step's name, in file order. The values are those
            that the plugins returned; none is copied.
        steps: Every step, in file order.
        duration_s: Seconds from the start of the first step to the end of the last; loading is not part of
            it.
    """

    name: str
    outputs: Mapping[str, Any]
    steps: Sequence[StepResult]
    duration_s: float = 0.0

    @property
    def output(self) -> Any:
        """The output of the last step in file order; None if it did not succeed."""
        return self.outputs.get(self.steps[-1].step) if self.steps else None


class WorkflowError(LaoError):
    """A step failed, and with it the run. `__cause__` is the error of the step.

    Attributes:
        step: Name of the step that failed first.
        result: What was done until then; steps that were already running were waited for.
    """

    step: str
    result: WorkflowResult | None

    def __init__(
        self,
        message: str,
        *,
        step: str = "",
        result: WorkflowResult | None = None,
        causes: Sequence[str] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, causes=causes, where=where, hint=hint)
        self.step = step
        self.result = result
