"""`lao plugin config` against schemas that interact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lao.cli import main
from lao.store import Store

SCHEMA = """
[config_schema]
type = "object"
required = ["token", "max"]
additionalProperties = false
properties.max = { type = "integer", minimum = 1 }
properties.max_tokens = { type = "integer" }
properties.token = { type = "string" }
properties.ratio = { type = "number", default = 0.5 }
properties.nested = { type = "object", properties = { deep = { type = "boolean" } } }
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "plugins" / "strict"
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text('[plugin]\nname = "strict"\nversion = "1.0.0"\n' + SCHEMA)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("max", "3", 3),
        ("token", "abc", "abc"),
        ("token", "123", "123"),
        ("token", "true", "true"),
        ("ratio", "1", 1),
        ("ratio", "-0.5", -0.5),
        ("nested", '{"deep": true}', {"deep": True}),
    ],
)
def test_accepted_although_others_are_missing(key: str, value: str, stored: object) -> None:
    assert main(["plugin", "config", "strict", key, value]) == 0
    assert Store().settings("strict") == {key: stored}


def test_a_whole_number_is_an_integer() -> None:
    assert main(["plugin", "config", "strict", "max", "4096.0"]) == 0
    assert repr(Store().settings("strict")["max"]) == "4096"


def test_unset(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugin", "config", "strict", "ratio", "1"]) == 0
    assert main(["plugin", "config", "strict", "ratio", "--unset"]) == 0
    assert Store().settings("strict") == {}
    assert main(["plugin", "config", "strict", "ratio", "--unset"]) == 1
    assert "`ratio` of `strict` is not set" in capsys.readouterr().err
    for words in (["--unset"], ["ratio", "2", "--unset"]):
        assert main(["plugin", "config", "strict", *words]) == 2


def test_what_json_and_utf8_do_not_have() -> None:
    assert main(["plugin", "config", "strict", "ratio", "1e400"]) == 1
    assert main(["plugin", "config", "strict", "token", "\udcff"]) == 1
    assert Store().settings("strict") == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max", "0"),
        ("max", "many"),
        ("max", "1.5"),
        ("max_tokens", "x"),
        ("nested", "1"),
        ("nested", '{"deep": 1}'),
        ("maxi", "1"),
        ("__proto__", "1"),
        ("", "1"),
    ],
)
def test_refused_and_not_stored(capsys: pytest.CaptureFixture[str], key: str, value: str) -> None:
    assert main(["plugin", "config", "strict", key, value]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: `strict` does not take")
    assert "cause: " in captured.err
    assert Store().settings("strict") == {}


def test_a_damaged_configuration_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store()
    store.set_setting("strict", "max", 1)
    (store.home / "config" / "strict.json").write_text("{")
    assert main(["plugin", "config", "strict"]) == 1
    assert "the configuration of `strict` cannot be read" in capsys.readouterr().err
    assert main(["plugin", "list"]) == 0
    assert "local, damaged" in capsys.readouterr().out


def test_all_settings_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["plugin", "config", "strict", "token", "x", "--json"])
    assert json.loads(capsys.readouterr().out) == {"token": "x"}
    assert main(["plugin", "config", "strict", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ratio": 0.5, "token": "x"}
    assert main(["plugin", "config", "strict", "max", "--json"]) == 1
    assert "it is not set and has no default" in capsys.readouterr().err


SECRET = """
[config_schema]
type = "object"
properties.token = { type = "string", writeOnly = true, minLength = 8, default = "" }
properties.name = { type = "string" }
"""


@pytest.fixture
def secretive(tmp_path: Path) -> None:
    folder = tmp_path / "plugins" / "secretive"
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text('[plugin]\nname = "secretive"\nversion = "1.0.0"\n' + SECRET)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main(["plugin", "config", "secretive", *words])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


@pytest.mark.usefixtures("secretive")
def test_secrets_are_kept_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys) == (0, 'token = ""\n')  # there is none yet
    assert run(capsys, "token", "tell-nobody") == (0, 'token = "***"\n')
    assert Store().settings("secretive") == {"token": "tell-nobody"}
    assert run(capsys) == (0, 'token = "***"\n')
    assert run(capsys, "token") == (0, '"***"\n')
    for words in ([], ["token"], ["token", "tell-no-one"]):
        assert json.loads(run(capsys, *words, "--json")[1]) == {"token": "***"}
    assert run(capsys, "name", "@me") == (0, 'name = "@me"\n')


@pytest.mark.usefixtures("secretive")
def test_secrets_come_from_files_and_are_in_no_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("from a file\n")
    assert run(capsys, "token", f"@{tmp_path / 'key'}") == (0, 'token = "***"\n')
    assert Store().settings("secretive") == {"token": "from a file"}
    status, said = run(capsys, "token", "short")
    assert status == 1
    assert "`secretive` does not take this for `token`" in said
    assert "short" not in said
    assert run(capsys, "token", f"@{tmp_path / 'nothing'}")[0] == 1
    assert Store().settings("secretive") == {"token": "from a file"}
