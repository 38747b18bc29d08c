"""The pages: generated parts are current, and examples are what they claim to be."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import lao
from lao.cli import main as cli
from lao.model.manifest import parse_manifest
from lao.model.workflow_file import STEP_KEYS
from lao.workflow.workflow import Workflow
from tests.plugins import build_source

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


def test_the_plugin_in_cpp_is_one(tmp_path: Path) -> None:
    code = blocks(DOCS / "writing-plugins.md", "cpp")[0]
    (tmp_path / "shout.cpp").write_text(code, encoding="utf-8")
    library = tmp_path / "libshout.so"
    compiler = os.environ.get("CXX", "c++")
    warnings = ["-Wall", "-Wextra", "-Werror"]
    sources = [f"-I{ROOT / 'include'}", str(tmp_path / "shout.cpp"), "-o", str(library)]
    subprocess.run([compiler, "-std=c++17", *warnings, "-fPIC", "-shared", *sources], check=True)
    with lao.Host() as host:
        plugin = host.load(library, isolation="process", config={"mark": "?"})
        assert plugin("hello", marks=2) == "hello??"
        with pytest.raises(lao.InvalidInput, match="there is nothing to shout"):
            plugin("")
        dark = np.zeros((2, 3, 3), np.uint8)
        assert (plugin.call("invert", dark) == 255).all()


def test_the_examples_of_calls_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = build_source(ROOT / "tests" / "sdk" / "every_part.cpp")
    whole_load = lao.Host.load

    def load(host: lao.Host, target: str, **options: object) -> lao.Plugin:
        assert target == "every-part"
        return whole_load(host, library, isolation="process", **options)  # type: ignore[arg-type]

    monkeypatch.setattr(lao.Host, "load", load)
    names: dict[str, object] = {}
    for code in blocks(DOCS / "calling-plugins.md", "python"):
        exec(compile(code, "calling-plugins.md", "exec"), names)
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == ["one", "by", "one"]
    assert said[3:8] == ["(100, 2) 8000"] * 3 + ["0.2 s were over", "0.1 s were over"]
    assert said[8].endswith("/count")


@pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no cargo to build Rust with")
def test_the_plugin_in_rust_is_one(tmp_path: Path) -> None:
    code = blocks(DOCS / "writing-plugins.md", "rust")[0]
    project = tmp_path / "plugins" / "shout"
    create = ["plugin", "create", "shout", "--lang", "rust", "--output", str(project)]
    assert cli(create) == 0
    (project / "src" / "lib.rs").write_text(code, encoding="utf-8")
    assert cli(["plugin", "build", str(project)]) == 0
    with lao.Host() as host:
        plugin = host.load(project, isolation="process", config={"mark": "?"})
        assert plugin("hello", marks=2) == "hello??"
        with pytest.raises(lao.InvalidInput, match="there is nothing to shout"):
            plugin("")


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


# --- The ABI's page ---


def test_the_page_of_the_abi_is_whole() -> None:
    """Every struct with a section of its own, every constant, function and extension id of the headers."""
    from tests.native import offsets

    page = (DOCS / "abi.md").read_text("utf-8")
    for struct in offsets.published_structs():
        assert page.count(f"### {struct.name}\n") == 1
        for field in struct.fields:
            assert f"| `{field}` |" in page
    text = "".join((offsets.INCLUDE / header).read_text() for header in offsets.headers())
    constants = set(re.findall(r"\bLAO_[A-Z][A-Z0-9_]*", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)))
    macros = {"LAO_EXTERN_C_BEGIN", "LAO_EXTERN_C_END", "LAO_EXPORT", "LAO_CALL", "LAO_STATUS_LIST"}
    guards = {name for name in constants if name.endswith("_H")}
    assert {name for name in constants - macros - guards if not re.search(rf"\b{name}\b", page)} == set()
    for function in re.findall(r"static inline [\w\s]+\*?(lao_\w+)\(", text):
        assert f" {function}(" in page.replace("*", " ")


def test_a_header_that_says_something_else_is_not_passed_over(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of the headers refuses what it does not understand, and the page follows what they say."""
    reference = generate.abi_reference
    shutil.copytree(reference.INCLUDE, tmp_path / "lao")
    monkeypatch.setattr(reference, "INCLUDE", tmp_path / "lao")
    header = tmp_path / "lao" / "ext" / "batch.h"
    text = header.read_text("utf-8")
    header.write_text(text.replace("Runs `count` requests", "Runs some requests"), "utf-8")
    assert generate.updated("abi.md") != (DOCS / "abi.md").read_text("utf-8")
    header.write_text(text.replace("typedef struct lao_batch_plugin {", "%% {"), "utf-8")
    with pytest.raises(ValueError, match=r"batch\.h: what is"):
        generate.updated("abi.md")
