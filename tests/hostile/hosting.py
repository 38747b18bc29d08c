"""Host processes as root and as an ordinary user, started once and given one test after the other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import cases
from tests.plugins import CompilerMissing

__all__ = ["HostProcess"]

ROOT = Path(__file__).resolve().parent.parent.parent
ORDINARY_USER = 65534
_TEST_TIMEOUT_S = 60.0  # a case is done in a fraction of that; later the host hangs


class HostProcess:
    """One host process, of `who`: "root" or "user". It starts with its first test, and again after it died."""

    def __init__(self, who: str) -> None:
        self._uid = 0 if who == "root" else os.geteuid() or ORDINARY_USER
        self._who = who
        self._place: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._link: Connection | None = None

    def run(self, module: str, test: str, arguments: dict[str, Any], *, patience_s: float = 10.0) -> None:
        """Runs `test` of `module`; fails or skips as it did. What it leaves has `patience_s` to disappear."""
        if self._who == "root" and os.geteuid() != 0:
            pytest.skip("the tests run as an ordinary user: this one needs root")
        try:
            library, sibling = cases.library_of(test), cases.sibling()
        except CompilerMissing as missing:
            pytest.skip(str(missing))
        if self._process is None or self._process.poll() is not None:
            self._start()
        assert self._link is not None
        outcome, text = "failed", f"the host did not end the test within {_TEST_TIMEOUT_S} s"
        try:
            self._link.send((module, test, arguments, library, sibling, patience_s))
            if self._link.poll(_TEST_TIMEOUT_S):
                outcome, text = self._link.recv()
            else:
                self.close()
        except (EOFError, OSError):
            assert self._process is not None
            status = self._process.wait()
            self.close()
            text = f"the host's process died: {_end_of(status)}"
        if outcome == "skipped":
            pytest.skip(text)
        if outcome != "passed":
            pytest.fail(f"as {self._who}: {text}", pytrace=False)

    def close(self) -> None:
        """Ends it and removes what it wrote."""
        if self._link is not None:
            self._link.close()
        if self._process is not None:
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._place is not None:
            for folder, _, _ in os.walk(self._place):
                os.chmod(folder, 0o700)  # copies of libraries lie in folders that nobody may write to
            shutil.rmtree(self._place, ignore_errors=True)
        self._process = self._link = self._place = None

    def _start(self) -> None:
        self.close()
        self._place = Path(tempfile.mkdtemp(prefix=f"lao-hostile-{self._who}-"))
        ours, theirs = Pipe()
        command = [sys.executable, "-m", "tests.hostile.serve_tests", str(theirs.fileno()), str(self._place)]
        if self._uid != os.geteuid():
            os.chown(self._place, self._uid, self._uid)
            launcher = str(ROOT / "tests" / "hostile" / "become_user.py")
            needed = [str(ROOT), sys.prefix, sys.base_prefix]
            command = [sys.executable, launcher, str(self._uid), *needed, "--", *command]
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "LAO_HOME": str(self._place / "home"),
            "HOME": str(self._place),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(ROOT),
            "PYTHONFAULTHANDLER": "1",
        }
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()])
        theirs.close()
        self._link = ours


def _end_of(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit code {status}"
