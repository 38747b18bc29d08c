"""Every host test runs on both backends: isolation is a transport, not a dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lao
from tests import plugins

Load = Callable[..., lao.Plugin]


@pytest.fixture(params=["none", "process"])
def isolation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAO_HOME", str(tmp_path / "home"))
    for name in ("LAO_PLUGIN_DIR", "LAO_PLUGINS_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def host(home: Path) -> Iterator[lao.Host]:
    with lao.Host(home) as made:
        yield made


@pytest.fixture
def load(host: lao.Host, isolation: str) -> Load:
    """Loads a fixture plugin on this test's backend: `load("echo", {"thread_role": "full"}, workers=2)`."""

    def load_fixture(
        name: str, build: dict[str, str | int | bool] | None = None, **options: Any
    ) -> lao.Plugin:
        options.setdefault("isolation", isolation)
        return host.load(plugins.build(name, **(build or {})), **options)

    return load_fixture


@pytest.fixture
def echo(load: Load) -> lao.Plugin:
    return load("echo")


def assert_all_released(plugin: lao.Plugin) -> None:
    """Every output that the plugin made was released once; the counts are of its own process."""
    counts = plugin.call("released")
    for allocator in ("host", "malloc"):
        assert counts[allocator]["released"] == counts[allocator]["made"], counts
