/* Wakes the host without end and without an answer, and keeps it believing that the answer is near. The input is for how
 * many milliseconds. */
#include "channel.h"

#include <sched.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    lao__signal_t *signal;
    struct timespec now;
    int64_t end_ms;
    (void)error;
    open_channel();
    signal = &signals->lanes[0].to_host;
    clock_gettime(CLOCK_MONOTONIC, &now);
    end_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000 + atoi(input_text(request));
    while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < end_ms) {
        for (int round = 0; round < 100; round++) {
            atomic_store(&signal->producer_cpu, (uint32_t)sched_getcpu());
            atomic_fetch_and(&signal->word, ~1u); /* nobody sleeps */
            syscall(SYS_futex, &signal->word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
            atomic_fetch_or(&signal->word, 1u);
            syscall(SYS_futex, &signal->word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    return give_report(response);
}

HOSTILE_PLUGIN("wakes-without-end")
