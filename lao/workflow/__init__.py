"""Workflows: plugins chained to a job. `lao.Workflow` is the way in."""
