"""`lao plugin info` reads, and never loads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lao.cli import main
from tests.cli.conftest import Terminal
from tests.install.libraries import library, manifest


def test_nothing_of_a_plugin_runs_before_it_is_called(lao: Terminal) -> None:
    """Its constructor would leave a file behind."""
    mark = lao.place / "it-ran"
    extra = f"""
        #include <stdio.h>
        __attribute__((constructor)) static void run(void) {{
            FILE *file = fopen("{mark}", "w");
            if (file) fclose(file);
        }}
    """
    file = library(lao.place / "libspeaker.so", manifest_text=manifest(), extra=extra)
    for words in (
        ("plugin", "info", str(file)),
        ("plugin", "install", str(file)),
        ("plugin", "list"),
        ("plugin", "info", "speaker"),
        ("plugin", "config", "speaker"),
        ("plugin", "toggle", "speaker", "false"),
        ("plugin", "call", "speaker"),
        ("plugin", "uninstall", "speaker"),
    ):
        lao(*words, status=1 if "call" in words else 0)
        assert not mark.exists(), words


def test_a_relaxed_library_is_called_one(
    speaker: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import lao.package.loadable  # noqa: F401 - holds the real function before it is replaced

    monkeypatch.setattr("lao.package.relax.needs_relaxing", lambda info: True)
    assert main(["plugin", "info", str(speaker)]) == 0
    assert "needs a newer glibc, but only for weak symbols" in capsys.readouterr().out
    assert main(["plugin", "info", str(speaker), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["relaxed"] is True


def test_a_library_for_another_machine(speaker: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(speaker.read_bytes())
    other = 183 if data[18] != 183 else 62  # e_machine: aarch64 or x86_64
    data[18:20] = other.to_bytes(2, "little")
    speaker.write_bytes(data)
    assert main(["plugin", "info", str(speaker), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["loadable"] is False
    assert ("aarch64" if other == 183 else "x86_64") in found["problem"]


def test_an_old_plugin_without_a_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.plugins import build

    file = tmp_path / "libold_echo.so"
    file.write_bytes(build("v0/echo", layout=64).read_bytes())
    assert main(["plugin", "info", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["abi"], found["loadable"]) == ("old_echo", "lao/0.x", True)


@pytest.mark.parametrize("content", [b"", b"text\n", b"\x7fELF"])
def test_what_is_no_library(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    file = tmp_path / "libbad.so"
    file.write_bytes(content)
    assert main(["plugin", "info", str(file)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: `libbad.so` is not a shared library")


def test_a_folder_that_is_no_plugin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugin", "info", str(tmp_path)]) == 1
    assert "has neither a `plugin.toml` nor a library" in capsys.readouterr().err
