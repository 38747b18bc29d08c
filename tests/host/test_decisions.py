"""What the user decides while a plugin runs takes effect while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import lao
from lao.grants import Decided, Grants
from lao.install import install
from lao.store import Store
from tests import plugins

MANIFEST = """
[plugin]
name = "{name}"
version = "1.0.0"
[permissions]
required = ["read_files"]
optional = ["write_files"]
"""


@pytest.fixture
def installed(home: Path, tmp_path: Path) -> str:
    package = tmp_path / "package"
    package.mkdir()
    (package / "libecho.so").write_bytes(plugins.build("echo").read_bytes())
    (package / "plugin.toml").write_text(MANIFEST.format(name="echo"))
    install(package, store=Store(home), grant=["read_files", "write_files"])
    return "echo"


def decide(home: Path, edit: Callable[[Decided], Decided]) -> None:
    store = Store(home)
    Grants(home).change("echo", store.require("echo").digest, edit)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "it did not take effect"
        time.sleep(0.05)


def test_a_revoked_permission(host: lao.Host, home: Path, installed: str) -> None:
    plugin = host.load(installed)
    first = plugin.call("where")["pid"]
    assert plugin.enforced["P10"].level == "host"
    decide(home, lambda known: replace(known, grant=known.grant.minus("write_files")))
    until(lambda: bool(plugin.call("where")["pid"] != first))
    assert plugin.enforced["P10"].level == "kernel"  # it can write nowhere now
    assert plugin("hello") == "hello"


def test_a_revoked_permission_that_it_needs(host: lao.Host, home: Path, installed: str) -> None:
    plugin = host.load(installed)
    decide(home, lambda known: replace(known, grant=known.grant.minus("read_files")))
    until(lambda: plugin.closed)
    with pytest.raises(lao.PluginClosed):
        plugin("hello")
    with pytest.raises(lao.PermissionDenied, match="needs permissions"):
        host.load(installed)
    decide(home, lambda known: replace(known, grant=known.grant.plus("read_files")))
    assert host.load(installed)("hello") == "hello"


def test_other_limits(host: lao.Host, home: Path, installed: str) -> None:
    plugin = host.load(installed)
    first = plugin.call("where")["pid"]
    decide(home, lambda known: replace(known, limits={"max_memory_mb": 256.0, "max_threads": 5.0}))
    until(lambda: plugin._loaded.decision.bounds.memory_mb == 256.0)
    assert plugin._watch is not None
    assert plugin._watch.limits.memory_bytes == 256 << 20
    assert plugin.call("where")["pid"] == first, "the worker goes on"


def test_what_does_not_concern_it(host: lao.Host, home: Path, installed: str) -> None:
    plugin = host.load(installed)
    first = plugin.call("where")["pid"]
    Grants(home).change("somebody-else", "0" * 64, lambda known: replace(known, trusted=True))
    time.sleep(1)
    assert plugin.call("where")["pid"] == first


def test_trust_is_for_one_package(host: lao.Host, home: Path, installed: str) -> None:
    assert host.load(installed).info.isolation == "process"
    decide(home, lambda known: replace(known, trusted=True))
    assert host.load(installed).info.isolation == "none"
    assert host.load(installed, isolation="process").info.isolation == "process"
    decide(home, lambda known: replace(known, trusted=False))
    assert host.load(installed).info.isolation == "process"
