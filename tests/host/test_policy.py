"""What is promised, warned of and refused."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

import lao
from lao.host.policy import DEFAULT_TIMEOUT_S, PROMISES, decide
from lao.host.source import Source
from lao.model.manifest import parse_manifest
from tests import plugins

HERE = Source("it", Path("/nowhere/libit.so"))


def decision(source: Source = HERE, **options: object) -> object:
    defaults: dict[str, object] = {"isolation": "auto", "timeout_s": 5.0, "limits": None, "strict": False}
    return decide(source, **{**defaults, **options})  # type: ignore[arg-type]


def test_auto_is_a_worker_process_unless_the_user_trusts_it() -> None:
    made = decide(HERE, isolation="auto", timeout_s=5, limits=None, strict=False)
    assert made.isolation == "process"
    assert made.required == set(PROMISES)
    trusted = Source("it", Path("/nowhere/libit.so"), trusted=True)
    assert decision(trusted).isolation == "none"  # type: ignore[attr-defined]
    assert decision(trusted, isolation="process").isolation == "process"  # type: ignore[attr-defined]


def test_a_promise_is_given_up_only_by_its_name() -> None:
    assert decision(accept=["P1"]).required == set(PROMISES) - {"P1"}  # type: ignore[attr-defined]
    with pytest.raises(lao.InvalidInput, match="no promise `all`"):
        decision(accept=["all"])


MANIFEST = """
[plugin]
name = "it"
version = "1.0.0"
[permissions]
required = ["read_files"]
optional = ["network_access"]
"""


def test_a_required_permission_that_was_not_granted() -> None:
    source = Source("it", Path("/nowhere/libit.so"), parse_manifest(MANIFEST))
    with pytest.raises(lao.PermissionDenied) as caught:
        decision(source)
    assert caught.value.causes == ("`read_files`",)
    assert caught.value.hint == "run `lao plugin permissions it --grant read_files`"
    granted = decision(source, grant=["read_files"])
    assert granted.rights.permissions == {"read_files"}  # type: ignore[attr-defined]
    with pytest.raises(lao.InvalidInput, match="no permission"):
        decision(source, grant=["everything"])


def test_a_disabled_plugin_runs_nowhere() -> None:
    disabled = Source("it", Path("/nowhere/libit.so"), enabled=False)
    for named in ("auto", "process", "none"):
        with pytest.raises(lao.PluginDisabled):
            decision(disabled, isolation=named)


def test_every_promise_is_listed_with_a_reason(host: lao.Host, isolation: str) -> None:
    plugin = host.load(plugins.build("echo"), isolation=isolation)
    assert set(PROMISES) <= set(plugin.enforced)
    levels = {name: one.level for name, one in plugin.enforced.items()}
    assert set(levels.values()) <= {"kernel", "host", "soft", "none"}
    assert all(one.reason for one in plugin.enforced.values())
    kept = {name for name in PROMISES if levels[name] != "none"}
    assert kept == (set(PROMISES) if isolation == "process" else {"P12"})
    if isolation == "process":
        assert {levels[name] for name in ("P1", "P2", "P3", "P4", "P5")} == {"kernel"}


def test_in_process_limits_of_a_manifest_are_soft() -> None:
    manifest = parse_manifest(
        '[plugin]\nname = "it"\nversion = "1.0.0"\ndescription = "x"\nauthor = "x"\nlicense = "MIT"\n'
        "[resources]\nmax_memory_mb = 64\ntimeout_s = 2.5\n"
    )
    source = Source("it", Path("/nowhere/libit.so"), manifest)
    made = decide(source, isolation="none", timeout_s=DEFAULT_TIMEOUT_S, limits=None, strict=True)
    assert made.timeout_s == 2.5
    assert made.enforced["max_memory_mb"].level == "soft"
    assert made.enforced["timeout_s"].level == "soft"


def test_strict_refuses_limits_that_the_caller_passed_and_nothing_keeps() -> None:
    for options in ({"limits": {"max_memory_mb": 64}}, {"timeout_s": 5.0}, {"timeout_s": 30.0}):
        with pytest.raises(lao.PluginLoadError, match="cannot be enforced"):
            decision(isolation="none", strict=True, **options)
    assert decision(isolation="none", strict=True, timeout_s=DEFAULT_TIMEOUT_S)
    assert decision(isolation="process", strict=True, timeout_s=5.0)  # a worker can be ended
    assert decision(isolation="process", strict=True, limits={"max_memory_mb": 64})


def test_time_outs() -> None:
    assert decision(timeout_s=None).timeout_s == math.inf  # type: ignore[attr-defined]
    assert decision(limits={"timeout_s": 0.5}).timeout_s == 0.5  # type: ignore[attr-defined]
    for wrong in (0, -1, "5", True, math.nan):
        with pytest.raises(lao.InvalidInput):
            decision(timeout_s=wrong)


@pytest.mark.parametrize(
    "options", [{"isolation": "sandbox"}, {"limits": {"memory": 1}}, {"limits": {"max_threads": 0}}]
)
def test_arguments_that_are_not_valid(options: dict[str, object]) -> None:
    with pytest.raises(lao.InvalidInput):
        decision(**options)


@pytest.mark.parametrize("workers", [0, 65, 1.5, True])
def test_the_number_of_workers(host: lao.Host, workers: object) -> None:
    with pytest.raises(lao.InvalidInput, match="workers"):
        host.load(plugins.build("echo"), workers=workers)  # type: ignore[arg-type]


def test_the_environment_of_a_worker_is_empty(host: lao.Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "not for plugins")
    plugin = host.load(plugins.build("echo"), isolation="process")
    environment = Path(f"/proc/{plugin.call('where')['pid']}/environ").read_bytes()
    assert environment == b""


def test_a_worker_has_no_descriptors_of_the_host(host: lao.Host, tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        plugin = host.load(plugins.build("echo"), isolation="process")
        folder = Path(f"/proc/{plugin.call('where')['pid']}/fd")
        targets = {os.readlink(link) for link in folder.iterdir()}
    assert not [target for target in targets if "secret" in target]
    assert len(targets) <= 7
