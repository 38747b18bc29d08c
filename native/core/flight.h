/* Calls in flight: the cancel word and the deadline of each, where the monitor, Ctrl-C and cancel() find them.
 *
 * Beginning and ending a call take one atomic operation each. A slot is only written by the call that holds it, or by
 * somebody who locked it for a moment, so that a cancel can never hit the next call in the same slot. */
#ifndef LAO_CORE_FLIGHT_H
#define LAO_CORE_FLIGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "stats.h"

#define LAO__FLIGHT_SLOTS 32u

typedef struct lao__flight {
    _Atomic uint32_t state; /* free, busy, locked */
    uint32_t cancel;        /* what lao_request_t.cancel points to; written atomically */
    int64_t deadline_ns;
    uint64_t token; /* names the call to cancel(); 0 = none */
    lao__tally_t tally; /* of all calls that held this slot */
} lao__flight_t;

/* A set of slots; grows by blocks that live as long as the set. */
typedef struct lao__flights {
    lao__flight_t slots[LAO__FLIGHT_SLOTS];
    _Atomic(struct lao__flights *) more;
} lao__flights_t;

/* Why a call was cancelled: the value of its cancel word. */
enum { LAO__CANCEL_NONE = 0, LAO__CANCEL_ASKED = 1, LAO__CANCEL_DEADLINE = 2 };

/* Never fails but for memory: NULL then. */
lao__flight_t *lao__flight_begin(lao__flights_t *flights, int64_t deadline_ns, uint64_t token);
void lao__flight_end(lao__flight_t *flight);

/* Sets the cancel word of the calls that carry `token`, or of all with token 0; returns how many. */
uint32_t lao__flights_cancel(lao__flights_t *flights, uint64_t token);

/* Sets the cancel word of calls whose deadline has passed; returns how many calls are in flight. */
uint32_t lao__flights_expire(lao__flights_t *flights, int64_t now_ns);

/* How many calls are in flight. */
uint32_t lao__flights_count(lao__flights_t *flights);

/* Sums up the tallies of all slots. */
void lao__flights_stats(lao__flights_t *flights, lao__stats_t *stats);

/* Frees the added blocks; no call is in flight and none follows. */
void lao__flights_deinit(lao__flights_t *flights);

/* A new token. */
uint64_t lao__flight_token(void);

static inline uint32_t lao__flight_cancelled(const lao__flight_t *flight) {
    return __atomic_load_n(&flight->cancel, __ATOMIC_ACQUIRE);
}

#endif
