"""The host: loads plugins and keeps what they share."""

from __future__ import annotations

import operator
import os
import sys
import threading
import weakref
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lao import paths
from lao._native import SharedMemory, lib, setup
from lao.audit import Audit
from lao.errors import InvalidInput, LaoError, PluginLoadError, PluginNotFound
from lao.events import Events
from lao.host import convert, neighbours
from lao.host.backend import Backend, Order
from lao.host.confinement import DEFAULT_DISK_MB, DISK_FILES, descriptors_of, plan_of, write_roots
from lao.host.describe import PluginInfo, read_description
from lao.host.failure import exception_of
from lao.host.follow import Follower
from lao.host.inprocess import InProcess
from lao.host.isolated import Isolated
from lao.host.plugin import Loaded, Plugin
from lao.host.policy import DEFAULT_TIMEOUT_S, Decision, decide, enforced_by
from lao.host.private_copy import PrivateCopy, make_private_copy
from lao.host.roots import prepare_write_roots
from lao.host.running import Mailbox
from lao.host.runtimes import RUNTIME_CACHES, Runtime, find_runtimes, preload
from lao.host.services.calls import Target
from lao.host.services.desk import Desk
from lao.host.services.progress import Listener
from lao.host.services.server import WorkerId
from lao.host.settings import Settings, named_paths, settings_of
from lao.host.source import FileLocator, Locator, Source, source_of_directory, source_of_library
from lao.host.watchdog import Limits, Watch, Watchdog
from lao.model.json_schema import paths_of
from lao.model.manifest import check_manifest, require_compatible
from lao.package.inspect import LibraryInfo, inspect_library
from lao.package.loadable import explain_unloadable

__all__ = ["Host"]

setup(exception_of, convert.to_native, convert.from_native, convert.param_to_json)

_MEBIBYTE = 1 << 20
_THREADS = 16  # for acall, astream and map


class Host:
    """Loads plugins. A context manager that closes them all.

    Args:
        home: LAO's folder; default is LAO_HOME or the user's data folder.
        locator: Who knows plugins by name; default knows none (`lao.Host` brings one).

    Example:
        >>> with lao.Host() as host:                              # doctest: +SKIP
        ...     host.load("plugins/shout")("hello")
        'HELLO'
    """

    def __init__(self, home: str | os.PathLike[str] | None = None, *, locator: Locator | None = None) -> None:
        self._home = Path(home) if home is not None else paths.home()
        self._locator: Locator = locator or FileLocator()
        self._plugins: weakref.WeakSet[Plugin] = weakref.WeakSet()
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._closed = False
        self.events = Events()
        self.audit = Audit(self._home)
        self._follower = Follower(self._locator.signature, self.events, Mailbox(self._home))
        self._callees: dict[str, Plugin] = {}
        self._callee_locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)  # by library
        self._desk = Desk(self.events, self._denied, self._callee, self._violated)
        self._watchdog = Watchdog(self.events, self.audit)
        weakref.finalize(self, self._watchdog.close)
        lib.lao__monitor_catch_sigint()

    def load(
        self,
        target: str | os.PathLike[str],
        *,
        isolation: str = "auto",
        workers: int = 1,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        strict: bool = False,
        limits: Mapping[str, float] | None = None,
        config: Mapping[str, Any] | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        grant: Iterable[str] = (),
        accept: Iterable[str] = (),
        stable: bool = False,
        prewarm: bool = False,
        recycle_calls: int = 0,
        recycle_age_s: float = 0.0,
        recycle_memory_mb: float = 0.0,
        idle_s: float = 0.0,
        on_progress: Listener | None = None,
    ) -> Plugin:
        """Loads a plugin.

        Args:
            target: An installed name, a project's name, a library file, or a plugin's directory. A `str` with a path
                separator, and anything that is no name but exists, is a path.
            isolation: `"process"`: in sandboxed worker processes; `"none"`: in this one, which nothing protects
                from it; `"auto"`: in workers, unless the user trusts this very package (`lao plugin trust`).
            workers: Worker processes, 1 to 64; all but the first start when they are needed.
            timeout: Seconds that one call may take, None for no limit; default 30, or the manifest's `timeout_s`.
            strict: Refuse limits that cannot be enforced instead of listing them in `enforced`.
            limits: Limits by their names in the manifest's `[resources]`, over what the manifest says.
            config: Settings by key of the config_schema, over what the user set.
            data_dir: Its data directory; default `<home>/data/<name>`.
            grant: Permissions for this load, besides what the user granted it for good; also `"private_addresses"`, by
                which `network_access` reaches this machine and its neighbours.
            accept: Promises (`"P1"` to `"P12"`, see `enforced`) that need not be kept on this machine. Each weakens
                what isolation protects from.
            stable: Arrays that it returns are copied: those in a worker's memory could still be changed by it.
            prewarm: Start all workers now.
            recycle_calls: Replace a worker after so many calls; 0 for never.
            recycle_age_s: Replace an idle worker that is older; 0 for never.
            recycle_memory_mb: Replace an idle worker that holds more memory; 0 for never.
            idle_s: Close a worker that had nothing to do for so long; the next call starts another. 0 for never.
            on_progress: Called with (fraction, text) as its calls report how far they are; see `Plugin.on_progress`.

        Raises:
            PluginNotFound: There is no such plugin.
            PluginDisabled: The user switched it off.
            ManifestError: Its manifest has errors, or wants a newer LAO.
            PluginLoadError: The library cannot be loaded, and why.
            AbiMismatch: It speaks no ABI that this LAO speaks.
            PluginCrashed, PluginTimeout: Its worker died, or hung, while loading it.
            PermissionDenied: It needs a permission that was not granted, or this machine cannot keep a promise.
            InvalidInput: An argument, or a setting, is not valid.
        """
        if self._closed:
            raise InvalidInput("the host was closed")
        if type(workers) is not int or not 1 <= workers <= 64:
            raise InvalidInput(f"workers must be a number from 1 to 64, not {workers!r}")
        granted, accepted = tuple(grant), tuple(accept)

        def resolve(given: Mapping[str, Any]) -> dict[str, Any]:
            source = self._find(target)
            return settings_of(source.manifest, source.settings, given)

        settings = Settings(config or {}, resolve)
        upkeep = _upkeep(recycle_age_s, recycle_memory_mb, idle_s)

        def decide_once() -> tuple[Source, Decision]:
            source = self._find(target)
            if data_dir is not None:
                source = replace(source, data_dir=Path(data_dir))
            decision = decide(
                source,
                isolation=isolation,
                timeout_s=timeout,
                limits=limits,
                strict=strict,
                grant=granted,
                accept=accepted,
            )
            return source, decision

        def load_once() -> Loaded:
            source, decision = decide_once()
            chosen = {**source.settings, **settings.given}
            loaded = self._load(
                source,
                decision,
                workers,
                settings_of(source.manifest, source.settings, settings.given),
                named_paths(source.manifest, chosen, self._home),
                stable=stable,
                recycle_calls=recycle_calls,
                upkeep=upkeep,
            )
            if accepted and decision.isolation == "process":
                self.audit.record("accept", plugin=source.name, promises=sorted(accepted))
            if prewarm and decision.isolation == "process":
                lib.lao__isolated_start_all(loaded.target.pointer)
            return loaded

        lib.lao__monitor_catch_sigint()
        plugin = Plugin._make(load_once(), load_once, settings, self._executor, on_progress)
        self._plugins.add(plugin)
        self._follower.follow(plugin, lambda: decide_once()[1])
        plugin._tell_loaded()
        return plugin

    def empty(self, shape: int | Sequence[int], dtype: Any = "float32") -> Any:
        """An array, not initialised, in memory that workers map: it crosses to them without a copy.

        Args:
            shape: Elements per axis.
            dtype: Anything that `numpy.dtype` takes.

        Returns:
            A numpy array. Needs numpy.

        Raises:
            InvalidInput: No such array is possible.
        """
        try:
            import numpy
        except ImportError as error:
            raise LaoError("host.empty makes numpy arrays", hint="pip install numpy") from error
        try:
            lengths = tuple(
                operator.index(length) for length in ((shape,) if isinstance(shape, int) else shape)
            )
            kind = numpy.dtype(dtype)
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"no array of shape {shape} and dtype {dtype} is possible", causes=[str(error)]
            ) from None
        if any(length < 0 for length in lengths) or kind.hasobject:
            raise InvalidInput(f"no array of shape {lengths} and dtype {kind} is possible")
        count = 1
        for length in lengths:
            count *= length
        if count * kind.itemsize > sys.maxsize:
            raise InvalidInput(f"no array of shape {lengths} and dtype {kind} is possible: it is too large")
        return numpy.ndarray(lengths, kind, buffer=memoryview(SharedMemory(count * kind.itemsize)))

    def close(self) -> None:
        """Closes every plugin that it loaded. Idempotent."""
        self._closed = True
        self._follower.close()
        for plugin in list(self._plugins):
            plugin.close()
        self._desk.close()
        self._watchdog.close()
        self.events.close()
        self.audit.close()
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- Loading ---

    def _describe(self, library: Path) -> PluginInfo:
        """What a library says of itself, whatever its manifest says: asked in a worker that makes no instance of it."""
        source = self._find(library)
        if source.manifest is not None:
            bare = source.manifest.model_copy(update={"capabilities": (), "config_schema": None})
            source = replace(source, manifest=bare)
        decision = decide(
            source,
            isolation="process",
            timeout_s=DEFAULT_TIMEOUT_S,
            limits=None,
            strict=False,
            grant=(),
            accept=(),
        )
        upkeep = _upkeep(0.0, 0.0, 0.0)
        loaded = self._load(source, decision, 1, None, (), stable=False, recycle_calls=0, upkeep=upkeep)
        lib.lao__target_close(loaded.target.pointer)
        loaded.counter.close()
        return loaded.info

    def _executor(self) -> Executor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="lao-call")
            return self._pool

    def _find(self, target: str | os.PathLike[str]) -> Source:
        text = os.fspath(target)
        is_path = (
            not isinstance(target, str) or os.sep in text or (os.altsep is not None and os.altsep in text)
        )
        if not is_path:
            try:
                return self._locator.locate(text)
            except PluginNotFound:
                if not Path(text).exists():
                    raise
        path = Path(text).absolute()
        if not path.exists():
            raise PluginLoadError(f"cannot load `{text}`", causes=["there is no such file"], where=str(path))
        source = source_of_directory(path) if path.is_dir() else source_of_library(path)
        return self._locator.complete(source)

    def _load(
        self,
        source: Source,
        decision: Decision,
        workers: int,
        settings: dict[str, Any] | None,
        files: tuple[Path, ...],
        *,
        stable: bool,
        recycle_calls: int,
        upkeep: Limits,
    ) -> Loaded:
        if source.manifest is not None:
            require_compatible(source.manifest)
        directory = source.data_dir or self._home / "data" / source.name
        directory.mkdir(parents=True, exist_ok=True)
        directory = directory.resolve()
        runtimes = find_runtimes(
            decision.rights.runtimes, gpu=decision.rights.gpu, cache_dir=directory / RUNTIME_CACHES
        )
        library = inspect_library(source.library)
        reason = explain_unloadable(library, search=[folder for found in runtimes for folder in found.search])
        if reason is not None:
            raise reason
        copy = make_private_copy(library)
        backend: Backend = InProcess() if decision.isolation == "none" else Isolated()
        if decision.isolation == "none":
            neighbours.admit(source.name, library, copy)
            preload(runtimes)
        roots = write_roots(decision.rights, directory) if decision.isolation == "process" else ()
        prepare_write_roots(source.name, roots)
        counter = self._desk.open(
            source.manifest.plugin.name if source.manifest else source.name,
            decision.rights,
            directory,
            source.manifest.events if source.manifest else (),
            isolated=decision.isolation == "process",
            bounds=decision.bounds,
        )
        order = Order(
            name=source.name,
            library=copy.library,
            original=source.library,
            config=settings,
            resource_dir=source.resource_dir,
            data_dir=directory,
            timeout_s=decision.timeout_s,
            workers=workers,
            sandbox_plan=_plan(source, decision, copy, directory, runtimes, files)
            if decision.isolation == "process"
            else "",
            bounds=decision.bounds,
            stable=stable,
            recycle_calls=recycle_calls,
            counter=counter,
        )
        try:
            opened = backend.open(order)
        except LaoError:
            counter.close()
            raise
        try:
            description = read_description(opened.description, source.manifest, source.library)
            enforced = enforced_by(decision, opened.report)
        except LaoError:
            lib.lao__target_close(opened.pointer)
            counter.close()
            raise
        info = _info(source, library, copy, description, decision)
        limits = _limits(decision, upkeep)

        def watch(owner: object) -> Watch:
            return self._watchdog.watch(info.name, opened.pointer, limits, roots, owner=owner)

        return Loaded(
            backend,
            opened,
            description,
            info,
            decision,
            workers,
            enforced,
            counter,
            settings or {},
            paths_of(source.manifest.config_schema if source.manifest is not None else None),
            watch if decision.isolation == "process" else None,
            lambda name, **facts: self.events.emit(name, info.name, **facts),
        )

    # --- What plugins ask for ---

    def _denied(self, plugin: str, service: str, reason: str) -> None:
        self.audit.record("denial", plugin=plugin, service=service, reason=reason)
        self.events.emit("permission_denied", plugin, service=service, reason=reason)

    def _violated(self, plugin: str, worker: WorkerId, reason: str) -> None:
        self.audit.record("kill", plugin=plugin, worker=worker.pid, reason=reason)
        self.events.emit("protocol_violation", plugin, pid=worker.pid, reason=reason)

    def _callee(self, name: str) -> Target:
        """A plugin that another plugin calls: by an installed name or a local project's, never by a path."""
        if os.sep in name or (os.altsep is not None and os.altsep in name):
            raise PluginNotFound(f"there is no plugin `{name}`", name=name)
        library = self._locator.locate(name).library
        with self._callee_locks[library]:  # one that takes long to load keeps only those waiting who want it
            plugin = next(
                (one for one in list(self._plugins) if not one.closed and one.info.library == library), None
            ) or self.load(name)
            self._callees[name] = plugin  # nobody else may hold it
        return plugin._as_callee()


def _upkeep(age_s: Any, memory_mb: Any, idle_s: Any) -> Limits:
    for name, value in (("recycle_age_s", age_s), ("recycle_memory_mb", memory_mb), ("idle_s", idle_s)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
            raise InvalidInput(f"{name} must be a number from 0 on, not {value!r}")
    return Limits(recycle_age_s=float(age_s), recycle_bytes=int(memory_mb * _MEBIBYTE), idle_s=float(idle_s))


def _limits(decision: Decision, upkeep: Limits) -> Limits:
    """What the watchdog holds the workers to."""
    bounds = decision.bounds
    return replace(
        upkeep,
        memory_bytes=bounds.memory_bytes,
        cpu_percent=bounds.cpu_percent or 0.0,
        threads=bounds.threads,
        descriptors=descriptors_of(decision.rights),
        disk_bytes=int((bounds.disk_mb or DEFAULT_DISK_MB) * _MEBIBYTE),
        disk_files=DISK_FILES,
    )


def _plan(
    source: Source,
    decision: Decision,
    copy: PrivateCopy,
    data_dir: Path,
    runtimes: Iterable[Runtime],
    files: Iterable[Path],
) -> str:
    return plan_of(
        library_dir=copy.library.parent.resolve(),
        package_dir=source.resource_dir.resolve() if source.packaged and source.resource_dir else None,
        data_dir=data_dir,
        rights=decision.rights,
        bounds=decision.bounds,
        required=decision.required,
        user_namespace=os.geteuid() != 0,
        runtimes=runtimes,
        files=files,
    )


def _info(
    source: Source, library: LibraryInfo, copy: PrivateCopy, description: Any, decision: Decision
) -> PluginInfo:
    manifest = source.manifest
    warnings = description.warnings
    version, about = description.version, description.description
    # The libraries of LAO 0.x all say "1.0.0": where there is a manifest, it knows better.
    if manifest is not None and (description.abi == "lao/0.x" or not version):
        version = str(manifest.plugin.version)
    if manifest is not None and (description.abi == "lao/0.x" or not about):
        about = manifest.plugin.description or about
    if manifest is not None:
        warnings += tuple(f"{problem.key}: {problem.message}" for problem in check_manifest(manifest))
    return PluginInfo(
        name=manifest.plugin.name if manifest else description.name or source.name,
        version=version,
        description=about,
        abi=description.abi,
        library=library.path,
        digest=copy.digest,
        isolation=decision.isolation,
        thread_role=description.thread_role,
        capabilities=description.capabilities,
        aliases=description.aliases,
        warnings=warnings,
        relaxed=copy.relaxed,
        config_schema=description.config_schema,
        events=description.events,
    )
