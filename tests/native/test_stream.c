/* Streaming calls from their consumer's side: order, waiting, stopping, failing, and that no part is lost or freed twice
 * (the sanitizers watch). */
#include "core/stream.h"

#include <lao/ext/stream.h>

#include "core/check.h"
#include "fixtures.h"

#define MS INT64_C(1000000)

static lao__target_t *target;
static lao__module_t *module;
static text_call_t it;
static lao_value_t part;

static lao__stream_t *open_stream(const char *capability, const char *name, int64_t value) {
    lao__stream_t *stream = NULL;
    prepare(&it, capability_of(module, capability), NULL);
    if (name != NULL) {
        set_param(&it, name, value);
    }
    EXPECT_EQUAL(lao__stream_open(target, &it.call, &stream, &error), LAO_OK);
    return stream;
}

static void expect_part(lao__stream_t *stream, const char *wanted) {
    EXPECT_EQUAL(lao__stream_next(stream, 5000 * MS, &part, &error), LAO_OK);
    EXPECT_EQUAL(part.size, strlen(wanted));
    EXPECT(memcmp(part.data, wanted, part.size) == 0);
    lao__value_release(&part);
}

static void expect_end(lao__stream_t *stream) {
    EXPECT_EQUAL(lao__stream_next(stream, 5000 * MS, &part, &error), LAO_OK);
    EXPECT_EQUAL(part.kind, LAO_KIND_NONE);
}

static void parts_in_order(void) {
    char text[32];
    lao__stream_t *stream = open_stream("stream", "count", 100);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "part %d", i);
        expect_part(stream, text);
    }
    expect_end(stream);
    expect_end(stream); /* and stays ended */
    lao__stream_destroy(stream);
}

static void no_parts_at_all(void) {
    lao__stream_t *stream = open_stream("stream", "count", 0);
    expect_end(stream);
    lao__stream_destroy(stream);
}

static void a_last_part_from_the_call_itself(void) {
    lao__stream_t *stream = open_stream("stream", "last", 1);
    expect_part(stream, "part 0");
    expect_part(stream, "part 1");
    expect_part(stream, "part 2");
    expect_part(stream, "last");
    expect_end(stream);
    lao__stream_destroy(stream);
}

/* A capability that does not stream: its one output is the one part. */
static void a_capability_without_parts(void) {
    lao__stream_t *stream = open_stream("log", NULL, 0);
    expect_part(stream, "logged");
    expect_end(stream);
    lao__stream_destroy(stream);
}

static void a_failure_after_some_parts(void) {
    lao__stream_t *stream = open_stream("stream", "fail_at", 2);
    expect_part(stream, "part 0");
    expect_part(stream, "part 1");
    EXPECT_EQUAL(lao__stream_next(stream, 5000 * MS, &part, &error), LAO_FAILED);
    EXPECT_TEXT(error.text, "failed in the middle of the stream");
    lao__stream_destroy(stream);
}

/* A plugin that is faster than its consumer waits: no more parts exist than the queue holds, and one in its hand. */
static void a_slow_consumer(void) {
    lao__stream_t *stream = open_stream("stream", "count", 50);
    usleep(50000);
    expect_part(stream, "part 0");
    static text_call_t question;
    char copy[256] = {0};
    long long made = 0, released = 0;
    prepare(&question, capability_of(module, "released"), NULL);
    EXPECT_EQUAL(run_call(target, &question), LAO_OK);
    memcpy(copy, question.output.data, question.output.size < sizeof copy - 1 ? question.output.size : sizeof copy - 1);
    lao__value_release(&question.output);
    EXPECT_EQUAL(sscanf(strstr(copy, "\"malloc\":"), "\"malloc\":{\"made\":%lld,\"released\":%lld}", &made, &released),
                 2);
    EXPECT(made - released <= LAO__STREAM_QUEUE + 2);
    lao__stream_destroy(stream); /* with parts that nobody took */
}

static void stopping_in_the_middle(void) {
    for (int taken = 0; taken < 10; taken++) {
        lao__stream_t *stream = open_stream("stream", "count", 1000000000);
        for (int i = 0; i < taken; i++) {
            EXPECT_EQUAL(lao__stream_next(stream, 5000 * MS, &part, &error), LAO_OK);
            lao__value_release(&part);
        }
        lao__stream_destroy(stream);
    }
}

/* Destroyed before its thread has begun the call, and a call that never pushes: both end at once. */
static void stopping_at_once(void) {
    int64_t start = lao__now_ns();
    for (int i = 0; i < 50; i++) {
        lao__stream_destroy(open_stream("wait", "ms", 10000));
    }
    EXPECT(lao__now_ns() - start < 8000 * MS);
}

static void idle_streams(void) {
    lao__stream_t *stream = open_stream("wait", "ms", 300);
    int64_t start = lao__now_ns();
    EXPECT_EQUAL(lao__stream_next(stream, 30 * MS, &part, &error), LAO__STREAM_IDLE);
    EXPECT(lao__now_ns() - start >= 30 * MS);
    expect_part(stream, "waited"); /* being idle does not end the stream */
    lao__stream_destroy(stream);
}

static void deadlines_end_streams(void) {
    lao__stream_t *stream;
    prepare(&it, capability_of(module, "stream"), NULL);
    set_param(&it, "count", 1000000000);
    it.call.timeout_ns = 40 * MS;
    EXPECT_EQUAL(lao__stream_open(target, &it.call, &stream, &error), LAO_OK);
    lao_status_t status = LAO_OK;
    while (status == LAO_OK) {
        status = lao__stream_next(stream, 5000 * MS, &part, &error);
        if (status == LAO_OK) {
            EXPECT(part.kind == LAO_KIND_TEXT);
            lao__value_release(&part);
            usleep(1000);
        }
    }
    EXPECT_EQUAL(status, LAO_TIMED_OUT);
    lao__stream_destroy(stream);
}

/* Parts are checked as outputs are, and a push outside of a stream is refused. */
static void parts_that_are_refused(void) {
    lao_value_t value = {.struct_size = sizeof value, .kind = LAO_KIND_TEXT, .data = "x", .size = 1};
    lao_call_t call = {.output_kind = LAO_KIND_TEXT};
    EXPECT_EQUAL(lao__call_push(NULL, &value, 0), LAO_STREAM_ERROR);
    EXPECT_EQUAL(lao__call_push(&call, &value, 0), LAO_STREAM_ERROR);
    EXPECT_EQUAL(lao__call_push(&call, NULL, 0), LAO_STREAM_ERROR);
    prepare(&it, capability_of(module, "stream"), NULL);
    EXPECT_EQUAL(run_call(target, &it), LAO_FAILED); /* an ordinary call of it */
    EXPECT_CONTAINS(it.error.text, "refused a part");
}

int main(void) {
    target = open_target(FIXTURE("echo_full"));
    module = open_module(FIXTURE("echo_full"));
    RUN(parts_in_order);
    RUN(no_parts_at_all);
    RUN(a_last_part_from_the_call_itself);
    RUN(a_capability_without_parts);
    RUN(a_failure_after_some_parts);
    RUN(a_slow_consumer);
    RUN(stopping_in_the_middle);
    RUN(stopping_at_once);
    RUN(idle_streams);
    RUN(deadlines_end_streams);
    RUN(parts_that_are_refused);
    lao__target_destroy(target);
    return 0;
}
