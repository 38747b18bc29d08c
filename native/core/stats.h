/* Counters of a plugin's calls.
 *
 * Each slot for a call in flight has a tally of its own, which only the call that holds the slot writes: no call waits
 * for the counters of another. Times are steps of lao__counter; they become nanoseconds when somebody reads them. */
#ifndef LAO_CORE_STATS_H
#define LAO_CORE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#define LAO__STATS_BUCKETS 48u

typedef struct lao__tally {
    _Atomic uint64_t latency[LAO__STATS_BUCKETS]; /* [i]: calls that took from 2^i up to 2^(i+1) steps */
    _Atomic uint64_t total;
    _Atomic uint64_t longest;
    _Atomic uint64_t failures;
} lao__tally_t;

/* The sum of all tallies of a plugin, in nanoseconds. */
typedef struct lao__stats {
    uint64_t latency[LAO__STATS_BUCKETS]; /* by steps of the counter, as in the tally */
    double step_ns;
    uint64_t total_ns;
    uint64_t longest_ns;
    uint64_t failures;
} lao__stats_t;

/* Nobody else writes this tally now: a plain store is enough, and readers see whole numbers. */
static inline void lao__tally_add(_Atomic uint64_t *counter, uint64_t amount) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount, memory_order_relaxed);
}

static inline void lao__tally_record(lao__tally_t *tally, uint64_t steps, int failed) {
    uint32_t bucket = 63u - (uint32_t)__builtin_clzll(steps | 1);
    lao__tally_add(&tally->latency[bucket < LAO__STATS_BUCKETS ? bucket : LAO__STATS_BUCKETS - 1], 1);
    lao__tally_add(&tally->total, steps);
    if (steps > atomic_load_explicit(&tally->longest, memory_order_relaxed)) {
        atomic_store_explicit(&tally->longest, steps, memory_order_relaxed);
    }
    if (failed) {
        lao__tally_add(&tally->failures, 1);
    }
}

/* Nanoseconds of one step of lao__counter, measured over the life of this process. */
double lao__counter_step_ns(void);

/* Starts that measurement; once, early. */
void lao__counter_start(void);

#endif
