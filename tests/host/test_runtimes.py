"""Plugins that use libraries from outside their package, in their sandbox: ONNX Runtime, and OpenCL by PoCL."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lao.errors import LaoError, PluginLoadError
from lao.host import Host
from lao.host.runtimes import find_runtimes
from lao.host.source import Source, source_of_library
from lao.model.rights import Rights
from tests.plugins import C_FLAGS, SOURCES, build


class Granting:
    """A locator of one library with these rights."""

    def __init__(self, library: Path, rights: Rights) -> None:
        self.source = replace(source_of_library(library), rights=rights)

    def locate(self, target: str) -> Source:
        del target
        return self.source

    def complete(self, source: Source) -> Source:
        return source

    def signature(self) -> object:
        return None


def host_granting(home: Path, library: Path, rights: Rights) -> Host:
    return Host(home, locator=Granting(library, rights))


def needs(tier: str, tmp_path: Path) -> None:
    try:
        find_runtimes([tier], gpu=False, cache_dir=tmp_path / "probe")
    except PluginLoadError as error:
        pytest.skip(str(error))


def test_onnx_runtime_without_programs_or_sockets(tmp_path: Path) -> None:
    needs("onnx", tmp_path)
    with host_granting(tmp_path, build("onnx"), Rights(runtimes=("onnx",))) as host:
        plugin = host.load("onnx")
        assert struct.unpack("2f", plugin.call("compute", struct.pack("2f", 3, 4))) == (7, 9)
        for promise in ("P1", "P2", "P3", "P4"):
            assert plugin.enforced[promise].level == "kernel"


def test_a_plugin_that_is_linked_with_onnx_runtime_loads(tmp_path: Path) -> None:
    needs("onnx", tmp_path)
    library = compile_linked(tmp_path)
    with (
        host_granting(tmp_path, library, Rights()) as host,
        pytest.raises(PluginLoadError, match="libonnxruntime"),
    ):
        host.load("onnx")
    with host_granting(tmp_path, library, Rights(runtimes=("onnx",))) as host:
        assert struct.unpack("2f", host.load("onnx").call("compute", struct.pack("2f", 3, 4))) == (7, 9)


def compile_linked(folder: Path) -> Path:
    """The same plugin with ONNX Runtime among its needed libraries, as plugins are usually built."""
    (runtime,) = find_runtimes(["onnx"], gpu=False, cache_dir=folder / "probe")
    library = folder / "libonnx_linked.so"
    command = ["cc", "-std=c11", *C_FLAGS, str(SOURCES / "onnx.c"), "-o", str(library), "-Wl,--no-as-needed"]
    done = subprocess.run([*command, str(runtime.preload[0])], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"it cannot be linked: {done.stderr}")
    return library


def test_onnx_runtime_is_not_there_for_a_plugin_without_it(tmp_path: Path) -> None:
    needs("onnx", tmp_path)
    with (
        host_granting(tmp_path, build("onnx"), Rights()) as host,
        pytest.raises(LaoError, match="libonnxruntime"),
    ):
        host.load("onnx")


def test_opencl_builds_its_kernels_with_a_linker_and_runs_them_without(tmp_path: Path) -> None:
    needs("opencl", tmp_path)
    linker = shutil.which("ld")
    if linker is None:
        pytest.skip("no linker, which PoCL needs to build a kernel")
    numbers = struct.pack("64f", *range(64))
    doubled = tuple(2.0 * number for number in range(64))
    building = Rights(runtimes=("opencl",), programs=(linker,))
    with host_granting(tmp_path, build("opencl"), building) as host:
        plugin = host.load("opencl")
        assert struct.unpack("64f", plugin.call("compute", numbers)) == doubled
        assert plugin.enforced["P3"].level == "soft"
    with host_granting(tmp_path, build("opencl"), Rights(runtimes=("opencl",))) as host:
        plugin = host.load("opencl")
        assert struct.unpack("64f", plugin.call("compute", numbers)) == doubled
        for promise in ("P1", "P2", "P3", "P4"):
            assert plugin.enforced[promise].level == "kernel"


def test_opencl_without_the_linker_fails_and_says_so(tmp_path: Path) -> None:
    needs("opencl", tmp_path)
    with host_granting(tmp_path, build("opencl"), Rights(runtimes=("opencl",))) as host:
        plugin = host.load("opencl")
        with pytest.raises(LaoError):  # PoCL aborts where it cannot link
            plugin.call("compute", bytes(256))


def test_an_unknown_runtime_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginLoadError, match="no runtime `vulkan`"):
        find_runtimes(["vulkan"], gpu=False, cache_dir=tmp_path)


def test_onnx_runtime_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "libonnxruntime.so.1"
    library.touch()
    monkeypatch.setenv("LAO_ONNXRUNTIME", str(library))
    (runtime,) = find_runtimes(["onnx"], gpu=False, cache_dir=tmp_path)
    assert runtime.preload == (library.resolve(),)
    assert runtime.environment["ORT_DISABLE_TELEMETRY"] == "1"
    monkeypatch.setenv("LAO_ONNXRUNTIME", str(tmp_path / "nothing"))
    with pytest.raises(PluginLoadError, match="not installed"):
        find_runtimes(["onnx"], gpu=False, cache_dir=tmp_path)


def test_the_devices_of_a_gpu_come_only_with_the_permission(tmp_path: Path) -> None:
    assert find_runtimes([], gpu=False, cache_dir=tmp_path) == ()
    (runtime,) = find_runtimes([], gpu=True, cache_dir=tmp_path)
    assert runtime.tier == "gpu"
    assert not runtime.write
