"""Cases 20 to 35: plugins that take what there is. They get what was allowed, and the error names the limit.

What bounds them differs: control groups where the host may make them, else limits of the process, calls that the
sandbox refuses, and the host, which watches. So a bomb either ends its worker with an error that names the limit, or is
told that there is no more; what it got is bounded in both.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import lao
from lao.errors import PluginTimeout, ResourceLimitExceeded
from lao.model.rights import Rights
from tests.hostile.stage import Stage

MEMORY_MB = 96
WRITES = Rights(permissions=frozenset({"write_files"}), file_access=("./",))


def explode(stage: Stage, plugin: lao.Plugin, how: str, limit: str) -> dict[str, Any]:
    """What the bomb reports; nothing where it ended its worker, which must then be for that limit."""
    report: dict[str, Any] | ResourceLimitExceeded
    try:
        report = plugin.call("attack", how)
    except ResourceLimitExceeded as error:
        report = error
    if isinstance(report, dict):
        return report
    assert report.limit == limit, report
    assert "reached a limit" in str(report)
    if report.used is not None and report.allowed is not None:
        assert report.used >= report.allowed > 0
    told = stage.wait_for_event("limit_killed")
    assert (told.plugin, told.data["limit"]) == (plugin.info.name, limit)
    assert told.data["by"] in ("kernel", "host")
    return {}


def assert_memory_is_bounded(stage: Stage, how: str) -> dict[str, Any]:
    before = psutil.Process().memory_info().rss
    with stage.load(limits={"max_memory_mb": MEMORY_MB}) as plugin:
        report = explode(stage, plugin, how, "max_memory_mb")
        assert report.get("mib", 0) <= MEMORY_MB, report
        assert psutil.Process().memory_info().rss - before < MEMORY_MB << 20
        stage.assert_serves(plugin)
        assert plugin.enforced["P6"].level in ("kernel", "host"), plugin.enforced["P6"]
    return report


def test_20_malloc(stage: Stage) -> None:
    with stage.load(limits={"max_memory_mb": MEMORY_MB}) as plugin:
        with pytest.raises(ResourceLimitExceeded) as caught:
            plugin.call("attack", "")
        assert caught.value.limit in ("max_memory_mb", "memory")
        stage.assert_serves(plugin)


@pytest.mark.parametrize("how", ["anonymous", "zero", "stack"])
def test_21_memory_that_is_shared_or_grows(stage: Stage, how: str) -> None:
    report = assert_memory_is_bounded(stage, how)
    if how == "zero" and report:
        assert report["open"] == "EACCES"


@pytest.mark.parametrize("how", ["memfd", "outputs", "inputs", "pipes"])
def test_22_memory_in_files(stage: Stage, how: str) -> None:
    assert_memory_is_bounded(stage, how)


def test_23_memory_that_would_outlive_it(stage: Stage) -> None:
    with stage.load() as plugin:
        report = plugin.call("attack", "")
        assert report == {"shmget": "EPERM", "semget": "EPERM", "msgget": "EPERM", "shm_open": "EACCES"}
        stage.assert_serves(plugin)


@pytest.mark.parametrize("how", ["pool", "transparent"])
def test_24_huge_pages(stage: Stage, how: str) -> None:
    if how == "pool":
        assert assert_memory_is_bounded(stage, how) == {"mmap": "ENOMEM", "mib": 0}
        return
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not setting.exists() or "[never]" in setting.read_text():
        pytest.skip("this kernel has no transparent huge pages")
    with stage.load(limits={"max_memory_mb": MEMORY_MB}) as plugin:
        with pytest.raises(ResourceLimitExceeded) as caught:
            plugin.call("attack", how)
        assert caught.value.limit in ("max_memory_mb", "memory")
        stage.assert_serves(plugin)


def test_25_locked_memory(stage: Stage) -> None:
    with stage.load() as plugin:
        report = plugin.call("attack", "")
        assert set(report.values()) <= {"ENOMEM", "EPERM", "EAGAIN", "ENOSYS"}, report
        stage.assert_serves(plugin)


def test_26_threads(stage: Stage) -> None:
    with stage.load(limits={"max_threads": 8}) as plugin:
        report = explode(stage, plugin, "", "max_threads")
        assert report.get("threads", 0) <= 8 + 10, report  # its own come on top
        assert report.get("pthread_create", "EAGAIN") == "EAGAIN"
        told = stage.wait_for_event("limit_warning")
        assert told.data["limit"] == "max_threads"
        stage.assert_serves(plugin)


def test_27_processes(stage: Stage) -> None:
    with stage.load() as plugin:
        report = plugin.call("attack", "")
        assert report.pop("clone3") == "ENOSYS"
        assert set(report.values()) == {"EPERM"}, report
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 0


def test_28_descriptors(stage: Stage) -> None:
    with stage.load() as plugin:
        report = plugin.call("attack", "")
        assert report["dup"] == "EMFILE"
        assert report["descriptors"] <= 256
        stage.assert_serves(plugin)


def test_29_never_freeing_is_a_limit_in_the_end(stage: Stage) -> None:
    with stage.load(limits={"max_memory_mb": MEMORY_MB}) as plugin:
        reached = 0
        for _ in range(24):
            try:
                plugin.call("attack", "")
            except ResourceLimitExceeded as error:
                assert error.limit in ("max_memory_mb", "memory")  # noqa: PT017 -- how often it comes is open
                reached += 1
            stage.assert_serves(plugin)
        assert 0 < reached < 24


def test_29_never_freeing_is_cured_by_recycling(stage: Stage) -> None:
    with stage.load(limits={"max_memory_mb": MEMORY_MB}, recycle_calls=6) as plugin:
        for _ in range(24):
            plugin.call("attack", "")
        assert plugin.stats.restarts >= 3


@pytest.mark.parametrize("how", ["", "timer"])
def test_30_all_cores_busy(stage: Stage, how: str) -> None:
    with stage.load(limits={"max_cpu_percent": 10}) as plugin:
        report = plugin.call("attack", f"1500 {how}")
        # It takes the host a while to see it, where the kernel does it; a machine with other things to do, longer.
        share = report["cpu_ms"] / report["wall_ms"]
        assert 0 < share < 0.8, report
        if share > 0.09:  # else the machine itself left it less than it may have
            told = stage.wait_for_event("limit_throttled")
            assert (told.plugin, told.data["limit"]) == ("busy-cores", "max_cpu_percent")
        stage.assert_serves(plugin)


def used_mib(folder: Path) -> float:
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*")) / (1 << 20)


@pytest.mark.parametrize("how", ["many", "one"])
def test_31_the_disk(stage: Stage, how: str) -> None:
    data = stage.scratch / "data"
    with stage.load(rights=WRITES, limits={"disk_quota_mb": 8}) as plugin:
        report = explode(stage, plugin, how, "disk_quota_mb")
        assert report.get("mib", 0) <= 8, report
        assert used_mib(data) < 512  # between two looks of the host it may go on
        for file in data.iterdir():
            file.unlink()
        stage.assert_serves(plugin)


def test_31_a_file_that_claims_to_be_large(stage: Stage) -> None:
    with stage.load(rights=WRITES, limits={"disk_quota_mb": 8}) as plugin:
        assert plugin.call("attack", "sparse") == {"ftruncate": "EFBIG"}
        stage.assert_serves(plugin)


def test_31_blocks_that_are_reserved(stage: Stage) -> None:
    """Faster than anybody can count: a disk is full before the host looks again."""
    with stage.load(rights=WRITES, limits={"disk_quota_mb": 8}) as plugin:
        report = plugin.call("attack", "reserve")
        assert report.pop("kib") == 0, report
        assert {report.pop("fallocate"), report.pop("beyond_its_end")} == {"EOPNOTSUPP"}
        assert report == {"fstat": "ok", "punch": "ok"}  # giving back is no attack
        stage.assert_serves(plugin)


def test_32_a_million_empty_files(stage: Stage) -> None:
    data = stage.scratch / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lao.host.host.DISK_FILES", 2000)  # of which there may be 100,000 else
        plugin = stage.load(rights=WRITES, timeout=30.0)
    with plugin:
        assert explode(stage, plugin, "", "disk_files") == {}
        assert len(list(data.iterdir())) < 1_000_000
        for file in data.iterdir():
            file.unlink()
        stage.assert_serves(plugin)


def test_33_an_endless_stream(stage: Stage) -> None:
    """Who does not read keeps it from writing; who leaves, or waits too long, ends it."""
    with stage.load() as plugin:
        parts = plugin.stream("attack", "")
        assert [int(next(parts)) for _ in range(3)] == [0, 1, 2]
        before = psutil.Process().memory_info().rss
        time.sleep(0.3)
        assert int(next(parts)) == 3
        assert psutil.Process().memory_info().rss - before < 16 << 20
        parts.close()
        stage.assert_serves(plugin)
    with stage.load(timeout=0.3) as plugin:
        read: list[int] = []
        with pytest.raises(PluginTimeout):
            read.extend(int(part) for part in plugin.stream("attack", ""))
        assert read == list(range(len(read)))
        assert len(read) > 3
        with plugin.deadline(10):
            stage.assert_serves(plugin)


def test_34_a_flood_of_output(stage: Stage) -> None:
    before = psutil.Process().memory_info().rss
    with stage.load() as plugin:
        assert plugin.call("attack", "") == {}
        stage.assert_serves(plugin)
        until = time.monotonic() + 10
        while "the last line" not in plugin.output and time.monotonic() < until:
            time.sleep(0.01)
        assert "the last line" in plugin.output
        assert len(plugin.output) <= 16384
        stats = plugin.stats
        assert stats.output_bytes > 32 << 20
        assert 32 << 20 < stats.output_dropped_bytes < stats.output_bytes
        assert psutil.Process().memory_info().rss - before < 32 << 20


def test_35_threads_left_behind(stage: Stage) -> None:
    """They are counted, and too many of them are a reason to replace the worker while it has nothing to do."""
    with stage.load(limits={"max_threads": 8}) as plugin:
        for _ in range(4):  # ten are allowed besides, for the worker itself
            assert plugin.call("attack", "") == {"threads": 4}
        told = stage.wait_for_event("worker_recycled")
        assert told.data["reason"] == "threads"
        assert told.data["threads"] >= 6
        stage.assert_serves(plugin)
        assert plugin.stats.restarts == 1
