"""Counters of a plugin, as a snapshot of what the native side counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lao._native import ffi, lib

__all__ = ["Stats", "read_stats"]


@dataclass(frozen=True, slots=True)
class Stats:
    """What a plugin's calls took so far. Times are seconds; the quantiles come from a histogram with buckets of a
    factor
    of two, so they are right to within that factor.

    Attributes:
        calls: Calls that ended, failed ones included.
        failures: Calls that ended with an error.
        in_flight: Calls that run now.
        restarts: Workers that were started after the first ones.
        total_s: Sum of all calls' times.
        mean_s: Their mean; 0 without calls.
        p50_s: Median.
        p99_s: 99th percentile.
        longest_s: The longest call.
        output_bytes: What its workers printed and logged; 0 in-process.
        output_dropped_bytes: How much of that is gone, as only the newest is kept.
    """

    calls: int
    failures: int
    in_flight: int
    restarts: int
    total_s: float
    mean_s: float
    p50_s: float
    p99_s: float
    longest_s: float
    output_bytes: int
    output_dropped_bytes: int


def read_stats(pointer: Any, output: tuple[int, int]) -> Stats:
    """Reads a target's counters; `output` is what its backend counted of that."""
    raw = ffi.new("lao__glue_stats_t *")
    lib.lao__glue_stats(pointer, raw)
    totals = raw.calls
    latency = list(totals.latency)
    calls = sum(latency)
    return Stats(
        calls=calls,
        failures=totals.failures,
        in_flight=lib.lao__glue_in_flight(pointer),
        restarts=raw.restarts,
        total_s=totals.total_ns / 1e9,
        mean_s=totals.total_ns / calls / 1e9 if calls else 0.0,
        p50_s=_quantile(latency, calls, 0.5, totals.step_ns),
        p99_s=_quantile(latency, calls, 0.99, totals.step_ns),
        longest_s=totals.longest_ns / 1e9,
        output_bytes=output[0],
        output_dropped_bytes=output[1],
    )


def _quantile(latency: list[int], calls: int, fraction: float, step_ns: float) -> float:
    """The geometric middle of the bucket in which the quantile lies, in seconds."""
    seen = 0
    for bucket, count in enumerate(latency):
        seen += count
        if count and seen >= fraction * calls:
            return float(2**bucket * 2**0.5 * step_ns / 1e9)
    return 0.0
