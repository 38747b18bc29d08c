"""What is published works alone: an sdist, the wheel built from it, and that wheel in a fresh environment."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lao.model.versions import LAO_VERSION
from lao.package.inspect import inspect_library

ROOT = Path(__file__).resolve().parent.parent.parent

NEEDED = (
    "lao/py.typed",
    "lao/_native/_glue.abi3.so",
    "lao/_native/_hot.pyi",
    "lao/_native/lao-worker",
    "lao/_share/include/lao/lao.h",
    "lao/_share/include/lao/lao.hpp",
    "lao/_share/include/lao/ext/stream.h",
    "lao/_share/cmake/LaoPlugin.cmake",
    "lao/_share/sdk-rust/Cargo.toml",
    "lao/_share/sdk-rust/src/lib.rs",
    "lao/cli/help.json",
    f"lao_orchestrator-{LAO_VERSION}.dist-info/licenses/LICENSE",
)
TEMPLATES = tuple(
    f"lao/_share/plugin-templates/{language}/basic/" for language in ("all", "c", "cpp", "rust")
)
# Left behind by builds and tests; none of it may be published.
DEBRIS = ("__pycache__/", ".pyc", ".o", "/target/", "/build/lib", ".hypothesis", ".venv")

Run = Callable[..., subprocess.CompletedProcess[str]]


def quietly(*command: str | Path, cwd: Path, environment: dict[str, str] | None = None) -> None:
    run = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=280
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    build = "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"
    quietly(sys.executable, "-c", build, folder, cwd=ROOT)
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, somewhere else: what the sdist forgot is not there."""
    folder = tmp_path_factory.mktemp("wheel")
    quietly(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps"),
        *("--wheel-dir", folder, sdist),
        cwd=folder,
    )
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def run(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a program of an environment that has the wheel and what it asks for, and nothing else."""
    base = tmp_path_factory.mktemp("installed")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "LAO_"))}
    environment |= {"LAO_HOME": str(base / "home"), "COLUMNS": "100"}
    quietly(sys.executable, "-m", "venv", base / "venv", cwd=base, environment=environment)
    programs = base / "venv" / "bin"
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    environment.pop("VIRTUAL_ENV", None)
    quietly(programs / "pip", "install", "--quiet", wheel, cwd=base, environment=environment)
    work = base / "work"
    work.mkdir()

    def run(program: str, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [programs / program, *arguments],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == status, f"{program} {arguments}\n{done.stdout}{done.stderr}"
        return done

    return run


def test_the_sdist_has_what_a_build_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "pyproject.toml",
        "CMakeLists.txt",
        "README.md",
        "LICENSE",
        "lao/py.typed",
        "include/lao/lao.h",
    } <= names
    assert [name for name in names if any(piece in f"/{name}" for piece in DEBRIS)] == []


def test_the_wheel_serves_every_python_from_3_11(wheel: Path) -> None:
    assert wheel.name.startswith(f"lao_orchestrator-{LAO_VERSION}-cp311-abi3-")
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"lao_orchestrator-{LAO_VERSION}.dist-info/METADATA").decode()
    assert "\nRequires-Python: >=3.11\n" in metadata


def test_the_wheel_has_everything_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        worker = archive.getinfo("lao/_native/lao-worker")
    assert [name for name in NEEDED if name not in names] == []
    assert [folder for folder in TEMPLATES if not any(name.startswith(folder) for name in names)] == []
    assert {name.partition("/")[0] for name in names} == {"lao", f"lao_orchestrator-{LAO_VERSION}.dist-info"}
    assert [name for name in names if any(piece in name for piece in DEBRIS)] == []
    assert (worker.external_attr >> 16) & stat.S_IXUSR


def test_one_shared_object_holds_both_modules(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        library = Path(archive.extract("lao/_native/_glue.abi3.so", tmp_path))
    exports = inspect_library(library).exports
    assert {"PyInit__glue", "PyInit__hot"} <= exports.keys()
    assert [name for name in exports if name.startswith("lao_")] == [], (
        "the core must not be visible to plugins"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="ELF hardening")
@pytest.mark.parametrize("member", ["lao/_native/_glue.abi3.so", "lao/_native/lao-worker"])
def test_binaries_are_hardened(member: str, wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        binary = archive.extract(member, tmp_path)
    command = ["readelf", "--wide", "--dynamic", "--program-headers", "--dyn-syms", binary]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "BIND_NOW" in text
    assert "GNU_RELRO" in text
    assert re.search(r"GNU_STACK.* RW ", text)
    assert "__stack_chk_fail" in text
    assert "RUNPATH" not in text


def test_it_imports_from_the_environment(run: Run) -> None:
    script = "import lao, lao._native; print(lao.__file__); print(lao.Host, lao._native.Caller)"
    assert "site-packages" in run("python", "-I", "-c", script).stdout.splitlines()[0]


def test_it_finds_what_it_ships(run: Run) -> None:
    script = """
import os, lao.paths as paths
for found in (paths.include_dir(), paths.cmake_dir(), paths.templates_dir(), paths.sdk_rust_dir(), paths.worker_path()):
    print(found)
assert os.access(paths.worker_path(), os.X_OK)
"""
    places = run("python", "-I", "-c", script).stdout.splitlines()
    assert len(places) == 5
    assert all("site-packages/lao/" in place for place in places)


def test_the_command_works(run: Run) -> None:
    assert "Usage" in run("lao", "--help").stdout
    assert run("python", "-m", "lao", "--help").stdout == run("lao", "--help").stdout
    assert run("lao", "doctor").stdout
    assert run("lao", "plugin", "list", "--json").stdout.strip()


@pytest.mark.parametrize("language", ["c", "cpp", "rust"])
def test_a_plugin_from_a_template_runs(language: str, run: Run) -> None:
    if language == "rust" and shutil.which("cargo") is None:
        pytest.skip("cargo is not installed")
    name = f"basic-{language}"
    run("lao", "plugin", "create", name, "--lang", language)
    run("lao", "plugin", "build", f"plugins/{name}", "--release")
    run("lao", "plugin", "install", f"plugins/{name}")
    for isolation in ("none", "process"):
        done = run("lao", "plugin", "call", name, "--input", "hello from a wheel", "--isolation", isolation)
        assert done.stdout.strip()
