"""Plugin libraries and packages for the tests of installing, made when they are asked for."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from lao.package.embed import manifest_source

MANIFEST = """\
[plugin]
name = "{name}"
version = "{version}"
description = "Says {name}"
author = "Ada <ada@example.org>"
license = "MIT"

[[capabilities]]
name = "say"
description = "Says it"
input_type = "text"
output_type = "text"

[resources]
max_memory_mb = 64

[config_schema]
type = "object"
properties.model_path = {{ type = "string", description = "Path to model file" }}
properties.max_tokens = {{ type = "integer", default = 2048 }}
"""

_ENTRY = """
const void *lao_plugin_entry(const void *host);
const void *lao_plugin_entry(const void *host) { return host ? 0 : host; }
const char lao_test_version[] = "%s";
"""


def manifest(name: str = "speaker", version: str = "1.0.0", *, more: str = "") -> str:
    """The text of a manifest; `more` is put at its end."""
    return MANIFEST.format(name=name, version=version) + more


def library(path: Path, *, manifest_text: str | None = None, extra: str = "") -> Path:
    """Compiles a library with the plugin entry and, if given, an embedded manifest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = path.with_suffix(".test.c")
    version = "" if manifest_text is None else str(len(manifest_text))
    text = _ENTRY % version + extra
    if manifest_text is not None:
        text += manifest_source(manifest_text)
    source.write_text(text)
    compiler = shutil.which("cc")
    assert compiler, "the tests need a C compiler"
    flags = ["-Wl,--as-needed"] if sys.platform == "linux" else []  # what it needs is the same everywhere
    command = [compiler, "-shared", "-fPIC", *flags, "-o", str(path), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    source.unlink()
    return path


def package(folder: Path, *, name: str = "speaker", version: str = "1.0.0", more: str = "") -> Path:
    """An unpacked package: manifest, library and a page about it."""
    text = manifest(name, version, more=more)
    library(folder / f"lib{name}.so", manifest_text=text)
    (folder / "plugin.toml").write_text(text)
    (folder / "README.md").write_text(f"# {name}\n")
    return folder


def tar_gz(path: Path, members: Mapping[str, bytes | tarfile.TarInfo]) -> Path:
    """An archive as nobody should make one: whatever members it is told, in that order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, member in members.items():
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(member)
                tar.addfile(info, io.BytesIO(member))
    path.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    return path
