"""A home of its own for each test, and one library that all share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lao.store import Store
from tests.install.libraries import library, manifest
from tests.install.server import Site, serving


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; no projects are around, and no proxy is used."""
    for variable in (
        "LAO_PLUGIN_DIR",
        "LAO_PLUGINS_DIR",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ):
        monkeypatch.delenv(variable, raising=False)
    home = tmp_path / "home"
    monkeypatch.setenv("LAO_HOME", str(home))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return home


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home)


@pytest.fixture(scope="session")
def shared_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that carries the manifest of `speaker` 1.0.0; tests must not change it."""
    return library(tmp_path_factory.mktemp("shared") / "libspeaker.so", manifest_text=manifest())


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


def left_behind(home: Path) -> list[str]:
    """What is in a home beyond its empty folders, its locks, its index, and a record of decisions about no plugin."""
    kept = {"lock", "index.json", "installed", "objects", "staging", "config", ".grants.lock"}
    decisions = home / "grants.json"
    if decisions.exists() and json.loads(decisions.read_text(encoding="utf-8"))["plugins"] == {}:
        kept.add(decisions.name)
    return sorted(
        str(path.relative_to(home))
        for path in home.rglob("*")
        if path.relative_to(home).as_posix() not in kept
    )
