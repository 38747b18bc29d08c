"""Loads `guarded` and uses all of it: `uses.py SITE LIBRARY ISOLATION`, in a process of its own. SITE is the folder of
the package `lao` to use; what came out is printed as JSON.

`uses.py SITE --pytest ARGUMENTS...` runs tests with that package instead.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

site = sys.argv[1]
# An editable install brings a finder of its own, which would find the other one.
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__.lower()]
sys.path.insert(0, site)

import lao  # noqa: E402

assert Path(lao.__file__).is_relative_to(site), lao.__file__


def used(plugin: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "tell": plugin.call("tell", "x", n=1),
        "text": plugin.call("text", "hello"),
        "parts": list(plugin.stream("parts")),
        "joined": plugin.call("joined", iter(["one", "two", "three"])),
        "scratch": plugin.call("scratch", "kept for later"),
        "batch": list(plugin.map("batch", ["a", "b", "c"])),
        "events": [event.name for event in plugin.info.events],
    }
    try:
        plugin.call("denied")
    except lao.LaoError as error:
        found["denied"] = [type(error).__name__, str(error)]
    plugin.configure({"level": 4})
    plugin.deliver("callback", "something", {"a": 1})
    found["healthy"] = plugin.check_health() is None
    found["state"] = plugin.reload()
    found["again"] = plugin.call("tell", "x", n=1)["config"]
    return found


def main(library: str, isolation: str) -> None:
    with lao.Host() as host:
        plugin = host.load(library, isolation=isolation, config={"level": 3}, grant=["read_files"])
        print(json.dumps(used(plugin)))


if sys.argv[2] == "--pytest":
    import pytest

    sys.exit(pytest.main(sys.argv[3:]))
main(*sys.argv[2:])
