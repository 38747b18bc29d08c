#include <lao/status.h>
#include <time.h>

#include "clock.h"
#include "lock.h"

#define FIRST_NAP_NS 50000
#define LONGEST_NAP_NS 2000000

/* Nobody else knows how long the holder will take, and a condition variable would cost every call that does not wait:
 * naps of growing length keep the cancel word and the deadline in view. */
uint32_t lao__lock_for_call(pthread_mutex_t *lock, const lao__flight_t *flight) {
    int64_t nap_ns = FIRST_NAP_NS;
    while (pthread_mutex_trylock(lock) != 0) {
        struct timespec nap = lao__timespec_of(nap_ns);
        uint32_t cancelled = lao__flight_cancelled(flight);
        if (lao__now_ns() >= flight->deadline_ns || cancelled == LAO__CANCEL_DEADLINE) {
            return LAO_TIMED_OUT;
        }
        if (cancelled != LAO__CANCEL_NONE) {
            return LAO_CANCELLED;
        }
        nanosleep(&nap, NULL);
        nap_ns = nap_ns * 2 < LONGEST_NAP_NS ? nap_ns * 2 : LONGEST_NAP_NS;
    }
    return LAO_OK;
}
