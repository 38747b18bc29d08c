"""`lao.templates`: what comes out, and that nothing that is passed in gets out of its string."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lao.cli import main as cli
from lao.errors import InvalidInput, LaoError, ManifestError
from lao.model.manifest import read_manifest
from lao.templates import create_project, languages, render, templates

HOSTILE = 'O\'Brien "x" \\ ${{HOME}} {{name}} ]] \\" # <b@c.d> é 東 \\U0001'


def make(
    directory: Path, *, name: str = "my-plugin", language: str = "rust", author: str = "A", about: str = "B"
) -> None:
    create_project(name, directory, language=language, author=author, description=about)


def test_what_there_is() -> None:
    assert languages() == ["rust", "cpp", "c"]
    kinds = ["ai-model", "audio-processor", "basic", "data-processor", "image-processor", "network-service"]
    assert templates("rust") == templates("cpp") == kinds
    assert templates("c") == ["basic"]


def test_the_help_names_every_template(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["plugin", "create", "--help"]) == 0
    shown = "".join(capsys.readouterr().out.split())
    assert all(kind in shown for kind in templates("rust"))


@pytest.mark.parametrize("language", ["rust", "cpp", "c"])
def test_hostile_values_stay_in_their_strings(tmp_path: Path, language: str) -> None:
    make(tmp_path / "x", language=language, author=HOSTILE + "\n\tsecond line", about=HOSTILE)
    manifest = read_manifest(tmp_path / "x" / "plugin.toml")
    assert manifest.plugin.author == HOSTILE + " second line"
    assert manifest.plugin.description == HOSTILE
    assert not manifest.warnings
    assert [one.name for one in manifest.capabilities] == ["process", "analyze"]
    if language == "rust":
        crate = tomllib.loads((tmp_path / "x" / "Cargo.toml").read_text())["package"]
        assert crate["description"] == HOSTILE
        assert crate["authors"] == [HOSTILE + " second line"]
    left = [file for file in (tmp_path / "x").rglob("*") if file.is_file() and "{{name|" in file.read_text()]
    assert not left


def test_a_control_character_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"author|control"):
        make(tmp_path / "x", author="bell\a")
    assert not list(tmp_path.iterdir())


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec="utf-8")))
def test_toml_literals_read_back(value: str) -> None:
    assert tomllib.loads(render("x = {{v|toml}}", {"v": value})) == {"x": value}


def test_c_literals_read_back(tmp_path: Path) -> None:
    values = [HOSTILE, 'a"b', "??/", "\x01" + "9", "\n", "é\x7f", "\\", "%s"]
    lines = "".join(f"puts({render('{{v|c}}', {'v': value})});" for value in values)
    source, program = tmp_path / "x.c", tmp_path / "x"
    source.write_text(f"#include <stdio.h>\nint main(void) {{ {lines} return 0; }}\n")
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True)
    done = subprocess.run([program], capture_output=True, check=True)
    assert done.stdout.decode() == "".join(value + "\n" for value in values)


def test_values_are_not_looked_through_again() -> None:
    assert render("{{a|toml}}", {"a": "{{b|toml}}", "b": "x"}) == '"{{b|toml}}"'
    with pytest.raises(ValueError, match="needs a form"):
        render("{{a}}", {"a": "x y"})
    with pytest.raises(KeyError):
        render("{{unknown}}", {})
    assert render("{{a|md}}", {"a": "*b* [c](d)\n<e>"}) == "\\*b\\* \\[c\\](d) \\<e\\>"


@pytest.mark.parametrize(
    ("name", "crate"),
    [
        ("My.Plugin_2", "my-plugin-2"),
        ("test", "test-plugin"),
        ("7zip", "plugin-7zip"),
        ("self", "self-plugin"),
        ("a..b".replace("..", "."), "a-b"),
    ],
)
def test_crate_names_that_cargo_takes(tmp_path: Path, name: str, crate: str) -> None:
    make(tmp_path / "x", name=name)
    document = tomllib.loads((tmp_path / "x" / "Cargo.toml").read_text())
    assert document["package"]["name"] == crate
    assert document["lib"]["name"] == crate.replace("-", "_")
    assert read_manifest(tmp_path / "x" / "plugin.toml").plugin.name == name


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "a..b", "con", "x" * 65, "ä"])
def test_names_that_no_plugin_may_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        make(tmp_path / "x", name=name)
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("precious")
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for place in ("full", "file", "link"):
        with pytest.raises(InvalidInput, match="already"):
            make(tmp_path / place)
    assert (tmp_path / "full" / "mine").read_text() == "precious"
    assert (tmp_path / "file").read_text() == "precious"
    assert {entry.name for entry in tmp_path.iterdir()} == {"full", "file", "link"}
    (tmp_path / "empty").mkdir()
    make(tmp_path / "empty")
    assert (tmp_path / "empty" / "plugin.toml").is_file()


def test_an_empty_folder_stays_the_one_that_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o2770)
    before = tmp_path.stat()
    monkeypatch.chdir(tmp_path)
    assert cli(["plugin", "create", "x", "--lang", "c", "--output", "."]) == 0
    after = tmp_path.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith(".create")]
    assert cli(["plugin", "create", "y", "--lang", "c", "--output", ""]) == 1


@pytest.mark.parametrize("language", ["cpp", "c"])
def test_no_target_is_called_like_the_plugin(tmp_path: Path, language: str) -> None:
    for template in templates(language):
        create_project(
            "x", tmp_path / template, template=template, language=language, author="", description=""
        )
        text = (tmp_path / template / "CMakeLists.txt").read_text()
        for target in re.findall(r"add_(?:library|executable|custom_target)\((\w+)", text):
            place = tmp_path / f"{template}-{target}"
            create_project(target, place, template=template, language=language, author="", description="")
            assert f"lao_add_plugin({target} " not in (place / "CMakeLists.txt").read_text()


def test_a_crate_below_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text("[workspace]\nmembers = []\n")
    for template in templates("rust"):
        create_project("x", tmp_path / template, template=template, author="", description="")
        assert tomllib.loads((tmp_path / template / "Cargo.toml").read_text())["workspace"] == {}
    command = ["cargo", "locate-project", "--workspace", "--message-format", "plain"]
    found = subprocess.run(command, cwd=tmp_path / "basic", capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(tmp_path / "basic" / "Cargo.toml")


def test_unknown_templates_and_languages(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no template `network-service` for C") as failure:
        create_project(
            "x", tmp_path / "x", template="network-service", language="c", author="", description=""
        )
    assert failure.value.hint == "there are: basic"
    with pytest.raises(InvalidInput, match="no template `basik`") as failure:
        create_project("x", tmp_path / "x", template="basik", author="", description="")
    assert "did you mean `basic`?" in str(failure.value.hint)
    with pytest.raises(InvalidInput, match="language `rost`") as failure:
        make(tmp_path / "x", language="rost")
    assert "did you mean `rust`?" in str(failure.value.hint)
    with pytest.raises(InvalidInput):
        create_project("x", tmp_path / "x", template="../../c/basic", author="", description="")
    make(tmp_path / "y", language="C++")
    assert (tmp_path / "y" / "src" / "plugin.cpp").is_file()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LaoError, match="cannot create `my-plugin`"):
        make(tmp_path / "file" / "below")
