"""Imports point down only, in Python and in C; a module without a layer fails here until it gets one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lao"
NATIVE = ROOT / "native"
INCLUDE = ROOT / "include"

# From the bottom up. Modules of one layer do not import each other: the layer above wires them.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors"}),
    frozenset({"paths"}),
    frozenset({"model"}),
    frozenset({"package", "events", "audit", "durable", "public_web", "_native"}),
    frozenset(
        {
            "host",
            "store",
            "grants",
            "operator_file",
            "projects",
            "resolve",
            "registry",
            "download",
            "build",
            "templates",
        }
    ),
    frozenset({"locate"}),  # wires what is installed, and local projects, into the host
    frozenset({"workflow", "install", "authoring", "analytics"}),
    frozenset({"<lao>"}),  # `lao/__init__.py`: the names that users import
    frozenset({"web", "server"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
LAYER_OF = {name: index for index, names in enumerate(LAYERS) for name in names}

SOURCES = sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".pyi"))

# Folder of native/ -> the other folders of native/ whose headers it may include. The public headers are for all.
NATIVE_FOLDERS: dict[str, frozenset[str]] = {
    "core": frozenset(),
    "ipc": frozenset({"core"}),
    "sandbox": frozenset({"core"}),
    "worker": frozenset({"core", "ipc", "sandbox"}),
    "glue": frozenset({"core", "ipc"}),
}
NATIVE_SOURCES = sorted(path for folder in NATIVE_FOLDERS for path in (NATIVE / folder).rglob("*.[ch]"))
PUBLIC_HEADERS = sorted(path for suffix in ("h", "hpp") for path in INCLUDE.rglob(f"*.{suffix}"))

PLATFORM_FILE = re.compile(r"_(linux|macos|posix|windows)\.[ch]$")
PLATFORM_MACRO = re.compile(
    r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b.*\b(_WIN32|_WIN64|__APPLE__|__linux__|__MACH__)\b", re.M
)


def module_name(path: Path) -> str:
    """`lao.model.names` for `lao/model/names.py`, `lao` for `lao/__init__.py`."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_name(module: str) -> str:
    """The layered name that a module belongs to: `model` for `lao.model.names`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "<lao>"


def imported_modules(source: str, module: str, *, is_package: bool) -> set[str]:
    """Every module of LAO that `source` imports: anywhere in it, for types only, or by a constant name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".")
                package = package[: len(package) - node.level + is_package]
                base = ".".join([*package, *([base] if base else [])])
            found.update(_targets(base, [alias.name for alias in node.names]))
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if called in ("import_module", "__import__") and isinstance(first, ast.Constant):
                found.add(str(first.value))
    return {name for name in found if name == "lao" or name.startswith("lao.")}


def _targets(base: str, names: list[str]) -> list[str]:
    """`from lao import errors` imports the module `lao.errors`; `from lao import Host` needs `lao` itself."""
    if base != "lao":
        return [base]
    return [
        f"lao.{name}" if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file() else base
        for name in names
    ]


def broken_rules(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """One sentence per import of `source` that its layer does not allow."""
    mine = layer_name(module)
    problems = []
    for target in sorted(imported_modules(source, module, is_package=is_package)):
        theirs = layer_name(target)
        if theirs == mine:
            continue
        if theirs not in LAYER_OF or mine not in LAYER_OF:
            problems.append(f"{module} imports {target}: one of them has no layer")
        elif LAYER_OF[theirs] >= LAYER_OF[mine]:
            problems.append(f"{module} imports {target}, which is not below it")
        elif theirs == "_native" and mine != "host":
            problems.append(f"{module} imports {target}: only lao.host may")
        elif theirs == "cli" and mine != "__main__":
            problems.append(f"{module} imports {target}: nothing may")
    return problems


def test_every_module_has_a_layer() -> None:
    names = {layer_name(module_name(path)) for path in SOURCES}
    assert names - LAYER_OF.keys() == set(), "give it a place in LAYERS"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert broken_rules(source, module_name(path), is_package=path.stem == "__init__") == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("lao.model.names", "from lao.store import Store"),
        ("lao.model.names", "def f():\n    import lao.host"),
        ("lao.model.names", "def f():\n    from ..host import Host"),
        ("lao.store", "from lao import host"),
        ("lao.store", "from lao.projects import find_projects"),
        ("lao.store", "from lao import Host"),
        ("lao.store", "import lao"),
        ("lao.store", "from importlib import import_module\nimport_module('lao.install')"),
        (
            "lao.package.elf",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lao.host import Host",
        ),
        ("lao.workflow.run", "from lao._native import lib"),
        ("lao.errors", "from lao.unheard_of import x"),
        ("lao.locate", "from lao.cli import main"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert len(broken_rules(source, module)) == 1


def test_a_package_resolves_its_relative_imports() -> None:
    assert imported_modules("from .names import x", "lao.model", is_package=True) == {"lao.model.names"}
    assert imported_modules("from .names import x", "lao.model.kinds", is_package=False) == {
        "lao.model.names"
    }


def included_files(path: Path) -> list[tuple[str, Path | None]]:
    """Each `#include` of a C file as written, with the file of this repository that it means, if it is one."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
    found: list[tuple[str, Path | None]] = []
    for opening, name in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', text, flags=re.M):
        folders = ([path.parent, NATIVE] if opening == '"' else []) + [INCLUDE]
        hits = [(folder / name).resolve() for folder in folders if (folder / name).is_file()]
        assert hits or opening == "<", f'{path} includes "{name}", which is not there'
        found.append((name, hits[0] if hits else None))
    return found


@pytest.mark.parametrize("path", NATIVE_SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_native_includes_point_down(path: Path) -> None:
    folder = path.relative_to(NATIVE).parts[0]
    allowed = [INCLUDE, NATIVE / folder, *(NATIVE / name for name in NATIVE_FOLDERS[folder])]
    for name, target in included_files(path):
        if target is not None:
            assert any(target.is_relative_to(place) for place in allowed), f"{path} may not include {name}"
        elif folder != "glue":
            assert name not in ("Python.h", "structmember.h"), f"{path}: only native/glue knows Python"


@pytest.mark.parametrize("path", PUBLIC_HEADERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_public_headers_include_only_each_other(path: Path) -> None:
    for name, target in included_files(path):
        assert target is None or target.is_relative_to(INCLUDE), f"{path} may not include {name}"
        assert target is not None or "/" not in name, f"{path} includes the system's <{name}>"


@pytest.mark.parametrize("path", NATIVE_SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_platforms_are_files(path: Path) -> None:
    if not PLATFORM_FILE.search(path.name):
        found = PLATFORM_MACRO.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path} decides by {found.group(1)}: write sibling files for the platforms"
