"""What lies below `resources/` goes into the package, and a plugin finds it in its build, its test and
when installed."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

import lao
from lao.authoring import build_checked, find_source, package
from lao.authoring.conformance import conformance
from lao.errors import InvalidInput

SOURCE = """#include <lao/lao.hpp>
#include <fstream>
#include <iterator>
class Greeter {
  public:
    explicit Greeter(const lao::Config &config) {
        std::ifstream file(config.resource_dir() + "/resources/words/greeting.txt");
        if (!file) {
            throw lao::InvalidConfig("there is no greeting");
        }
        greeting_.assign(std::istreambuf_iterator<char>(file), {});
    }
    std::string greet(std::string_view name) const { return greeting_ + std::string(name); }

  private:
    std::string greeting_;
};
LAO_PLUGIN(lao::Plugin<Greeter>(LAO_PLUGIN_NAME, LAO_PLUGIN_VERSION, lao::Threads::full)
               .capability("greet", "Greets", &Greeter::greet))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "greeter"
    (folder / "resources" / "words").mkdir(parents=True)
    (folder / "resources" / "words" / "greeting.txt").write_text("hello ")
    (folder / "plugin.toml").write_text('[plugin]\nname = "greeter"\nversion = "1.0.0"\n')
    (folder / "plugin.cpp").write_text(SOURCE)
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(greeter LANGUAGES CXX)\n"
        "include(LaoPlugin)\nlao_add_plugin(greeter plugin.cpp)\n"
    )
    return folder


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_a_project_finds_them(project: Path, isolation: str) -> None:
    library = build_checked(find_source(project)).library
    with lao.Host() as host:
        assert host.load(project, isolation=isolation)("you") == "hello you"
        assert host.load(library, isolation=isolation)("you") == "hello you"


def test_they_are_packed(project: Path, tmp_path: Path) -> None:
    (project / "resources" / ".hidden").write_text("not this")
    archive = package(find_source(project), tmp_path / "greeter.tar.gz")
    with tarfile.open(archive) as packed:
        names = [name for name in packed.getnames() if "resources" in name]
    assert [name.split("resources")[1] for name in names] == ["/words/greeting.txt"]


def test_a_link_that_leads_out_is_refused(project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    (project / "resources" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidInput, match="`resources/link` leads out of the project"):
        package(find_source(project), tmp_path / "greeter.tar.gz")


RUNTIME = """#include <dlfcn.h>
#include <lao/lao.hpp>
class Runs {
  public:
    Runs() {
        if (dlopen("libonnxruntime.so.1", RTLD_NOW) == nullptr) {
            throw lao::Failed(dlerror());
        }
    }
    std::string process(std::string_view text) const { return std::string(text); }
};
LAO_PLUGIN(lao::Plugin<Runs>(LAO_PLUGIN_NAME, LAO_PLUGIN_VERSION, lao::Threads::full)
               .capability("process", "The same", &Runs::process))
"""


def test_a_build_gives_the_runtimes_that_are_asked_for(project: Path) -> None:
    pytest.importorskip("onnxruntime", reason="no ONNX Runtime: pip install onnxruntime")
    (project / "plugin.cpp").write_text(RUNTIME)
    with pytest.raises(lao.LaoError, match="cannot load"):
        build_checked(find_source(project))
    manifest = project / "plugin.toml"
    manifest.write_text(manifest.read_text("utf-8") + '\n[resources]\nruntimes = ["onnx"]\n', "utf-8")
    library = build_checked(find_source(project)).library
    assert not [check for check in conformance(library, None, seed=1) if check.failed]
