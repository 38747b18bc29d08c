"""Libraries from outside a plugin's package that a manifest may name, found on this machine.

A manifest names a tier, never a path: the host looks for the library, and the sandbox opens what that tier needs.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from lao.errors import PluginLoadError

__all__ = ["RUNTIME_CACHES", "Runtime", "find_runtimes", "preload"]

RUNTIME_CACHES = ".runtimes"
"""The folder, in a plugin's data directory, of what runtimes compile for it."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one tier adds to a sandbox. All paths are absolute and without links.

    Attributes:
        tier: `"onnx"`, `"opencl"`, `"cuda"` or `"gpu"`.
        read: Files and directories.
        listed: Directories whose names may be read, and nothing in them.
        write: Directories that it may change.
        devices: Device nodes.
        environment: Variables that it gets.
        preload: Libraries that are loaded before the plugin, which finds them by their SONAME.
        search: Folders where they lie under that name, for those who only look.
    """

    tier: str
    read: tuple[Path, ...] = ()
    listed: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    devices: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    preload: tuple[Path, ...] = ()
    search: tuple[Path, ...] = ()


def find_runtimes(tiers: Iterable[str], *, gpu: bool, cache_dir: Path) -> tuple[Runtime, ...]:
    """The runtimes of these tiers on this machine.

    Args:
        tiers: Of `onnx`, `opencl`, `cuda`.
        gpu: Also the devices of the GPU's driver.
        cache_dir: The plugin's own: what a runtime compiles for it is kept below it, and shared with no other plugin.

    Raises:
        PluginLoadError: One is not installed, or this LAO does not know it.
    """
    found = []
    for tier in dict.fromkeys(tiers):
        if tier == "onnx":
            found.append(_onnx(cache_dir / "onnx"))
        elif tier == "opencl":
            found.append(_opencl(cache_dir / "opencl"))
        elif tier == "cuda":
            found.append(_cuda())
        else:
            raise PluginLoadError(
                f"this LAO has no runtime `{tier}`", causes=["it has `onnx`, `opencl` and `cuda`"]
            )
    if gpu:
        found.append(_gpu())
    return tuple(found)


def preload(runtimes: Iterable[Runtime]) -> None:
    """Loads their libraries into this process, for a plugin that is loaded into it.

    Raises:
        PluginLoadError: One cannot be loaded.
    """
    for runtime in runtimes:
        for library in runtime.preload:
            try:
                ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
            except OSError as error:
                raise PluginLoadError(
                    f"the runtime `{runtime.tier}` cannot be loaded", causes=[str(error)]
                ) from error


# --- ONNX Runtime ---


def _onnx(links: Path) -> Runtime:
    library = _onnx_library()
    if library is None:
        raise PluginLoadError(
            "ONNX Runtime is not installed",
            causes=["the manifest asks for the runtime `onnx`"],
            hint="pip install onnxruntime, or set LAO_ONNXRUNTIME to the path of libonnxruntime.so",
        )
    _link(links / "libonnxruntime.so.1", library)
    return Runtime(
        "onnx",
        read=(library.parent,),
        listed=_existing("/sys/bus/pci/devices"),  # it looks for GPUs
        environment={"ORT_DISABLE_TELEMETRY": "1"},
        preload=(library,),
        search=(links,),
    )


def _link(link: Path, library: Path) -> None:
    """The library under its SONAME, which the Python package does not have."""
    link.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if link.is_symlink() and link.readlink() == library:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(library)


def _onnx_library() -> Path | None:
    """The one that the user named, else the Python package's, else the system's. The package is not imported."""
    named = os.environ.get("LAO_ONNXRUNTIME")
    if named:
        path = Path(named)
        return path.resolve() if path.is_file() else None
    folders: list[Path] = []
    spec = find_spec("onnxruntime")
    if spec is not None and spec.submodule_search_locations:
        folders += [Path(location) / "capi" for location in spec.submodule_search_locations]
    folders += [Path(name) for name in ("/usr/local/lib", "/usr/lib", "/usr/lib64")]
    folders += sorted(Path("/usr/lib").glob("*-linux-gnu"))
    for folder in folders:
        libraries = sorted(folder.glob("libonnxruntime.so*"))
        if libraries:
            return libraries[-1].resolve()
    return None


# --- OpenCL ---


def _opencl(cache: Path) -> Runtime:
    vendors = _existing("/etc/OpenCL")
    if not vendors:
        raise PluginLoadError(
            "OpenCL is not installed",
            causes=["the manifest asks for the runtime `opencl`, and there is no /etc/OpenCL/vendors"],
            hint="install a driver, e.g. apt install pocl-opencl-icd",
        )
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Runtime(
        "opencl",
        # What it finds the machine's memory and processors by.
        read=(*vendors, *_existing("/usr/share/pocl"), Path("/proc/self/mounts"), Path("/proc/self/cpuset")),
        write=(cache.resolve(),),
        environment={"POCL_CACHE_DIR": str(cache.resolve())},
    )


# --- CUDA, and what drivers of GPUs need ---


def _cuda() -> Runtime:
    return Runtime(
        "cuda",
        read=_existing(
            "/usr/local/cuda", "/etc/OpenCL", "/proc/driver/nvidia", "/proc/devices", "/sys/module/nvidia"
        ),
        listed=_existing("/sys/bus/pci/devices"),
        write=(Path("/proc/self/task"),),  # it names its threads through their files
        devices=_matching("nvidia*"),
    )


def _gpu() -> Runtime:
    return Runtime(
        "gpu",
        # Mesa asks each device's own folder, to which these lead by links, for its maker and model.
        read=(
            *_existing("/sys/class/drm", "/sys/dev/char", "/usr/share/vulkan", "/usr/share/drirc.d"),
            *(path.resolve() for path in sorted(Path("/sys/class/drm").glob("renderD*/device"))),
        ),
        devices=(*_matching("dri/renderD*"), *_matching("kfd"), *_matching("nvidia*")),
    )


def _existing(*names: str) -> tuple[Path, ...]:
    return tuple(Path(name).resolve() for name in names if Path(name).exists())


def _matching(pattern: str) -> tuple[Path, ...]:
    return tuple(path.resolve() for path in sorted(Path("/dev").glob(pattern)) if path.is_char_device())
