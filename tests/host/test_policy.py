"""What is promised, warned of and refused."""

from __future__ import annotations

import math
import os
import subprocess
import sys
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


def test_auto_is_a_worker_process_for_what_is_from_here() -> None:
    made = decide(HERE, isolation="auto", timeout_s=5, limits=None, strict=False)
    assert made.isolation == "process"
    assert made.warning is not None
    assert "without a sandbox" in made.warning


def test_auto_refuses_what_came_from_elsewhere() -> None:
    remote = Source("it", Path("/nowhere/libit.so"), local=False)
    with pytest.raises(lao.PermissionDenied, match="came from elsewhere"):
        decision(remote)
    for named in ("process", "none"):
        assert decision(remote, isolation=named).isolation == named  # type: ignore[attr-defined]


def test_a_disabled_plugin_runs_nowhere() -> None:
    disabled = Source("it", Path("/nowhere/libit.so"), enabled=False)
    for named in ("auto", "process", "none"):
        with pytest.raises(lao.PluginDisabled):
            decision(disabled, isolation=named)


@pytest.mark.parametrize("named", ["auto", "process", "none"])
def test_every_promise_is_listed_with_a_reason(named: str) -> None:
    made = decide(HERE, isolation=named, timeout_s=5, limits=None, strict=False)
    assert set(PROMISES) <= set(made.enforced)
    assert all(
        one.level in ("kernel", "host", "soft", "none") and one.reason for one in made.enforced.values()
    )
    assert made.enforced["P1"].level == "none"


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
    with pytest.raises(lao.PluginLoadError, match="max_memory_mb"):
        decision(isolation="process", strict=True, limits={"max_memory_mb": 64})


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


def test_the_warning_comes_once_on_stderr(home: Path) -> None:
    program = f"""
import lao
for _ in range(3):
    plugin = lao.load({str(plugins.build("echo"))!r})
    assert plugin.enforced["P1"].level == "none"
    assert plugin.info.isolation == "process"
lao.load({str(plugins.build("echo"))!r}, isolation="none")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "LAO_HOME": str(home)},
    )
    assert done.stdout == ""
    assert done.stderr.count("without a sandbox") == 1


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
