#include <errno.h>
#include <lao/status.h>

#include "clock.h"
#include "lock.h"

#define SLICE_NS 20000000 /* a cancel is noticed this late while waiting */

uint32_t lao__lock_for_call(pthread_mutex_t *lock, const lao__flight_t *flight) {
    if (pthread_mutex_trylock(lock) == 0) {
        return LAO_OK;
    }
    for (;;) {
        int64_t now_ns = lao__now_ns();
        uint32_t cancelled = lao__flight_cancelled(flight);
        int64_t until_ns;
        struct timespec until;
        if (now_ns >= flight->deadline_ns || cancelled == LAO__CANCEL_DEADLINE) {
            return LAO_TIMED_OUT;
        }
        if (cancelled != LAO__CANCEL_NONE) {
            return LAO_CANCELLED;
        }
        until_ns = now_ns + SLICE_NS < flight->deadline_ns ? now_ns + SLICE_NS : flight->deadline_ns;
        until = lao__timespec_of(until_ns);
        if (pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &until) == 0) {
            return LAO_OK;
        }
    }
}
