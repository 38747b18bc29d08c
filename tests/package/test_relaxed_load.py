"""A library whose too-new symbols are all weak is loaded, on both backends, and says that it was relaxed."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lao
from lao.package.inspect import this_machine
from lao.package.relax import system_glibc
from tests.plugins import ROOT

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or this_machine() != "x86_64" or system_glibc() is None,
    reason="builds libraries for Linux x86_64 with glibc",
)

PLUGIN = """
#include <lao/vtable.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
__attribute__((weak)) int pthread_setname_np(void);
static const char *name(void) { return "NewPlugin"; }
static lao_v0_output_t run(const lao_v0_input_t *input) {
    lao_v0_output_t output = {malloc(strlen(input->text) + 32)};
    sprintf(output.text, "%s %s", input->text, pthread_setname_np ? "has it" : "does without");
    return output;
}
static void free_output(lao_v0_output_t output) { free(output.text); }
static size_t run_with_buffer(const lao_v0_input_t *i, char *b, size_t s) { (void)i, (void)b, (void)s; abort(); }
static const lao_v0_table_t table = {
    .version = 1, .name = name, .run = run, .free_output = free_output, .run_with_buffer = run_with_buffer};
__attribute__((visibility("default"))) const void *plugin_vtable(void) { return &table; }
"""


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_a_relaxed_copy_runs_and_the_file_stays_as_it_was(
    tmp_path: Path,
    build: Callable[..., Path],
    rename_version: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    isolation: str,
) -> None:
    monkeypatch.setenv("LAO_HOME", str(tmp_path / "home"))
    library = build(tmp_path / "libnew.so", PLUGIN, f"-I{ROOT / 'include'}", "-Wl,--no-as-needed")
    rename_version(library, "GLIBC_2.34", "GLIBC_9.34")
    before = library.read_bytes()
    with lao.Host() as host:
        plugin = host.load(library, isolation=isolation)
        assert plugin.info.relaxed
        assert plugin("it") == "it does without"
    assert library.read_bytes() == before
