"""A package whose library is linked with a runtime that its manifest names."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

import lao
from lao.errors import PluginLoadError
from lao.host.runtimes import find_runtimes
from lao.install import install
from lao.store import Store
from tests.plugins import C_FLAGS, SOURCES

MANIFEST = """\
[plugin]
name = "onnx"
version = "1.0.0"

[[capabilities]]
name = "compute"
input_type = "binary"
output_type = "binary"
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    try:
        (runtime,) = find_runtimes(["onnx"], gpu=False, cache_dir=tmp_path / "probe")
    except PluginLoadError as error:
        pytest.skip(str(error))
    folder = tmp_path / "package"
    folder.mkdir()
    command = ["cc", "-std=c11", *C_FLAGS, str(SOURCES / "onnx.c"), "-o", str(folder / "libonnx.so")]
    done = subprocess.run(
        [*command, "-Wl,--no-as-needed", str(runtime.preload[0])], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"it cannot be linked: {done.stderr}")
    return folder


def test_it_is_installed_and_loaded(package: Path, home: Path, store: Store) -> None:
    (package / "plugin.toml").write_text(f'{MANIFEST}\n[resources]\nruntimes = ["onnx"]\n')
    install(package, store=store)
    with lao.Host(home) as host:
        plugin = host.load("onnx")
        assert plugin.info.isolation == "process"
        assert struct.unpack("2f", plugin.call("compute", struct.pack("2f", 3, 4))) == (7, 9)


def test_without_the_manifest_s_word_it_is_refused(package: Path, store: Store) -> None:
    (package / "plugin.toml").write_text(MANIFEST)
    with pytest.raises(PluginLoadError, match="libonnxruntime"):
        install(package, store=store)


def test_a_runtime_that_is_not_installed_is_named(
    package: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "plugin.toml").write_text(f'{MANIFEST}\n[resources]\nruntimes = ["onnx"]\n')
    monkeypatch.setenv("LAO_ONNXRUNTIME", "/nowhere/libonnxruntime.so")
    with pytest.raises(PluginLoadError, match="libonnxruntime"):
        install(package, store=store)
