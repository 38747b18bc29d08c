"""Views of the crate ndarray over a plugin's inputs and outputs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest

import lao
from lao.paths import sdk_rust_dir


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cargo") is None:
        pytest.skip("there is no cargo: https://rustup.rs")
    folder = tmp_path_factory.mktemp("ndarray")
    (folder / "src").mkdir()
    shutil.copy(Path(__file__).with_name("ndarray.rs"), folder / "src" / "lib.rs")
    (folder / "plugin.toml").write_text('[plugin]\nname = "arrays"\nversion = "1.0.0"\n')
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "arrays"\nversion = "1.0.0"\nedition = "2021"\n[lib]\ncrate-type = ["cdylib"]\n'
        f'[dependencies]\nlao-plugin = {{ path = "{sdk_rust_dir()}" }}\n'
        'ndarray = { version = "0.16", default-features = false, features = ["std"] }\n'
    )
    fetched = subprocess.run(
        ["cargo", "fetch", "--quiet"], cwd=folder, capture_output=True, timeout=120, check=False
    )
    if fetched.returncode != 0:
        pytest.skip("the crate ndarray is not here, and crates.io cannot be reached")
    subprocess.run(["cargo", "build", "--offline", "--quiet"], cwd=folder, check=True, timeout=280)
    return folder / "target" / "debug" / "libarrays.so"


@pytest.fixture(params=["none", "process"])
def plugin(request: pytest.FixtureRequest, library: Path) -> Iterator[lao.Plugin]:
    with lao.Host() as host:
        yield host.load(library, isolation=request.param)


def test_any_layout_is_seen_in_place(plugin: lao.Plugin) -> None:
    tensor = numpy.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    views = [
        tensor,
        tensor.T,
        tensor[:, ::-1],
        tensor[::-1, ::2, 1:, ::-3],
        tensor[:1],
        tensor[:, :0],
        tensor[1:, 2],
    ]
    views += [numpy.asfortranarray(tensor), numpy.broadcast_to(tensor[0], tensor.shape)]
    for view in views:
        numpy.testing.assert_array_equal(plugin.call("sums", view), view.sum(axis=0))
        if plugin.info.isolation == "none" and view.size > 0:
            assert plugin.call("borrowed", view) == "borrowed", view.strides


def test_what_is_not_aligned_is_copied(plugin: lao.Plugin) -> None:
    shifted = numpy.zeros(8 * 6 + 1, "uint8")[1:].view("float64").reshape(2, 3)
    shifted[...] = [[1, 2, 3], [4, 5, 6]]
    assert plugin.call("sums", shifted).tolist() == [5, 7, 9]


def test_images(plugin: lao.Plugin) -> None:
    image = numpy.arange(4 * 5 * 3, dtype="uint8").reshape(4, 5, 3)
    for view in (image, image[::-1, ::2]):
        numpy.testing.assert_array_equal(plugin.call("transposed", view), view.transpose(1, 0, 2))
