/* The clock of deadlines and latencies: monotonic nanoseconds, the same in every process of this machine. */
#ifndef LAO_CORE_CLOCK_H
#define LAO_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define LAO__NO_DEADLINE INT64_MAX

static inline int64_t lao__now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline struct timespec lao__timespec_of(int64_t ns) {
    struct timespec time;
    time.tv_sec = (time_t)(ns / 1000000000);
    time.tv_nsec = (long)(ns % 1000000000);
    return time;
}

#endif
