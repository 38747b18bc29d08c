/* Where a lane's thread runs: with its caller before it sleeps, away from it for calls in a row, anywhere for long work. */
#include <sched.h>

#include "expect.h"
#include "ipc/wakeup.h"
#include "worker/placement.h"

#define US INT64_C(1000)

static cpu_set_t all;

static int allowed(void) {
    cpu_set_t set;
    EXPECT_EQUAL(sched_getaffinity(0, sizeof set, &set), 0);
    return CPU_COUNT(&set);
}

/* A call from `caller` that found the thread asleep. */
static void call(lao__placement_t *placement, uint32_t caller, int64_t waited_ns) {
    lao__placement_park(placement, caller);
    EXPECT_EQUAL((uint32_t)sched_getcpu(), caller);
    EXPECT_EQUAL(allowed(), 1);
    lao__placement_request(placement, caller, false, waited_ns);
}

static int calls_until_away(lao__placement_t *placement, uint32_t caller, int most) {
    int calls = 0;
    do {
        call(placement, caller, 5 * US);
        calls++;
    } while ((uint32_t)sched_getcpu() == caller && calls < most);
    return calls;
}

static void test_calls_in_a_row(uint32_t caller) {
    lao__placement_t placement;
    int index;
    lao__placement_init(&placement, true);
    EXPECT(calls_until_away(&placement, caller, 100) < 10);
    EXPECT((uint32_t)sched_getcpu() != caller);
    EXPECT_EQUAL(allowed(), CPU_COUNT(&all) - 1);
    EXPECT(lao__placement_spin_ns(&placement) > LAO__SPIN_NS); /* the caller is still being woken */
    for (index = 0; index < 100; index++) {
        lao__placement_request(&placement, caller, true, US);
    }
    EXPECT_EQUAL(lao__placement_spin_ns(&placement), LAO__SPIN_NS);
    EXPECT(calls_until_away(&placement, caller, 100) < 10); /* it paid: the next row is not waited for longer */
}

static void test_moves_that_do_not_pay_become_rare(uint32_t caller) {
    lao__placement_t placement;
    int before, index;
    lao__placement_init(&placement, true);
    before = calls_until_away(&placement, caller, 100);
    for (index = 0; index < 5; index++) {
        int calls = calls_until_away(&placement, caller, 10000);
        EXPECT(calls > before);
        before = calls;
    }
}

static void test_sparse_calls_stay(uint32_t caller) {
    lao__placement_t placement;
    int index;
    lao__placement_init(&placement, true);
    for (index = 0; index < 100; index++) {
        call(&placement, caller, 1000 * US);
        EXPECT_EQUAL((uint32_t)sched_getcpu(), caller);
    }
}

static void test_long_work_runs_anywhere(uint32_t caller) {
    lao__placement_t placement;
    lao__placement_init(&placement, true);
    call(&placement, caller, 1000 * US);
    lao__placement_work(&placement, 0); /* nothing is known of it yet */
    EXPECT_EQUAL(allowed(), CPU_COUNT(&all));
    lao__placement_worked(&placement, 0, 10 * US);
    call(&placement, caller, 1000 * US);
    lao__placement_work(&placement, 0);
    EXPECT_EQUAL(allowed(), 1);
    lao__placement_worked(&placement, 0, 5000 * US);
    lao__placement_work(&placement, 0);
    EXPECT_EQUAL(allowed(), CPU_COUNT(&all));
}

int main(void) {
    EXPECT_EQUAL(sched_getaffinity(0, sizeof all, &all), 0);
    if (CPU_COUNT(&all) < 2) {
        puts("there is one CPU only: nothing to choose");
        return 0;
    }
    uint32_t caller = (uint32_t)sched_getcpu();
    test_calls_in_a_row(caller);
    EXPECT_EQUAL(sched_setaffinity(0, sizeof all, &all), 0);
    test_moves_that_do_not_pay_become_rare(caller);
    EXPECT_EQUAL(sched_setaffinity(0, sizeof all, &all), 0);
    test_sparse_calls_stay(caller);
    EXPECT_EQUAL(sched_setaffinity(0, sizeof all, &all), 0);
    test_long_work_runs_anywhere(caller);
    return 0;
}
