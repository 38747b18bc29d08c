"""Files that a caller names are opened by the host and handed over; those that a plugin names are not."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import lao
from lao.model.values import OutputPath
from lao.workflow import Workflow, WorkflowError
from tests import plugins
from tests.host.conftest import Load


@pytest.fixture
def reader(load: Load) -> lao.Plugin:
    return load("reader")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret.txt"
    file.write_text("the secret")
    return file


def test_a_file_that_the_caller_names_can_be_read(reader: lao.Plugin, secret: Path) -> None:
    for given in (secret, str(secret), lao.File(secret)):
        assert reader.call("handle", given) == "the secret"
    assert next(reader.stream("handle", secret)) == "the secret"
    assert list(reader.map("handle", [secret] * 5)) == ["the secret"] * 5


def test_in_a_sandbox_only_through_the_descriptor(host: lao.Host, secret: Path) -> None:
    plugin = host.load(plugins.build("reader"), isolation="process")
    with pytest.raises(lao.PluginError, match="cannot be read"):
        plugin.call("path", secret)
    assert plugin.call("handle", secret) == "the secret"


def test_it_is_for_reading_only(host: lao.Host, secret: Path) -> None:
    plugin = host.load(plugins.build("reader"), isolation="process")
    before = secret.stat()
    assert plugin.call("write", secret) == "refused"
    after = secret.stat()
    assert (after.st_size, after.st_mode, after.st_mtime_ns) == (
        before.st_size,
        before.st_mode,
        before.st_mtime_ns,
    )


def test_a_file_that_a_plugin_names_is_a_name(reader: lao.Plugin, secret: Path) -> None:
    named = reader.call("name", str(secret))
    assert isinstance(named, OutputPath)
    assert named == secret
    for way in (named, named.parent / named.name, named.absolute(), named.with_name(named.name)):
        with pytest.raises(lao.PluginError, match="cannot be read"):
            reader.call("handle", way)
    with pytest.raises(lao.PluginError, match="cannot be read"):
        reader.call("handle", lao.Text(secret))
    assert reader.call("handle", lao.File(named)) == "the secret"  # the caller's own word


def test_nor_is_one_that_a_step_of_a_workflow_names(host: lao.Host, isolation: str, secret: Path) -> None:
    library, echo = str(plugins.build("reader")), str(plugins.build("echo"))
    flow = Workflow("w").step(library, capability="name", input=str(secret))
    flow.step(library, capability="handle", input_from="step1")
    any_text = Workflow("w").step(echo, capability="any", input=str(secret))
    any_text.step(library, capability="handle", input="${step1}")
    for one in (flow, any_text):
        with pytest.raises(WorkflowError, match="cannot be read"):
            one.run(host=host, isolation=isolation)
    given = Workflow("w").step(library, capability="handle", input="${input.file}")
    assert given.run({"file": secret}, host=host, isolation=isolation).output == "the secret"
    written = Workflow("w").step(library, capability="handle", input=str(secret))
    assert written.run(host=host, isolation=isolation).output == "the secret"


@pytest.mark.parametrize("what", ["missing", "directory", "pipe", "device"])
def test_only_ordinary_files_are_opened(reader: lao.Plugin, tmp_path: Path, what: str) -> None:
    path = tmp_path / "x"
    if what == "directory":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "device":
        path = Path("/dev/zero")
    with pytest.raises(lao.PluginError, match="cannot be read"):
        reader.call("handle", path)


def test_nothing_stays_open(reader: lao.Plugin, secret: Path) -> None:
    reader.call("handle", secret)
    here, there = len(os.listdir("/proc/self/fd")), reader.call("open", secret)
    for _ in range(300):
        assert reader.call("handle", secret) == "the secret"
    with pytest.raises(lao.PluginError):
        reader.call("handle", secret.with_name("none"))
    assert len(os.listdir("/proc/self/fd")) <= here
    assert reader.call("open", secret) == there


def test_many_at_the_same_time(load: Load, tmp_path: Path) -> None:
    plugin = load("reader", workers=2)
    files = []
    for number in range(40):
        files.append(tmp_path / f"{number}.txt")
        files[-1].write_text(str(number))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda file: plugin.call("handle", file), files * 10))
    assert found == [file.stem for file in files] * 10
