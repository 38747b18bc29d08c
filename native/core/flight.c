#include "flight.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { FREE = 0, BUSY = 1, LOCKED = 2 };

/* Each thread starts looking where it found a slot the last time. A few bytes of the loader's static reserve spare every
 * call a function call. */
static _Thread_local uint32_t favourite __attribute__((tls_model("initial-exec")));

static bool claim(lao__flight_t *slot) {
    uint32_t expected = FREE;
    return atomic_load_explicit(&slot->state, memory_order_relaxed) == FREE &&
           atomic_compare_exchange_strong(&slot->state, &expected, LOCKED);
}

static lao__flight_t *claim_any(lao__flights_t *flights) {
    for (;;) {
        lao__flights_t *more;
        uint32_t step;
        for (step = 0; step < LAO__FLIGHT_SLOTS; step++) {
            uint32_t index = (favourite + step) % LAO__FLIGHT_SLOTS;
            if (claim(&flights->slots[index])) {
                favourite = index;
                return &flights->slots[index];
            }
        }
        more = atomic_load(&flights->more);
        if (more == NULL) {
            lao__flights_t *fresh = calloc(1, sizeof *fresh);
            if (fresh == NULL) {
                return NULL;
            }
            if (atomic_compare_exchange_strong(&flights->more, &more, fresh)) {
                more = fresh;
            } else {
                free(fresh);
            }
        }
        flights = more;
    }
}

lao__flight_t *lao__flight_begin(lao__flights_t *flights, int64_t deadline_ns, uint64_t token) {
    lao__flight_t *flight = claim_any(flights);
    if (flight != NULL) {
        flight->deadline_ns = deadline_ns;
        flight->token = token;
        __atomic_store_n(&flight->cancel, LAO__CANCEL_NONE, __ATOMIC_RELAXED);
        /* The claim was the announcement: whoever closes the target saw LOCKED and waits, or is seen by this call. */
        atomic_store_explicit(&flight->state, BUSY, memory_order_release);
    }
    return flight;
}

void lao__flight_end(lao__flight_t *flight) {
    uint32_t expected = BUSY;
    while (!atomic_compare_exchange_weak(&flight->state, &expected, FREE)) {
        expected = BUSY; /* locked for a moment by a canceller */
        sched_yield();
    }
}

/* Runs `visit` on each slot in flight, while it is locked. */
static uint32_t visit_each(lao__flights_t *flights, bool (*visit)(lao__flight_t *flight, const void *context),
                           const void *context) {
    uint32_t visited = 0;
    uint32_t index;
    for (; flights != NULL; flights = atomic_load(&flights->more)) {
        for (index = 0; index < LAO__FLIGHT_SLOTS; index++) {
            lao__flight_t *flight = &flights->slots[index];
            uint32_t expected = BUSY;
            if (atomic_compare_exchange_strong(&flight->state, &expected, LOCKED)) {
                visited += visit(flight, context) ? 1 : 0;
                atomic_store(&flight->state, BUSY);
            } else if (expected == LOCKED) {
                index--; /* beginning, or being cancelled by another thread: look again */
                sched_yield();
            }
        }
    }
    return visited;
}

static bool cancel_one(lao__flight_t *flight, const void *context) {
    uint64_t token = *(const uint64_t *)context;
    if (token != 0 && flight->token != token) {
        return false;
    }
    __atomic_store_n(&flight->cancel, LAO__CANCEL_ASKED, __ATOMIC_RELEASE);
    return true;
}

uint32_t lao__flights_cancel(lao__flights_t *flights, uint64_t token) {
    return visit_each(flights, cancel_one, &token);
}

static bool expire_one(lao__flight_t *flight, const void *context) {
    if (*(const int64_t *)context >= flight->deadline_ns && flight->cancel == LAO__CANCEL_NONE) {
        __atomic_store_n(&flight->cancel, LAO__CANCEL_DEADLINE, __ATOMIC_RELEASE);
    }
    return true;
}

uint32_t lao__flights_expire(lao__flights_t *flights, int64_t now_ns) {
    return visit_each(flights, expire_one, &now_ns);
}

static bool count_one(lao__flight_t *flight, const void *context) {
    (void)flight;
    (void)context;
    return true;
}

uint32_t lao__flights_count(lao__flights_t *flights) { return visit_each(flights, count_one, NULL); }

static uint64_t read_counter(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void lao__flights_stats(lao__flights_t *flights, lao__stats_t *stats) {
    uint64_t total = 0;
    uint64_t longest = 0;
    uint32_t index;
    uint32_t bucket;
    memset(stats, 0, sizeof *stats);
    for (; flights != NULL; flights = atomic_load(&flights->more)) {
        for (index = 0; index < LAO__FLIGHT_SLOTS; index++) {
            const lao__tally_t *tally = &flights->slots[index].tally;
            for (bucket = 0; bucket < LAO__STATS_BUCKETS; bucket++) {
                stats->latency[bucket] += read_counter(&tally->latency[bucket]);
            }
            total += read_counter(&tally->total);
            longest = read_counter(&tally->longest) > longest ? read_counter(&tally->longest) : longest;
            stats->failures += read_counter(&tally->failures);
        }
    }
    stats->step_ns = lao__counter_step_ns();
    stats->total_ns = (uint64_t)((double)total * stats->step_ns);
    stats->longest_ns = (uint64_t)((double)longest * stats->step_ns);
}

void lao__flights_deinit(lao__flights_t *flights) {
    lao__flights_t *block = atomic_exchange(&flights->more, NULL);
    while (block != NULL) {
        lao__flights_t *next = atomic_load(&block->more);
        free(block);
        block = next;
    }
}

uint64_t lao__flight_token(void) {
    static _Atomic uint64_t last;
    return atomic_fetch_add(&last, 1) + 1;
}
