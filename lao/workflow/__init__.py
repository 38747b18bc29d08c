"""Workflows: plugins chained to a job. `Workflow` is the way in."""

from __future__ import annotations

from lao.model.workflow_file import InvalidWorkflow
from lao.workflow.result import StepEvent, StepResult, WorkflowError, WorkflowResult
from lao.workflow.workflow import Workflow

__all__ = ["InvalidWorkflow", "StepEvent", "StepResult", "Workflow", "WorkflowError", "WorkflowResult"]
