"""The host's services through lao.hpp and the crate lao-plugin, on both backends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import lao
from lao.errors import InvalidInput, PermissionDenied
from lao.paths import include_dir, sdk_rust_dir


@pytest.fixture(scope="module", params=["cpp", "rust"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asker")
    return _built_by_cargo(folder) if request.param == "rust" else _compiled(folder)


def _compiled(folder: Path) -> Path:
    made = folder / "libasker.so"
    flags = ["-std=c++17", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-gnu-unique"]
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
    source = Path(__file__).parent / "services.cpp"
    command = [
        os.environ.get("CXX", "c++"),
        *flags,
        *strict,
        f"-I{include_dir()}",
        str(source),
        "-o",
        str(made),
    ]
    subprocess.run(command, check=True)
    return made


def _built_by_cargo(folder: Path) -> Path:
    if shutil.which("cargo") is None:
        pytest.skip("there is no cargo")
    (folder / "src").mkdir()
    shutil.copy(Path(__file__).parent / "services.rs", folder / "src" / "lib.rs")
    (folder / "plugin.toml").write_text('[plugin]\nname = "asker"\nversion = "1.0.0"\n')
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "asker"\nversion = "1.0.0"\nedition = "2021"\n[lib]\ncrate-type = ["cdylib"]\n'
        f'[dependencies]\nlao-plugin = {{ path = "{sdk_rust_dir()}" }}\n'
    )
    subprocess.run(["cargo", "build", "--offline", "--quiet"], cwd=folder, check=True, timeout=280)
    return folder / "target" / "debug" / "libasker.so"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[lao.Host]:
    monkeypatch.setenv("LAO_HOME", str(tmp_path / "home"))
    with lao.Host(tmp_path / "home") as made:
        yield made


PERMISSIONS = ["read_files", "network_access", "system_access", "plugin_communication"]


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_every_service(host: lao.Host, library: Path, tmp_path: Path, isolation: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "file").write_text("contents")
    plugin = host.load(library, isolation=isolation, data_dir=data, grant=PERMISSIONS)
    assert plugin.call("scratch", "value") == "value/(none)"
    assert plugin.call("file", "file") == "contents"
    with pytest.raises(PermissionDenied, match="upwards"):
        plugin.call("file", "../file")
    with pytest.raises(PermissionDenied, match="not a public address"):
        plugin.call("get", "http://127.0.0.1:8080/")
    with pytest.raises(PermissionDenied, match="`echo`"):
        plugin.call("run", "hello")
    services = plugin._loaded.counter.services
    services.rights = type(services.rights)(permissions=frozenset(PERMISSIONS), commands=("echo",))
    assert json.loads(plugin.call("run", "hello"))["stdout"] == "hello\n"
    with pytest.raises(InvalidInput, match="no plugin `nobody`"):
        plugin.call("other", "text")


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_what_was_not_granted(host: lao.Host, library: Path, isolation: str) -> None:
    plugin = host.load(library, isolation=isolation)
    assert plugin.call("scratch", "value") == "value/(none)"
    for capability in ("file", "get", "run", "other"):
        with pytest.raises(PermissionDenied, match="was not granted"):
            plugin.call(capability, "x")
