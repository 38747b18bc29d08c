"""What a plugin's author asks for: build with the manifest checked against the code, test, validate, package."""

from __future__ import annotations

from lao.authoring.building import build_checked, find_source
from lao.authoring.check import Check
from lao.authoring.packaging import package
from lao.authoring.testing import TestRun, run_tests
from lao.authoring.validating import validate

__all__ = ["Check", "TestRun", "build_checked", "find_source", "package", "run_tests", "validate"]
