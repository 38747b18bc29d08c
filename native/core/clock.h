/* The clock of deadlines: monotonic nanoseconds, the same in every process of this machine. And the cheapest counter that
 * there is, for latencies. */
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

/* The same clock as of the last timer tick, at a quarter of the price: up to LAO__TICK_NS late. */
#define LAO__TICK_NS INT64_C(10000000) /* a kernel with 100 ticks a second, the slowest in use */

static inline int64_t lao__coarse_now_ns(void) {
#if defined(CLOCK_MONOTONIC_COARSE)
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
#else
    return lao__now_ns();
#endif
}

/* A counter of constant rate, read without a system call or a barrier: the CPU's own where it has one. What a step of it
 * takes is measured when somebody asks (lao__counter_ns). */
static inline uint64_t lao__counter(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t value;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
#else
    return (uint64_t)lao__now_ns();
#endif
}

static inline struct timespec lao__timespec_of(int64_t ns) {
    struct timespec time;
    time.tv_sec = (time_t)(ns / 1000000000);
    time.tv_nsec = (long)(ns % 1000000000);
    return time;
}

#endif
