#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../core/clock.h"
#include "wakeup.h"

#define SPINS_PER_LOOK 64 /* between looks at the clock and the CPU */

static inline void pause_cpu(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint32_t current_cpu(void) {
    int cpu = sched_getcpu();
    return cpu < 0 ? UINT32_MAX : (uint32_t)cpu;
}

static void wake(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0); }

bool lao__signal_publish(lao__signal_t *signal, uint32_t sequence) {
    uint32_t before;
    atomic_store_explicit(&signal->producer_cpu, current_cpu(), memory_order_relaxed);
    before = atomic_exchange(&signal->word, sequence << 1);
    if ((before & 1) != 0) {
        wake(&signal->word);
    }
    return (before & 1) != 0;
}

void lao__signal_kill(lao__signal_t *signal) {
    atomic_store(&signal->word, LAO__SIGNAL_DEAD);
    wake(&signal->word);
}

static bool changed(const lao__signal_t *signal, uint32_t seen, uint32_t *sequence) {
    *sequence = atomic_load_explicit(&signal->word, memory_order_acquire) >> 1;
    return *sequence != seen;
}

bool lao__signal_watch(lao__signal_t *signal, uint32_t seen, int64_t spin_ns, uint32_t *sequence) {
    int64_t now_ns;
    int64_t stop_ns;
    uint32_t producer;
    uint32_t round;
    if (changed(signal, seen, sequence)) {
        return true;
    }
    now_ns = lao__now_ns();
    stop_ns = now_ns + spin_ns;
    producer = atomic_load_explicit(&signal->producer_cpu, memory_order_relaxed);
    while (current_cpu() != producer && now_ns < stop_ns) {
        for (round = 0; round < SPINS_PER_LOOK; round++) {
            if (changed(signal, seen, sequence)) {
                return true;
            }
            pause_cpu();
        }
        now_ns = lao__now_ns();
    }
    return changed(signal, seen, sequence);
}

lao__wait_result_t lao__signal_park(lao__signal_t *signal, uint32_t seen, int64_t until_ns, uint32_t *sequence) {
    uint32_t parked = seen << 1 | 1u;
    uint32_t expected = seen << 1;
    int64_t left_ns;
    struct timespec timeout;
    if (!atomic_compare_exchange_strong(&signal->word, &expected, parked) && expected != parked) {
        return changed(signal, seen, sequence) ? LAO__WAIT_CHANGED : LAO__WAIT_TIMEOUT;
    }
    left_ns = until_ns - lao__now_ns();
    if (left_ns > 0) {
        timeout = lao__timespec_of(left_ns);
        syscall(SYS_futex, &signal->word, FUTEX_WAIT, parked, &timeout, NULL, 0);
    }
    return changed(signal, seen, sequence) ? LAO__WAIT_CHANGED : LAO__WAIT_TIMEOUT;
}
