"""The pages: generated parts are current, and examples are what they claim to be."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from lao.model.manifest import parse_manifest
from lao.model.workflow_file import STEP_KEYS
from lao.workflow.workflow import Workflow

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_current(generate: ModuleType) -> None:
    stale = [
        page for page in generate.GENERATED if generate.updated(page) != (DOCS / page).read_text("utf-8")
    ]
    assert not stale, f"run `python docs/generate.py` for {stale}"


def test_no_meaning_is_left_of_a_key_that_has_gone(generate: ModuleType) -> None:
    made = generate.manifest_keys()
    assert [key for key in generate.MEANINGS if f"| `{key.split('.')[1]}` |" not in made] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_are_valid(page: Path) -> None:
    for code in blocks(page, "python"):
        ast.parse(code)
    for text in blocks(page, "yaml"):
        assert Workflow.from_text(text).graph().order()
    for text in blocks(page, "toml"):
        assert parse_manifest(text).warnings == []


def test_the_table_of_step_keys_is_complete() -> None:
    page = (DOCS / "workflows.md").read_text(encoding="utf-8")
    table = page.split("## The keys of a step")[1].split("##")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == (
        "run",
        "id",
        "capability",
        "input",
        "input_from",
        "depends_on",
        "retries",
        "retry_delay",
    )
    assert set(STEP_KEYS) == set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
