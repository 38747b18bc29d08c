"""`make demo` runs to its end, and what it leaves behind is what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_shows_the_main_job() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/demo/demo.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for heading in ("1. A plugin from a template", "3. From Python", "5. From a workflow", "Try next"):
        assert heading in done.stdout
    assert "HELLO, NATIVE WORLD" in done.stdout
    work = ROOT / "build" / "demo"
    photo, gray, outline = (
        np.asarray(Image.open(work / f"{n}.png")) for n in ("astronaut", "gray", "outline")
    )
    assert photo.shape[:2] == gray.shape == (512, 512)
    assert outline.shape == (256, 256)
    assert 0 < outline.mean() < gray.mean(), "outlines are mostly dark"
