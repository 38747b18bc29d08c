/* Calls in flight: a cancel hits the call it names and never the next one in the same slot. */
#include <pthread.h>
#include <sched.h>

#include "core/clock.h"
#include "core/flight.h"
#include "expect.h"

static lao__flights_t flights;

static void begin_and_end(void) {
    lao__flight_t *flight = lao__flight_begin(&flights, LAO__NO_DEADLINE, 7);
    EXPECT(flight != NULL);
    EXPECT_EQUAL(lao__flights_count(&flights), 1);
    EXPECT_EQUAL(lao__flight_cancelled(flight), LAO__CANCEL_NONE);
    lao__flight_end(flight);
    EXPECT_EQUAL(lao__flights_count(&flights), 0);
    EXPECT_EQUAL(lao__flights_cancel(&flights, 0), 0);
}

static void cancel_by_token(void) {
    lao__flight_t *first = lao__flight_begin(&flights, LAO__NO_DEADLINE, 1);
    lao__flight_t *second = lao__flight_begin(&flights, LAO__NO_DEADLINE, 2);
    EXPECT(first != second);
    EXPECT_EQUAL(lao__flights_cancel(&flights, 2), 1);
    EXPECT_EQUAL(lao__flight_cancelled(first), LAO__CANCEL_NONE);
    EXPECT_EQUAL(lao__flight_cancelled(second), LAO__CANCEL_ASKED);
    EXPECT_EQUAL(lao__flights_cancel(&flights, 99), 0);
    EXPECT_EQUAL(lao__flights_cancel(&flights, 0), 2);
    EXPECT_EQUAL(lao__flight_cancelled(first), LAO__CANCEL_ASKED);
    lao__flight_end(first);
    lao__flight_end(second);
    first = lao__flight_begin(&flights, LAO__NO_DEADLINE, 3);
    EXPECT_EQUAL(lao__flight_cancelled(first), LAO__CANCEL_NONE); /* the slot starts clean */
    lao__flight_end(first);
}

static void deadlines(void) {
    lao__flight_t *soon = lao__flight_begin(&flights, 100, 1);
    lao__flight_t *later = lao__flight_begin(&flights, 200, 2);
    lao__flight_t *never = lao__flight_begin(&flights, LAO__NO_DEADLINE, 3);
    EXPECT_EQUAL(lao__flights_expire(&flights, 99), 3);
    EXPECT_EQUAL(lao__flight_cancelled(soon), LAO__CANCEL_NONE);
    lao__flights_expire(&flights, 100);
    EXPECT_EQUAL(lao__flight_cancelled(soon), LAO__CANCEL_DEADLINE);
    EXPECT_EQUAL(lao__flight_cancelled(later), LAO__CANCEL_NONE);
    lao__flights_cancel(&flights, 2);
    lao__flights_expire(&flights, INT64_MAX - 1);
    EXPECT_EQUAL(lao__flight_cancelled(later), LAO__CANCEL_ASKED); /* asked for first, and stays so */
    EXPECT_EQUAL(lao__flight_cancelled(never), LAO__CANCEL_NONE);
    lao__flight_end(soon);
    lao__flight_end(later);
    lao__flight_end(never);
}

static void more_calls_than_slots(void) {
    enum { COUNT = 5 * LAO__FLIGHT_SLOTS + 3 };
    static lao__flight_t *held[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        held[i] = lao__flight_begin(&flights, LAO__NO_DEADLINE, 1000 + i);
        EXPECT(held[i] != NULL);
        for (uint32_t other = 0; other < i; other++) {
            EXPECT(held[other] != held[i]);
        }
    }
    EXPECT_EQUAL(lao__flights_count(&flights), COUNT);
    EXPECT_EQUAL(lao__flights_cancel(&flights, 1000 + COUNT - 1), 1);
    EXPECT_EQUAL(lao__flights_cancel(&flights, 0), COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        EXPECT_EQUAL(lao__flight_cancelled(held[i]), LAO__CANCEL_ASKED);
        lao__flight_end(held[i]);
    }
    EXPECT_EQUAL(lao__flights_count(&flights), 0);
}

static void tokens_differ(void) {
    uint64_t last = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t token = lao__flight_token();
        EXPECT(token != 0 && token != last);
        last = token;
    }
}

static _Atomic int done;
static _Atomic uint64_t victim;

/* Calls that must never be cancelled, while another thread cancels a token that comes and goes. */
static void *innocent(void *context) {
    (void)context;
    for (int i = 0; i < 20000; i++) {
        lao__flight_t *flight = lao__flight_begin(&flights, LAO__NO_DEADLINE, 1);
        sched_yield();
        EXPECT_EQUAL(lao__flight_cancelled(flight), LAO__CANCEL_NONE);
        lao__flight_end(flight);
    }
    atomic_fetch_add(&done, 1);
    return NULL;
}

static void *come_and_go(void *context) {
    (void)context;
    while (atomic_load(&done) < 2) {
        uint64_t token = lao__flight_token() + 100;
        lao__flight_t *flight = lao__flight_begin(&flights, LAO__NO_DEADLINE, token);
        atomic_store(&victim, token);
        sched_yield();
        lao__flight_end(flight);
    }
    return NULL;
}

static void *cancel_the_victim(void *context) {
    (void)context;
    while (atomic_load(&done) < 2) {
        uint64_t token = atomic_load(&victim);
        if (token != 0) {
            EXPECT(lao__flights_cancel(&flights, token) <= 1);
        }
        lao__flights_expire(&flights, 5);
        sched_yield();
    }
    return NULL;
}

static void cancels_never_hit_another_call(void) {
    pthread_t threads[4];
    EXPECT_EQUAL(pthread_create(&threads[0], NULL, innocent, NULL), 0);
    EXPECT_EQUAL(pthread_create(&threads[1], NULL, innocent, NULL), 0);
    EXPECT_EQUAL(pthread_create(&threads[2], NULL, come_and_go, NULL), 0);
    EXPECT_EQUAL(pthread_create(&threads[3], NULL, cancel_the_victim, NULL), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT_EQUAL(lao__flights_count(&flights), 0);
}

int main(void) {
    RUN(begin_and_end);
    RUN(cancel_by_token);
    RUN(deadlines);
    RUN(more_calls_than_slots);
    RUN(tokens_differ);
    RUN(cancels_never_hit_another_call);
    lao__flights_deinit(&flights);
    return 0;
}
