"""The quick way in: what is answered without typer, and that it says the same as typer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from lao.cli import main
from lao.cli.app import help_text
from lao.cli.commands import PLUGIN, TOP
from lao.cli.generate import FILE, help_texts
from lao.package.record import write_record
from lao.store import Origin, Store

HEAVY = {
    "typer", "click", "pydantic", "rich", "numpy", "asyncio", "importlib.metadata", "httpx", "cffi", "_cffi_backend",
    "ruamel", "tomlkit", "jsonschema_rs", "filelock", "psutil", "packaging", "semantic_version", "lao._native",
    "lao.host", "lao.package", "lao.workflow",
}  # fmt: skip

PROGRAM = """
import builtins, io, os, sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
from lao.cli import main
status = main(sys.argv[1:])
print(status, *sorted(sys.modules), sep="\\n", file=sys.stderr)
print("--", *opened, sep="\\n", file=sys.stderr)
"""


def run(*words: str) -> tuple[int, set[str], list[str], str]:
    """Status, imported modules, opened files and stdout of one command in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, timeout=60, check=True
    )
    head, _, tail = done.stderr.rpartition("\n--\n")
    lines = head.splitlines()
    start = next(number for number, line in enumerate(lines) if line.isdigit())
    return int(lines[start]), set(lines[start + 1 :]), tail.splitlines(), done.stdout


def fill(store: Store, count: int) -> None:
    for number in range(count):
        with store.stage() as folder:
            package = folder / "package"
            package.mkdir()
            (package / "lib.so").write_text(str(number))
            write_record(package)
            name = f"plugin-{number}"
            store.add(
                package, name=name, library="lib.so", origin=Origin(kind="file", source="/x"), version="1.0.0"
            )


def test_the_help_file_is_what_typer_says() -> None:
    assert json.loads(FILE.read_text(encoding="utf-8")) == help_texts(), "run `python -m lao.cli.generate`"


@pytest.mark.parametrize("path", [(), ("plugin",), ("plugin", "install"), ("doctor",)])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_is_answered_ahead(capsys: pytest.CaptureFixture[str], path: tuple[str, ...], flag: str) -> None:
    assert main([*path, flag]) == 0
    assert capsys.readouterr().out == help_text(path) + "\n"


def test_every_command_is_a_file_with_a_documented_function() -> None:
    folder = Path(import_module("lao.cli.commands").__file__ or "").parent
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert files == {*PLUGIN, *TOP}
    for name in files:
        module = import_module(f"lao.cli.commands.{name}")
        assert module.command.__doc__
        assert "command" in module.__all__


@pytest.mark.parametrize(
    "words", [("--help",), ("plugin", "--help"), ("plugin", "list"), ("plugin", "list", "--json")]
)
def test_nothing_heavy_is_imported(words: tuple[str, ...]) -> None:
    fill(Store(), 3)
    Store().summaries()
    status, modules, opened, stdout = run(*words)
    assert status == 0
    assert stdout
    assert not {
        module for module in modules for heavy in HEAVY if module == heavy or module.startswith(heavy + ".")
    }
    assert not [
        file for file in opened if file.endswith((".so", ".dll", ".dylib")) and "lao" in Path(file).parts
    ]
    assert not [file for file in opened if f"{os.sep}objects{os.sep}" in file]


def test_a_list_reads_the_index_and_no_record() -> None:
    fill(Store(), 5)
    Store().summaries()
    _, _, opened, stdout = run("plugin", "list")
    assert len(stdout.splitlines()) == 6
    assert not [file for file in opened if f"{os.sep}installed{os.sep}" in file and file.endswith(".json")]


def test_both_ways_to_list_agree(capsys: pytest.CaptureFixture[str]) -> None:
    from lao.cli.app import run as run_typer

    fill(Store(), 2)
    for words in (["plugin", "list"], ["plugin", "list", "--json"]):
        assert main(words) == 0
        quick = capsys.readouterr()
        assert run_typer(words) == 0
        assert capsys.readouterr() == quick


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    from lao.model.versions import LAO_VERSION

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lao {LAO_VERSION}\n"


def test_a_reader_that_goes_away() -> None:
    fill(Store(), 3)
    command = f"{sys.executable} -m lao plugin list | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""


def test_what_the_file_system_refuses_is_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Store) -> None:
        raise PermissionError(13, "Permission denied", "/home/records")

    monkeypatch.setattr(Store, "summaries", refuse)
    assert main(["plugin", "list"]) == 1
    assert capsys.readouterr().err == "error: cannot go on\n  cause: permission denied\n  at: /home/records\n"
