"""The whole output of commands, compared with `snapshots/`; LAO_UPDATE_SNAPSHOTS=1 writes them anew."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Terminal
from tests.install.libraries import manifest, package
from tests.install.server import Site, content, cut, redirect


def test_help(lao: Terminal) -> None:
    lao("--help", status=0)
    lao("plugin", "install", "--help", status=0)
    lao(status=2)
    lao.compare("help")


def test_usage(lao: Terminal) -> None:
    lao("plugn", status=2)
    lao("plugin", "lst", status=2)
    lao("plugin", "frobnicate", status=2)
    lao("plugin", "list", "--jsn", status=2)
    lao("plugin", "info", status=2)
    lao("plugin", "toggle", "echo", "maybe", status=2)
    lao("plugin", "call", "echo", "--isolation", "full", status=2)
    lao.compare("usage")


def test_install_and_list(lao: Terminal, speaker: Path) -> None:
    lao("plugin", "list", status=0)
    lao("plugin", "list", "--json", status=0)
    lao("plugin", "install", "libspeaker.so", status=0)
    package(lao.place / "plugins" / "my-project", name="my-project", version="0.1.0")
    (lao.place / "plugins" / "broken").mkdir()
    (lao.place / "plugins" / "broken" / "plugin.toml").write_text("[plugin")
    lao("plugin", "list", status=0)
    lao("plugin", "list", "--json", status=0)
    lao("plugin", "install", "libspeaker.so", "--json", status=0)
    lao.compare("list")


def test_install_refusals(lao: Terminal, speaker: Path, site: Site) -> None:
    (lao.place / "libtext.so").write_text("no library\n")
    lao("plugin", "install", "libtext.so", status=1)
    lao("plugin", "install", "libspeaker.so", "--sha256", "0" * 64, status=1)
    lao("plugin", "install", "nowhere.so", status=1)
    lao("plugin", "install", "unknown-name", status=1)
    lao("plugin", "install", "file:///etc/passwd", status=1)
    site.answers["/libspeaker.so"] = content(speaker.read_bytes())
    site.answers["/cut.so"] = cut(speaker.read_bytes(), sent=100)
    site.answers["/away.so"] = redirect("http://169.254.169.254/latest")
    lao("plugin", "install", f"{site.address}/libspeaker.so", status=1)
    lao("plugin", "install", f"{site.address}/cut.so", "--yes", status=1)
    lao("plugin", "install", f"{site.address}/away.so", "--yes", status=1)
    lao("plugin", "install", f"{site.address}/nothing.so", "--yes", status=1)
    lao("plugin", "install", f"{site.address}/libspeaker.so", "--yes", status=0)
    (lao.place / "bad").mkdir()
    (lao.place / "bad" / "plugin.toml").write_text(
        '[plugin]\nname = "a b"\nversion = "one"\nlicence = "MIT"\n'
    )
    lao("plugin", "install", "bad", status=1)
    lao.compare("install")


def test_info(lao: Terminal, speaker: Path) -> None:
    lao("plugin", "install", "libspeaker.so", status=0)
    lao("plugin", "info", "speaker", status=0)
    lao("plugin", "info", "speaker", "--json", status=0)
    more = '\n[[dependencies]]\nname = "other"\nversion = "1.0.0"\n\n[[events]]\nname = "said"\n'
    package(lao.place / "plugins" / "my-project", name="my-project", version="0.1.0", more=more)
    lao("plugin", "info", "my-project", status=0)
    lao("plugin", "info", "./libspeaker.so", status=0)
    package(lao.place / "plugins" / "speaker")
    assert (
        f"shadows          {lao.place}/plugins/speaker" in lao("plugin", "info", "speaker", status=0).stdout
    )
    lao("plugin", "info", "speakr", status=1)
    lao("plugin", "info", "../../x", status=1)
    lao.compare("info")


def test_toggle_and_config(lao: Terminal, speaker: Path) -> None:
    lao("plugin", "install", "libspeaker.so", status=0)
    lao("plugin", "toggle", "speaker", "false", status=0)
    lao("plugin", "list", status=0)
    lao("plugin", "toggle", "speaker", "true", "--json", status=0)
    lao("plugin", "toggle", "speakr", "true", status=1)
    lao("plugin", "config", "speaker", status=0)
    lao("plugin", "config", "speaker", "model_path", "/path/to/model.onnx", status=0)
    lao("plugin", "config", "speaker", "max_tokens", "4096", status=0)
    lao("plugin", "config", "speaker", "max_tokens", "-1", status=0)
    lao("plugin", "config", "speaker", "max_tokens", "many", status=1)
    lao("plugin", "config", "speaker", "model_path", "1.0", status=0)
    lao("plugin", "config", "speaker", "max_token", "7", status=0)
    lao("plugin", "config", "speaker", "max_tokens", status=0)
    lao("plugin", "config", "speaker", "modelpath", status=1)
    lao("plugin", "config", "speaker", "--json", status=0)
    lao("plugin", "config", "speaker", "--jsn", status=2)
    lao.compare("config")


def test_uninstall(lao: Terminal, speaker: Path) -> None:
    lao("plugin", "install", "libspeaker.so", status=0)
    package(lao.place / "plugins" / "my-project", name="my-project")
    lao("plugin", "uninstall", "speakr", status=1)
    lao("plugin", "uninstall", "../../x", status=1)
    lao("plugin", "uninstall", "my-project", status=1)
    lao("plugin", "uninstall", "speaker", status=0)
    lao("plugin", "uninstall", "speaker", status=1)
    lao("plugin", "list", status=0)
    lao.compare("uninstall")
    assert (lao.place / "plugins" / "my-project" / "libmy-project.so").exists()


def test_call(lao: Terminal, echo: Path) -> None:
    lao("plugin", "install", "echo-plugin", status=0)
    lao("plugin", "call", "echo", "--input", "Hello, World!", status=0)
    lao("plugin", "call", "echo", "--input", "Hello, World!", "--isolation", "none", status=0)
    lao("plugin", "call", "echo", "ecko", status=1)
    lao("plugin", "call", "ecko", "--input", "x", status=1)
    lao("plugin", "call", "echo", "--input", "@nowhere.txt", status=1)
    lao("plugin", "call", "echo", "--param", "width", status=1)
    lao("plugin", "toggle", "echo", "false", status=0)
    lao("plugin", "call", "echo", "--input", "x", status=1)
    lao.compare("call")


def test_untrusted_text_cannot_drive_the_terminal(lao: Terminal) -> None:
    folder = package(lao.place / "sly")
    text = manifest().replace('description = "Says speaker"', 'description = "a\\tb"', 1)
    (folder / "plugin.toml").write_text(text)
    lao("plugin", "install", "sly", status=0)
    lao("plugin", "list", status=0)
    lao("plugin", "\x1b[31mred", status=2)
    lao("plugin", "info", "\x1b]0;title\x07", status=1)
    lao.compare("untrusted")
