/* Counters of a plugin: atomic, written by every call, read on demand. */
#ifndef LAO_CORE_STATS_H
#define LAO_CORE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#define LAO__STATS_BUCKETS 48u

/* latency[i] counts the calls that took from 2^i up to 2^(i+1) ns; their sum is the number of calls. */
typedef struct lao__stats {
    _Atomic uint64_t latency[LAO__STATS_BUCKETS];
    _Atomic uint64_t total_ns;
    _Atomic uint64_t longest_ns;
    _Atomic uint64_t failures;
    _Atomic uint64_t restarts; /* of workers */
} lao__stats_t;

static inline void lao__stats_record(lao__stats_t *stats, int64_t duration_ns, int failed) {
    uint64_t ns = duration_ns > 0 ? (uint64_t)duration_ns : 1;
    uint32_t bucket = 63u - (uint32_t)__builtin_clzll(ns);
    uint64_t longest = atomic_load_explicit(&stats->longest_ns, memory_order_relaxed);
    if (bucket >= LAO__STATS_BUCKETS) {
        bucket = LAO__STATS_BUCKETS - 1;
    }
    atomic_fetch_add_explicit(&stats->latency[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&stats->total_ns, ns, memory_order_relaxed);
    if (failed) {
        atomic_fetch_add_explicit(&stats->failures, 1, memory_order_relaxed);
    }
    while (ns > longest && !atomic_compare_exchange_weak_explicit(&stats->longest_ns, &longest, ns,
                                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

#endif
