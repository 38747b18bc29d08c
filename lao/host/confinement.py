"""The sandbox of a plugin's workers, written down: what native/sandbox/plan.h reads.

Deciding is pure; what it decides about (where this system keeps its libraries) is looked up once.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lao.errors import InvalidInput
from lao.host.runtimes import RUNTIME_CACHES, Runtime
from lao.model.rights import Rights

__all__ = [
    "DEFAULT_DISK_MB",
    "DEFAULT_MEMORY_MB",
    "DISK_FILES",
    "Bounds",
    "bounds_of",
    "descriptors_of",
    "plan_of",
    "plan_of_command",
    "write_roots",
]

DEFAULT_MEMORY_MB = 4096.0  # where neither the manifest nor the user says anything
DEFAULT_THREADS = 128
DEFAULT_DISK_MB = 4096.0  # in the directories that it may write to
DISK_FILES = 100_000  # files and directories in there
_DESCRIPTORS = 256
_DESCRIPTORS_OF_DRIVERS = 4096  # those of GPUs keep one for each allocation
_FILE_MB = 1024.0  # the largest single file, where there is no disk quota
_MEBIBYTE = 1 << 20

# Directories of shared libraries, the loader's index of them, time zones and locales; devices that give nothing away.
_SYSTEM = (
    "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/libexec",
    "/nix/store", "/gnu/store",  # where whole systems lie in one directory
    "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/usr/share/locale",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/kernel/osrelease", "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/kernel/mm/transparent_hugepage/enabled",
    "/dev/random", "/dev/urandom",
    "/dev/zero",  # never for writing: shared memory could be made of it that no limit counts
)  # fmt: skip
_NAMES = (
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
)  # what makes 127.0.0.1 of localhost
# Of the worker's own process, whichever number it will have: for collectors, backtraces and thread pools. Not all
# that is there: /proc/self/net tells the connections of the whole machine.
_OWN = tuple(
    f"/proc/self/{name}"
    for name in ("auxv", "cgroup", "cmdline", "comm", "limits", "maps", "smaps", "stat", "statm", "status")
)
_DEVICES = ("/dev/null",)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the kernel and the host hold a worker to.

    Attributes:
        memory_mb: Mebibytes.
        cpu_percent: Of one CPU; None for all that there are.
        threads: At the same time, besides the worker's own.
        disk_mb: Mebibytes in the directories that it may write to; None for `DEFAULT_DISK_MB`.
    """

    memory_mb: float
    cpu_percent: float | None
    threads: int
    disk_mb: float | None

    @property
    def memory_bytes(self) -> int:
        """As the kernel takes it."""
        return int(self.memory_mb * _MEBIBYTE)

    @property
    def cpu_permille(self) -> int:
        """As the kernel takes it; 0 for none."""
        return 0 if self.cpu_percent is None else max(1, round(self.cpu_percent * 10))


def bounds_of(limits: Mapping[str, float]) -> Bounds:
    """The bounds that hold, given limits by their names in the manifest's `[resources]`."""
    cpu = limits.get("max_cpu_percent")
    return Bounds(
        memory_mb=limits.get("max_memory_mb", DEFAULT_MEMORY_MB),
        cpu_percent=cpu,
        threads=int(limits.get("max_threads", DEFAULT_THREADS)),
        disk_mb=limits.get("disk_quota_mb"),
    )


def plan_of(
    *,
    library_dir: Path,
    package_dir: Path | None,
    data_dir: Path,
    rights: Rights,
    bounds: Bounds,
    required: Iterable[str],
    user_namespace: bool,
    runtimes: Iterable[Runtime] = (),
    files: Iterable[Path] = (),
) -> str:
    """The plan of a worker's sandbox.

    Args:
        library_dir: The private copy that is loaded.
        package_dir: The plugin's own package, which it may read; None where it came without one.
        data_dir: Its data directory, below which its file access lies.
        rights: What it may do.
        bounds: What it is held to.
        required: Promises (`"P1"` ...) without which it is not loaded.
        user_namespace: Put the worker into a user namespace, where its threads are counted apart. For ordinary users.
        runtimes: Libraries from outside its package that it may use.
        files: What else it may read, folders with all that is in them; absolute and without links.

    Raises:
        InvalidInput: A path has a line break in it.
    """
    lines = [f"read {path}" for path in (*_system_paths(), *_OWN)]
    lines += [f"device {path}" for path in _DEVICES]
    lines.append(f"read {_clean(library_dir)}")
    if package_dir is not None:
        lines.append(f"read {_clean(package_dir)}")
    lines += [f"read {_clean(file)}" for file in files]
    lines += _file_access(rights, data_dir)
    lines += _weak_rights(rights)
    drivers = False
    for runtime in runtimes:
        lines += _runtime(runtime)
        drivers = drivers or bool(runtime.devices)
    lines.append(f"memory {bounds.memory_bytes}")
    lines.append(f"threads {bounds.threads}")
    lines.append(f"descriptors {_DESCRIPTORS_OF_DRIVERS if drivers else _DESCRIPTORS}")
    lines.append(f"file_bytes {int((bounds.disk_mb or _FILE_MB) * _MEBIBYTE)}")
    # What it was granted to connect to is connected by the host: its own sockets reach nobody in an empty network.
    namespaces = [*(["user"] if user_namespace else []), *(["net"] if rights.connect else [])]
    if namespaces:
        lines.append(f"namespaces {','.join(namespaces)}")
    wanted = ",".join(sorted(required))
    if wanted:
        lines.append(f"require {wanted}")
    return "\n".join(dict.fromkeys(lines))


def plan_of_command(
    *,
    programs: Iterable[Path],
    data_dir: Path,
    rights: Rights,
    bounds: Bounds,
    cgroup_memory: bool,
    cgroup_tasks: bool,
    user_namespace: bool,
    host: int,
) -> str:
    """The plan of a program that the host runs for a plugin: it sees the system's libraries and what the plugin may
    see, and nothing else.

    Args:
        programs: The program, and what interprets it.
        data_dir: The plugin's data directory, where it works if it may see it.
        rights: The plugin's.
        bounds: What it is held to.
        cgroup_memory: A control group bounds its memory.
        cgroup_tasks: A control group bounds its processes.
        user_namespace: As in `plan_of`.
        host: The number of this process, with which it ends.

    Raises:
        InvalidInput: A path has a line break in it.
    """
    files = _file_access(rights, data_dir)
    lines = [f"read {path}" for path in (*_system_paths(), *_OWN)]
    lines += [f"read {path}" for path in ("/usr/share",) if os.path.isdir(path)]
    lines += [f"device {path}" for path in _DEVICES]
    lines += [f"execute {_clean(path)}" for path in dict.fromkeys((*programs, *_program_loaders()))]
    lines += files
    if files:
        lines.append(f"working_directory {_clean(data_dir)}")
    lines.append(f"environment PATH={os.pathsep.join(('/usr/local/bin', '/usr/bin', '/bin'))}")
    lines.append("environment LANG=C.UTF-8")
    lines.append(f"memory {bounds.memory_bytes}")
    lines.append(f"cgroup_memory {int(cgroup_memory)}")
    lines.append(f"cgroup_pids {int(cgroup_tasks)}")
    lines.append(f"threads {bounds.threads}")
    lines.append(f"descriptors {_DESCRIPTORS}")
    lines.append(f"file_bytes {int((bounds.disk_mb or _FILE_MB) * _MEBIBYTE)}")
    if user_namespace:
        lines.append("namespaces user")
    lines.append(f"parent {host}")
    lines.append("require P1,P2,P3,P4")
    return "\n".join(lines)


def write_roots(rights: Rights, data_dir: Path) -> tuple[Path, ...]:
    """The directories that a plugin may write to."""
    caches = (data_dir / RUNTIME_CACHES,) if rights.runtimes else ()
    if "write_files" not in rights.permissions:
        return caches
    return (*(Path(os.path.normpath(data_dir / root)) for root in rights.file_access), *caches)


def descriptors_of(rights: Rights) -> int:
    """How many descriptors a worker may have open, at most."""
    return _DESCRIPTORS_OF_DRIVERS if rights.gpu or rights.runtimes else _DESCRIPTORS


def _file_access(rights: Rights, data_dir: Path) -> list[str]:
    word = "write" if "write_files" in rights.permissions else "read"
    if not rights.permissions & {"read_files", "write_files"}:
        return []
    return [f"{word} {_clean(Path(os.path.normpath(data_dir / root)))}" for root in rights.file_access]


def _weak_rights(rights: Rights) -> list[str]:
    """What only plugins of LAO 0.x get."""
    lines = [f"connect {_clean(address)}" for address in rights.connect]
    if rights.connect:
        lines += [f"read {path}" for path in _existing(_NAMES)]
    if rights.working_directory is not None:
        directory = _clean(rights.working_directory.resolve())
        lines += [f"write {directory}", f"working_directory {directory}"]
    programs = [_program(name) for name in rights.programs]
    if programs:
        # The kernel runs the loader to start a program, so that it is a program too.
        lines += [f"execute {_clean(path.resolve())}" for path in (*programs, *_program_loaders())]
        folders = dict.fromkeys(str(path.parent) for path in programs)
        lines.append(f"environment PATH={_clean(os.pathsep.join(folders))}")
    return lines


def _program(name: str) -> Path:
    """Where a program lies that was granted by name or by full path."""
    found = name if os.path.isabs(name) else shutil.which(name)
    if found is None:
        raise InvalidInput(f"the program `{name}` cannot be granted", causes=["it is not installed"])
    return Path(found)


def _runtime(runtime: Runtime) -> list[str]:
    lines = [f"tier {runtime.tier}"]
    for key, paths in (
        ("read", runtime.read),
        ("read_list", runtime.listed),
        ("write", runtime.write),
        ("device", runtime.devices),
        ("preload", runtime.preload),
    ):
        lines += [f"{key} {_clean(path)}" for path in paths]
    return lines + [f"environment {_clean(f'{name}={value}')}" for name, value in runtime.environment.items()]


def _clean(path: Path | str) -> str:
    """A line break would let a name write lines of its own."""
    text = str(path)
    if any(character in text for character in "\n\r\0"):
        raise InvalidInput(f"the path {text!r} cannot be granted", causes=["it has a line break in it"])
    return text


@functools.cache
def _program_loaders() -> tuple[Path, ...]:
    names = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
    return tuple(Path(name).resolve() for name in names if Path(name).exists())


@functools.cache
def _system_paths() -> tuple[str, ...]:
    found = _existing(_SYSTEM)
    return tuple(path for path in found if not any(path.startswith(f"{other}/") for other in found))


def _existing(names: Iterable[str]) -> tuple[str, ...]:
    """Without links: the sandbox opens nothing through one."""
    return tuple(sorted({os.path.realpath(path) for path in names if os.path.exists(path)}))
