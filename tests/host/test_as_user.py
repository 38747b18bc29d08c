"""What root's tests of the sandbox show must hold for an ordinary user too, whose workers live in a user namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ORDINARY_USER = 65534
MODULES = ("test_weak_rights", "test_runtimes", "test_confinement", "test_commands")


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox of this system is not written yet")
@pytest.mark.skipif(os.geteuid() != 0, reason="these tests run as an ordinary user already")
def test_the_sandbox_of_an_ordinary_user() -> None:
    place = Path(tempfile.mkdtemp(prefix="lao-user-"))  # pytest's own folders are shut for others
    try:
        os.chown(place, ORDINARY_USER, ORDINARY_USER)
        _run(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _run(place: Path) -> None:
    needed = [ROOT, sys.prefix, sys.base_prefix]
    runtime = os.environ.get("LAO_ONNXRUNTIME")
    command = [
        sys.executable,
        str(ROOT / "tests" / "hostile" / "become_user.py"),
        str(ORDINARY_USER),
        *map(str, needed),
        "--",
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-o", f"cache_dir={place / 'cache'}"),
        f"--basetemp={place / 'tests'}",
        *(str(ROOT / "tests" / "host" / f"{module}.py") for module in MODULES),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(place),
            "LAO_HOME": str(place / "home"),
            "LAO_TEST_BUILD_DIR": str(place / "build"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **({"LAO_ONNXRUNTIME": runtime} if runtime else {}),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert " failed" not in done.stdout
