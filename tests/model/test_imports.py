"""What listing plugins imports stays cheap."""

import subprocess
import sys

import pytest

LIGHT = [
    "lao.errors",
    "lao.paths",
    "lao.model.names",
    "lao.model.kinds",
    "lao.model.capability",
    "lao.model.versions",
    "lao.package.inspect",
    "lao.package.loadable",
    "lao.package.archive",
]
HEAVY = [
    "pydantic",
    "jsonschema_rs",
    "semantic_version",
    "platformdirs",
    "packaging",
    "numpy",
    "asyncio",
    "httpx",
]


@pytest.mark.parametrize("module", LIGHT)
def test_light_modules_import_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == []


def test_a_manifest_without_schemas_needs_no_schema_library() -> None:
    code = (
        "import sys; from lao.model.manifest import parse_manifest; "
        "parse_manifest('[plugin]\\nname = \"a\"\\nversion = \"1.0.0\"\\n'); print('jsonschema_rs' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"
