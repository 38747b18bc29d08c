"""What a call into a sandboxed worker costs, beside what a user would otherwise build and beside the limit in C.

    python tests/benchmarks/round_trip.py [--quick] [--json]

Interleaved: in each round every contestant gets its turn. Medians, means and 99th percentiles of single round trips, on
a quiet machine and with one and two busy cores; large payloads; map over two workers; starting a worker.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


import lao
from tests.benchmarks import rivals

Times = dict[str, list[float]]
"""Nanoseconds of single round trips, by contestant."""

TEXT = "x" * 64


# --- Contestants ---


class Pipe:
    """A C worker behind two pipes: os.write, os.read."""

    def __init__(self, program: Path) -> None:
        self._worker = subprocess.Popen(
            [program, "pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        self._to, self._from = self._worker.stdin.fileno(), self._worker.stdout.fileno()

    def __call__(self, text: str) -> str:
        data = text.encode()
        os.write(self._to, struct.pack("<I", len(data)) + data)
        reply = os.read(self._from, len(data) + 4)
        return reply[4:].decode()

    def close(self) -> None:
        for stream in (self._worker.stdin, self._worker.stdout):
            if stream is not None:
                stream.close()
        self._worker.wait()


def _echo(value: Any) -> Any:
    return value


def _serve_connection(connection: Any) -> None:
    while (value := connection.recv()) is not None:
        connection.send(value)


def _serve_shared(connection: Any, name: str, size: int) -> None:
    memory = shared_memory.SharedMemory(name)
    while connection.recv() is not None:
        bytes(memory.buf[:size])  # the worker reads all of it
        connection.send(True)
    memory.close()


class Connection:
    """A Python worker behind multiprocessing.Pipe."""

    def __init__(self) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        self._worker = multiprocessing.get_context("spawn").Process(target=_serve_connection, args=(theirs,))
        self._worker.start()

    def __call__(self, value: Any) -> Any:
        self._ours.send(value)
        return self._ours.recv()

    def close(self) -> None:
        self._ours.send(None)
        self._worker.join()


class Pool:
    """A ProcessPoolExecutor with one worker."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    def __call__(self, value: Any) -> Any:
        return self._pool.submit(_echo, value).result()

    def close(self) -> None:
        self._pool.shutdown()


def _serve_grpc(address: str, ready: Any) -> None:
    import grpc

    handler = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    server = grpc.server(__import__("concurrent.futures").futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo", {"Echo": handler}),))
    server.add_insecure_port(address)
    server.start()
    ready.send(True)
    ready.recv()
    server.stop(None)


class Grpc:
    """gRPC over a unix socket."""

    def __init__(self, folder: Path) -> None:
        import grpc

        address = f"unix:{folder}/grpc.sock"
        self._ours, theirs = multiprocessing.Pipe()
        self._worker = multiprocessing.get_context("spawn").Process(
            target=_serve_grpc, args=(address, theirs)
        )
        self._worker.start()
        self._ours.recv()
        self._channel = grpc.insecure_channel(address)
        self._call = self._channel.unary_unary("/echo/Echo")

    def __call__(self, text: str) -> str:
        return str(self._call(text.encode()), "utf-8")

    def close(self) -> None:
        self._channel.close()
        self._ours.send(None)
        self._worker.join()


@contextmanager
def contestants(plugin: lao.Plugin, folder: Path) -> Iterator[dict[str, Callable[[str], Any]]]:
    """By name, each called with a text that it gives back."""
    ctypes_echo = next(rival for rival in rivals.rivals() if rival.name == "ctypes").text
    entrants: dict[str, Any] = {
        "lao": lambda text: plugin.call("text", text),
        "ctypes, in-process": ctypes_echo,
    }
    entrants |= {"os.pipe, C worker": Pipe(rivals.build_peer()), "multiprocessing.Pipe": Connection()}
    entrants |= {"ProcessPoolExecutor": Pool()}
    try:
        entrants["gRPC, unix socket"] = Grpc(folder)
    except ImportError:
        print("gRPC is not installed here: it does not take part", file=sys.stderr)
    try:
        yield entrants
    finally:
        for entrant in entrants.values():
            getattr(entrant, "close", lambda: None)()


# --- Measuring ---


def _singles(call: Callable[[str], Any], value: Any, count: int, gap_s: float = 0.0) -> list[float]:
    took = []
    for _ in range(count):
        if gap_s:
            time.sleep(gap_s)
        start = time.perf_counter_ns()
        call(value)
        took.append(float(time.perf_counter_ns() - start))
    return took


def _peer(*arguments: object) -> list[float]:
    words = [str(rivals.build_peer()), *map(str, arguments)]
    return [float(line) for line in subprocess.run(words, capture_output=True, check=True).stdout.split()]


_CLOCK_NS = statistics.median(_singles(lambda _: None, None, 2000))
"""What reading the clock and calling through a Python function add to each figure of Python's."""


def race(entrants: dict[str, Callable[[str], Any]], rounds: int, count: int, gap_s: float = 0.0) -> Times:
    """Round trips of 64 bytes."""
    times: Times = {name: [] for name in entrants}
    limit = "C to C, futex" if gap_s else "C to C, spinning"
    times[limit] = []
    for _ in range(rounds):
        for name, call in entrants.items():
            few = count if name.startswith(("lao", "ctypes", "os.pipe")) else max(10, count // 10)
            _singles(call, TEXT, 3)
            times[name] += _singles(call, TEXT, few, gap_s)
        times[limit] += _peer("futex" if gap_s else "spin", 64, count, int(gap_s * 1e6))[10:]
    return times


@contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Other processes that never rest."""
    workers = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(0.2)
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def large(plugin: lao.Plugin, host: lao.Host, rounds: int) -> dict[str, float]:
    """Medians in nanoseconds."""
    found: dict[str, list[float]] = {}

    def note(name: str, call: Callable[[Any], Any], value: Any, count: int = 3) -> None:
        call(value)
        found.setdefault(name, []).extend(_singles(call, value, count))

    text = "x" * (1 << 20)
    data = bytes(64 << 20)
    arrays = {size: host.empty((size << 20,), "uint8") for size in (1, 64)}
    for array in arrays.values():
        array[:] = 1
    memory = shared_memory.SharedMemory(create=True, size=64 << 20)
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    worker = context.Process(target=_serve_shared, args=(theirs, memory.name, 64 << 20))
    worker.start()

    def through_shared_memory(value: bytes) -> None:
        assert memory.buf is not None
        memory.buf[: len(value)] = value
        ours.send(True)
        ours.recv()

    for _ in range(rounds):
        note("1 MiB text", lambda value: plugin.call("text", value), text, 20)
        found.setdefault("1 MiB, C to C", []).extend(_peer("spin", 1 << 20, 60)[20:])
        note("host.empty, 1 MiB", lambda value: plugin.call("look", value), arrays[1], 20)
        note("host.empty, 64 MiB", lambda value: plugin.call("look", value), arrays[64], 20)
        note("64 MiB bytes in, view out", lambda value: plugin.call("array", value), data)
        note("64 MiB, SharedMemory and a pipe", through_shared_memory, data)
    ours.send(None)
    worker.join()
    memory.close()
    memory.unlink()
    return {name: statistics.median(times) for name, times in found.items()}


def map_gain(host: lao.Host, library: Path, rounds: int) -> float:
    """How much faster two workers are than one, on work of 5 ms."""
    ratios = []
    with (
        host.load(library, isolation="process", workers=1) as one,
        host.load(library, isolation="process", workers=2, prewarm=True) as two,
    ):
        for _ in range(rounds):
            took = []
            for plugin in (one, two):
                list(plugin.map("work", [None] * 4))
                start = time.perf_counter()
                list(plugin.map("work", [None] * 40))
                took.append(time.perf_counter() - start)
            ratios.append(took[0] / took[1])
    return statistics.median(ratios)


def starts(host: lao.Host, library: Path, rounds: int) -> dict[str, float]:
    """Medians in nanoseconds: from nothing to the first answer."""
    found: Times = {
        "posix_spawn + dlopen": [],
        "lao: worker to first answer": [],
        "lao: load to first answer": [],
    }
    found["lao: prewarmed"] = []
    with host.load(library, isolation="process", recycle_calls=1) as fresh:
        fresh.call("text", TEXT)
        for _ in range(rounds):
            read, write = os.pipe()
            start = time.perf_counter_ns()
            pid = os.posix_spawn(
                str(rivals.build_peer()),
                ["peer", "load", str(library)],
                {},
                file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)],
            )
            os.read(read, 1)
            found["posix_spawn + dlopen"].append(float(time.perf_counter_ns() - start))
            os.waitpid(pid, 0)
            os.close(read)
            os.close(write)
            # Each call finds its worker used up: it is retired, and another one is started for it.
            start = time.perf_counter_ns()
            fresh.call("text", TEXT)
            found["lao: worker to first answer"].append(float(time.perf_counter_ns() - start))
            start = time.perf_counter_ns()
            plugin = host.load(library, isolation="process")
            plugin.call("text", TEXT)
            found["lao: load to first answer"].append(float(time.perf_counter_ns() - start))
            found["lao: prewarmed"] += _singles(functools.partial(plugin.call, "text"), TEXT, 1)
            plugin.close()
    return {name: statistics.median(times) for name, times in found.items()}


# --- Results ---


def measure(quick: bool) -> dict[str, Any]:
    """Everything, in nanoseconds."""
    rounds, count = (3, 400) if quick else (12, 2000)
    library = rivals.build_plugin()
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["LAO_HOME"] = str(folder)
        host = stack.enter_context(lao.Host())
        plugin = stack.enter_context(host.load(library, isolation="process"))
        entrants = stack.enter_context(contestants(plugin, folder))
        for cores in (0, 1, 2):
            with busy_cores(cores):
                found[f"64 B, {cores} busy cores"] = race(entrants, rounds, count)
        fast = {name: entrants[name] for name in ("lao", "os.pipe, C worker")}
        found["64 B, 200 us between"] = race(fast, rounds, count // 4, 0.0002)
        found["large"] = large(plugin, host, rounds)
        found["map"] = map_gain(host, library, rounds)
        found["start"] = starts(host, library, 10 * rounds)
    return found


def _summary(times: list[float]) -> tuple[float, float, float]:
    ordered = sorted(times)
    return statistics.median(ordered), statistics.fmean(ordered), ordered[int(len(ordered) * 0.99)]


def judge(found: dict[str, Any]) -> list[tuple[str, float, float, bool]]:
    """(aim, reached, bound, kept)."""
    quiet = {name: _summary(times)[0] for name, times in found["64 B, 0 busy cores"].items()}
    ours = quiet["lao"] - _CLOCK_NS
    aims = [("64 B: ns over C to C spinning", ours - quiet["C to C, spinning"], 900.0)]
    for name, bound in (
        ("ctypes, in-process", 1.0),
        ("os.pipe, C worker", 1 / 8),
        ("multiprocessing.Pipe", 1 / 25),
        ("ProcessPoolExecutor", 1 / 200),
        ("gRPC, unix socket", 1 / 600),
    ):
        if name in quiet:
            aims.append((f"64 B: of {name}", ours / (quiet[name] - _CLOCK_NS), bound))
    sparse = {name: _summary(times)[0] for name, times in found["64 B, 200 us between"].items()}
    best = min(sparse["os.pipe, C worker"], sparse["C to C, futex"])
    aims.append(("sparse: of the better of os.pipe and futex", sparse["lao"] / best, 1.0))
    crowded = {name: _summary(times)[2] for name, times in found["64 B, 2 busy cores"].items()}
    aims.append(("two busy cores: p99 of os.pipe's", crowded["lao"] / crowded["os.pipe, C worker"], 1.0))
    big, start = found["large"], found["start"]
    aims += [
        ("1 MiB text: of C to C", big["1 MiB text"] / big["1 MiB, C to C"], 1.1),
        ("host.empty: 64 MiB of 1 MiB", big["host.empty, 64 MiB"] / big["host.empty, 1 MiB"], 1.2),
        ("64 MiB bytes: s for 1 GB", big["64 MiB bytes in, view out"] / (64 << 20), 1 / 5),
        (
            "64 MiB: of SharedMemory",
            big["64 MiB bytes in, view out"] / big["64 MiB, SharedMemory and a pipe"],
            0.2,
        ),
        (
            "worker start: of spawn + dlopen",
            start["lao: worker to first answer"] / start["posix_spawn + dlopen"],
            2.0,
        ),
    ]
    judged = [(name, reached, bound, reached <= bound) for name, reached, bound in aims]
    return [*judged, ("map over two workers: times one", found["map"], 1.8, found["map"] >= 1.8)]


def show(found: dict[str, Any]) -> None:
    for title, contest in found.items():
        if title in ("map", "large", "start"):
            continue
        print(f"\n{title}{'us: median':>28}{'mean':>10}{'p99':>10}")
        for name, times in contest.items():
            median, mean, p99 = (ns / 1000 for ns in _summary(times))
            print(f"    {name:24}{median:16.2f}{mean:10.2f}{p99:10.2f}")
    for title in ("large", "start"):
        print(f"\n{title}")
        for name, ns in found[title].items():
            print(f"    {name:34}{ns / 1000:12.1f} us")
    print(f"\naims (reading the clock costs {_CLOCK_NS:.0f} ns)")
    for name, reached, bound, kept in judge(found):
        print(f"    {name:46}{reached:10.4f}   {'kept' if kept else 'MISSED'} (bound {bound:.4f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--json", action="store_true", help="everything as JSON: medians, means, 99th percentiles"
    )
    options = parser.parse_args()
    found = measure(options.quick)
    if options.json:
        for title in [title for title in found if title.startswith("64 B")]:
            found[title] = {name: _summary(times) for name, times in found[title].items()}
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
