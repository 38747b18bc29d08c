"""What one plugin may ask of the host, and who answers: the same for plugins in this process and in workers.

Every question is checked here, whatever tables the plugin was given: what runs in a worker can ask for anything.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lao import errors
from lao.errors import InvalidInput, LaoError, PermissionDenied
from lao.events import Events
from lao.host.confinement import Bounds
from lao.host.failure import status_code
from lao.host.services.calls import Chains, Target, check_rights, input_of, reply_of
from lao.host.services.documents import parse_object
from lao.host.services.events import CustomEvents
from lao.host.services.files import READ, Files
from lao.host.services.framing import Reply
from lao.host.services.progress import Progress
from lao.host.services.scratch import Scratch
from lao.host.services.service import Service, services_of
from lao.model.kinds import Kind
from lao.model.manifest import Event
from lao.model.rights import Rights
from lao.model.values import OutputPath

if TYPE_CHECKING:
    from lao.host.services.commands import Commands
    from lao.host.services.http import HttpBroker

__all__ = ["Denied", "HostSide", "PluginServices", "failed", "progress_of", "status_of"]

_tenants = itertools.count(1)
logger = logging.getLogger(__name__)


Register = Callable[[Callable[[], object]], AbstractContextManager[None]]
Denied = Callable[[str, str, str], object]
"""Told of each refusal: (plugin, service, reason)."""


@dataclass(frozen=True, slots=True)
class HostSide:
    """What the services need of the host; the same for all its plugins.

    Attributes:
        scratch: The plugins' stores.
        events: The bus that their events go to.
        denied: Told of refusals.
        find: Loads another plugin by its name, or finds it loaded. Raises PluginNotFound and what loading raises.
        to_json: JSON of a value.
        describe: (output, declared kind) -> what `lao.host.convert.to_native` makes of it.
        within: A context in which calls of this thread end at a time, in nanoseconds of the monotonic clock.
        new_token: A number by which a call can be cancelled.
    """

    scratch: Scratch
    events: Events
    denied: Denied
    find: Callable[[str], Target]
    to_json: Callable[[Any], str]
    describe: Callable[[Any, int], Any]
    within: Callable[[int], Any]
    new_token: Callable[[], int]


class PluginServices:
    """The services of one loaded plugin: of its instance, or of all its workers. Any thread."""

    def __init__(
        self,
        plugin: str,
        rights: Rights,
        data_dir: Path,
        declared_events: Sequence[Event],
        host: HostSide,
        bounds: Bounds | None = None,
    ) -> None:
        self.plugin = plugin
        self.rights = rights
        self.tenant = next(_tenants)
        self.progress = Progress()
        self.chains = Chains(plugin)
        self._host = host
        self._data_dir = data_dir
        self._bounds = bounds
        self._events = CustomEvents(plugin, declared_events, host.events)
        self._lock = threading.Lock()
        self._files: Files | None = None
        self._http: tuple[Rights, HttpBroker] | None = None
        self._runs: tuple[Rights, Commands] | None = None
        self._closed = False
        self._answers: dict[Service, Callable[[dict[str, Any], Kind, bytes, Register], Reply]] = {
            Service.PROGRESS: self._report,
            Service.SCRATCH: self._keep,
            Service.FILES: self._open_file,
            Service.HTTP: self._fetch,
            Service.COMMANDS: self._run,
            Service.CALLS: self._call,
            Service.EVENTS: self._emit,
        }
        if self.granted & Service.FILES:
            self._opened_files()  # now: what lies there later is not what was granted

    @property
    def rights(self) -> Rights:
        """What it may do; others may be set at any time, and hold from the next question on."""
        return self._rights

    @rights.setter
    def rights(self, rights: Rights) -> None:
        self._rights = rights
        self._granted = int(services_of(rights.permissions))

    @property
    def granted(self) -> int:
        """Which services it may ask for: a set of bits."""
        return self._granted

    def ask(
        self,
        service: Service,
        kind: Kind,
        header: bytes,
        body: bytes,
        register: Register | None = None,
    ) -> Reply:
        """Answers one question. Never raises; a refusal is a reply, too.

        Args:
            service: Which one.
            kind: Of the body.
            header: JSON.
            body: Bytes.
            register: Gets a function that ends what may take long; its result is a context that lasts as long as
                that does.
        """
        try:
            if self._closed:
                return failed("CLOSED", "the plugin was closed")
            if not self._granted & int(service):
                raise PermissionDenied("this was not granted")
            answer = self._answers.get(service)
            if answer is None:
                return failed("UNSUPPORTED", f"this LAO has no {service.name or ''} service".lower())
            return answer(parse_object(header), kind, body, register or _unregistered)
        except PermissionDenied as error:
            self._host.denied(self.plugin, (service.name or "").lower(), str(error))
            return failed("PERMISSION_DENIED", str(error))
        except (LaoError, OSError) as error:
            return failed(status_of(error), _reason_of(error))
        except Exception:
            logger.exception("the service %s failed", service.name)
            return failed("FAILED", "the host could not do it")

    def close(self) -> None:
        """Answers nothing any more. Idempotent."""
        with self._lock:
            self._closed = True
            files, self._files = self._files, None
        if files is not None:
            files.close()

    # --- The services ---

    def _report(self, header: dict[str, Any], kind: Kind, body: bytes, register: Register) -> Reply:
        fraction, text = progress_of(header)
        self.progress.report(fraction, text)
        return Reply()

    def _keep(self, header: dict[str, Any], kind: Kind, body: bytes, register: Register) -> Reply:
        key = _text(header, "key")
        owner = (self.plugin, self._data_dir)
        scratch = self._host.scratch
        match header.get("operation"):
            case "get":
                value = scratch.get(owner, key)
                return Reply() if value is None else Reply(kind=Kind.BINARY, body=value)
            case "put":
                scratch.put(owner, key, body)
            case "remove":
                scratch.remove(owner, key)
            case _:
                raise InvalidInput("a scratch store knows get, put and remove")
        return Reply()

    def _open_file(self, header: dict[str, Any], kind: Kind, body: bytes, register: Register) -> Reply:
        mode = header.get("mode")
        if type(mode) is not int:
            raise InvalidInput("the mode is no number")
        rights = self.rights
        path = _text(header, "path")
        return Reply(descriptor=self._opened_files().open(path, mode, rights.permissions, rights.file_access))

    def _opened_files(self) -> Files:
        with self._lock:
            if self._closed:
                raise LaoError("the plugin was closed")
            if self._files is None:
                try:
                    self._files = Files(self._data_dir)
                except OSError as error:
                    raise PermissionDenied(
                        f"the data directory of `{self.plugin}` is a link, or cannot be opened",
                        causes=[error.strerror or str(error)],
                        where=str(self._data_dir),
                    ) from error
            return self._files

    def _fetch(self, header: dict[str, Any], kind: Kind, body: bytes, register: Register) -> Reply:
        response, content = self._broker().fetch(header, None if kind is Kind.NONE else body, register)
        return Reply(kind=Kind.BINARY, header=self._host.to_json(response).encode("utf-8"), body=content)

    def _run(self, header: dict[str, Any], kind: Kind, body: bytes, register: Register) -> Reply:
        arguments = header.get("arguments")
        if not isinstance(arguments, list):
            raise InvalidInput("a command is a list of texts")
        result = self._commands().run(arguments, register)
        return Reply(kind=Kind.JSON, body=self._host.to_json(result).encode("utf-8"))

    def _commands(self) -> Commands:
        from lao.host.services.commands import DEFAULT_BOUNDS, Commands

        rights = self.rights
        with self._lock:
            if self._runs is None or self._runs[0] is not rights:
                runs = Commands(
                    rights.commands,
                    data_dir=self._data_dir,
                    rights=rights,
                    bounds=self._bounds or DEFAULT_BOUNDS,
                )
                self._runs = (rights, runs)
            return self._runs[1]

    def _broker(self) -> HttpBroker:
        """Made of the rights as they are now; its rate goes on as long as they stay."""
        from lao.host.services.http import HttpBroker

        rights = self.rights
        with self._lock:
            if self._http is None or self._http[0] is not rights:
                broker = HttpBroker(rights.hosts, rights.requests_per_second, rights.private_addresses)
                self._http = (rights, broker)
            return self._http[1]

    def _emit(self, header: dict[str, Any], kind: Kind, body: bytes, register: Register) -> Reply:
        self._events.emit(_text(header, "name"), body)
        return Reply()

    def _call(self, header: dict[str, Any], kind: Kind, body: bytes, register: Register) -> Reply:
        params = header.get("params")
        until = header.get("deadline_ns")
        if not isinstance(params, (dict, type(None))):
            raise InvalidInput("the parameters are no JSON object")
        if not isinstance(until, (int, type(None))):
            raise InvalidInput("the deadline is no number")
        value = input_of(kind, header, body)
        if isinstance(value, OutputPath):
            self._check_file(os.fspath(value))
        target = self._host.find(_text(header, "plugin"))
        chain = self._chain()
        check_rights(self.plugin, self.rights, chain, target)
        token = self._host.new_token()
        with (
            register(lambda: target.cancel(token)),
            _chain_of_thread(chain),
            target.chains.waiting(chain),
            self._host.within(_NO_DEADLINE if until is None else max(0, min(until, _NO_DEADLINE))),
        ):
            output, declared = target.run(_text(header, "capability"), value, params or {}, token)
        return reply_of(self._host.describe(output, declared))

    def _check_file(self, path: str) -> None:
        """A file is handed on only by a plugin that may read it; as a name, since what lies there may change."""
        if "read_files" not in self.rights.permissions:
            raise PermissionDenied("a file is handed on only with the permission `read_files`")
        os.close(self._opened_files().open(path, READ, self.rights.permissions, self.rights.file_access))

    def _chain(self) -> tuple[str, ...]:
        """The plugins that wait for this call: in-process its thread knows, else it is the longest that there is."""
        waiting: tuple[str, ...] = getattr(_thread, "chain", ())
        return (*waiting, self.plugin) if waiting else self.chains.current()


_NO_DEADLINE = 2**63 - 1
_thread = threading.local()


@contextmanager
def _chain_of_thread(chain: tuple[str, ...]) -> Iterator[None]:
    before = getattr(_thread, "chain", ())
    _thread.chain = chain
    try:
        yield
    finally:
        _thread.chain = before


@contextmanager
def _unregistered(cancel: Callable[[], object]) -> Iterator[None]:
    del cancel
    yield


def progress_of(header: dict[str, Any]) -> tuple[float, str]:
    """Fraction and text of a report.

    Raises:
        InvalidInput: They are none.
    """
    fraction, text = header.get("fraction"), header.get("text", "")
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not isinstance(text, str):
        raise InvalidInput("progress is a number and a text")
    return float(fraction), text


def _text(header: dict[str, Any], key: str) -> str:
    value = header.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"`{key}` is missing, or no text")
    return value


# --- Failures ---

_STATUS_OF: tuple[tuple[type[BaseException], str], ...] = (
    (errors.InvalidInput, "INVALID_INPUT"),
    (errors.PluginNotFound, "INVALID_INPUT"),
    (errors.PermissionDenied, "PERMISSION_DENIED"),
    (errors.PluginDisabled, "PERMISSION_DENIED"),
    (errors.ResourceLimitExceeded, "LIMIT_EXCEEDED"),
    (errors.PluginTimeout, "TIMED_OUT"),
    (errors.Cancelled, "CANCELLED"),
    (errors.PluginClosed, "CLOSED"),
    (TimeoutError, "TIMED_OUT"),
    (PermissionError, "PERMISSION_DENIED"),
)


def status_of(error: BaseException) -> str:
    """The status by which a plugin is told of an error, e.g. `"INVALID_INPUT"`; `"FAILED"` for all others."""
    return next((name for kind, name in _STATUS_OF if isinstance(error, kind)), "FAILED")


def _reason_of(error: BaseException) -> str:
    if isinstance(error, OSError) and not isinstance(error, LaoError) and error.errno is not None:
        return os.strerror(error.errno).lower()  # never a path: it may be none that the plugin should know
    return str(error)


def failed(status: str, reason: str) -> Reply:
    """A reply that only says why not."""
    return Reply(status=status_code(status), header=reason.encode("utf-8", "replace")[:4000])
