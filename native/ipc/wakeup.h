/* Waking the other side: a word for each direction in memory that both map.
 *
 * A word is sequence << 1 | parked. The producer publishes by exchanging it for the next sequence and wakes only if the
 * parked bit was set; the waiter sets the bit before it sleeps. While the other side was last seen on another CPU the
 * waiter spins for a while first: a wake-up across CPUs costs 30-80 us, a spin less than one. On the same CPU it parks
 * at once, since spinning would keep the other side from running. */
#ifndef LAO_IPC_WAKEUP_H
#define LAO_IPC_WAKEUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct lao__signal {
    _Atomic uint32_t word;
    _Atomic uint32_t producer_cpu; /* where the producer ran when it published; a hint, never trusted */
    uint32_t padding[14];
} lao__signal_t;

_Static_assert(sizeof(lao__signal_t) == 64, "one cache line each");

/* Put into the word by the host when the worker is dead; no sequence reaches it. */
#define LAO__SIGNAL_DEAD UINT32_MAX

/* Both directions of one lane: calls that run at the same time each have a lane of their own. */
typedef struct lao__lane_signals {
    lao__signal_t to_worker;
    lao__signal_t to_host;
} lao__lane_signals_t;

#define LAO__MAX_LANES 8u

/* The signal file. */
typedef struct lao__signal_page {
    lao__lane_signals_t lanes[LAO__MAX_LANES];
    _Atomic uint32_t crashed_lane; /* 1 + the lane on which the worker crashed, as it says itself; 0: it did not say */
} lao__signal_page_t;

#define LAO__SIGNAL_BYTES 4096u
_Static_assert(sizeof(lao__signal_page_t) <= LAO__SIGNAL_BYTES, "the signals fit their page");

typedef enum lao__wait_result { LAO__WAIT_CHANGED, LAO__WAIT_TIMEOUT } lao__wait_result_t;

/* Publishes the sequence; wraps before it reaches the dead mark. True when the other side slept and had to be woken: it
 * does not pay to spin for its answer then. */
bool lao__signal_publish(lao__signal_t *signal, uint32_t sequence);

/* The sequence after this one. */
static inline uint32_t lao__signal_next(uint32_t sequence) { return sequence >= UINT32_MAX / 2 - 1 ? 1 : sequence + 1; }

#define LAO__SPIN_NS INT64_C(50000) /* of what is not known, watching for longer than a wake-up takes does not pay */
#define LAO__LONGEST_SPIN_NS INT64_C(200000) /* what is likely to come within this time is watched for */

/* Waits until the word's sequence is not `seen` any more; `*sequence` gets what is there then (LAO__SIGNAL_DEAD >> 1 for a
 * dead worker). Watching spins for at most `spin_ns`, and answers false when that does not pay or did not help; parking
 * sleeps until the monotonic `until_ns`, or, interrupted by signals, answers LAO__WAIT_TIMEOUT early. */
bool lao__signal_watch(lao__signal_t *signal, uint32_t seen, int64_t spin_ns, uint32_t *sequence);
lao__wait_result_t lao__signal_park(lao__signal_t *signal, uint32_t seen, int64_t until_ns, uint32_t *sequence);

/* Marks the word dead and wakes whoever waits. */
void lao__signal_kill(lao__signal_t *signal);

#endif
