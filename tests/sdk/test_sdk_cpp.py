"""lao.hpp on other systems; what its plugins do is in test_every_part.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lao.paths import include_dir

HERE = Path(__file__).parent


@pytest.mark.parametrize("target", ["x86_64-linux-gnu", "x86_64-windows-gnu", "aarch64-macos"])
def test_clang_compiles_it_for(target: str, tmp_path: Path) -> None:
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{include_dir()}"]
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "c++",
        "-target",
        target,
        *flags,
        "-c",
        str(HERE / "every_part.cpp"),
    ]
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(tmp_path), "ZIG_LOCAL_CACHE_DIR": str(tmp_path)}
    subprocess.run([*command, "-o", tmp_path / "out.o"], check=True, env=environment, timeout=200)


SMALL = """
#include <lao/lao.hpp>
struct Small {
    std::string run(std::string_view text) { return std::string(text); }
    HOOK
};
LAO_PLUGIN(lao::Plugin<Small>("small", "1.0.0", lao::Threads::full).capability("run", "Echoes", &Small::run))
"""


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("std::string save_state() { return {}; } void load_state(std::string_view) {}", None),
        ("void health() const {} static void shutdown() {} void on_event(const lao::Event &) {}", None),
        ("double health = 1; void configure(const lao::Config &) {}", None),
        ("std::string save_state() { return {}; }", "state takes both"),
        ("std::string save_state() { return {}; } void load_state(int) {}", "state takes both"),
        ("void on_event(lao::Event &) {}", "void on_event(const lao::Event &)"),
        ("void configure(lao::Config &) {}", "void configure(const lao::Config &)"),
        ("bool health() { return false; }", "health() returns nothing"),
        ("void shutdown() {}", "static void shutdown()"),
    ],
)
def test_a_function_that_lao_cannot_call_is_refused(hook: str, said: str | None, tmp_path: Path) -> None:
    source = tmp_path / "small.cpp"
    source.write_text(SMALL.replace("HOOK", hook))
    command = ["c++", "-std=c++17", "-fsyntax-only", f"-I{include_dir()}", source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (said is None), done.stderr
    assert said is None or said in done.stderr
