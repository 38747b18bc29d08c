"""Plugins by name: installed, from elsewhere, switched off."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import lao
from lao.install import install
from lao.store import Store
from tests import plugins


@pytest.fixture
def address(home: Path) -> Iterator[str]:
    """The URL of a library on a server of this test."""
    del home
    library = plugins.build("echo")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(library.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{library.name}"
        server.shutdown()
        thread.join()


def test_an_installed_plugin_answers_to_its_name(host: lao.Host, isolation: str) -> None:
    install(plugins.build("echo"), store=Store())
    for name in ("echo", "Echo"):
        plugin = host.load(name, isolation=isolation)
        assert (plugin.info.name, plugin("hello")) == ("echo", "hello")


def test_what_came_from_a_url_runs_in_a_sandbox(host: lao.Host, address: str) -> None:
    digest = hashlib.sha256(plugins.build("echo").read_bytes()).hexdigest()
    install(address, store=Store(), sha256=digest)
    plugin = host.load("echo")
    assert plugin.info.isolation == "process"
    assert plugin.enforced["P1"].level == "kernel"
    assert plugin("hello") == "hello"


def test_a_disabled_plugin_does_not_run_by_name_nor_by_path(host: lao.Host, isolation: str) -> None:
    install(plugins.build("echo"), store=Store())
    Store().set_enabled("echo", False)
    for target in ("echo", plugins.build("echo"), Store().require("echo").directory):
        with pytest.raises(lao.PluginDisabled, match="disabled"):
            host.load(target, isolation=isolation)
    Store().set_enabled("echo", True)
    assert host.load("echo", isolation=isolation)("hello") == "hello"


def test_unknown_names_get_a_suggestion(host: lao.Host) -> None:
    install(plugins.build("echo"), store=Store())
    with pytest.raises(lao.PluginNotFound) as caught:
        host.load("ecko")
    assert caught.value.suggestions == ("echo",)
    with pytest.raises(lao.PluginLoadError, match="no such file"):
        host.load("./libecho.so")
