"""Installing is all or nothing: whatever fails, and whenever the process dies, the old or the new is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lao.errors import LaoError
from lao.install import install
from lao.package.record import verify_record
from lao.store import Store
from tests.install.conftest import left_behind
from tests.install.libraries import package

# Every call by which installing changes the disk; each is made to fail in turn, at each of its uses.
STEPS = ["os.rename", "os.replace", "os.fsync", "os.chmod", "os.mkdir", "os.open"]


def _dotted(name: str) -> tuple[Any, str]:
    module, _, attribute = name.rpartition(".")
    return sys.modules[module], attribute


def _failing(monkeypatch: pytest.MonkeyPatch, step: str, at: int) -> Callable[[], int]:
    """Makes the `at`-th use of a step fail, as a full disk does. Returns how often it was used."""
    module, attribute = _dotted(step)
    real, uses = getattr(module, attribute), 0

    def step_or_failure(*arguments: Any, **options: Any) -> Any:
        nonlocal uses
        uses += 1
        if uses == at:
            raise OSError(28, "No space left on device")
        return real(*arguments, **options)

    monkeypatch.setattr(module, attribute, step_or_failure)
    return lambda: uses


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_at_every_step(
    tmp_path: Path, home: Path, store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    source, new = package(tmp_path / "old"), package(tmp_path / "new", version="2.0.0")
    old = install(source).installed
    failed = 0
    for at in range(1, 100):
        with monkeypatch.context() as patch:
            uses = _failing(patch, step, at)
            refusal = _outcome(new)
            used = uses()
        found = store.get("speaker")
        assert found is not None
        verify_record(found.directory)
        assert found.version == ("1.0.0" if found.digest == old.digest else "2.0.0")
        if refusal is None:
            assert found.version == "2.0.0"
        else:
            assert "no space left on device" in refusal
            failed += 1
        if used < at:
            break
        install(source)
    assert used < at, "the test ended before every use of the step had failed once"
    assert failed > 0
    assert left_of(home) == {f"objects/{found.digest}", "installed/speaker.json"}


def _outcome(source: Path) -> str | None:
    """None when it could be installed, else what the error says."""
    try:
        install(source)
    except LaoError as error:
        return str(error)
    return None


def left_of(home: Path) -> set[str]:
    """What is left in a home after an installation, without what is inside of an object."""
    return {line for line in left_behind(home) if line.count("/") == 1}


_KILLED = """
import os, signal, sys
from lao.install import install

step, at, source = sys.argv[1], int(sys.argv[2]), sys.argv[3]
real, uses = getattr(os, step), 0

def step_or_death(*arguments, **options):
    global uses
    uses += 1
    if uses == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)

setattr(os, step, step_or_death)
install(source)
"""


@pytest.mark.parametrize("step", ["rename", "replace", "fsync", "chmod"])
def test_killed_at_every_step(tmp_path: Path, home: Path, store: Store, step: str) -> None:
    old = install(package(tmp_path / "old")).installed
    new = package(tmp_path / "new", version="2.0.0")
    deaths = 0
    for at in range(1, 40):
        command = [sys.executable, "-c", textwrap.dedent(_KILLED), step, str(at), str(new)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        found = store.get("speaker")
        assert found is not None, done.stderr
        verify_record(found.directory)
        assert found.version == ("1.0.0" if found.digest == old.digest else "2.0.0")
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        deaths += 1
        if found.version == "2.0.0":
            install(tmp_path / "old")
    assert deaths > 0
    # The next change sweeps what the dead left.
    install(new)
    assert list((home / "staging").iterdir()) == []
    assert len(list((home / "objects").iterdir())) == 1


def test_two_installers_at_once(tmp_path: Path, home: Path, store: Store) -> None:
    sources = [package(tmp_path / f"v{number}", version=f"{number}.0.0") for number in (1, 2)]
    sources += [package(tmp_path / name, name=name) for name in ("one", "two")]
    code = "import sys; from lao.install import install; install(sys.argv[1])"
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(source)], stderr=subprocess.PIPE, text=True)
        for source in sources
    ]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert store.names() == ["one", "speaker", "two"]
    for plugin in store.installed():
        verify_record(plugin.directory)
    assert {path.name for path in (home / "objects").iterdir()} == {
        plugin.digest for plugin in store.installed()
    }
    assert list((home / "staging").iterdir()) == []


def test_a_running_installer_is_not_swept(tmp_path: Path, store: Store) -> None:
    with store.stage() as folder:
        (folder / "half").write_text("half")
        install(package(tmp_path / "other", name="other"))
        assert (folder / "half").read_text() == "half"
    assert not folder.exists()


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the home should be")
    with pytest.raises(LaoError, match="cannot change what is installed") as caught:
        install(package(tmp_path / "unpacked"), store=Store(blocked))
    assert caught.value.where is not None
    assert os.fspath(blocked) in caught.value.where


_REMOVED = """
import os, signal, sys
from lao.store import Store

step, at = sys.argv[1], int(sys.argv[2])
real, uses = getattr(os, step), 0

def step_or_death(*arguments, **options):
    global uses
    uses += 1
    if uses == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)

setattr(os, step, step_or_death)
Store().remove("speaker")
"""


@pytest.mark.parametrize("step", ["unlink", "rename", "rmdir"])
def test_killed_while_uninstalling(tmp_path: Path, home: Path, store: Store, step: str) -> None:
    source, deaths = package(tmp_path / "speaker"), 0
    for at in range(1, 30):
        install(source)
        command = [sys.executable, "-c", textwrap.dedent(_REMOVED), step, str(at)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        found = store.get("speaker")
        if found is not None:
            verify_record(found.directory)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        deaths += 1
    assert deaths > 0
    assert store.get("speaker") is None
    with store.stage():
        pass
    assert left_behind(home) == []
