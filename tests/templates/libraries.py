"""Says which libraries and programs of the system the whole matrix of templates would like to have, and are missing.

Nothing fails for them: a test that needs one is skipped, and names it. Run by `make templates`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

PACKAGES = {
    "expat": "libexpat1-dev",
    "libpng": "libpng-dev",
    "libturbojpeg": "libturbojpeg0-dev",
    "libwebp": "libwebp-dev",
    "libwebpdemux": "libwebp-dev",
    "OpenCL": "ocl-icd-opencl-dev",
    "sndfile": "libsndfile1-dev",
    "soxr": "libsoxr-dev",
}
PROGRAMS = {
    "clinfo": "clinfo pocl-opencl-icd",
    "espeak-ng": "espeak-ng libpocketsphinx3 pocketsphinx-en-us pocketsphinx-testdata",
}


def has_library(name: str) -> bool:
    """Whether pkg-config knows it."""
    tool = shutil.which("pkg-config")
    return tool is not None and subprocess.run([tool, "--exists", name], check=False).returncode == 0


def missing() -> list[str]:
    """Debian's names of what is not there."""
    if shutil.which("pkg-config") is None:
        return ["pkg-config", *PACKAGES.values(), *PROGRAMS.values()]
    libraries = {package: None for name, package in PACKAGES.items() if not has_library(name)}
    return list(libraries) + [package for name, package in PROGRAMS.items() if shutil.which(name) is None]


if __name__ == "__main__":
    packages = missing()
    if packages:
        print("templates: some tests will be skipped; on Debian, this has what they need:", file=sys.stderr)
        print(f"templates:   apt install {' '.join(packages)}", file=sys.stderr)
