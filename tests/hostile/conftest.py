"""Runs every test that takes `stage` in a host process, once as root and once as an ordinary user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import cases
from tests.hostile.hosting import ROOT, HostProcess


@pytest.fixture(scope="session")
def host_processes() -> Iterator[dict[str, HostProcess]]:
    processes = {who: HostProcess(who) for who in ("root", "user")}
    yield processes
    for process in processes.values():
        process.close()


@pytest.fixture(scope="session", autouse=True)
def libraries(request: pytest.FixtureRequest) -> None:
    cases.build_all([item.name for item in request.session.items])


@pytest.fixture(params=["root", "user"])
def stage(request: pytest.FixtureRequest, host_processes: dict[str, HostProcess]) -> HostProcess:
    """Where the test runs; the test itself is given a `Stage` there."""
    return host_processes[request.param]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    process = pyfuncitem.funcargs.get("stage")
    if not isinstance(process, HostProcess):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names if name != "stage"}
    module = ".".join(Path(pyfuncitem.path).relative_to(ROOT).with_suffix("").parts)
    process.run(module, pyfuncitem.originalname, arguments)
    return True
