"""Which names plugins may have, and what a mistyped one is taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lao.errors import InvalidInput
from lao.model.names import check_plugin_name, fold_name, printable, suggest


@pytest.mark.parametrize(
    "name", ["a", "EchoPlugin", "my-ai-plugin", "plugin_template", "x.y", "0z", "a" * 64, "console"]
)
def test_good_names(name: str) -> None:
    assert check_plugin_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "it is empty"),
        ("a" * 65, "it has 65 characters, and 64 are allowed"),
        ("../x", "it contains a path separator"),
        ("a/b", "it contains a path separator"),
        ("a\\b", "it contains a path separator"),
        ("a..b", "it contains `..`"),
        ("..", "it contains `..`"),
        (".hidden", "it begins with `.`"),
        ("-rf", "it begins with `-`"),
        ("a b", "it contains ` `"),
        ("a:b", "it contains `:`"),
        ("a\0b", "it contains `\\x00`"),
        ("a\n", "it contains `\\x0a`"),
        ("\u0430bc", "it contains `\\u0430`"),
        ("a\u200bb", "it contains `\\u200b`"),
        ("x.", "it ends with a dot"),
        ("CON", "`CON` is the name of a device on Windows"),
        ("nul.txt", "`nul` is the name of a device on Windows"),
        ("com1", "`com1` is the name of a device on Windows"),
    ],
)
def test_bad_names_say_why(name: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_plugin_name(name)
    assert caught.value.causes == (reason,)
    assert caught.value.hint


@given(st.text(max_size=80))
def test_a_name_that_passes_is_one_component_everywhere(name: str) -> None:
    message = ""
    try:
        check_plugin_name(name)
    except InvalidInput as error:
        message = str(error)
    assert message.isprintable()
    if message:
        return
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>|\0 ')
    assert name not in (".", "..")


def test_folding() -> None:
    assert fold_name("My_AI-Plugin") == fold_name("my-ai_plugin")
    assert fold_name("a.b") != fold_name("a-b")


def test_suggestions_come_best_first() -> None:
    known = ["EchoPlugin", "ECHO-PLUGIN2", "Summarizer", "plugin-template"]
    assert suggest("echoplugin", known)[0] == "EchoPlugin"
    assert suggest("Echo", known)[0] == "EchoPlugin"
    assert suggest("Plugin_Template", known)[0] == "plugin-template"
    assert suggest("Sumarizer", known) == ["Summarizer"]
    assert suggest("zzz", known) == []
    assert suggest("x", []) == []


def test_printable_cannot_move_the_cursor() -> None:
    assert printable("a\x1b[2Jb\u202e") == "a\\x1b[2Jb\\u202e"
    assert len(printable("x" * 500)) == 80
