/* The isolated backend end to end, in C: a worker process serves calls, dies, is replaced, is ended. WORKER is the path of
 * the worker executable. */
#include "ipc/isolated.h"

#include <lao/ext/stream.h>
#include <pthread.h>
#include <signal.h>

#include "core/pool.h"
#include "core/stream.h"
#include "fixtures.h"

#define MS INT64_C(1000000)

/* A sanitized worker catches SIGSEGV itself and exits with 1. */
#if defined(__SANITIZE_ADDRESS__)
#define SEGV_SIGNAL 0
#define SEGV_EXIT 1
#define SEGV_REASON "code 1"
#else
#define SEGV_SIGNAL SIGSEGV
#define SEGV_EXIT -1
#define SEGV_REASON "SIGSEGV"
#endif

static text_call_t it;
static char *description;

static lao__target_t *open_isolated(const char *library, uint32_t workers) {
    const lao__isolated_options_t options = {.executable = WORKER,
                                             .library = library,
                                             .config_json = "{\"key\":\"value\"}",
                                             .data_dir = "/tmp",
                                             .workers = workers,
                                             .timeout_ns = 20000 * MS,
                                             .open_timeout_ns = 10000 * MS,
                                             .grace_ns = 100 * MS};
    lao__target_t *target = NULL;
    free(description);
    description = NULL;
    if (lao__isolated_open(&options, &target, &description, &error) != LAO_OK) {
        fprintf(stderr, "cannot open %s: %s\n", library, error.text);
        exit(1);
    }
    lao__target_monitor(target);
    return target;
}

static lao_status_t try_open(const char *library, int64_t timeout_ns) {
    const lao__isolated_options_t options = {.executable = WORKER,
                                             .library = library,
                                             .workers = 1,
                                             .timeout_ns = LAO__NO_DEADLINE,
                                             .open_timeout_ns = timeout_ns,
                                             .grace_ns = 50 * MS};
    lao__target_t *target = NULL;
    char *text = NULL;
    lao_status_t status = lao__isolated_open(&options, &target, &text, &error);
    free(text);
    if (status == LAO_OK) {
        lao__target_destroy(target);
    }
    return status;
}

/* The number of a capability in the description, which lists them in order. */
static uint32_t number_of(const char *name) {
    char pattern[64];
    uint32_t number = 0;
    const char *at = strstr(description, "\"capabilities\":[");
    snprintf(pattern, sizeof pattern, "{\"name\":\"%s\"", name);
    const char *end = at != NULL ? strstr(at, pattern) : NULL;
    EXPECT(end != NULL);
    while ((at = strstr(at + 1, "{\"name\":")) != NULL && at < end) {
        number++;
    }
    return number;
}

static int64_t field(const char *key) {
    char text[1024], pattern[64];
    long long number = -1;
    size_t size = it.output.size < sizeof text ? it.output.size : sizeof text - 1;
    memcpy(text, it.output.data, size);
    text[size] = '\0';
    snprintf(pattern, sizeof pattern, "\"%s\":", key);
    const char *found = strstr(text, pattern);
    EXPECT(found != NULL && sscanf(found + strlen(pattern), "%lld", &number) == 1);
    return number;
}

static void calls_in_another_process(void) {
    lao__target_t *target = open_isolated(FIXTURE("echo_full"), 1);
    EXPECT_CONTAINS(description, "\"name\":\"echo\",\"version\":\"1.2.3\"");
    expect_answer(target, number_of("text"), "hello", "hello");
    expect_answer(target, number_of("text"), "", "");
    expect_answer(target, number_of("config"), NULL,
                  "{\"config\":{\"key\":\"value\"},\"resource_dir\":null,"
                  "\"data_dir\":\"/tmp\"}");
    prepare(&it, number_of("where"), NULL);
    EXPECT_EQUAL(run_call(target, &it), LAO_OK);
    EXPECT_EQUAL(field("pid"), lao__isolated_pid(target, 0));
    EXPECT(field("pid") != getpid());
    lao__value_release(&it.output);
    lao__target_destroy(target);
}

/* Every size on both sides of where payloads move from the frame into the arena. */
static void payloads_of_many_sizes(void) {
    static const size_t sizes[] = {1,     63,    64,    4095,  4096,  32767,   32768,         32769,
                                   61439, 61440, 65535, 65536, 65537, 1 << 20, (1 << 20) + 1, 3 << 20};
    lao__target_t *target = open_isolated(FIXTURE("echo_full"), 1);
    uint64_t seed = 3;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = malloc(sizes[i]);
        EXPECT(text != NULL);
        for (size_t at = 0; at < sizes[i]; at++) {
            text[at] = (char)('a' + next_random(&seed) % 26);
        }
        prepare(&it, number_of("text"), "");
        it.input.data = text, it.input.size = sizes[i];
        EXPECT_EQUAL(run_call(target, &it), LAO_OK);
        EXPECT(it.output.size == sizes[i] && memcmp(it.output.data, text, sizes[i]) == 0);
        lao__value_release(&it.output);
        free(text);
    }
    lao__target_destroy(target);
}

static void arrays(void) {
    static float numbers[600 * 400];
    int64_t shape[2] = {600, 400}, reversed[2] = {-400, 1};
    lao_managed_tensor_t managed = {.dlpack_major = 1,
                                    .tensor = {.data = numbers,
                                               .device = {LAO_DEVICE_CPU, 0},
                                               .rank = 2,
                                               .dtype = {LAO_DTYPE_FLOAT, 32, 1},
                                               .shape = shape}};
    lao__target_t *target = open_isolated(FIXTURE("echo_full"), 1);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        numbers[i] = (float)i;
    }
    for (int turned = 0; turned < 2; turned++) {
        prepare(&it, number_of("tensor"), "");
        it.input = (lao_value_t){.struct_size = sizeof it.input, .kind = LAO_KIND_TENSOR, .tensor = &managed};
        if (turned) {
            managed.tensor.strides = reversed;
            managed.tensor.byte_offset = (uint64_t)599 * 400 * sizeof(float);
        }
        EXPECT_EQUAL(run_call(target, &it), LAO_OK);
        const lao_tensor_t *got = &it.output.tensor->tensor;
        EXPECT(got->rank == 2 && got->shape[0] == 600 && got->shape[1] == 400);
        EXPECT(got->strides == NULL || (got->strides[0] == 400 && got->strides[1] == 1));
        const float *elements = (const float *)((const char *)got->data + got->byte_offset);
        EXPECT(elements[0] == (turned ? 599 * 400 : 0));
        EXPECT(elements[600 * 400 - 1] == (turned ? 399 : 600 * 400 - 1));
        lao__value_release(&it.output);
    }
    lao__target_destroy(target);
}

static void outputs_outlive_their_worker(void) {
    static char text[100000];
    lao__target_t *target = open_isolated(FIXTURE("echo_full"), 1);
    memset(text, 'o', sizeof text - 1);
    prepare(&it, number_of("ramp"), NULL);
    set_param(&it, "rows", 1000);
    EXPECT_EQUAL(run_call(target, &it), LAO_OK);
    lao__target_destroy(target);
    const float *elements = it.output.tensor->tensor.data;
    EXPECT(elements[0] == 0 && elements[2999] == 2999);
    lao__value_release(&it.output);
}

/* Held outputs are not overwritten by later ones, and what is given back is reused. */
static void leases(void) {
    enum { HELD = 200 };
    static text_call_t held[HELD];
    lao__target_t *target = open_isolated(FIXTURE("echo_full"), 1);
    uint32_t ramp = number_of("ramp");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < HELD; i++) {
            prepare(&held[i], ramp, NULL);
            set_param(&held[i], "rows", 100 + i);
            EXPECT_EQUAL(run_call(target, &held[i]), LAO_OK);
        }
        for (int i = 0; i < HELD; i++) {
            const float *elements = held[i].output.tensor->tensor.data;
            EXPECT(held[i].output.tensor->tensor.shape[0] == 100 + i);
            EXPECT(elements[0] == 0 && elements[(100 + i) * 3 - 1] == (float)((100 + i) * 3 - 1));
            lao__value_release(&held[i].output);
        }
    }
    for (int i = 0; i < 2000; i++) { /* telling of 64 releases with each call */
        expect_answer(target, 0, "x", "x");
    }
    prepare(&it, number_of("released"), NULL);
    EXPECT_EQUAL(run_call(target, &it), LAO_OK);
    EXPECT(field("made") - field("released") <= 1);
    lao__value_release(&it.output);
    lao__target_destroy(target);
}

static void errors_cross(void) {
    lao__target_t *target = open_isolated(FIXTURE("bad_values"), 1);
    prepare(&it, number_of("status_unknown_text"), NULL);
    EXPECT_EQUAL(run_call(target, &it), LAO_FAILED);
    EXPECT_CONTAINS(it.error.text, "a text that must survive");
    prepare(&it, number_of("rank_huge"), NULL);
    EXPECT_EQUAL(run_call(target, &it), LAO_PROTOCOL_VIOLATION);
    EXPECT_CONTAINS(it.error.text, "rank 2147483647");
    prepare(&it, number_of("size_near_max"), NULL);
    EXPECT_EQUAL(run_call(target, &it), LAO_PROTOCOL_VIOLATION);
    expect_answer(target, number_of("good"), NULL, "sixty-four bytes");
    lao__target_destroy(target);
}

/* --- ends --- */

static void a_crash_is_reported_and_survived(void) {
    static const struct {
        const char *library;
        int signal, exit_code;
        const char *reason;
    } cases[] = {{FIXTURE("crash_segv"), SEGV_SIGNAL, SEGV_EXIT, SEGV_REASON},
                 {FIXTURE("crash_abort"), SIGABRT, -1, "SIGABRT"},
                 {FIXTURE("crash_exit_0"), 0, 0, "code 0"},
                 {FIXTURE("crash_exit_now"), 0, 0, "code 0"},
                 {FIXTURE("crash_overflow"), SEGV_SIGNAL, SEGV_EXIT, SEGV_REASON}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lao__target_t *target = open_isolated(cases[i].library, 1);
        int32_t first = lao__isolated_pid(target, 0);
        expect_answer(target, number_of("echo"), "before", "alive");
        prepare(&it, number_of("die"), "now");
        EXPECT_EQUAL(run_call(target, &it), LAO_CRASHED);
        EXPECT_EQUAL(it.error.signal, cases[i].signal);
        EXPECT_EQUAL(it.error.exit_code, cases[i].exit_code);
        EXPECT_CONTAINS(it.error.text, cases[i].reason);
        expect_answer(target, number_of("echo"), "after", "alive"); /* by a new worker */
        EXPECT(lao__isolated_pid(target, 0) != first);
        lao__target_destroy(target);
    }
}

static void last_words_are_kept(void) {
    char bytes[8192];
    lao__target_t *target = open_isolated(FIXTURE("crash_segv"), 1);
    prepare(&it, number_of("stderr"), "now");
    EXPECT_EQUAL(run_call(target, &it), LAO_CRASHED);
    uint32_t size = lao__isolated_output(target, bytes, sizeof bytes - 1);
    bytes[size] = '\0';
    EXPECT_CONTAINS(bytes, "last words, line 63\n");
    lao__target_destroy(target);
}

static void a_worker_that_is_killed(void) {
    lao__target_t *target = open_isolated(FIXTURE("echo_full"), 1);
    kill(lao__isolated_pid(target, 0), SIGKILL);
    usleep(50000);
    prepare(&it, number_of("text"), "anybody there?");
    lao_status_t status = run_call(target, &it);
    EXPECT(status == LAO_OK || status == LAO_CRASHED || status == LAO_WORKER_RESTARTED);
    if (status == LAO_OK) {
        lao__value_release(&it.output);
    }
    expect_answer(target, number_of("text"), "again", "again");
    lao__target_destroy(target);
}

static void a_call_that_does_not_end(void) {
    lao__target_t *target = open_isolated(FIXTURE("crash_spin"), 1);
    int64_t start = lao__now_ns();
    prepare(&it, number_of("die"), "never");
    it.call.timeout_ns = 100 * MS;
    EXPECT_EQUAL(run_call(target, &it), LAO_TIMED_OUT);
    int64_t took = lao__now_ns() - start;
    EXPECT(took >= 100 * MS && took < 5000 * MS);
    expect_answer(target, number_of("echo"), "after", "alive");
    lao__target_destroy(target);
}

static void a_polite_plugin_keeps_its_worker(void) {
    lao__target_t *target = open_isolated(FIXTURE("echo_full"), 1);
    int32_t pid = lao__isolated_pid(target, 0);
    prepare(&it, number_of("wait"), NULL);
    it.call.timeout_ns = 50 * MS;
    EXPECT_EQUAL(run_call(target, &it), LAO_TIMED_OUT);
    expect_answer(target, number_of("text"), "after", "after");
    EXPECT_EQUAL(lao__isolated_pid(target, 0), pid);
    lao__target_destroy(target);
}

/* What fails before there is a plugin: a clear status each, and no process left behind. */
static void openings_that_fail(void) {
    EXPECT_EQUAL(try_open(FIXTURE("bad_table_wrong_major"), 5000 * MS), LAO_ABI_MISMATCH);
    EXPECT_CONTAINS(error.text, "ABI 2.0");
    EXPECT_EQUAL(try_open(FIXTURE("bad_table_entry_returns_null"), 5000 * MS), LAO_LOAD_FAILED);
    EXPECT_EQUAL(try_open("/nowhere.so", 5000 * MS), LAO_LOAD_FAILED);
    EXPECT_EQUAL(try_open(FIXTURE("crash_constructor"), 5000 * MS), LAO_CRASHED);
    EXPECT_EQUAL(error.signal, SEGV_SIGNAL);
    EXPECT_EQUAL(try_open(FIXTURE("crash_entry"), 5000 * MS), LAO_CRASHED);
    EXPECT_EQUAL(try_open(FIXTURE("crash_create"), 5000 * MS), LAO_CRASHED);
    int64_t start = lao__now_ns();
    EXPECT_EQUAL(try_open(FIXTURE("hang_constructor"), 200 * MS), LAO_TIMED_OUT);
    EXPECT(lao__now_ns() - start < 5000 * MS);
}

/* --- streams and several workers --- */

static void streams(void) {
    lao__stream_t *stream;
    lao_value_t part;
    lao__target_t *target = open_isolated(FIXTURE("echo_full"), 1);
    prepare(&it, number_of("stream"), NULL);
    set_param(&it, "count", 50);
    EXPECT_EQUAL(lao__stream_open(target, &it.call, &stream, &error), LAO_OK);
    for (int i = 0; i < 50; i++) {
        char wanted[32];
        int size = snprintf(wanted, sizeof wanted, "part %d", i);
        EXPECT_EQUAL(lao__stream_next(stream, 5000 * MS, &part, &error), LAO_OK);
        EXPECT(part.size == (uint64_t)size && memcmp(part.data, wanted, (size_t)size) == 0);
        lao__value_release(&part);
    }
    EXPECT_EQUAL(lao__stream_next(stream, 5000 * MS, &part, &error), LAO_OK);
    EXPECT_EQUAL(part.kind, LAO_KIND_NONE);
    lao__stream_destroy(stream);
    prepare(&it, number_of("stream"), NULL); /* stopped in the middle */
    set_param(&it, "count", 1000000000);
    EXPECT_EQUAL(lao__stream_open(target, &it.call, &stream, &error), LAO_OK);
    EXPECT_EQUAL(lao__stream_next(stream, 5000 * MS, &part, &error), LAO_OK);
    lao__value_release(&part);
    lao__stream_destroy(stream);
    expect_answer(target, number_of("text"), "after", "after");
    lao__target_destroy(target);
}

static lao__target_t *shared_target;
static uint32_t shared_capability;

static void *many_calls(void *context) {
    char text[64];
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "thread %d call %d", *(int *)context, i);
        expect_answer(shared_target, shared_capability, text, text);
    }
    return NULL;
}

static void threads_share_workers(void) {
    int numbers[4] = {0, 1, 2, 3};
    pthread_t threads[4];
    shared_target = open_isolated(FIXTURE("echo_full"), 2);
    shared_capability = number_of("text");
    for (int i = 0; i < 4; i++) {
        EXPECT_EQUAL(pthread_create(&threads[i], NULL, many_calls, &numbers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    lao__target_destroy(shared_target);
}

/* A plugin that overwrites the frames of its answers while this host reads them: under the sanitizers, every read that
 * goes where a frame says and not where memory is would show. */
static void a_worker_that_overwrites_its_answers(void) {
    static const char *const capabilities[] = {"text", "json", "tensor"};
    static const int64_t pauses_us[] = {0, 30, 400};
    int answers = 0, failures = 0;
    for (int round = 0; round < 60; round++) {
        lao__target_t *target = open_isolated(FIXTURE("scribble"), 1);
        target->timeout_ns = 300 * MS;
        for (int attempt = 0; attempt < 3; attempt++) {
            lao_status_t status;
            prepare(&it, number_of("start"), NULL);
            set_param(&it, "pause_us", pauses_us[round % 3]);
            status = run_call(target, &it);
            for (int i = 0; i < 300 && status == LAO_OK; i++) {
                lao__value_release(&it.output);
                prepare(&it, number_of(capabilities[i % 3]), NULL);
                status = run_call(target, &it);
                if (status == LAO_OK && it.output.tensor == NULL && it.output.size > 0) {
                    answers += ((const char *)it.output.data)[it.output.size - 1] != '\x7f';
                }
            }
            if (status == LAO_OK) {
                lao__value_release(&it.output);
            } else {
                failures++;
            }
        }
        lao__target_destroy(target);
    }
    EXPECT(answers > 0 && failures > 0);
}

static void nothing_is_left_behind(void) {
    lao__target_t *target = open_isolated(FIXTURE("echo_full"), 2);
    int32_t pid = lao__isolated_pid(target, 0);
    EXPECT(pid > 0 && kill(pid, 0) == 0);
    lao__target_destroy(target);
    EXPECT(kill(pid, 0) != 0);
    EXPECT_EQUAL(waitpid(-1, NULL, WNOHANG), -1); /* no zombies */
}

int main(void) {
    RUN(calls_in_another_process);
    RUN(payloads_of_many_sizes);
    RUN(arrays);
    RUN(outputs_outlive_their_worker);
    RUN(leases);
    RUN(errors_cross);
    RUN(a_crash_is_reported_and_survived);
    RUN(last_words_are_kept);
    RUN(a_worker_that_is_killed);
    RUN(a_call_that_does_not_end);
    RUN(a_polite_plugin_keeps_its_worker);
    RUN(openings_that_fail);
    RUN(streams);
    RUN(threads_share_workers);
    RUN(a_worker_that_overwrites_its_answers);
    RUN(nothing_is_left_behind);
    free(description);
    lao__pool_trim();
    return 0;
}
