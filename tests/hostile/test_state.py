"""Cases 90 and 91: plugins that change their process. It is not the host's."""

from __future__ import annotations

import ctypes
import locale
import os
import resource
import signal
import sys
from typing import Any

from lao.model.rights import Rights
from tests.hostile.stage import Stage


def state_of_the_process() -> dict[str, Any]:
    """All that the plugin changes, as the host has it."""
    mask = os.umask(0o22)
    os.umask(mask)
    return {
        "locale": locale.setlocale(locale.LC_ALL),
        "directory": os.getcwd(),
        "mask of files": mask,
        "rounding": (ctypes.CDLL("libm.so.6").fegetround(), 1.0 + 2.0**-60),
        "denormals": sys.float_info.min / 2 > 0,
        "mask of signals": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "handlers": [signal.getsignal(number) for number in signal.valid_signals()],
        "environment": dict(os.environ),
        "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE),
        "stdin": os.fstat(0),
    }


def test_90_state_of_the_process(stage: Stage) -> None:
    before = state_of_the_process()
    with stage.load() as plugin:
        report = plugin.call("attack", "")
        assert set(report.values()) == {1}, report  # it did change its own
        assert state_of_the_process() == before
        stage.assert_serves(plugin)
    assert state_of_the_process() == before


def test_91_functions_at_exit(stage: Stage) -> None:
    """They run where they were registered, if at all."""
    rights = Rights(permissions=frozenset({"write_files"}), file_access=("./",))
    with stage.load(rights=rights) as plugin:
        report = plugin.call("attack", "")
        assert report.pop("registered") == 1
        stage.assert_serves(plugin)
    written = stage.scratch / "data" / "ends"
    lines = written.read_text().splitlines() if written.exists() else []
    assert {line.split()[1] for line in lines} <= {str(report["process"])}
    assert len(lines) <= 2
    assert report["process"] != os.getpid()
