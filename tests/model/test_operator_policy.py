"""What an operator's policy takes away, and that it never gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lao.errors import PermissionDenied
from lao.model.manifest_tables import PERMISSIONS
from lao.model.operator_policy import NO_POLICY, OperatorPolicy, _meet, denying, parse_policy
from lao.model.rights import Rights

DATA = Path("/home/u/lao/data/p")
EVERYTHING = Rights(
    permissions=frozenset(PERMISSIONS),
    file_access=("./", "sub"),
    hosts=("api.example.com", "*.example.org"),
    commands=("ffmpeg", "/bin/sh"),
    private_addresses=True,
    connect=("127.0.0.1:11434",),
    programs=("ffmpeg", "bash"),
    working_directory=Path("/srv/work"),
)


def real(path: str) -> str:
    """As if `/srv/link` led to /etc, and `/srv/v` to /srv."""
    for link, target in (("/srv/link", "/etc"), ("/srv/v", "/srv")):
        if path == link or path.startswith(link + "/"):
            return target + path.removeprefix(link)
    return path


def policy(text: str) -> OperatorPolicy:
    return parse_policy("[trust]\n" + text, "/op/lao.toml", real)


def capped(text: str, rights: Rights = EVERYTHING) -> Rights:
    return policy(text).cap(rights, DATA, real)


def test_without_a_policy_nothing_is_capped() -> None:
    assert NO_POLICY.cap(EVERYTHING, None, real) == EVERYTHING
    assert parse_policy("[platform]\nplugin_dir = 'plugins'\n", "/op/lao.toml", real) == NO_POLICY
    assert NO_POLICY.may_trust("p")
    NO_POLICY.require("p", ["network_access", "cwd=/", "run=sh"], real)


def test_an_empty_table_allows_nothing_that_the_policy_knows_of() -> None:
    left = capped("")
    assert left.permissions == {"plugin_communication"}
    assert left.refused == frozenset(PERMISSIONS) - {"plugin_communication"}
    assert (left.file_access, left.hosts, left.commands, left.programs, left.connect) == ((), (), (), (), ())
    assert left.working_directory is None
    assert not left.private_addresses
    assert not policy("").may_trust("p")


@pytest.mark.parametrize(
    "text",
    ["[trust", "trust = 3", "trust = [1]", "[trust]\nx = " + "[" * 100_000],
    ids=lambda text: text[:12],
)
def test_what_cannot_be_read_allows_nothing(text: str) -> None:
    found = parse_policy(text, "/op/lao.toml", real)
    assert found.problems
    assert found.cap(EVERYTHING, DATA, real) == capped("")
    assert not found.may_trust("p")


def test_a_switch_of_another_type_is_off() -> None:
    found = policy('allow_network = "true"\nallow_shell = 1\nallow_plugins = "p"')
    assert not found.network
    assert not found.shell
    assert not found.may_trust("p")
    assert len(found.problems) == 3


def test_files_only_below_the_roots() -> None:
    left = capped('allow_filesystem_read = true\nfilesystem_roots = ["/home/u/lao/data/p/sub"]')
    assert left.file_access == ("sub",)
    assert "read_files" in left.permissions
    assert "write_files" in left.refused
    only_write = 'allow_filesystem_write = true\nfilesystem_roots = ["/home/u/lao/data"]'
    assert capped(only_write).file_access == ()  # what it may write it could read
    assert capped("allow_filesystem_read = true").file_access == ()
    assert "read_files" in capped("allow_filesystem_read = true").refused


@pytest.mark.parametrize("root", ["/home/u/lao/data/p/su", "/home/u/lao/data/pp", "/home/u/lao/data/p/sub/x"])
def test_a_root_is_no_prefix_of_names(root: str) -> None:
    assert capped(f'allow_filesystem_read = true\nfilesystem_roots = ["{root}"]').file_access == ()


def test_roots_and_directories_are_compared_without_links() -> None:
    both = 'allow_filesystem_read = true\nallow_filesystem_write = true\nfilesystem_roots = ["/srv"]'
    assert capped(both).working_directory == Path("/srv/work")
    for escaping in ("/srv/link/work", "/etc"):
        weak = Rights(working_directory=Path(escaping))
        assert capped(both, weak).working_directory is None
    assert capped(both, Rights(working_directory=Path("/srv/v/x"))).working_directory == Path("/srv/x")
    read_only = 'allow_filesystem_read = true\nfilesystem_roots = ["/srv"]'
    assert capped(read_only).working_directory is None


def test_a_data_directory_elsewhere_is_held_to_the_roots() -> None:
    found = policy('allow_filesystem_read = true\nfilesystem_roots = ["/home/u/lao/data"]')
    assert found.cap(EVERYTHING, DATA, real).file_access == ("./", "sub")
    assert found.cap(EVERYTHING, Path("/srv/link"), real).file_access == ()
    assert found.cap(EVERYTHING, None, real).file_access == ()


def test_hosts_are_those_that_both_name() -> None:
    allow = "allow_network = true\nnetwork_endpoints = "
    assert capped(allow + '["https://api.example.com/"]').hosts == ("api.example.com:443",)
    assert capped(allow + '["a.example.org:8080", "b.other.org"]').hosts == ("a.example.org:8080",)
    assert capped(allow + '["example.org"]').permissions == {"plugin_communication"}
    assert "network_access" in capped(allow + '["example.org"]').refused
    any_host = Rights(permissions=frozenset({"network_access"}))
    assert capped(allow + '["x.com"]', any_host).hosts == ("x.com",)
    assert capped("allow_network = true").hosts == EVERYTHING.hosts


@pytest.mark.parametrize(
    "endpoints",
    [
        '["https://x.com/v1/"]',
        '["https://u:p@x.com"]',
        '["x .com"]',
        '["x.com:99999"]',
        "[3]",
        '"x.com"',
        '["*"]',
    ],
)
def test_an_endpoint_that_cannot_be_kept_allows_nothing(endpoints: str) -> None:
    any_host = Rights(permissions=frozenset({"network_access"}), connect=("127.0.0.1:80",))
    found = policy("allow_network = true\nnetwork_endpoints = " + endpoints)
    assert found.problems
    left = found.cap(any_host, DATA, real)
    assert left.permissions == frozenset()  # an empty list of hosts would have meant any
    assert left.connect == ()
    with pytest.raises(PermissionDenied):
        found.require("p", ["network_access"], real)


def test_without_a_shell_programs_are_no_shells() -> None:
    assert capped("allow_subprocess = true").programs == ("ffmpeg",)
    assert capped("allow_subprocess = true").commands == ("ffmpeg",)
    assert capped("allow_shell = true").commands == ("/bin/sh",)
    only_shell = Rights(permissions=frozenset({"system_access"}), commands=("/bin/sh",))
    assert capped("allow_subprocess = true", only_shell).permissions == frozenset()


def test_what_may_not_be_granted_is_named() -> None:
    found = policy('allow_subprocess = true\nallow_network = true\nnetwork_endpoints = ["127.0.0.1:1"]')
    found.require("p", ["system_access", "run=ffmpeg", "connect=127.0.0.1:1", "plugin_communication"], real)
    for word in ("read_files", "run=sh", "run=/usr/bin/bash", "connect=127.0.0.1:2", "cwd=/tmp"):
        with pytest.raises(PermissionDenied) as refused:
            found.require("p", ["plugin_communication", word], real)
        assert refused.value.causes == (f"`{word}`",)
        assert refused.value.where == "/op/lao.toml"


def test_two_policies_allow_what_both_allow() -> None:
    system = policy('allow_network = true\nallow_filesystem_read = true\nfilesystem_roots = ["/srv/a", "/x"]')
    own = policy(
        'allow_network = true\nallow_filesystem_read = true\nfilesystem_roots = ["/srv"]\n'
        'network_endpoints = ["h"]\nallow_plugins = ["p"]'
    )
    both = system & own
    assert both == system & own & NO_POLICY
    assert both.roots == (Path("/srv/a"),)
    assert both.endpoints == ("h",)
    assert not both.may_trust("p")
    assert not (own & denying("/f", "no")).network


SWITCHES = st.fixed_dictionaries(
    {name: st.booleans() for name in ("read", "write", "network", "shell", "subprocess", "bounded")}
)
HOSTS = st.lists(
    st.sampled_from(
        ["a.com", "a.com:80", "*.a.com", "*.b.a.com", "c.b.a.com", "c.b.a.com:81", "*.a.com:80", "127.0.0.1"]
    ),
    max_size=3,
).map(tuple)
POLICIES = st.builds(
    lambda switches, roots, endpoints, plugins: OperatorPolicy(
        files=("f",), roots=roots, endpoints=endpoints, plugins=plugins, **switches
    ),
    SWITCHES,
    st.lists(
        st.sampled_from([Path("/"), DATA, DATA / "sub", Path("/srv"), Path("/srv/work")]), max_size=2
    ).map(tuple),
    HOSTS,
    st.one_of(st.none(), st.just(frozenset({"p"})), st.just(frozenset[str]())),
)
RIGHTS = st.builds(
    Rights,
    permissions=st.frozensets(st.sampled_from(PERMISSIONS)),
    file_access=st.sampled_from([(), ("./",), ("sub", "other")]),
    hosts=HOSTS,
    commands=st.sampled_from([(), ("sh",), ("ffmpeg", "sh")]),
    private_addresses=st.booleans(),
    connect=st.sampled_from([(), ("127.0.0.1:80",)]),
    programs=st.sampled_from([(), ("env", "tool")]),
    working_directory=st.sampled_from([None, Path("/srv/work"), Path("/etc")]),
)
PROBES = ["a.com:80", "a.com:81", "b.a.com:80", "c.b.a.com:81", "c.b.a.com:80", "evil.com:80", "127.0.0.1:80"]


def _reaches(rights: Rights) -> set[str]:
    """Those of the probes that HTTP of these rights reaches; an empty list of hosts reaches all."""
    if "network_access" not in rights.permissions:
        return set()
    return {
        one for one in PROBES if not rights.hosts or any(_meet(one, host) == one for host in rights.hosts)
    }


@given(POLICIES, RIGHTS)
def test_a_cap_only_takes_away(found: OperatorPolicy, rights: Rights) -> None:
    left = found.cap(rights, DATA, real)
    assert left.permissions <= rights.permissions
    assert rights.permissions <= left.permissions | left.refused
    assert set(left.file_access) <= set(rights.file_access)
    assert set(left.programs) <= set(rights.programs)
    assert set(left.commands) <= set(rights.commands)
    assert set(left.connect) <= set(rights.connect)
    assert left.working_directory in (None, rights.working_directory)
    assert left.private_addresses <= rights.private_addresses
    assert _reaches(left) <= _reaches(rights)
    again = found.cap(left, DATA, real)
    assert replace(again, hosts=left.hosts) == left
    assert _reaches(again) == _reaches(left)


@given(POLICIES, POLICIES, RIGHTS)
def test_two_policies_together_are_no_wider_than_either(
    one: OperatorPolicy, other: OperatorPolicy, rights: Rights
) -> None:
    both = (one & other).cap(rights, DATA, real)
    for single in (one, other):
        left = single.cap(rights, DATA, real)
        assert both.permissions <= left.permissions
        assert set(both.file_access) <= set(left.file_access)
        assert set(both.programs) <= set(left.programs)
        assert _reaches(both) <= _reaches(left)
        assert both.working_directory in (None, left.working_directory)
        assert not ((one & other).may_trust("p") and not single.may_trust("p"))
