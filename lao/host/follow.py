"""What the user decides while plugins run: `lao plugin permissions`, `limits` and `reload` reach hosts that are running
already.

One thread looks at the decisions' signature, and for questions from outside, a few times a second. Other limits hold
from then on for running workers. Other permissions take effect in two steps: services that the host gives are refused
or allowed at once, and the plugin is loaded again, since a sandbox cannot be changed from outside. A plugin that lost
what it cannot do without is closed.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lao._native import ffi, lib
from lao.errors import LaoError, PermissionDenied, PluginDisabled
from lao.events import Events
from lao.host.isolated import tasks_of
from lao.host.policy import Decision
from lao.host.running import Mailbox, Question
from lao.model.names import fold_name

if TYPE_CHECKING:
    from lao.host.plugin import Plugin

__all__ = ["Follower"]

_LOOK_S = 0.3
_MEBIBYTE = 1 << 20

logger = logging.getLogger(__name__)


class Follower:
    """Follows the decisions about the plugins of one host.

    Args:
        signature: What changes when a decision does; cheap.
        events: Where it tells what it did: `plugin_updated`, `permission_denied`.
        mailbox: Where the host is asked from outside; it is opened with the first plugin.
    """

    def __init__(self, signature: Callable[[], object], events: Events, mailbox: Mailbox) -> None:
        self._signature = signature
        self._events = events
        self._mailbox = mailbox
        self._seen = signature()
        self._deciders: weakref.WeakKeyDictionary[Plugin, Callable[[], Decision]] = (
            weakref.WeakKeyDictionary()
        )
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, plugin: Plugin, decide: Callable[[], Decision]) -> None:
        """Follows one plugin for as long as it lives; `decide` decides anew how it runs."""
        with self._lock:
            self._deciders[plugin] = decide
            if self._thread is None and not self._stop.is_set():
                self._mailbox.open()
                self._thread = threading.Thread(target=self._run, name="lao-decisions", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Follows nobody any more. Idempotent."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._mailbox.close()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            signature = self._signature()
            if signature != self._seen:
                self._seen = signature
                for plugin, decide in self._followed():
                    self._apply(plugin, decide)
            for question in self._mailbox.take():
                # A reload may have to wait for calls in flight, and decisions are not to wait with it.
                threading.Thread(
                    target=self._answer, args=(question,), name="lao-answer", daemon=True
                ).start()

    def _followed(self) -> list[tuple[Plugin, Callable[[], Decision]]]:
        with self._lock:
            return [(plugin, decide) for plugin, decide in self._deciders.items() if not plugin.closed]

    # --- Questions ---

    def _answer(self, question: Question) -> None:
        self._mailbox.answer(question, self._answer_to(question))

    def _answer_to(self, question: Question) -> dict[str, Any]:
        if question.content.get("what") != "reload":
            return {"error": "this host does not know how to do that"}
        wanted = fold_name(str(question.content.get("plugin", "")))
        plugins = [plugin for plugin, _ in self._followed()]
        return {"plugins": [_reloaded(plugin) for plugin in plugins if wanted in _names(plugin)]}

    # --- Decisions ---

    def _apply(self, plugin: Plugin, decide: Callable[[], Decision]) -> None:
        try:
            after = decide()
        except (PermissionDenied, PluginDisabled) as error:
            self._end(plugin, error)
            return
        except LaoError as error:
            logger.warning("it cannot be decided anew how `%s` runs: %s", plugin.info.name, error)
            return
        before = plugin._loaded.decision
        try:
            if plugin._follow_settings():
                self._events.emit("plugin_updated", plugin.info.name, what="settings")
        except LaoError as error:
            logger.warning("`%s` does not take its new settings: %s", plugin.info.name, error)
        if after.isolation == "process" and after.bounds != before.bounds:
            self._bound(plugin, after)
        if after.rights != before.rights or after.timeout_s != before.timeout_s:
            plugin._loaded.counter.services.rights = after.rights
            self._load_again(plugin)

    def _bound(self, plugin: Plugin, after: Decision) -> None:
        """Other limits for workers that run, and for those that start later."""
        bounds = after.bounds
        limits = ffi.new("lao__cgroup_limits_t *")
        limits.memory_bytes = bounds.memory_bytes
        limits.cpu_permille = bounds.cpu_permille
        limits.tasks = tasks_of(bounds)
        lib.lao__isolated_change_limits(plugin._loaded.target.pointer, limits)
        watch = plugin._watch
        if watch is not None:
            watch.change(
                replace(
                    watch.limits,
                    memory_bytes=bounds.memory_bytes,
                    cpu_percent=bounds.cpu_percent or 0.0,
                    threads=bounds.threads,
                    disk_bytes=int(bounds.disk_mb * _MEBIBYTE) if bounds.disk_mb else watch.limits.disk_bytes,
                )
            )
        plugin._loaded = replace(plugin._loaded, decision=replace(plugin._loaded.decision, bounds=bounds))
        self._events.emit("plugin_updated", plugin.info.name, what="limits")

    def _load_again(self, plugin: Plugin) -> None:
        try:
            plugin.reload()
        except LaoError as error:
            self._end(plugin, error)
        else:
            self._events.emit("plugin_updated", plugin.info.name, what="permissions")

    def _end(self, plugin: Plugin, error: LaoError) -> None:
        self._events.emit("permission_denied", plugin.info.name, service="load", reason=str(error))
        plugin.close()


def _names(plugin: Plugin) -> set[str]:
    """What it is called: by its manifest or library, by who loaded it, and as LAO 0.x called it."""
    info = plugin.info
    return {fold_name(name) for name in (info.name, plugin._loaded.counter.services.plugin, *info.aliases)}


def _reloaded(plugin: Plugin) -> dict[str, Any]:
    """Loads it again; what it was and is, or why the old one goes on serving."""
    before = plugin.info
    facts: dict[str, Any] = {
        "isolation": before.isolation,
        "library": str(before.library),
        "old": {"version": before.version, "digest": before.digest},
    }
    try:
        state = plugin.reload()
    except LaoError as error:
        return facts | {
            "error": {
                "message": error.message,
                "causes": error.causes,
                "where": error.where,
                "hint": error.hint,
            }
        }
    except Exception as error:
        logger.exception("`%s` cannot be loaded again", before.name)
        return facts | {"error": {"message": repr(error), "causes": (), "where": None, "hint": None}}
    after = plugin.info
    return facts | {
        "library": str(after.library),
        "new": {"version": after.version, "digest": after.digest},
        "state": state,
    }
