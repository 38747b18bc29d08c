"""The command lines of the project's first document, as they are written there."""

from __future__ import annotations

import json
import shlex

import pytest

from lao.store import Store
from tests.cli.conftest import Terminal
from tests.install.libraries import package
from tests.install.server import Site, content, redirect


@pytest.fixture
def installed(lao: Terminal) -> Terminal:
    asks = '\n[permissions]\nrequired = ["read_files"]\n'
    for name, more in (("my-ai-plugin", asks), ("old-plugin", "")):
        folder = package(lao.place / f"{name}-package", name=name, more=more)
        lao("plugin", "install", str(folder), *(["--grant", "read_files"] if more else []), status=0)
    return lao


def run(lao: Terminal, line: str) -> str:
    words = shlex.split(line)
    assert words[0] == "lao"
    return lao(*words[1:], status=0).stdout


def test_install_from_url(lao: Terminal, site: Site) -> None:
    library = package(lao.place / "made", name="my-plugin") / "libmy-plugin.so"
    site.answers["/user/my-plugin/releases/latest/my-plugin.so"] = redirect("/blobs/0123")
    site.answers["/blobs/0123"] = content(library.read_bytes())
    line = f"lao plugin install {site.address}/user/my-plugin/releases/latest/my-plugin.so --yes"
    assert run(lao, line) == "installed my-plugin 1.0.0\n"


def test_list(installed: Terminal) -> None:
    assert run(installed, "lao plugin list").splitlines()[1:] == [
        "my-ai-plugin  enabled  1.0.0    Says my-ai-plugin",
        "old-plugin    enabled  1.0.0    Says old-plugin",
    ]


def test_reload(installed: Terminal) -> None:
    done = installed("plugin", "reload", "my-ai-plugin", status=0)
    assert "no host is running" in done.stderr


def test_toggle(installed: Terminal) -> None:
    run(installed, "lao plugin toggle my-ai-plugin true")
    run(installed, "lao plugin toggle old-plugin false")
    store = Store(installed.place / "home")
    assert store.require("my-ai-plugin").enabled
    assert not store.require("old-plugin").enabled


def test_config(installed: Terminal) -> None:
    run(installed, 'lao plugin config my-ai-plugin model_path "/path/to/model.onnx"')
    run(installed, "lao plugin config my-ai-plugin max_tokens 4096")
    settings = Store(installed.place / "home").settings("my-ai-plugin")
    assert settings == {"model_path": "/path/to/model.onnx", "max_tokens": 4096}


def test_info(installed: Terminal) -> None:
    shown = run(installed, "lao plugin info my-ai-plugin")
    for part in ("my-ai-plugin", "1.0.0", "say: text -> text", "max_tokens = 2048", "read_files"):
        assert part in shown
    assert json.loads(run(installed, "lao plugin info my-ai-plugin --json"))["name"] == "my-ai-plugin"
