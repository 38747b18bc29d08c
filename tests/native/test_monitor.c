/* The monitor thread: deadlines, Ctrl-C, and descriptors that it watches. */
#include "core/monitor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "core/pool.h"
#include "fixtures.h"

#define MS INT64_C(1000000)

typedef struct waiter {
    lao__target_t *target;
    text_call_t call;
    lao_status_t status;
    pthread_t thread;
} waiter_t;

static void *wait_in_call(void *context) {
    waiter_t *it = context;
    it->status = run_call(it->target, &it->call);
    return NULL;
}

static void start_waiting(waiter_t *it, lao__target_t *target, int64_t timeout_ns) {
    memset(it, 0, sizeof *it);
    it->target = target;
    prepare(&it->call, capability_of(open_module(FIXTURE("echo_full")), "wait"), NULL);
    it->call.call.timeout_ns = timeout_ns;
    EXPECT_EQUAL(pthread_create(&it->thread, NULL, wait_in_call, it), 0);
    while (lao__flights_count(&target->flights) == 0) {
        usleep(500);
    }
}

static void an_interrupt_cancels_every_call(void) {
    static waiter_t one, other;
    lao__target_t *first = open_target(FIXTURE("echo_full")), *second = open_target(FIXTURE("echo_full"));
    start_waiting(&one, first, 0);
    start_waiting(&other, second, 0);
    lao__monitor_interrupt();
    pthread_join(one.thread, NULL);
    pthread_join(other.thread, NULL);
    EXPECT_EQUAL(one.status, LAO_CANCELLED);
    EXPECT_EQUAL(other.status, LAO_CANCELLED);
    expect_answer(first, 0, "later calls are not touched", "later calls are not touched");
    lao__target_destroy(first);
    lao__target_destroy(second);
}

static _Atomic int handled;

static void count_signal(int number) {
    (void)number;
    atomic_fetch_add(&handled, 1);
}

/* The process's own handler runs after ours, as often as before; an ignored or default SIGINT is left alone. */
static void sigint_reaches_both(void) {
    static waiter_t it;
    struct sigaction action = {.sa_handler = count_signal};
    struct sigaction now;
    lao__target_t *target = open_target(FIXTURE("echo_full"));
    signal(SIGINT, SIG_IGN);
    lao__monitor_catch_sigint();
    EXPECT(sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == SIG_IGN);
    EXPECT(sigaction(SIGINT, &action, NULL) == 0);
    lao__monitor_catch_sigint();
    lao__monitor_catch_sigint(); /* twice is as good as once */
    start_waiting(&it, target, 0);
    EXPECT(kill(getpid(), SIGINT) == 0);
    pthread_join(it.thread, NULL);
    EXPECT_EQUAL(it.status, LAO_CANCELLED);
    EXPECT_EQUAL(atomic_load(&handled), 1);
    lao__target_destroy(target);
    signal(SIGINT, SIG_DFL);
}

static void many_deadlines_at_once(void) {
    enum { COUNT = 40 };
    static waiter_t waiters[COUNT];
    lao__target_t *target = open_target(FIXTURE("echo_full"));
    int64_t start = lao__now_ns();
    for (int i = 0; i < COUNT; i++) {
        start_waiting(&waiters[i], target, (40 + i) * MS);
    }
    for (int i = 0; i < COUNT; i++) {
        pthread_join(waiters[i].thread, NULL);
        EXPECT_EQUAL(waiters[i].status, LAO_TIMED_OUT);
    }
    EXPECT(lao__now_ns() - start < 5000 * MS);
    lao__target_destroy(target);
}

/* --- watches --- */

typedef struct reader {
    lao__watch_t watch;
    _Atomic int bytes;
    _Atomic int calls;
} reader_t;

static bool read_one(lao__watch_t *watch) {
    reader_t *reader = watch->context;
    char byte;
    atomic_fetch_add(&reader->calls, 1);
    if (read(watch->descriptor, &byte, 1) <= 0) {
        return false; /* hung up */
    }
    atomic_fetch_add(&reader->bytes, 1);
    return true;
}

static void wait_for(_Atomic int *counter, int wanted) {
    int64_t end = lao__now_ns() + 5000 * MS;
    while (atomic_load(counter) < wanted) {
        EXPECT(lao__now_ns() < end);
        usleep(500);
    }
}

static void descriptors_are_served_until_they_hang_up(void) {
    static reader_t reader;
    int ends[2];
    EXPECT(pipe(ends) == 0);
    reader.watch = (lao__watch_t){.descriptor = ends[0], .ready = read_one, .context = &reader};
    lao__monitor_add_watch(&reader.watch);
    EXPECT(write(ends[1], "abc", 3) == 3);
    wait_for(&reader.bytes, 3);
    close(ends[1]);
    wait_for(&reader.calls, 4);
    usleep(30000);
    EXPECT_EQUAL(atomic_load(&reader.calls), 4); /* a stopped watch is not called again */
    lao__monitor_remove_watch(&reader.watch);
    close(ends[0]);
}

static void a_removed_watch_is_not_called(void) {
    for (int round = 0; round < 200; round++) {
        reader_t *reader = calloc(1, sizeof *reader); /* freed at once: a late call would be seen by the sanitizer */
        int ends[2];
        EXPECT(reader != NULL && pipe(ends) == 0);
        reader->watch = (lao__watch_t){.descriptor = ends[0], .ready = read_one, .context = reader};
        lao__monitor_add_watch(&reader->watch);
        EXPECT(write(ends[1], "abc", 3) == 3);
        lao__monitor_remove_watch(&reader->watch);
        free(reader);
        close(ends[0]);
        close(ends[1]);
    }
}

int main(void) {
    RUN(an_interrupt_cancels_every_call);
    RUN(sigint_reaches_both);
    RUN(many_deadlines_at_once);
    RUN(descriptors_are_served_until_they_hang_up);
    RUN(a_removed_watch_is_not_called);
    lao__pool_trim();
    return 0;
}
