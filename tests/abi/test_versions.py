"""Old hosts with new plugins, and new hosts with old plugins: every struct that crosses, smaller and larger than the
other side knows it, on both backends.

"New" is a later minor version in which every struct that can grow has grown. The plugin's own structs end where its
memory ends, so that a host which takes them for larger dies.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.abi.growth import APPENDED, ROOT, growing, grown_include, grown_lao
from tests.native.offsets import read_record

HERE = Path(__file__).resolve().parent
EXTRA = 8 * APPENDED.count(";")
"""Bytes that every struct has grown by."""


class Versions:
    """Both versions of the headers, of a LAO built from them, and of the plugin."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.include = {"old": ROOT / "include", "new": grown_include(folder)}
        self.extension = {
            "old": native_of_this_lao(),
            "new": grown_lao(folder, self.include["new"]) / "lao" / "_native",
        }

    def site(self, host: str, plugin: str) -> Path:
        """A package `lao` of the version `host`, which compiles plugins against the headers of the version `plugin`."""
        site = self.folder / f"host {host}, plugin {plugin}"
        if not site.is_dir():
            shutil.copytree(
                ROOT / "lao", site / "lao", ignore=shutil.ignore_patterns("__pycache__", "*.so", "lao-worker")
            )
            for name in ("lao-worker", "_glue*.so"):
                (file,) = self.extension[host].glob(name)
                shutil.copy(file, site / "lao" / "_native")
            (site / "include").symlink_to(self.include[plugin])
            for name in ("native", "plugin-templates"):
                (site / name).symlink_to(ROOT / name)
        return site

    def library(self, plugin: str, *macros: str) -> Path:
        library = self.folder / "-".join([plugin, *macros]) / "libguarded.so"
        if not library.is_file():
            library.parent.mkdir()
            flags = [
                "-std=gnu11",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-g",
                "-fPIC",
                "-shared",
                "-fvisibility=hidden",
            ]
            defines = [f"-D{macro}" for macro in (*(["GROWN"] if plugin == "new" else []), *macros)]
            command = ["cc", *flags, *defines, f"-I{self.include[plugin]}", str(HERE / "guarded.c")]
            subprocess.run([*command, "-o", str(library)], check=True)
        return library

    def run(self, host: str, plugin: str, isolation: str, *macros: str) -> dict[str, Any]:
        site, library = self.site(host, plugin), self.library(plugin, *macros)
        done = subprocess.run(
            [sys.executable, str(HERE / "uses.py"), str(site), str(library), isolation],
            env={**os.environ, "LAO_HOME": str(self.folder / "home")},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))


def native_of_this_lao() -> Path:
    from lao.paths import worker_path

    return worker_path().parent


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    if sys.platform != "linux":
        pytest.skip("it is built as on Linux")
    return Versions(tmp_path_factory.mktemp("versions"))


@pytest.mark.parametrize("isolation", ["none", "process"])
@pytest.mark.parametrize("plugin", ["old", "new"])
@pytest.mark.parametrize("host", ["old", "new"])
def test_they_work_together(versions: Versions, host: str, plugin: str, isolation: str) -> None:
    found = versions.run(host, plugin, isolation)
    told = found["tell"]
    assert told["minor"] == (1 if host == "new" else 0)
    assert told["own_minor"] == (1 if plugin == "new" else 0)
    assert told["config"] == {"level": 3}
    assert told["unknown"] is None
    record = read_record()["lp64"]
    assert len(told["seen"]) == 11
    for name, size, sees_more in told["seen"]:
        assert size == record[name][""][0] + (EXTRA if host == "new" else 0), name
        assert sees_more == (1 if host == plugin == "new" else 0), name
    assert found["text"] == "hello"
    assert found["parts"] == ["part 0", "part 1", "part 2", "last"]
    assert found["joined"] == "one|two|three|"
    assert found["scratch"] == "kept for later"
    assert found["batch"] == ["a of a batch", "b of a batch", "c of a batch"]
    assert found["events"] == ["something"]
    assert found["denied"][0] == "PermissionDenied"
    assert found["healthy"] is True
    assert (found["state"], found["again"]) == ("carried", "loaded")


@pytest.mark.parametrize("isolation", ["none", "process"])
@pytest.mark.parametrize("host", ["old", "new"])
def test_a_plugin_table_that_ends_earlier(versions: Versions, host: str, isolation: str) -> None:
    """The smallest that version 1.0 has: no settings and no events."""
    found = versions.run(host, "old", isolation, "SHORT")
    assert found["events"] == []
    assert found["text"] == "hello"


def test_every_struct_that_can_grow_has_grown(versions: Versions) -> None:
    assert len(growing()) >= 19
    source = "#include <lao/lao.h>\n" + "".join(
        f'_Static_assert(sizeof({name}) == {read_record()["lp64"][name][""][0] + EXTRA}, "{name}");\n'
        for name in sorted(growing())
    )
    command = ["cc", "-std=c11", "-fsyntax-only", f"-I{versions.include['new']}", "-x", "c", "-"]
    subprocess.run(command, input=source, text=True, check=True)


def test_a_host_that_takes_too_much_for_granted_is_noticed(versions: Versions) -> None:
    """The guard works: the old table read as a new one is the plugin's death, and the test's failure."""
    source = (
        "#include <dlfcn.h>\n#include <lao/lao.h>\n#include <string.h>\n"
        "int main(int argc, char **argv) {\n"
        "  void *found = dlsym(dlopen(argv[argc - 1], RTLD_NOW), LAO_PLUGIN_ENTRY);\n"
        "  static lao_host_t host = {sizeof host, LAO_ABI_VERSION};\n"
        "  lao_plugin_entry_fn entry; memcpy(&entry, &found, sizeof found);\n"
        "  return (int)*(volatile const uint64_t *)&entry(&host)->grown_number & 0;\n}\n"
    )
    program = versions.folder / "reckless"
    command = ["cc", "-std=gnu11", f"-I{versions.include['new']}", "-x", "c", "-", "-o", str(program), "-ldl"]
    subprocess.run(command, input=source, text=True, check=True)
    assert subprocess.run([str(program), str(versions.library("new"))], check=False).returncode == 0
    assert subprocess.run([str(program), str(versions.library("old"))], check=False).returncode == -11


@pytest.mark.matrix
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("host", "plugin"), [("old", "new"), ("new", "old"), ("new", "new")])
def test_the_sdks_work_together(versions: Versions, host: str, plugin: str, tmp_path: Path) -> None:
    """All that the SDKs do, with plugins compiled against the one version and hosts of the other. Rust's declarations
    are its own, of the old version.
    """
    site = versions.site(host, plugin)
    compilers = {}
    for variable, tool in (("CC", "cc"), ("CXX", "c++")):
        # The SDKs' tables name the fields that there are; what was appended is zero.
        compilers[variable] = str(tmp_path / tool)
        (tmp_path / tool).write_text(f'#!/bin/sh\nexec {tool} "$@" -Wno-missing-field-initializers\n')
        (tmp_path / tool).chmod(0o755)
    done = subprocess.run(
        [
            *(sys.executable, str(HERE / "uses.py"), str(site), "--pytest", "tests/sdk/test_every_part.py"),
            *("-q", "-o", f"cache_dir={tmp_path / 'cache'}", f"--basetemp={tmp_path / 'inner'}"),
            *(() if plugin == "old" else ("-k", "not rust")),
        ],
        cwd=ROOT, env={**os.environ, **compilers, "LAO_HOME": str(tmp_path / "home")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
