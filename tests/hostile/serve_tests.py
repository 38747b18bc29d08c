"""The host process: runs one test after the other, as it is told, and tells what came of each.

Run by `hosting.py` as `python -m tests.hostile.serve_tests DESCRIPTOR HOME`.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

import lao
from tests.hostile.leaks import Holdings, adopt_orphans
from tests.hostile.stage import Stage


def main() -> None:
    link = Connection(int(sys.argv[1]))
    place = Path(sys.argv[2])
    adopt_orphans()
    temporary = place / "temporary"
    temporary.mkdir(exist_ok=True)
    tempfile.tempdir = str(temporary)
    warm = False
    while True:
        try:
            module, name, arguments, library, sibling, patience_s = link.recv()
        except EOFError:
            return
        try:
            if not warm:  # threads and descriptors that a host's process keeps from its first worker on
                with Stage(sibling, sibling, place / "home", place) as stage, stage.load() as plugin:
                    stage.assert_serves(plugin)
                warm = True
            perform(module, name, arguments, library, sibling, place, patience_s)
            link.send(("passed", ""))
        except pytest.skip.Exception as skipped:
            link.send(("skipped", str(skipped)))
        except BaseException as error:
            link.send(("failed", _text_of(error)))


def perform(
    module: str,
    name: str,
    arguments: dict[str, Any],
    library: Path | None,
    sibling: Path,
    place: Path,
    patience_s: float,
) -> None:
    function = getattr(importlib.import_module(module), name)
    scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=place))
    before = Holdings(place / "temporary", place / "home")
    directory, environment, mask = Path.cwd(), dict(os.environ), os.umask(0o22)
    try:
        with Stage(library, sibling, place / "home", scratch) as stage:
            function(stage, **arguments)
        leaked = Holdings(place / "temporary", place / "home").leaked_since(before, patience_s)
        assert not leaked, f"leaked: {'; '.join(leaked)}"
    finally:
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(environment)
        os.umask(mask)
        shutil.rmtree(scratch, ignore_errors=True)


def _text_of(error: BaseException) -> str:
    """The traceback with the local variables of the test's own frames, as pytest cannot rewrite what runs here."""
    summary = traceback.TracebackException.from_exception(error, capture_locals=True)
    product = str(Path(lao.__file__).parent)
    for frame in summary.stack:
        if frame.filename.startswith(product) or frame.filename == __file__:
            frame.locals = None
    return "".join(summary.format())


if __name__ == "__main__":
    main()
