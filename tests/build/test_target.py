"""Building for other systems: the names, what is said when something is missing, and artefacts that are read and,
where an emulator is installed, run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lao.authoring import build_checked, package
from lao.authoring.declared import BEGIN
from lao.build import TARGETS, Target, build, built, cargo, find_target, open_project, zig
from lao.build.target import require_target
from lao.build.zig_tool import translated
from lao.errors import InvalidInput, LaoError
from lao.package.embed import embedded_manifest
from lao.package.inspect import LibraryInfo, inspect_library
from lao.package.platform_tag import platform_tag
from lao.paths import include_dir
from lao.templates import create_project

HERE = Path(__file__).resolve().parent
QUICK = ("aarch64-linux-gnu", "x86_64-windows")
"""The rest is for the matrix: zig makes a system's C library when it is first built for, which takes up to a minute."""


def make(directory: Path, language: str = "c") -> Path:
    create_project("sample", directory, language=language, author="A", description="B")
    return directory


def everything(quick: tuple[str, ...] = QUICK) -> list[object]:
    return [
        pytest.param(one.name, marks=() if one.name in quick else pytest.mark.matrix) for one in TARGETS
    ]


# --- Names ---


def test_names() -> None:
    assert [find_target(one.name) for one in TARGETS] == list(TARGETS)
    assert {(one.system, one.machine) for one in TARGETS} == {
        ("linux", "x86_64"), ("linux", "aarch64"), ("windows", "x86_64"), ("macos", "x86_64"), ("macos", "aarch64"),
    }  # fmt: skip
    newer = find_target("aarch64-linux-gnu.2.28")
    assert newer.glibc == (2, 28)
    assert newer.zig == "aarch64-linux-gnu.2.28"
    assert newer.suffix == ".so"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x86_64-linux-gun", "did you mean `x86_64-linux-gnu`"),
        ("x86_64-linux-gnu.2.5", "oldest glibc"),
        ("riscv64-linux-gnu.2.35", "there is no target"),
        ("x86_64-windows.2.17", "there is no target"),
        ("", "there is no target"),
    ],
)
def test_other_names_are_refused(name: str, said: str) -> None:
    with pytest.raises(InvalidInput) as failure:
        find_target(name)
    assert said in "\n".join([str(failure.value), *failure.value.causes, failure.value.hint or ""])


# --- What is missing ---


def test_without_zig_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = open_project(make(tmp_path / "sample"))
    for tool in ("cmake", "ninja", "cc"):
        if found := shutil.which(tool):
            (tmp_path / "bin").mkdir(exist_ok=True)
            (tmp_path / "bin" / tool).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(zig.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LaoError, match="for x86_64-windows: there is no `ziglang`") as failure:
        build(project, target=find_target("x86_64-windows"))
    assert failure.value.hint == "pip install 'lao-orchestrator[cross]'"
    assert built(project, target=find_target("x86_64-windows")) is None


def test_a_zig_on_the_path_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zig").write_text("#!/bin/sh\n")
    (tmp_path / "zig").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(zig.importlib.util, "find_spec", lambda name: None)
    assert zig.find_zig(what_for="try") == tmp_path / "zig"


def test_a_rust_toolchain_without_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = open_project(make(tmp_path / "sample", "rust"))
    for tool, answer in (("rustc", str(tmp_path / "none")), ("rustup", ""), ("cargo", "")):
        (tmp_path / tool).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LaoError, match="cannot build `sample` for aarch64-macos") as failure:
        build(project, target=find_target("aarch64-macos"))
    assert "no standard library for `aarch64-apple-darwin`" in failure.value.causes[0]
    assert failure.value.hint == "run `rustup target add aarch64-apple-darwin` in the project's folder"
    (tmp_path / "rustup").unlink()
    with pytest.raises(LaoError) as failure:
        build(project, target=find_target("aarch64-macos"))
    assert "rustup.rs" in str(failure.value.hint)


# --- What is no plugin for the target ---


def info(target: Target, **facts: object) -> LibraryInfo:
    formats = {"linux": "elf", "windows": "pe", "macos": "macho"}
    found = LibraryInfo(
        path=Path("libx"), format=formats[target.system], system=target.system, machine=target.machine, bits=64
    )
    return replace(found, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "facts", "said"),
    [
        ("x86_64-linux-gnu", {"machine": "aarch64"}, "it is a library for linux on aarch64"),
        ("x86_64-linux-gnu", {"system": "windows"}, "it is a library for windows"),
        ("x86_64-linux-gnu", {"bits": 32}, "it is a library for"),
        ("x86_64-linux-gnu", {"glibc_strong_need": (2, 34)}, "it needs glibc 2.34, not 2.17"),
        ("x86_64-linux-gnu", {"needed": ("libc.so.6", "libstdc++.so.6")}, "it needs `libstdc++.so.6`,"),
        ("aarch64-linux-musl", {"needed": ("libc.so.6",)}, "it needs `libc.so.6`,"),
        ("x86_64-windows", {"needed": ("KERNEL32.dll", "libgcc_s_seh-1.dll")}, "it needs `libgcc_s_seh-1.dll`,"),
        ("aarch64-macos", {"needed": ("/opt/homebrew/lib/libpng.dylib",)}, "libpng.dylib"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, facts: dict[str, object], said: str) -> None:
    target = find_target(name)
    require_target(info(target), target)
    with pytest.raises(LaoError, match=f"no plugin for {name}") as failure:
        require_target(info(target, **facts), target)
    assert said in "; ".join(failure.value.causes)


def test_what_other_compilers_are_told_is_translated(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("-lgcc_eh 'a b.o' -lm")
    words = ["--target=x", "-target", "y", "-arch", "arm64", "-bundle", f"@{tmp_path}/words", "-lgcc_s", "a.o"]
    assert translated(words, "aarch64-macos") == ["-dynamiclib", "-lunwind", "a b.o", "-lm", "-lunwind", "a.o"]
    words = ["-Wl,list.def", "-lmsvcrt", "-lkernel32", "-l:libpthread.a"]
    assert translated(words, "x86_64-windows-gnu") == ["list.def", "-lkernel32"]
    assert translated(["-lmsvcrt"], "x86_64-linux-musl") == ["-lmsvcrt"]


# --- Artefacts ---


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Target], Path]:
    """Compiles the small host for a target."""
    folder = tmp_path_factory.mktemp("driver")

    def compiled(target: Target) -> Path:
        program = folder / (f"driver-{target.name}" + (".exe" if target.system == "windows" else ""))
        if not program.is_file():
            tools = zig.write_tools(folder / target.name, zig.find_zig(what_for="test"), target)
            command = [tools["cc"], f"-I{include_dir()}", HERE / "foreign_driver.c", "-o", program, "-ldl"]
            subprocess.run(command if target.system == "linux" else command[:-1], check=True)
        return program

    return compiled


def emulator(target: Target) -> list[str]:
    """The program that runs programs of a target here; skips where there is none."""
    if target.name == "aarch64-linux-gnu":
        found, libraries = shutil.which("qemu-aarch64"), Path("/usr/aarch64-linux-gnu")
        if found is None or not libraries.is_dir():
            pytest.skip(
                f"no emulator of {target.name}: apt-get install -y --no-install-recommends "
                "qemu-user libc6-arm64-cross"
            )
        return [found, "-L", str(libraries)]
    found = shutil.which("wine")
    if found is None:
        pytest.skip(f"no emulator of {target.name}: apt-get install -y --no-install-recommends wine wine64")
    return [found]


def test_an_artefact_is_for_its_target(tmp_path: Path) -> None:
    """The whole of it once, for the target that is made quickest."""
    project = open_project(make(tmp_path / "sample"))
    target = find_target("aarch64-linux-gnu")
    result = build_checked(project, target=target, jobs=1)
    assert result.target == target
    assert result.library == project.directory / "build" / "lao" / target.name / "debug" / "libsample.so"
    assert built(project, target=target) == result.library
    assert built(project) is None, "it is not this system's"
    assert not build(project, target=target).changed
    release = build(project, release=True, target=target)
    assert release.library.stat().st_size < result.library.stat().st_size
    file = package(project, tmp_path / "x.tar.gz", target=target)
    assert file.is_file()
    assert package(project, target=target).name == "sample-0.1.0-manylinux_2_17_aarch64.tar.gz"


def test_what_the_code_declares_is_in_it(tmp_path: Path) -> None:
    """It cannot be asked of a library for another system, so one for this system tells it."""
    folder = make(tmp_path / "sample")
    manifest = folder / "plugin.toml"
    manifest.write_text(manifest.read_text().partition(BEGIN)[0])
    result = build_checked(open_project(folder), target=find_target("aarch64-linux-gnu"), jobs=1)
    assert [capability.name for capability in result.manifest.capabilities] == ["process", "analyze"]
    assert embedded_manifest(result.library) == manifest.read_text()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


TAGS = {
    "x86_64-linux-gnu": "manylinux_2_{}_x86_64",
    "aarch64-linux-gnu": "manylinux_2_17_aarch64",
    "x86_64-linux-musl": "musllinux_1_2_x86_64",
    "aarch64-linux-musl": "musllinux_1_2_aarch64",
    "x86_64-windows": "win_amd64",
    "x86_64-macos": "macosx_10_13_x86_64",
    "aarch64-macos": "macosx_11_0_arm64",
}


def read(library: Path, target: Target, project: Path) -> None:
    found = inspect_library(library)
    require_target(found, target)
    assert (found.system, found.machine, found.entry) == (target.system, target.machine, "lao/1")
    assert set(found.exports) >= {"lao_plugin_entry", "lao_plugin_manifest"}
    assert embedded_manifest(library) == (project / "plugin.toml").read_text("utf-8")
    tag = platform_tag(found)
    assert tag in {TAGS[target.name].format(minor) for minor in range(5, 18)}
    assert library.name == ("sample.dll" if target.system == "windows" else f"libsample{target.suffix}")
    if target.system == "linux":
        assert len(found.exports) == 2, "nothing but the plugin's own leaves it"


@pytest.mark.parametrize("name", everything())
def test_c(name: str, tmp_path: Path, driver: Callable[[Target], Path]) -> None:
    built_and_run("c", name, tmp_path, driver)


@pytest.mark.matrix
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", everything(()))
def test_cpp(name: str, tmp_path: Path, driver: Callable[[Target], Path]) -> None:
    built_and_run("cpp", name, tmp_path, driver)


@pytest.mark.matrix
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no cargo")
@pytest.mark.parametrize("name", everything(()))
def test_rust(name: str, tmp_path: Path, driver: Callable[[Target], Path]) -> None:
    project = open_project(make(tmp_path / "probe", "rust"))
    try:
        cargo._require_std(project, find_target(name))
    except LaoError as missing:
        pytest.skip(f"{missing.causes[0]}: {missing.hint}")
    built_and_run("rust", name, tmp_path, driver)


def built_and_run(language: str, name: str, tmp_path: Path, driver: Callable[[Target], Path]) -> None:
    target = find_target(name)
    folder = make(tmp_path / "sample", language)
    result = build_checked(open_project(folder), release=True, target=target, jobs=2)
    read(result.library, target, folder)
    if name in QUICK:
        environment = {**os.environ, "WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all"}
        command = [*emulator(target), driver(target), result.library, "hello"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)
        assert done.stdout.splitlines() == ["sample 0.1.0, 2 capabilities", "HELLO"], done.stderr
