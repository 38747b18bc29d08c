/* Keeps all cores busy for the milliseconds that its input says, and reports how much of them it got. With "timer" behind them
 * it has a timer wake it from being halted: a timer may send any signal, and one of them lets a process go on. */
#include "hostile.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

static atomic_bool done;

static void *compute(void *unused) {
    while (!atomic_load_explicit(&done, memory_order_relaxed)) {
    }
    return unused;
}

static long long milliseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void go_on(int number) { (void)number; }

static void wake_for_ever(void) {
    struct sigevent event;
    const struct itimerspec often = {{0, 500000}, {0, 500000}};
    timer_t timer;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGCONT;
    signal(SIGCONT, go_on); /* ignored signals are not sent */
    if (tried("timer_create", timer_create(CLOCK_MONOTONIC, &event, &timer)) == 0) {
        tried("timer_settime", timer_settime(timer, 0, &often, NULL));
    }
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    long long begun = milliseconds(CLOCK_MONOTONIC), used = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    int duration_ms = atoi(input_text(request));
    pthread_t threads[4];
    int count = 0;
    (void)error;
    if (strstr(input_text(request), "timer") != NULL) {
        wake_for_ever();
    }
    atomic_store(&done, false);
    while (count < 4 && pthread_create(&threads[count], NULL, compute, NULL) == 0) {
        count++;
    }
    while (milliseconds(CLOCK_MONOTONIC) - begun < duration_ms) {
        sleep_ms(10);
    }
    atomic_store(&done, true);
    report_number("wall_ms", milliseconds(CLOCK_MONOTONIC) - begun);
    report_number("cpu_ms", milliseconds(CLOCK_PROCESS_CPUTIME_ID) - used);
    while (count > 0) {
        pthread_join(threads[--count], NULL);
    }
    return give_report(response);
}

HOSTILE_PLUGIN("busy-cores")
