"""create, build, test, validate, package: the seed's lines, their whole output, and how they fail."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from lao.authoring.declared import BEGIN, END
from tests.cli.conftest import Terminal


@pytest.fixture
def project(lao: Terminal) -> Path:
    lao("plugin", "create", "my-tool", "--lang", "c", status=0)
    lao.transcript.clear()
    return lao.place / "plugins" / "my-tool"


def test_the_way_of_a_plugin(lao: Terminal) -> None:
    lao(
        *("plugin", "create", "my-ai-plugin", "--template", "basic", "--lang", "c"),
        *("--author", "My Name", "--description", "AI-powered text analysis"),
        status=0,
    )
    lao("plugin", "list", status=0)
    lao("plugin", "call", "my-ai-plugin", "--input", "x", status=1)
    lao.here = lao.place / "plugins" / "my-ai-plugin"
    lao("plugin", "build", "--release", status=0)
    lao("plugin", "validate", status=0)
    lao("plugin", "package", "--output", "my-ai-plugin-v1.0.0.tar.gz", status=0)
    lao.here = lao.place
    lao("plugin", "call", "my-ai-plugin", "--input", "Hello, World!", "--param", "mode=title", status=0)
    lao("plugin", "install", "plugins/my-ai-plugin/my-ai-plugin-v1.0.0.tar.gz", status=0)
    lao("plugin", "config", "my-ai-plugin", "prefix", "> ", status=0)
    lao("plugin", "call", "my-ai-plugin", "analyze", "--input", "@plugins/my-ai-plugin/sample.txt", status=0)
    lao("plugin", "call", "my-ai-plugin", "--input", "hello", status=0)
    lao("plugin", "uninstall", "my-ai-plugin", status=0)
    assert (lao.place / "plugins" / "my-ai-plugin" / "src" / "plugin.c").is_file()
    lao.compare("authoring")


def test_test_runs_everything_and_shows_it(lao: Terminal, project: Path) -> None:
    lao.here = project
    done = lao("plugin", "test", "--input", "Hello, World!", "--seed", "7", status=0)
    assert done.stdout == "HELLO, WORLD!\n"
    lines = done.stderr.splitlines()
    for line in ("ok   ctest", "ok   tests/*.py", "ok   manifest against library", "ok   process: cancel"):
        assert line in lines
    assert re.fullmatch(r"\d+ passed, 0 failed, 0 skipped; `--seed 7` repeats the random inputs", lines[-1])
    (project / "input.txt").write_text("from a file")
    found = json.loads(lao("plugin", "test", "--input", "@input.txt", "--json", status=0).stdout)
    assert found["passed"] is True
    assert found["output"] == "FROM A FILE"


def test_test_fails_with_1(lao: Terminal, project: Path) -> None:
    source = project / "src" / "text.c"
    source.write_text(source.read_text().replace("lao_to_upper((uint32_t)c)", "lao_to_lower((uint32_t)c)"))
    done = lao("plugin", "test", str(project), status=1)
    assert "FAIL ctest" in done.stderr
    assert 'upper of "Grüße' in done.stderr
    assert "FAIL tests/*.py" in done.stderr
    assert "2 failed" in done.stderr.splitlines()[-1]


def test_warnings_are_shown_and_progress_is_not(lao: Terminal, project: Path) -> None:
    source = project / "src" / "text.c"
    text = source.read_text()
    source.write_text(text + "static int unused_one;\n")
    done = lao("plugin", "build", str(project), "-j1", status=0)
    assert "unused_one" in done.stderr
    assert done.stderr.count("warning:") == 1
    assert "[1/" not in done.stderr
    assert "-- " not in done.stderr
    assert "unused" not in lao("plugin", "build", str(project), status=0).stderr, "nothing was compiled"
    source.write_text(text + "int broken(void) { return nowhere; }\n")
    done = lao("plugin", "build", str(project), "--release", status=1)
    assert "nowhere" in done.stderr
    assert "text.c" in done.stderr
    assert "[1/" not in done.stderr
    assert "-- " not in done.stderr
    assert done.stderr.splitlines()[-1] == "  cause: `cmake` ended with exit status 1"


def test_build_for_another_system(lao: Terminal, project: Path) -> None:
    names = lao("plugin", "build", "--target", "help", status=0).stdout.split()
    assert "aarch64-linux-gnu" in names
    done = lao("plugin", "build", str(project), "--target", "aarch64-linux-gun", status=1)
    assert "did you mean `aarch64-linux-gnu`?" in done.stderr
    done = lao("plugin", "build", str(project), "--target", "aarch64-linux-gnu", "--json", status=0)
    found = json.loads(done.stdout)
    assert found["target"] == "aarch64-linux-gnu"
    assert found["library"].endswith("build/lao/aarch64-linux-gnu/debug/libmy_tool.so")
    done = lao("plugin", "package", str(project), "--target", "aarch64-linux-gnu", status=0)
    assert done.stdout.endswith("my-tool-0.1.0-manylinux_2_17_aarch64.tar.gz\n")
    assert "is not built" in lao("plugin", "call", "my-tool", "--input", "x", status=1).stderr


def test_test_takes_a_bare_library(lao: Terminal) -> None:
    from tests.plugins import build

    shutil.copy(build("v0/echo", layout=64), lao.place / "libold_echo.so")
    done = lao("plugin", "test", "libold_echo.so", "--input", "hi", status=0)
    assert "hi" in done.stdout


def test_what_is_wrong_is_said(lao: Terminal, project: Path) -> None:
    lao("plugin", "create", "my-tool", status=1)
    lao("plugin", "create", "my-tool2", "--template", "network-service", "--lang", "c", status=1)
    lao("plugin", "create", "my-tool2", "--lang", "rost", status=1)
    lao("plugin", "create", "../my-tool2", status=1)
    lao("plugin", "build", "nothing", status=1)
    lao("plugin", "build", status=1)
    lao("plugin", "test", "--seed", "-1", status=2)
    manifest = project / "plugin.toml"
    sound = manifest.read_text()
    manifest.write_text(sound.replace('version = "0.1.0"', 'version = "one"').replace('"text"', '"txet"'))
    lao("plugin", "validate", "my-tool", status=1)
    lao("plugin", "validate", "plugins/my-tool", "--json", status=1)
    by_hand = sound.replace(f"{BEGIN}\n", "").replace(f"{END}\n", "")
    manifest.write_text(by_hand.replace('output_type = "json"', 'output_type = "text"'))
    lao("plugin", "validate", "my-tool", status=1)
    lao("plugin", "package", "my-tool", "--output", "x.zip", status=1)
    for _ in range(2):  # what was refused once is not taken for a finished build
        lao("plugin", "package", "my-tool", status=1)
    lao.compare("authoring_errors")
    assert sorted(os.listdir(lao.place)) == ["home", "plugins"] or os.listdir(lao.place) == ["plugins"]


def test_compiler_errors_are_whole(lao: Terminal, project: Path) -> None:
    with (project / "src" / "text.c").open("a") as source:
        source.write("int first = nowhere;\nint second = neither;\n")
    for command in ("build", "validate", "package", "test"):
        done = lao("plugin", command, "my-tool", status=1)
        assert "nowhere" in done.stderr, command
        assert "neither" in done.stderr, command
        assert "text.c" in done.stderr, command


def test_without_cargo_it_is_cpp_and_says_so(lao: Terminal) -> None:
    lao.environment["PATH"] = "/nowhere"
    done = lao("plugin", "create", "mine", status=0)
    assert "there is no cargo here, so the project is in C++" in done.stderr
    assert (lao.place / "plugins" / "mine" / "src" / "plugin.cpp").is_file()


@pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no cargo")
def test_with_cargo_it_is_rust(lao: Terminal) -> None:
    found = json.loads(
        lao("plugin", "create", "mine", "--output", "elsewhere/here", "--json", status=0).stdout
    )
    assert found["language"] == "rust"
    assert found["directory"] == str(lao.place / "elsewhere" / "here")
    assert "src/lib.rs" in found["files"]
    built = json.loads(lao("plugin", "build", "elsewhere/here", "--jobs", "1", "--json", status=0).stdout)
    assert built["profile"] == "debug"
    assert Path(built["library"]).is_file()
