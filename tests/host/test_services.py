"""What plugins ask of the host: every service on both backends, with and without its permission."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lao
from lao.errors import (
    InvalidInput,
    LaoError,
    PermissionDenied,
    PluginError,
    PluginTimeout,
    ResourceLimitExceeded,
)
from tests import plugins

PROGRESS, SCRATCH, FILES = "lao.progress/1", "lao.scratch/1", "lao.files/1"
HTTP, COMMANDS, CALLS, EVENTS = "lao.http/1", "lao.commands/1", "lao.calls/1", "lao.events/1"

LoadWith = Callable[..., lao.Plugin]


def wait_for(ready: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    """Whether it became true in time."""
    until = time.monotonic() + timeout_s
    while not ready() and time.monotonic() < until:
        time.sleep(0.005)
    return ready()


def write_project(
    folder: Path,
    name: str,
    permissions: list[str],
    *,
    role: str = "full",
    more: str = "",
    library: Path | None = None,
) -> Path:
    """An unpacked package of the fixture plugin `services`, under another name, or of another library."""
    made = folder / name
    made.mkdir(parents=True)
    library = library or plugins.build("services", plugin_name=name, thread_role=role)
    shutil.copy(library, made / f"lib{name}.so")
    manifest = (
        f'[plugin]\nname = "{name}"\nversion = "1.0.0"\n[permissions]\nrequired = {permissions}\n{more}\n'
    )
    (made / "plugin.toml").write_text(manifest.replace("'", '"'))
    return made


@pytest.fixture
def load_with(host: lao.Host, isolation: str, tmp_path: Path) -> LoadWith:
    """Loads the fixture with permissions: `load_with("read_files", data_dir=...)`."""

    def load(*permissions: str, name: str = "services", more: str = "", **options: Any) -> lao.Plugin:
        options.setdefault("isolation", isolation)
        options.setdefault("grant", permissions)
        options.setdefault("data_dir", tmp_path / "data" / name)
        folder = tmp_path / "packages"
        made = (
            folder / name
            if (folder / name).exists()
            else write_project(folder, name, list(permissions), more=more)
        )
        return host.load(made, **options)

    return load


# --- What is offered ---


@pytest.mark.parametrize(
    ("permissions", "more"),
    [
        ([], []),
        (["read_files"], [FILES]),
        (["write_files"], [FILES]),
        (["network_access"], [HTTP]),
        (["system_access"], [COMMANDS]),
        (["plugin_communication"], [CALLS, EVENTS]),
        (["read_files", "network_access"], [FILES, HTTP]),
        (
            ["read_files", "write_files", "network_access", "system_access", "plugin_communication"],
            [FILES, HTTP, COMMANDS, CALLS, EVENTS],
        ),
    ],
)
def test_only_what_was_granted_is_offered(
    load_with: LoadWith, permissions: list[str], more: list[str]
) -> None:
    plugin = load_with(*permissions)
    assert plugin.call("offered") == [PROGRESS, SCRATCH, *more]


def test_a_library_without_a_manifest_gets_what_needs_no_permission(load: Callable[..., lao.Plugin]) -> None:
    assert load("services").call("offered") == [PROGRESS, SCRATCH]


def test_a_right_that_is_taken_away_is_refused_from_the_next_question_on(
    load_with: LoadWith, host: lao.Host, tmp_path: Path
) -> None:
    plugin = load_with("read_files", "write_files")
    plugin.call("open_file", path="a", mode=6, text="kept")
    services = plugin._loaded.counter.services
    services.rights = type(services.rights)(permissions=frozenset({"write_files"}), file_access=("./",))
    with pytest.raises(PermissionDenied, match="read_files"):
        plugin.call("open_file", path="a")
    services.rights = type(services.rights)(permissions=frozenset({"read_files"}), file_access=("./other/",))
    with pytest.raises(PermissionDenied, match="outside of the directories"):
        plugin.call("open_file", path="a")
    services.rights = type(services.rights)()
    with pytest.raises(PermissionDenied, match="not granted"):
        plugin.call("open_file", path="a", mode=6, text="lost")
    assert host.events.count("permission_denied", plugin="services") == 3
    assert [entry["service"] for entry in host.audit.entries() if entry["action"] == "denial"] == [
        "files"
    ] * 3


# --- Progress ---


def test_progress_reaches_the_listener(load_with: LoadWith, isolation: str) -> None:
    seen: list[tuple[float | None, str]] = []
    plugin = load_with(on_progress=lambda fraction, text: seen.append((fraction, text)))
    assert plugin.call("progress", steps=4, pause_us=2000) == "done"
    assert wait_for(lambda: seen[-1:] == [(None, "")]), seen  # NaN is unknown
    fractions = [fraction for fraction, _ in seen[:-1] if fraction is not None]
    assert fractions == sorted(fractions)
    assert set(fractions) <= {0.25, 0.5, 0.75, 1.0}
    if isolation == "none":
        assert seen == [(0.25, "working"), (0.5, "working"), (0.75, "working"), (1.0, "done"), (None, "")]


def test_progress_without_a_listener_is_nobodys(load_with: LoadWith) -> None:
    plugin = load_with()
    assert plugin.call("progress", steps=1000) == "done"


def test_a_listener_may_fail_be_slow_and_change(load_with: LoadWith) -> None:
    calls: list[float | None] = []

    def fails(fraction: float | None, text: str) -> None:
        calls.append(fraction)
        raise ValueError(text)

    plugin = load_with(on_progress=fails)
    assert plugin.call("progress", steps=3) == "done"
    assert wait_for(lambda: bool(calls))
    gate = threading.Event()
    plugin.on_progress = lambda fraction, text: gate.wait(0.01)
    assert plugin.call("progress", steps=20) == "done"
    plugin.on_progress = None
    assert plugin.call("progress", steps=3) == "done"


def test_a_listener_stays_over_a_reload(load_with: LoadWith, isolation: str) -> None:
    if isolation == "none":
        pytest.skip("a library is not loaded twice into one process")
    seen: list[str] = []
    plugin = load_with(on_progress=lambda fraction, text: seen.append(text))
    plugin.reload()
    plugin.call("progress", steps=1)
    assert wait_for(lambda: bool(seen))


# --- Scratch ---


def test_scratch_keeps_replaces_and_removes(load_with: LoadWith) -> None:
    plugin = load_with()
    assert plugin.call("scratch_get", key="a") == "(none)"
    plugin.call("scratch_put", key="a", value=b"one \x00 two")
    assert plugin.call("scratch_get", key="a") == b"one \x00 two"
    plugin.call("scratch_put", key="a", value=b"")
    assert plugin.call("scratch_get", key="a") == b""
    plugin.call("scratch_put", key="a")  # no data: it is removed
    assert plugin.call("scratch_get", key="a") == "(none)"


def test_scratch_outlives_the_plugin_and_is_its_own(load_with: LoadWith) -> None:
    plugin = load_with()
    plugin.call("scratch_put", key="a", value=b"kept")
    plugin.close()
    again = load_with()
    other = load_with(name="other")
    assert again.call("scratch_get", key="a") == b"kept"
    assert other.call("scratch_get", key="a") == "(none)"


def test_scratch_is_bounded(load_with: LoadWith) -> None:
    plugin = load_with()
    largest = 1 << 20
    plugin.call("scratch_put", key="a", zeros=largest)
    assert plugin.call("scratch_get", key="a") == bytes(largest)
    # The plugin got LIMIT_EXCEEDED, a status that only the host gives: what it returns is no more than a failure.
    with pytest.raises(PluginError, match="not kept"):
        plugin.call("scratch_put", key="b", zeros=largest + 1)
    for number in range(6):
        plugin.call("scratch_put", key=f"many {number}", zeros=largest)
    with pytest.raises(PluginError, match="not kept"):
        plugin.call("scratch_put", key="too many", zeros=largest)
    assert plugin.call("scratch_get", key="a") == bytes(largest)


@pytest.mark.parametrize("key", ["", "k" * 257])
def test_a_key_that_is_none_is_refused(load_with: LoadWith, key: str) -> None:
    plugin = load_with()
    with pytest.raises(InvalidInput):
        plugin.call("scratch_put", key=key, value=b"x")
    assert plugin.call("scratch_get", key="k" * 256) == "(none)"


def test_many_threads_of_a_plugin_ask_at_once(load_with: LoadWith) -> None:
    plugin = load_with()
    assert plugin.call("threads", threads=8, count=100) == "agreed"


def test_many_workers_ask_at_once(load_with: LoadWith, isolation: str) -> None:
    if isolation == "none":
        pytest.skip("there are no workers")
    plugin = load_with(workers=3)
    outcomes: list[str] = []
    jobs = [
        threading.Thread(target=lambda: outcomes.append(plugin.call("threads", threads=4, count=50)))
        for _ in range(6)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)
    assert outcomes == ["agreed"] * 6


# --- Files ---


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data" / "services"
    (made / "inside").mkdir(parents=True)
    (made / "inside" / "file").write_text("contents")
    return made


def test_files_are_written_and_read(load_with: LoadWith, data: Path) -> None:
    plugin = load_with("read_files", "write_files")
    assert plugin.call("open_file", path="inside/file") == "contents"
    assert plugin.call("open_file", path=str(data / "inside" / "file")) == "contents"
    assert plugin.call("open_file", path="fresh", mode=6, text="written by it") == "written"
    assert (data / "fresh").read_text() == "written by it"
    assert (data / "fresh").stat().st_mode & 0o077 == 0
    with pytest.raises(PluginError, match="no such file"):
        plugin.call("open_file", path="missing")
    with pytest.raises(PluginError, match="no such file"):
        plugin.call("open_file", path="missing", mode=2, text="x")


def test_reading_and_writing_are_permissions_of_their_own(load_with: LoadWith, data: Path) -> None:
    reader = load_with("read_files")
    assert reader.call("open_file", path="inside/file") == "contents"
    with pytest.raises(PermissionDenied, match="write_files"):
        reader.call("open_file", path="inside/file", mode=3, text="x")
    writer = load_with("write_files", name="writer", data_dir=data)
    assert writer.call("open_file", path="inside/file", mode=2, text="C") == "written"
    with pytest.raises(PermissionDenied, match="read_files"):
        writer.call("open_file", path="inside/file")
    assert (data / "inside" / "file").read_text() == "Contents"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../outside", "upwards"),
        ("inside/../../outside", "upwards"),
        ("/etc/passwd", "outside"),
        ("link", "over a link"),
        ("link_to_folder/secret", "over a link"),
        ("inside/link_back/file", "over a link"),
        ("hardlink", "linked from elsewhere"),
        ("fifo", "not a regular file"),
        ("inside/", "directory"),
        (".", "directory"),
        ("", "path"),
        ("inside/file/below", "not a directory"),
        ("/proc/self/environ", "outside"),
    ],
)
@pytest.mark.parametrize("mode", [1, 2])
def test_nothing_outside_is_opened(
    load_with: LoadWith, data: Path, tmp_path: Path, path: str, reason: str, mode: int
) -> None:
    plugin = load_with("read_files", "write_files")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (data / "link").symlink_to(outside / "secret")
    (data / "link_to_folder").symlink_to(outside)
    (data / "inside" / "link_back").symlink_to(data / "inside")
    os.link(outside / "secret", data / "hardlink")
    os.mkfifo(data / "fifo")
    with pytest.raises(LaoError) as caught:
        plugin.call("open_file", path=path, mode=mode, **({"text": "overwritten"} if mode == 2 else {}))
    if path != "fifo" or mode == 1:  # a fifo that nobody reads cannot be opened for writing at all
        assert reason in str(caught.value)
    assert (outside / "secret").read_text() == "secret"


def test_only_the_granted_directories_are_open(load_with: LoadWith, data: Path) -> None:
    (data / "closed").mkdir()
    (data / "closed" / "file").write_text("hidden")
    plugin = load_with("read_files", more='[resources]\nfile_access = ["./inside/"]')
    assert plugin.call("open_file", path="inside/file") == "contents"
    assert plugin.call("open_file", path="./inside/file") == "contents"
    for path in ("closed/file", "insidious", "file"):
        with pytest.raises(PermissionDenied, match="granted"):
            plugin.call("open_file", path=path)


def test_a_directory_that_is_swapped_for_a_link_stays_closed(
    load_with: LoadWith, data: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("secret")
    plugin = load_with("read_files")
    assert plugin.call("open_file", path="inside/file") == "contents"
    (data / "inside").rename(data / "moved")
    (data / "inside").symlink_to(outside)
    with pytest.raises(PermissionDenied, match="over a link"):
        plugin.call("open_file", path="inside/file")
    data.rename(
        tmp_path / "old"
    )  # the data directory itself: what was granted was the directory, not its name
    data.symlink_to(outside)
    assert plugin.call("open_file", path="moved/file") == "contents"
    with pytest.raises(PluginError, match="no such file"):
        plugin.call("open_file", path="file")


@pytest.mark.parametrize("mode", [0, 4, 5, 8, 9, 2**31])
def test_a_mode_that_is_none_is_refused(load_with: LoadWith, data: Path, mode: int) -> None:
    plugin = load_with("read_files", "write_files")
    with pytest.raises(InvalidInput, match="mode"):
        plugin.call("open_file", path="inside/file", mode=mode)


def test_opened_files_leave_no_descriptor_behind(load_with: LoadWith, data: Path) -> None:
    plugin = load_with("read_files", "write_files")
    plugin.call("open_file", path="inside/file")
    assert plugin.info.isolation == "none" or wait_for(
        lambda: bool(plugin.usage)
    )  # the watchdog holds one too
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        plugin.call("open_file", path="inside/file")
    assert wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before)


# --- Events ---

EVENT = '[[events]]\nname = "thing_done"\nschema = {type = "object", required = ["count"]}\n[[events]]\nname = "plain"'


def test_events_that_the_manifest_declares_reach_the_bus(load_with: LoadWith, host: lao.Host) -> None:
    plugin = load_with("plugin_communication", more=EVENT)
    assert plugin.call("emit", name="thing_done", json='{"count": 3}') == "emitted"
    assert plugin.call("emit", name="plain", json='"text"') == "emitted"
    events = [
        (event.name, event.plugin, dict(event.data)) for event in host.events.history(plugin="services")
    ]
    assert ("thing_done", "services", {"payload": {"count": 3}}) in events
    assert ("plain", "services", {"payload": "text"}) in events


@pytest.mark.parametrize(
    ("name", "json", "error"),
    [
        ("other", "{}", PermissionDenied),
        ("plugin_loaded", "{}", PermissionDenied),
        ("limit_killed", "{}", PermissionDenied),
        ("thing_done", "{}", InvalidInput),
        ("thing_done", "{", InvalidInput),
        ("plain", "NaN", InvalidInput),
        ("plain", "[1e999]", InvalidInput),
        ("plain", '{"a": 1, "a": 2}', InvalidInput),
        ("plain", '"\\ud800"', InvalidInput),
        ("plain", "[" * 5000, InvalidInput),
        ("plain", '"' + "x" * 65536 + '"', InvalidInput),
        ("", "{}", InvalidInput),
    ],
)
def test_other_events_are_refused(
    load_with: LoadWith, host: lao.Host, name: str, json: str, error: type[LaoError]
) -> None:
    plugin = load_with("plugin_communication", more=EVENT)
    before = host.events.count(name, plugin="services")
    with pytest.raises(error):
        plugin.call("emit", name=name, json=json)
    assert host.events.count(name, plugin="services") == before


# --- Calls ---


@pytest.fixture
def projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """The folder of local projects, where plugins find each other by name."""
    folder = tmp_path / "projects"
    folder.mkdir()
    monkeypatch.setenv("LAO_PLUGINS_DIR", str(folder))
    return folder


def add_project(folder: Path, name: str, permissions: list[str], **options: Any) -> Path:
    """A project as `lao plugin build` leaves it."""
    import hashlib
    import json

    made = write_project(folder, name, permissions, **options)
    built = made / "build" / "lao" / "release"
    built.mkdir(parents=True)
    library = made / f"lib{name}.so"
    library.rename(built / library.name)
    manifest = (made / "plugin.toml").read_bytes()
    (built.parent / "build.json").write_text(
        json.dumps(
            {
                "profile": "release",
                "library": f"release/{library.name}",
                "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
                "built_at": "2026-01-01T00:00:00Z",
                "sources_sha256": "",
            }
        )
    )
    return made


def test_a_plugin_calls_another(host: lao.Host, projects: Path, isolation: str) -> None:
    add_project(projects, "alpha", ["plugin_communication"])
    add_project(projects, "beta", [])
    alpha = host.load("alpha", isolation=isolation, grant=["plugin_communication"])
    assert alpha.call("call_other", "hello", plugin="beta", capability="echo") == "hello"
    assert alpha.call("call_other", b"\x00\xff", plugin="beta", capability="echo") == b"\x00\xff"
    assert alpha.call("call_other", {"a": [1]}, plugin="beta", capability="echo") == {"a": [1]}
    assert (
        alpha.call("call_other", plugin="beta", capability="scratch_get", params='{"key": "x"}') == "(none)"
    )


ARRAYS = {
    "ramp": lambda numpy: numpy.arange(6, dtype="float32").reshape(2, 3),
    "transposed": lambda numpy: numpy.arange(24, dtype="int16").reshape(2, 3, 4).transpose(2, 0, 1),
    "reversed": lambda numpy: numpy.arange(10, dtype="uint8")[::-3],
    "broadcast": lambda numpy: numpy.broadcast_to(numpy.float64(2.5), (3, 2)),
    "bool": lambda numpy: numpy.array([True, False]),
    "half": lambda numpy: numpy.array([1.5, -2], dtype="float16"),
    "complex": lambda numpy: numpy.array([[1 + 2j]], dtype="complex64"),
    "scalar": lambda numpy: numpy.array(7, dtype="int64"),
    "empty": lambda numpy: numpy.zeros((3, 0, 2), dtype="uint32"),
    "one": lambda numpy: numpy.zeros((1, 1, 1), dtype="float32"),
    "large": lambda numpy: numpy.arange(1 << 20, dtype="float32").reshape(1024, 1024),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_goes_there_and_back(host: lao.Host, projects: Path, isolation: str, name: str) -> None:
    numpy = pytest.importorskip("numpy")
    add_project(projects, "alpha", ["plugin_communication"])
    add_project(projects, "echo", [], library=plugins.build("echo"))
    alpha = host.load("alpha", isolation=isolation, grant=["plugin_communication"])
    array = ARRAYS[name](numpy)
    back = alpha.call("call_other", array, plugin="echo", capability="any")
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert numpy.array_equal(back, array)


def test_audio_keeps_its_rate_on_the_way(host: lao.Host, projects: Path, isolation: str) -> None:
    numpy = pytest.importorskip("numpy")
    add_project(projects, "alpha", ["plugin_communication"])
    add_project(projects, "echo", [], library=plugins.build("echo"))
    alpha = host.load("alpha", isolation=isolation, grant=["plugin_communication"])
    audio = lao.Audio(numpy.zeros((10, 2), dtype="float32"), 44100)
    back = alpha.call("call_other", audio, plugin="echo", capability="audio")
    assert (back.sample_rate, back.shape) == (44100, (10, 2))


def test_an_array_that_is_too_large_is_refused(host: lao.Host, projects: Path, isolation: str) -> None:
    numpy = pytest.importorskip("numpy")
    add_project(projects, "alpha", ["plugin_communication"])
    add_project(projects, "echo", [], library=plugins.build("echo"))
    alpha = host.load("alpha", isolation=isolation, grant=["plugin_communication"])
    with pytest.raises(LaoError, match="at most 16 MiB"):
        alpha.call("call_other", numpy.zeros(17 << 20, dtype="uint8"), plugin="echo", capability="any")
    assert alpha.call("echo", "after") == "after"


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"plugin": "nobody", "capability": "echo"}, InvalidInput, "no plugin `nobody`"),
        ({"plugin": "../alpha", "capability": "echo"}, InvalidInput, "no plugin"),
        ({"plugin": "/etc/passwd", "capability": "echo"}, InvalidInput, "no plugin"),
        ({"plugin": "beta", "capability": "nothing"}, InvalidInput, "no capability"),
        ({"plugin": "beta", "capability": "echo", "params": "[1]"}, InvalidInput, "no JSON object"),
        ({"plugin": "beta", "capability": "echo", "params": "{"}, InvalidInput, "JSON"),
        ({"plugin": "beta", "capability": "offered"}, InvalidInput, "takes no input"),
        (
            {"plugin": "strong", "capability": "echo"},
            PermissionDenied,
            "may do what `alpha` may not: `read_files`",
        ),
    ],
)
def test_a_call_that_cannot_be_is_refused(
    host: lao.Host,
    projects: Path,
    isolation: str,
    options: dict[str, str],
    error: type[LaoError],
    reason: str,
) -> None:
    add_project(projects, "alpha", ["plugin_communication"])
    add_project(projects, "beta", [])
    add_project(projects, "strong", ["read_files"])
    strong = host.load("strong", isolation=isolation, grant=["read_files"])
    alpha = host.load("alpha", isolation=isolation, grant=["plugin_communication"])
    with pytest.raises(error, match=reason):
        alpha.call("call_other", "hello", **options)
    assert strong.stats.calls == 0


def test_a_file_is_handed_on_only_by_who_may_read_it(
    host: lao.Host, projects: Path, isolation: str, tmp_path: Path
) -> None:
    add_project(projects, "alpha", ["plugin_communication"])
    add_project(projects, "beta", [])
    data = tmp_path / "data" / "alpha"
    data.mkdir(parents=True)
    (data / "mine").write_text("contents")
    blind = host.load(
        "alpha", isolation=isolation, grant=["plugin_communication"], data_dir=data, limits={"timeout_s": 20}
    )
    with pytest.raises(PermissionDenied, match="read_files"):
        blind.call("call_other", data / "mine", plugin="beta", capability="echo")
    blind.close()
    alpha = host.load(
        "alpha", isolation=isolation, grant=["plugin_communication", "read_files"], data_dir=data
    )
    assert alpha.call("call_other", data / "mine", plugin="beta", capability="echo") == data / "mine"
    for path in ("/etc/passwd", data / "missing", data / ".." / "alpha2"):
        with pytest.raises(LaoError):
            alpha.call("call_other", Path(path), plugin="beta", capability="echo")


def test_without_the_permission_there_are_no_calls(host: lao.Host, projects: Path, isolation: str) -> None:
    add_project(projects, "alpha", [])
    alpha = host.load("alpha", isolation=isolation)
    with pytest.raises(PluginError, match="not offered"):
        alpha.call("call_other", "hello", plugin="alpha", capability="echo")


@pytest.mark.parametrize("role", ["instance", "full"])
def test_a_call_that_comes_back(host: lao.Host, projects: Path, isolation: str, role: str) -> None:
    """alpha calls beta, which calls alpha: refused unless alpha takes several calls at once."""
    add_project(projects, "alpha", ["plugin_communication"], role=role)
    add_project(projects, "beta", ["plugin_communication"])
    alpha = host.load("alpha", isolation=isolation, grant=["plugin_communication"], timeout=20)
    beta = host.load("beta", isolation=isolation, grant=["plugin_communication"], timeout=20)
    params = '{"plugin": "alpha", "capability": "echo"}'

    def call() -> Any:
        return alpha.call("call_other", "round", plugin="beta", capability="call_other", params=params)

    if role == "full":
        assert call() == "round"
    else:
        with pytest.raises(LaoError, match="waits for this call"):
            call()
    assert beta.call("echo", "after") == "after"


def test_plugins_that_call_each_other_without_end_are_stopped(
    host: lao.Host, projects: Path, isolation: str
) -> None:
    add_project(projects, "alpha", ["plugin_communication"])
    alpha = host.load("alpha", isolation=isolation, grant=["plugin_communication"], timeout=60)
    params = "null"
    for _ in range(12):
        text = params.replace("\\", "\\\\").replace('"', '\\"')
        params = f'{{"plugin": "alpha", "capability": "call_other", "params": "{text}"}}'
        if len(params) > 20000:
            break
    with pytest.raises(LaoError, match="8 plugins wait for each other"):
        alpha.call("call_other", "down", plugin="alpha", capability="call_other", params=params)
    assert alpha.call("echo", "after") == "after"


def test_the_callers_deadline_holds_for_the_other_plugin(
    host: lao.Host, projects: Path, isolation: str
) -> None:
    add_project(projects, "alpha", ["plugin_communication"])
    add_project(projects, "beta", [])
    alpha = host.load("alpha", isolation=isolation, grant=["plugin_communication"], timeout=0.5)
    beta = host.load("beta", isolation=isolation, timeout=30)
    alpha.call("call_other", "warm", plugin="beta", capability="echo")
    with pytest.raises(PluginTimeout):
        alpha.call("call_other", "late", plugin="beta", capability="echo", params='{"pause_ms": 20000}')
    # beta's call is over as well, long before its own time.
    assert wait_for(lambda: beta.stats.in_flight == 0, 5)
    assert beta.call("echo", "free") == "free"


# --- What has to hold for all of them ---


def test_a_refused_service_leaves_the_plugin_serving(load_with: LoadWith, data: Path) -> None:
    plugin = load_with("read_files")
    for _ in range(50):
        with pytest.raises(PermissionDenied):
            plugin.call("open_file", path="../outside")
    assert plugin.call("open_file", path="inside/file") == "contents"


def test_after_close_nothing_of_the_services_is_left(host: lao.Host, isolation: str, tmp_path: Path) -> None:
    folder = write_project(tmp_path, "services", [])
    host.load(folder, isolation=isolation).close()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        plugin = host.load(folder, isolation=isolation)
        plugin.call("scratch_get", key="x")
        plugin.close()
    assert wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before)


def test_a_worker_that_is_started_again_has_its_services(load_with: LoadWith, isolation: str) -> None:
    if isolation == "none":
        pytest.skip("there are no workers")
    plugin = load_with()
    plugin.call("scratch_put", key="a", value=b"kept")
    from lao._native import lib

    os.kill(lib.lao__isolated_pid(plugin._loaded.target.pointer, 0), 9)
    assert wait_for(lambda: _answers(plugin))
    assert plugin.call("scratch_get", key="a") == b"kept"


def _answers(plugin: lao.Plugin) -> bool:
    try:
        plugin.call("offered")
    except LaoError:
        return False
    return True


def test_the_limit_error_of_the_store_says_which(tmp_path: Path) -> None:
    from lao.host.services.scratch import LARGEST_VALUE, MOST_BYTES, MOST_KEYS, Scratch

    scratch = Scratch()
    with pytest.raises(ResourceLimitExceeded) as caught:
        scratch.put("me", "a", bytes(LARGEST_VALUE + 1))
    assert (caught.value.limit, caught.value.allowed) == ("scratch_value_bytes", LARGEST_VALUE)
    for number in range(MOST_KEYS):
        scratch.put("me", str(number), b"x")
    with pytest.raises(ResourceLimitExceeded) as caught:
        scratch.put("me", "one more", b"x")
    assert caught.value.limit == "scratch_keys"
    scratch.put("me", "0", b"y")  # replacing needs no room
    scratch.put("you", "a", b"x")  # nor do others
    for number in range(MOST_BYTES // LARGEST_VALUE - 1):
        scratch.put("me", str(number), bytes(LARGEST_VALUE))
    with pytest.raises(ResourceLimitExceeded) as caught:
        scratch.put("me", "900", bytes(LARGEST_VALUE))
    assert caught.value.limit == "scratch_bytes"
    for number in range(MOST_KEYS):
        scratch.remove("me", str(number))
    scratch.put("me", "900", bytes(LARGEST_VALUE))  # what is removed makes room
