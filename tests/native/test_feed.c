/* The parts of an input on their way to a call: every part arrives once, in order, and is released once, whoever of the two
 * is faster, gives up first, or is cancelled. */
#include "core/feed.h"

#include <lao/ext/stream.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "core/clock.h"
#include "expect.h"

#define MS INT64_C(1000000)

static lao__flights_t flights;
static lao__feed_t *feed;
static lao__flight_t *flight;
static atomic_uint_fast64_t released;

typedef struct job {
    uint64_t count; /* parts to put */
    uint64_t put; /* that were wanted */
    bool broken; /* how it ends */
    bool yields; /* a slow producer */
    uint32_t ends_late; /* ms */
} job_t;

static void LAO_CALL count_release(lao_value_t *value) {
    (void)value;
    atomic_fetch_add(&released, 1);
}

static void *produce(void *argument) {
    job_t *job = argument;
    for (uint64_t number = 0; number < job->count; number++) {
        lao_value_t part = {.struct_size = sizeof part, .size = number, .release = count_release};
        if (job->yields) {
            sched_yield();
        }
        if (!lao__feed_put(feed, &part)) {
            return NULL;
        }
        job->put++;
    }
    usleep(job->ends_late * 1000);
    lao__feed_end(feed, job->broken);
    return NULL;
}

static uint32_t pull(lao_value_t *part, uint32_t flags) {
    lao__source_t *source = lao__feed_source(feed);
    return source->pull(source, part, flags, flight);
}

static pthread_t begin(job_t *job, int64_t deadline_ns) {
    pthread_t thread;
    atomic_store(&released, 0);
    feed = lao__feed_create();
    flight = lao__flight_begin(&flights, deadline_ns, 1);
    EXPECT(feed != NULL && flight != NULL);
    EXPECT_EQUAL(pthread_create(&thread, NULL, produce, job), 0);
    return thread;
}

/* As a call ends: nobody pulls any more, then the producer hears of it. */
static void end(pthread_t thread) {
    lao__feed_stop(feed);
    pthread_join(thread, NULL);
    lao__flight_end(flight);
    lao__feed_destroy(feed);
}

static uint64_t take(uint64_t most, uint32_t *last) {
    uint64_t taken = 0;
    lao_value_t part;
    while (taken < most && (*last = pull(&part, 0)) == LAO_STREAM_CONTINUE) {
        EXPECT_EQUAL(part.size, taken);
        lao__value_release(&part);
        taken++;
    }
    return taken;
}

static void all_parts_in_order(void) {
    for (int turn = 0; turn < 4; turn++) {
        job_t job = {.count = 20000, .yields = turn % 2 == 1};
        uint32_t last = 0;
        pthread_t thread = begin(&job, LAO__NO_DEADLINE);
        EXPECT_EQUAL(take(UINT64_MAX, &last), job.count);
        EXPECT_EQUAL(last, LAO_STREAM_STOP);
        EXPECT_EQUAL(take(UINT64_MAX, &last), 0); /* and stays ended */
        end(thread);
        EXPECT_EQUAL(atomic_load(&released), job.count);
    }
}

static void a_call_that_has_enough(void) {
    for (uint64_t wanted = 0; wanted < 12; wanted++) {
        job_t job = {.count = UINT64_MAX, .yields = wanted % 2 == 1};
        uint32_t last = 0;
        pthread_t thread = begin(&job, LAO__NO_DEADLINE);
        EXPECT_EQUAL(take(wanted, &last), wanted);
        end(thread);
        EXPECT(job.put >= wanted && job.put <= wanted + LAO__FEED_QUEUE);
        EXPECT_EQUAL(atomic_load(&released), job.put + 1); /* with the one that was refused */
    }
}

static void a_producer_that_fails(void) {
    job_t job = {.count = 3, .broken = true};
    uint32_t last = 0;
    pthread_t thread = begin(&job, LAO__NO_DEADLINE);
    EXPECT_EQUAL(take(3, &last), 3);
    EXPECT(!lao__feed_told(feed));
    EXPECT_EQUAL(take(1, &last), 0);
    EXPECT_EQUAL(last, LAO_STREAM_ERROR);
    EXPECT(lao__feed_told(feed));
    end(thread);
}

static void a_call_that_does_not_wait(void) {
    job_t job = {.count = 0, .ends_late = 50};
    lao_value_t part;
    pthread_t thread = begin(&job, LAO__NO_DEADLINE);
    EXPECT_EQUAL(pull(&part, LAO_STREAM_NO_WAIT), LAO_STREAM_WAIT);
    EXPECT_EQUAL(pull(&part, 0), LAO_STREAM_STOP);
    end(thread);
}

static void a_deadline_and_a_cancel(void) {
    job_t job = {.count = 0, .ends_late = 1000};
    lao_value_t part;
    int64_t began_ns = lao__now_ns();
    pthread_t thread = begin(&job, began_ns + 30 * MS);
    EXPECT_EQUAL(pull(&part, 0), LAO_STREAM_STOP);
    EXPECT(lao__now_ns() - began_ns >= 30 * MS);
    end(thread);
    thread = begin(&job, LAO__NO_DEADLINE);
    EXPECT_EQUAL(lao__flights_cancel(&flights, 1), 1);
    EXPECT_EQUAL(pull(&part, 0), LAO_STREAM_STOP);
    end(thread);
}

int main(void) {
    RUN(all_parts_in_order);
    RUN(a_call_that_has_enough);
    RUN(a_producer_that_fails);
    RUN(a_call_that_does_not_wait);
    RUN(a_deadline_and_a_cancel);
    lao__flights_deinit(&flights);
    return 0;
}
