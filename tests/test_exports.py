"""Every public module says what it offers, and `lao` offers what its users were promised."""

from __future__ import annotations

import importlib
import pkgutil
import types

import pytest

import lao
import lao.errors

# The names of the API. Removing one breaks its users; adding one means adding it here.
CONTRACT = {
    *("Host", "Plugin", "load", "Workflow"),
    *("Text", "Json", "Binary", "File", "Audio", "Image", "Video", "Tensor"),
    *("LaoError", "ManifestError", "PluginLoadError", "AbiMismatch", "PluginError", "InvalidInput"),
    *("PermissionDenied", "PluginCrashed", "WorkerRestarted", "PluginTimeout", "ResourceLimitExceeded"),
    *("Cancelled", "ProtocolViolation", "DependencyConflict", "VerificationError"),
    # What the calls above hand out, and raise beyond the list above.
    *("Capability", "Kind", "PluginInfo", "Stats", "deadline"),
    *("PluginClosed", "PluginDisabled", "PluginNotFound", "WorkflowError"),
}

MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(lao.__path__, "lao.")
    if not any(part.startswith("_") for part in info.name.split("."))
)


def test_the_walk_finds_the_package() -> None:
    assert {"lao.errors", "lao.host.plugin", "lao.model.names", "lao.cli.app"} <= set(MODULES)


def in_order(names: list[str]) -> list[str]:
    """Constants, then classes, then functions; each in the order of the alphabet, and once."""
    return sorted(set(names), key=lambda name: (0 if name.isupper() else 1 if name[0].isupper() else 2, name))


def defined_in(module: types.ModuleType) -> set[str]:
    """Public classes and functions that the module itself defines."""
    return {
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and isinstance(value, type | types.FunctionType)
        and (value.__module__, value.__qualname__) == (module.__name__, key)
    }


@pytest.mark.parametrize("name", ["lao", *MODULES])
def test_module_lists_its_names(name: str) -> None:
    module = importlib.import_module(name)
    if not hasattr(module, "__all__"):  # a package that only holds modules
        assert hasattr(module, "__path__"), f"{name} has no list `__all__`"
        assert defined_in(module) == set()
        return
    exported = module.__all__
    assert exported == in_order(exported), f"{name}.__all__ is not in order, or names something twice"
    missing = [entry for entry in exported if not hasattr(module, entry)]
    assert missing == [], f"{name}.__all__ names what it does not have"


@pytest.mark.parametrize("name", MODULES)
def test_nothing_public_is_left_out(name: str) -> None:
    module = importlib.import_module(name)
    public = defined_in(module)
    assert public - set(getattr(module, "__all__", [])) == set(), (
        f"{name} defines public names that its `__all__` leaves out"
    )


def test_the_names_of_lao() -> None:
    assert set(lao.__all__) == CONTRACT


def test_the_methods_of_the_api() -> None:
    plugin = {
        "call",
        "acall",
        "stream",
        "map",
        "cancel",
        "reload",
        "close",
        "info",
        "capabilities",
        "stats",
        "enforced",
    }
    assert {name for name in plugin if not hasattr(lao.Plugin, name)} == set()
    assert {name for name in ("load", "empty", "close") if not hasattr(lao.Host, name)} == set()
    workflow = {"from_yaml", "step", "run", "arun"}
    assert {name for name in workflow if not hasattr(lao.Workflow, name)} == set()


def test_every_error_derives_from_one() -> None:
    for name in lao.errors.__all__:
        value = getattr(lao.errors, name)
        assert (
            not isinstance(value, type) or not issubclass(value, Exception) or issubclass(value, lao.LaoError)
        )
