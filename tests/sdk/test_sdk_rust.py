"""The crate lao-plugin: its own tests, among them the layout of every struct against the C headers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lao.paths import sdk_rust_dir


@pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no cargo")
def test_the_crate_passes_its_own_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("cargo")
    manifest = sdk_rust_dir() / "Cargo.toml"
    command = ["cargo", "test", "--offline", "--manifest-path", str(manifest), "--target-dir", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "layout_equals_that_of_c ... ok" in done.stdout


def test_it_has_no_dependencies() -> None:
    import tomllib

    crate = tomllib.loads((sdk_rust_dir() / "Cargo.toml").read_text())
    assert crate["dependencies"] == {}
    assert "build-dependencies" not in crate


def test_sources_are_small() -> None:
    for source in Path(sdk_rust_dir(), "src").glob("*.rs"):
        assert len(source.read_text().splitlines()) < 600, source
