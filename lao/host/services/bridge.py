"""Questions of plugins that run in this process: the native side calls, on the plugin's own thread."""

from __future__ import annotations

import atexit
import functools
import threading
import weakref
from typing import Any

from lao._native import ffi, lib
from lao.host.services.cancelling import cancelled_by
from lao.host.services.dispatch import PluginServices, failed
from lao.host.services.framing import KINDS, SERVICES, Reply
from lao.host.services.service import SLOW

__all__ = ["admit"]

_tenants: weakref.WeakValueDictionary[int, PluginServices] = weakref.WeakValueDictionary()
_serving = threading.Lock()
_DEADLINE = 2  # of a cancel word: LAO__CANCEL_DEADLINE


def admit(services: PluginServices) -> None:
    """Answers the questions of the instance that is opened with `services.tenant`."""
    with _serving:
        _tenants[services.tenant] = services
    lib.lao__glue_serve_services(True)


def _answer(request: Any) -> Reply:
    services = _tenants.get(request.tenant)
    if services is None:
        return failed("CLOSED", "the plugin was closed")
    header = ffi.buffer(request.header, request.header_size)[:] if request.header_size else b""
    body = ffi.buffer(request.body, request.body_size)[:] if request.body_size else b""
    service, kind, cancel = SERVICES[request.service], KINDS[request.kind], request.cancel
    if cancel == ffi.NULL or not int(service) & SLOW:
        return services.ask(service, kind, header, body)
    reply = services.ask(service, kind, header, body, functools.partial(cancelled_by, cancel))
    if cancel[0] == _DEADLINE:
        return failed("TIMED_OUT", "the deadline passed")
    return failed("CANCELLED", "the call was cancelled") if cancel[0] else reply


@ffi.def_extern(name="lao__glue_serve")  # type: ignore[untyped-decorator]  # cffi has no types
def _serve(request: Any, reply: Any) -> None:
    try:
        answer = _answer(request)
    except KeyboardInterrupt:  # Ctrl-C, and this is the main thread
        lib.lao__monitor_interrupt()
        answer = failed("CANCELLED", "interrupted")
    except KeyError:  # a kind that there is not
        answer = failed("INVALID_INPUT", "the value is of no kind that there is")
    lib.lao__service_reply_fill(
        reply,
        answer.status,
        answer.kind,
        answer.header,
        len(answer.header),
        answer.body,
        len(answer.body),
        answer.descriptor,
    )


# A plugin's thread that asks while the interpreter ends would hang in it, or bring it down.
atexit.register(lib.lao__glue_serve_services, False)
