#include "clock.h"
#include "condition.h"

void lao__condition_init(pthread_cond_t *condition) { pthread_cond_init(condition, NULL); }

/* Its conditions know no monotonic clock, but a span. */
void lao__condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ns) {
    int64_t now_ns = lao__now_ns();
    struct timespec span = lao__timespec_of(until_ns > now_ns ? until_ns - now_ns : 0);
    pthread_cond_timedwait_relative_np(condition, lock, &span);
}
