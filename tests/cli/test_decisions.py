"""`lao plugin permissions`, `limits` and `trust`: whole outputs, and what they do to a plugin that is loaded next."""

from __future__ import annotations

import json

import pytest

from lao.audit import Audit
from tests.cli.conftest import Terminal
from tests.install.libraries import package

ASKS = '\n[permissions]\nrequired = ["read_files"]\noptional = ["network_access"]\n[resources]\nmax_memory_mb = 64\n'


@pytest.fixture
def speaker(lao: Terminal) -> Terminal:
    package(lao.place / "speaker", more=ASKS.replace("[resources]\nmax_memory_mb = 64\n", ""))
    return lao


def test_install_asks(speaker: Terminal) -> None:
    done = speaker("plugin", "install", "./speaker", status=1)
    assert "`speaker` asks for permissions that nobody granted" in done.stderr
    assert "`read_files` (required)" in done.stderr
    assert "--grant network_access,read_files" in done.stderr
    speaker("plugin", "install", "./speaker", "--grant", "none", status=0)
    shown = speaker("plugin", "permissions", "speaker", status=0).stdout
    assert shown == "network_access: not granted\nread_files: not granted (required)\n"


def test_permissions(speaker: Terminal) -> None:
    speaker("plugin", "install", "./speaker", "--grant", "none", status=0)
    granted = speaker("plugin", "permissions", "speaker", "--grant", "read_files,network_access", status=0)
    assert granted.stdout == "network_access: granted\nread_files: granted (required)\n"
    revoked = speaker("plugin", "permissions", "speaker", "--revoke", "network_access", "--json", status=0)
    assert json.loads(revoked.stdout) == {
        "name": "speaker",
        "permissions": {
            "network_access": {"granted": False, "required": False},
            "read_files": {"granted": True, "required": True},
        },
        "extras": [],
    }
    entries = list(Audit(speaker.place / "home").entries())
    assert [(entry["action"], entry["permissions"]) for entry in entries] == [
        ("grant", ["read_files", "network_access"]),
        ("revoke", ["network_access"]),
    ]
    info = json.loads(speaker("plugin", "info", "speaker", "--json", status=0).stdout)
    assert (info["granted"], info["not_granted"]) == (["read_files"], ["network_access"])


def test_where_it_may_go_is_said(lao: Terminal) -> None:
    more = '\n[permissions]\nrequired = ["network_access"]\n'
    package(lao.place / "speaker", more=more)
    manifest = lao.place / "speaker" / "plugin.toml"
    hosts = '[resources]\nallowed_hosts = ["api.example.org", "*.test"]'
    manifest.write_text(manifest.read_text().replace("[resources]", hosts))
    lao("plugin", "install", "./speaker", "--grant", "network_access", status=0)
    shown = lao("plugin", "permissions", "speaker", status=0).stdout
    assert shown == "network_access: granted (required), to api.example.org, *.test\n"
    told = json.loads(lao("plugin", "permissions", "speaker", "--json", status=0).stdout)
    assert told["permissions"]["network_access"]["hosts"] == ["api.example.org", "*.test"]


def test_what_old_plugins_may_get(speaker: Terminal) -> None:
    speaker("plugin", "install", "./speaker", "--grant", "none", status=0)
    words = ["--grant", "connect=127.0.0.1:11434", "--grant", "run=ffmpeg", "--grant", "cwd=/srv/prompts"]
    shown = speaker("plugin", "permissions", "speaker", *words, status=0).stdout
    assert "connect=127.0.0.1:11434: granted\nrun=ffmpeg: granted\ncwd=/srv/prompts: granted\n" in shown
    shown = speaker(
        "plugin", "permissions", "speaker", "--revoke", "cwd", "--revoke", "run=ffmpeg", status=0
    ).stdout
    assert "cwd" not in shown
    assert "ffmpeg" not in shown


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("read_file", "did you mean `read_files`?"),
        ("connect=example.org:80", "not an address of this machine"),
        ("connect=127.0.0.1:0", "not an address of this machine"),
        ("connect=127.0.0.1:80@evil", "not an address of this machine"),
        ("cwd=relative", "cannot be granted"),
        ("run=", "cannot be granted"),
    ],
)
def test_what_cannot_be_granted(speaker: Terminal, word: str, reason: str) -> None:
    speaker("plugin", "install", "./speaker", "--grant", "none", status=0)
    assert reason in speaker("plugin", "permissions", "speaker", "--grant", word, status=1).stderr


def test_limits(lao: Terminal) -> None:
    package(lao.place / "speaker")
    lao("plugin", "install", "./speaker", status=0)
    assert (
        lao("plugin", "limits", "speaker", "max_threads", "4", status=0).stdout
        == "max_threads = 4 (set by you)\n"
    )
    assert lao("plugin", "limits", "speaker", status=0).stdout == (
        "max_memory_mb = 64 (from its manifest)\n"
        "max_cpu_percent = - (the default)\n"
        "disk_quota_mb = - (the default)\n"
        "max_threads = 4 (set by you)\n"
        "timeout_s = - (the default)\n"
    )
    lao("plugin", "limits", "speaker", "max_memory_mb", "32", status=0)
    assert (
        lao("plugin", "limits", "speaker", "max_memory_mb", status=0).stdout
        == "max_memory_mb = 32 (set by you)\n"
    )
    back = lao("plugin", "limits", "speaker", "max_memory_mb", "default", "--json", status=0).stdout
    assert json.loads(back)["max_memory_mb"] == {"value": 64.0, "origin": "from its manifest"}
    assert "did you mean `max_threads`?" in lao("plugin", "limits", "speaker", "max_thread", status=1).stderr
    for wrong in ("0", "-1", "many", "nan", "inf"):
        lao("plugin", "limits", "speaker", "max_threads", "--", wrong, status=1)


def test_trust(lao: Terminal) -> None:
    package(lao.place / "speaker")
    lao("plugin", "install", "./speaker", status=0)
    done = lao("plugin", "trust", "speaker", status=0)
    assert done.stdout == "speaker runs in the host's own process\n"
    assert "nothing protects you" in done.stderr
    assert json.loads(lao("plugin", "info", "speaker", "--json", status=0).stdout)["trusted"] is True
    assert (
        lao("plugin", "trust", "speaker", "--revoke", status=0).stdout
        == "speaker runs in sandboxed workers\n"
    )
    assert "decisions are kept for installed" in lao("plugin", "trust", "./speaker", status=1).stderr


def test_what_the_operator_does_not_allow(speaker: Terminal) -> None:
    speaker("plugin", "install", "./speaker", "--grant", "none", status=0)
    policy = speaker.place / "lao.toml"
    policy.write_text("[trust]\nallow_network = true\n")
    done = speaker("plugin", "permissions", "speaker", "--grant", "network_access,read_files", status=1)
    assert done.stdout == ""
    assert done.stderr == (
        "error: the operator of this machine does not let you grant `speaker` this\n"
        "  cause: `read_files`\n"
        f"  at: {policy}\n"
    )
    assert "network_access: not granted" in speaker("plugin", "permissions", "speaker", status=0).stdout
    done = speaker("plugin", "trust", "speaker", status=1)
    assert "does not let you trust `speaker`" in done.stderr
    policy.write_text("[trust\n")
    done = speaker("plugin", "permissions", "speaker", "--grant", "network_access", status=1)
    assert "it is not TOML" in done.stderr
    speaker("plugin", "permissions", "speaker", "--revoke", "network_access", status=0)
