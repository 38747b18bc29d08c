/* Linked into everything that is built with ThreadSanitizer. */
#include <pthread.h>
#include <time.h>

#define FOUND_BY_THE_RUNTIME __attribute__((visibility("default")))

FOUND_BY_THE_RUNTIME const char *__tsan_default_options(void);

/* Signals are what tests ask for, and reach whom they are for. Worker processes have no environment for options; a report
 * ends one, so that its host's test fails. */
const char *__tsan_default_options(void) {
    return "halt_on_error=1:handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0:"
           "die_after_fork=0";
}

/* It knows pthread_mutex_timedlock and not this one: whoever locks with it would seem to unlock what he does not hold. */
FOUND_BY_THE_RUNTIME int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                                 const struct timespec *until) {
    struct timespec now, real;
    clock_gettime(clock, &now);
    clock_gettime(CLOCK_REALTIME, &real);
    real.tv_sec += until->tv_sec - now.tv_sec;
    real.tv_nsec += until->tv_nsec - now.tv_nsec;
    if (real.tv_nsec < 0) {
        real.tv_nsec += 1000000000;
        real.tv_sec--;
    } else if (real.tv_nsec >= 1000000000) {
        real.tv_nsec -= 1000000000;
        real.tv_sec++;
    }
    return pthread_mutex_timedlock(mutex, &real);
}
