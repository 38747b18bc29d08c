"""A million calls into workers that are killed, run late, are cancelled and are loaded again at random: nothing leaks,
and every call is answered once, with its own answer or with an error that says what happened.

    python tests/soak/faults.py [--calls N] [--seed N]

Exit 1 when memory, descriptors, memory files, processes, cgroups or files are left, or a call got what is not its own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil

import lao
from tests import plugins
from tests.hostile.leaks import Holdings

THREADS = 4
MOST_GROWTH_MB = 8.0
"""In the second half: the first takes what allocators and pools keep."""

EXPECTED = (lao.PluginCrashed, lao.WorkerRestarted, lao.Cancelled, lao.PluginTimeout)


class Soak:
    """The callers, and one thread that does harm."""

    def __init__(self, plugin: lao.Plugin, calls: int, seed: int) -> None:
        self.plugin = plugin
        self.left = calls
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.outcomes: Counter[str] = Counter()
        self.harm: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.done = threading.Event()

    def _take(self, count: int) -> int:
        with self.lock:
            taken = min(count, self.left)
            self.left -= taken
        return taken

    def call(self, name: int) -> None:
        number, outcomes, own = 0, Counter[str](), random.Random(name)
        while (batch := self._take(200)) and not self.wrong:
            for _ in range(batch):
                number += 1
                text = f"{name}:{number}"
                try:
                    if own.random() < 0.0005:
                        with self.plugin.deadline(0.002):
                            self.plugin.call("wait", ms=200)
                        self.wrong.append("a call that takes 200 ms made its deadline of 2 ms")
                    answer = self.plugin.call("text", text)
                except EXPECTED as error:
                    outcomes[type(error).__name__] += 1
                except lao.LaoError as error:
                    self.wrong.append(f"unexpected {type(error).__name__}: {error}")
                else:
                    outcomes["answered"] += 1
                    if answer != text:
                        self.wrong.append(f"`{text}` was answered with `{answer}`")
        with self.lock:
            self.outcomes.update(outcomes)

    def do_harm(self) -> None:
        while not self.done.wait(self.random.uniform(0.005, 0.05)):
            what = self.random.choices(("kill", "cancel", "reload"), (5, 3, 1))[0]
            self.harm[what] += 1
            if what == "kill":
                workers = [child.pid for child in psutil.Process().children() if child.name() == "lao-worker"]
                if workers:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(self.random.choice(workers), signal.SIGKILL)
            elif what == "cancel":
                self.plugin.cancel()
            else:
                with contextlib.suppress(lao.LaoError):
                    self.plugin.reload()

    def run(self) -> None:
        callers = [threading.Thread(target=self.call, args=(name,)) for name in range(THREADS)]
        harmer = threading.Thread(target=self.do_harm)
        for thread in (*callers, harmer):
            thread.start()
        for thread in callers:
            thread.join()
        self.done.set()
        harmer.join()


def memory_mb() -> float:
    return psutil.Process().memory_info().rss / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LAO_HOME"] = folder
        own = Path(folder, "tmp")
        own.mkdir()
        tempfile.tempdir = str(own)
        library = plugins.build("echo", thread_role="full")
        with lao.Host(folder) as host:
            host.load(library, isolation="process").close()  # what is made once is there now
            before = Holdings(own, Path(folder))
            plugin = host.load(library, isolation="process", workers=2)
            memory, outcomes, harm, wrong = [], Counter[str](), Counter[str](), []
            for half in range(2):
                soak = Soak(plugin, options.calls // 2, options.seed + half)
                start = time.perf_counter()
                soak.run()
                outcomes += soak.outcomes
                harm += soak.harm
                wrong += soak.wrong
                memory.append(memory_mb())
                print(
                    f"half {half + 1}: {time.perf_counter() - start:.0f} s, {memory[-1]:.1f} MB", flush=True
                )
            plugin.close()
            leaked = Holdings(own, Path(folder)).leaked_since(before, 5)
    calls = sum(outcomes.values())
    print("outcomes:", ", ".join(f"{count} {name}" for name, count in outcomes.most_common()))
    print("harm:", ", ".join(f"{count} x {name}" for name, count in harm.most_common()))
    print(f"memory: {memory[1] - memory[0]:+.2f} MB in the second half")
    for problem in (*wrong[:10], *(f"left behind: {what}" for what in leaked)):
        print(f"WRONG: {problem}")
    lost = options.calls // 2 * 2 - calls
    if lost > 0 and not wrong:
        print(f"WRONG: {lost} calls ended without an answer")
    failed = bool(wrong or leaked or lost > 0 or memory[1] - memory[0] > MOST_GROWTH_MB)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
