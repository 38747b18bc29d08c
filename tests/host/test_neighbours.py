"""What two libraries in one process would share."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import lao
from tests.plugins import ROOT

PLUGIN = """
#include <lao/lao.h>
#include <string.h>
%(extra)s
static lao_status_t create(const lao_host_t *h, const lao_config_t *c, lao_instance_t **i, lao_error_t *e) {
    (void)h, (void)c, (void)e; *i = (lao_instance_t *)1; return LAO_OK;
}
static void destroy(lao_instance_t *i) { (void)i; }
static lao_status_t call(lao_instance_t *i, const lao_request_t *q, lao_response_t *r, lao_error_t *e) {
    (void)i, (void)q, (void)e;
    r->outputs[0]->kind = LAO_KIND_TEXT; r->outputs[0]->data = answer(); r->outputs[0]->size = strlen(answer());
    r->output_count = 1; return LAO_OK;
}
static const lao_capability_t one = {.struct_size = sizeof one, .name = "answer", .output_kind = LAO_KIND_TEXT};
static const lao_capability_t *const all[] = {&one};
static const lao_plugin_t plugin = {.struct_size = sizeof plugin, .abi_version = LAO_ABI_VERSION, .name = "%(name)s",
    .version = "1.0.0", .thread_role = LAO_THREADS_FULL, .capability_count = 1, .capabilities = all, .create = create,
    .destroy = destroy, .call = call};
const lao_plugin_t *lao_plugin_entry(const lao_host_t *h) { (void)h; return &plugin; }
"""


def compile_library(source: str, library: Path, *flags: str) -> Path:
    library.parent.mkdir(parents=True, exist_ok=True)
    file = library.with_suffix(".c")
    file.write_text(source)
    command = ["cc", "-shared", "-fPIC", f"-I{ROOT / 'include'}", str(file), "-o", str(library), *flags]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return library


def bundling(folder: Path, name: str, answer: str, *, helper: str) -> Path:
    """A plugin that brings a library of its own, which gives the answer."""
    compile_library(f'const char *answer(void) {{ return "{answer}"; }}', folder / f"lib{helper}.so")
    source = PLUGIN % {"name": name, "extra": "const char *answer(void);"}
    return compile_library(
        source, folder / f"lib{name}.so", f"-L{folder}", f"-l{helper}", "-Wl,-rpath,$ORIGIN"
    )


def test_bundled_libraries_are_copied_with_the_plugin(host: lao.Host, isolation: str, tmp_path: Path) -> None:
    library = bundling(tmp_path / "a", f"bundling-{isolation}", "mine", helper=f"mine{isolation}")
    assert host.load(library, isolation=isolation)() == "mine"


def test_two_files_of_one_name_clash_in_one_process_only(host: lao.Host, tmp_path: Path) -> None:
    first = bundling(tmp_path / "a", "clash-first", "first", helper="clash")
    second = bundling(tmp_path / "b", "clash-second", "second", helper="clash")
    assert host.load(first, isolation="process")() == "first"
    assert host.load(second, isolation="process")() == "second"
    loaded = host.load(first, isolation="none")
    assert loaded() == "first"
    with pytest.raises(lao.PluginLoadError, match="another `libclash") as caught:
        host.load(second, isolation="none")
    assert caught.value.hint == 'use isolation="process"'


def test_a_second_build_that_would_share_state_is_refused_in_process(host: lao.Host, tmp_path: Path) -> None:
    def build(answer: str) -> Path:
        extra = (
            'static __thread int used __attribute__((tls_model("initial-exec")));\n'
            f'static const char *answer(void) {{ used++; return "{answer}"; }}'
        )
        return compile_library(PLUGIN % {"name": "sharing", "extra": extra}, tmp_path / "libsharing.so")

    plugin = host.load(build("first"), isolation="none")
    assert plugin() == "first"
    plugin.reload()  # the same build
    build("second")
    with pytest.raises(lao.PluginLoadError, match="another build of it is loaded"):
        plugin.reload()
    assert plugin() == "first"
    worker = host.load(tmp_path / "libsharing.so", isolation="process")
    assert worker() == "second"


def test_a_directory_of_a_package_is_loaded(host: lao.Host, isolation: str, tmp_path: Path) -> None:
    name = f"packed-{isolation}"
    folder = tmp_path / "package"
    source = PLUGIN % {"name": name, "extra": 'static const char *answer(void) { return "packed"; }'}
    compile_library(source, folder / f"lib{name}.so")
    (folder / "plugin.toml").write_text(
        f'[plugin]\nname = "{name}"\nversion = "1.0.0"\ndescription = "x"\nauthor = "a"\nlicense = "MIT"\n'
        '[[capabilities]]\nname = "answer"\ndescription = "x"\ninput_type = "any"\noutput_type = "text"\n'
    )
    assert host.load(folder, isolation=isolation)() == "packed"
    shutil.rmtree(folder)
    with pytest.raises(lao.PluginLoadError, match="no such file"):
        host.load(folder, isolation=isolation)
