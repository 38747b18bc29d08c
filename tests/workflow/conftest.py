"""A host in memory, for what can be tested without a compiled plugin."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from lao.errors import PluginNotFound
from lao.model.capability import Capability
from lao.model.kinds import Kind
from lao.model.names import suggest

Function = tuple[Capability, Callable[..., Any]]


class FakePlugin:
    """A plugin whose capabilities are Python functions `(input, **params) -> output`."""

    def __init__(self, host: FakeHost, name: str, functions: list[Function]) -> None:
        self._host = host
        self._name = name
        self._functions = {capability.name: function for capability, function in functions}
        self.capabilities = tuple(capability for capability, _ in functions)
        self.info = SimpleNamespace(abi=host.abi)
        self.closed = False
        self.cancelled = threading.Event()

    def call(self, capability: str, input: Any = None, /, **params: Any) -> Any:
        assert not self.closed
        with self._host.lock:
            self._host.calls.append((self._name, capability, input, params))
        return self._functions[capability](input, **params)

    def cancel(self) -> None:
        self.cancelled.set()

    def close(self) -> None:
        self.closed = True


class FakeHost:
    """Loads `FakePlugin`s by name and remembers what happened."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: dict[str, list[Function]] = {}
        self.calls: list[tuple[str, str, Any, dict[str, Any]]] = []
        self.loaded: list[FakePlugin] = []
        self.abi = "lao/1"
        self.load_options: list[dict[str, Any]] = []

    def add(
        self,
        name: str,
        function: Callable[..., Any],
        *,
        takes: Kind = Kind.TEXT,
        gives: Kind = Kind.TEXT,
        capability: str = "process",
        params_schema: dict[str, Any] | None = None,
    ) -> None:
        """One more capability of plugin `name`."""
        made = Capability(name=capability, input_kind=takes, output_kind=gives, params_schema=params_schema)
        self.known.setdefault(name, []).append((made, function))

    def load(self, target: str, /, **options: Any) -> FakePlugin:
        self.load_options.append({"target": target, **options})
        if target not in self.known:
            raise PluginNotFound(
                f"there is no plugin `{target}`", name=target, suggestions=suggest(target, self.known)
            )
        plugin = FakePlugin(self, target, self.known[target])
        self.loaded.append(plugin)
        return plugin


@pytest.fixture
def host() -> FakeHost:
    """Echo, Upper and Join for text; Count gives JSON; Draw gives an image and Blur takes one."""
    made = FakeHost()
    made.add("Echo", lambda text, /, **params: text)
    made.add("Upper", lambda text: text.upper())
    made.add("Join", lambda text, /, **params: text + "".join(f" {k}={params[k]!r}" for k in sorted(params)))
    made.add("Count", lambda text: {"letters": len(text)}, gives=Kind.JSON)
    made.add("Draw", lambda text: bytearray(text.encode()), gives=Kind.IMAGE)
    made.add("Blur", lambda image: image, takes=Kind.IMAGE, gives=Kind.IMAGE)
    made.add("Ask", lambda document, /, **params: document, takes=Kind.JSON, gives=Kind.JSON)
    made.add("Any", lambda value, /, **params: value, takes=Kind.ANY, gives=Kind.ANY)
    made.add("Clock", lambda value: "12:00", takes=Kind.NONE)
    made.add("Open", str, takes=Kind.FILE)
    return made
