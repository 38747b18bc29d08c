"""The plan of a sandbox: what is in it, and what cannot be got into it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lao.errors import InvalidInput
from lao.host.confinement import bounds_of, plan_of, write_roots
from lao.host.runtimes import Runtime
from lao.model.rights import NO_RIGHTS, Rights

HOME = Path("/home/somebody/.lao")
BASE: Mapping[str, Any] = {
    "library_dir": HOME / "cache" / "loaded" / "abc",
    "package_dir": None,
    "data_dir": HOME / "data" / "plugin",
    "rights": NO_RIGHTS,
    "bounds": bounds_of({}),
    "required": (),
    "user_namespace": False,
}


def lines(**changes: Any) -> list[str]:
    return plan_of(**{**BASE, **changes}).split("\n")


def opened(key: str, **changes: Any) -> set[str]:
    return {line.split(" ", 1)[1] for line in lines(**changes) if line.startswith(f"{key} ")}


def test_without_rights_nothing_can_be_written_or_run() -> None:
    plan = lines()
    assert f"read {HOME}/cache/loaded/abc" in plan
    for key in ("write", "execute", "connect", "tier", "working_directory", "preload", "namespaces"):
        assert opened(key) == set()
    assert opened("device") == {"/dev/null"}
    assert not any(str(HOME / "data") in line for line in plan)


def test_what_the_system_gives_is_neither_secret_nor_a_link() -> None:
    own = {path for path in opened("read") if path.startswith("/proc/self/")}
    assert "/proc/self/maps" in own
    assert own.isdisjoint({"/proc/self/net", "/proc/self/mem", "/proc/self/task"})
    for path in opened("read") - {str(BASE["library_dir"])} - own:
        assert str(Path(path).resolve()) == path
        assert not path.startswith(("/home", "/root", "/etc/passwd", "/etc/shadow", "/var", "/tmp", "/run"))
    # Shared memory could be made of it that no limit counts.
    assert "/dev/zero" not in opened("device") | opened("write")


@pytest.mark.parametrize(
    ("permissions", "key"),
    [({"read_files"}, "read"), ({"write_files"}, "write"), ({"read_files", "write_files"}, "write")],
)
def test_file_access_lies_below_the_data_directory(permissions: set[str], key: str) -> None:
    rights = Rights(permissions=frozenset(permissions), file_access=("./", "./models/../cache/"))
    data = f"{HOME}/data/plugin"
    assert {data, f"{data}/cache"} <= opened(key, rights=rights)
    if key == "read":
        assert opened("write", rights=rights) == set()
        assert write_roots(rights, Path(data)) == ()
    else:
        assert write_roots(rights, Path(data)) == (Path(data), Path(data, "cache"))


@pytest.mark.parametrize("permission", ["network_access", "system_access", "plugin_communication"])
def test_other_permissions_open_no_files(permission: str) -> None:
    rights = Rights(permissions=frozenset({permission}), file_access=("./",))
    assert lines(rights=rights) == lines()


@pytest.mark.parametrize(
    "changes",
    [
        {"library_dir": Path("/x\nwrite /")},
        {"package_dir": Path("/x\nwrite /")},
        {"rights": Rights(permissions=frozenset({"write_files"}), file_access=("a\nwrite /",))},
        {"rights": Rights(connect=("127.0.0.1:1\nwrite /",))},
        {"rights": Rights(programs=("/bin/true\nwrite /",))},
        {"rights": Rights(working_directory=Path("/x\nwrite /"))},
        {"runtimes": [Runtime("onnx", environment={"A": "b\nwrite /"})]},
    ],
)
def test_a_name_writes_no_line_of_its_own(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="line break"):
        plan_of(**{**BASE, **changes})


def test_bounds_are_always_there() -> None:
    for key in ("memory", "threads", "descriptors", "file_bytes"):
        assert all(int(number) > 0 for number in opened(key))
        assert len(opened(key)) == 1
    assert opened("memory", bounds=bounds_of({"max_memory_mb": 64})) == {str(64 << 20)}
    assert opened("threads", bounds=bounds_of({"max_threads": 3})) == {"3"}
    assert opened("file_bytes", bounds=bounds_of({"disk_quota_mb": 5})) == {str(5 << 20)}


def test_runtimes_open_what_they_name() -> None:
    runtime = Runtime(
        "onnx",
        read=(Path("/opt/ort"),),
        listed=(Path("/sys/bus"),),
        environment={"ORT_DISABLE_TELEMETRY": "1"},
        preload=(Path("/opt/ort/libonnxruntime.so.1"),),
    )
    plan = lines(runtimes=[runtime])
    added = [line for line in plan if line not in lines()]
    assert added == [
        "tier onnx",
        "read /opt/ort",
        "read_list /sys/bus",
        "preload /opt/ort/libonnxruntime.so.1",
        "environment ORT_DISABLE_TELEMETRY=1",
    ]


def test_connections_come_with_an_empty_network() -> None:
    rights = Rights(connect=("127.0.0.1:11434",))
    assert opened("connect", rights=rights) == {"127.0.0.1:11434"}
    assert opened("namespaces", rights=rights) == {"net"}
    assert opened("namespaces", rights=rights, user_namespace=True) == {"user,net"}
    assert opened("namespaces", user_namespace=True) == {"user"}


def test_required_promises_are_in_it() -> None:
    assert opened("require", required=["P6", "P1"]) == {"P1,P6"}
