"""What a LAO 0.x library says of itself is asked once, in a sandbox, and kept as its claim."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lao.cli import main
from lao.install import install
from lao.locate import Names
from lao.store import Store
from tests import plugins
from tests.install.libraries import library, package

HANGING = """
#include <stdio.h>
#include <unistd.h>
const void *plugin_vtable;
__attribute__((constructor)) static void run(void) {
    FILE *file = fopen("%s", "w");
    if (file) fclose(file);
    _exit(3);
}
"""


def test_a_claim(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    found = install(plugins.build("v0/echo"), store=store)
    assert found.warnings == ()
    assert found.installed.claimed
    assert not found.installed.has_manifest
    assert found.installed.version
    kept = store.require(found.installed.name)
    assert kept == found.installed
    assert kept.capabilities
    source = Names(store.home).locate(kept.name)
    assert source.manifest is None, "a claim is no manifest"
    assert not source.rights.permissions
    capsys.readouterr()
    assert main(["plugin", "info", kept.name, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["claimed"], shown["version"]) == (True, kept.version)


def test_a_manifest_is_believed_instead(tmp_path: Path, store: Store) -> None:
    assert not install(package(tmp_path / "p"), store=store).installed.claimed


def test_one_that_does_harm_when_it_is_asked(tmp_path: Path, store: Store) -> None:
    mark = tmp_path / "it-ran"
    file = library(tmp_path / "bare" / "libold.so")
    source = tmp_path / "old.c"
    source.write_text(HANGING % mark)
    import subprocess

    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(file), str(source)], check=True, timeout=120)
    found = install(file, store=store)
    assert not mark.exists()
    assert not found.installed.claimed
    assert (found.installed.version, found.installed.capabilities) == ("", ())
    assert any("could not be read" in warning for warning in found.warnings)
