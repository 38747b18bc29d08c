/* Calls through an instance: thread roles, cancelling, deadlines, errors, what is released, closing, forking. */
#include <pthread.h>
#include <stdatomic.h>

#include "core/pool.h"
#include "fixtures.h"

#define MS INT64_C(1000000)

static const char *json_of(const text_call_t *it) {
    static _Thread_local char copy[4096];
    size_t size = it->output.size < sizeof copy ? it->output.size : sizeof copy - 1;
    memcpy(copy, it->output.data, size);
    copy[size] = '\0';
    return copy;
}

/* The number behind `key` in the JSON answer of a capability without input. */
static int64_t ask(lao__target_t *target, lao__module_t *module, const char *capability, const char *key) {
    static _Thread_local text_call_t it;
    char pattern[64];
    long long number = -1;
    prepare(&it, capability_of(module, capability), NULL);
    EXPECT_EQUAL(run_call(target, &it), LAO_OK);
    const char *found = strstr(json_of(&it), key);
    snprintf(pattern, sizeof pattern, "%s\":%%lld", key);
    EXPECT(found != NULL && sscanf(found, pattern, &number) == 1);
    lao__value_release(&it.output);
    return number;
}

/* --- thread roles --- */

typedef struct overlapper {
    lao__target_t *target;
    uint32_t capability;
    int most_library, most_instance;
} overlapper_t;

static void *overlap(void *context) {
    overlapper_t *it = context;
    text_call_t *call = malloc(sizeof *call);
    EXPECT(call != NULL);
    for (int i = 0; i < 5; i++) {
        int library = 0, instance = 0;
        prepare(call, it->capability, NULL);
        set_param(call, "ms", 4);
        EXPECT_EQUAL(run_call(it->target, call), LAO_OK);
        EXPECT_EQUAL(sscanf(json_of(call), "{\"library\":%d,\"instance\":%d}", &library, &instance), 2);
        it->most_library = library > it->most_library ? library : it->most_library;
        it->most_instance = instance > it->most_instance ? instance : it->most_instance;
        lao__value_release(&call->output);
    }
    free(call);
    return NULL;
}

#define BUSY_TRIES 20

/* Four threads on two instances: the highest overlap seen in the library and in one instance. */
static void measure_overlap(const char *path, int *library, int *instance) {
    lao__target_t *targets[2] = {open_target(path), open_target(path)};
    lao__module_t *module = open_module(path);
    overlapper_t work[4];
    pthread_t threads[4];
    *library = *instance = 0;
    for (int i = 0; i < 4; i++) {
        work[i] = (overlapper_t){.target = targets[i % 2], .capability = capability_of(module, "overlap")};
        EXPECT_EQUAL(pthread_create(&threads[i], NULL, overlap, &work[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        *library = work[i].most_library > *library ? work[i].most_library : *library;
        *instance = work[i].most_instance > *instance ? work[i].most_instance : *instance;
    }
    lao__target_destroy(targets[0]);
    lao__target_destroy(targets[1]);
    lao__module_release(module);
}

static void thread_roles_are_obeyed(void) {
    int library, instance;
    measure_overlap(FIXTURE("echo_unsafe"), &library, &instance);
    EXPECT_EQUAL(library, 1);
    /* What may not overlap never does; what may, is seen to within a few tries on a busy machine. */
    bool seen = false;
    for (int tries = 0; tries < BUSY_TRIES && !seen; tries++) {
        measure_overlap(FIXTURE("echo_instance"), &library, &instance);
        EXPECT_EQUAL(instance, 1);
        EXPECT(library <= 2);
        seen = library == 2;
    }
    EXPECT(seen);
    seen = false;
    for (int tries = 0; tries < BUSY_TRIES && !seen; tries++) {
        measure_overlap(FIXTURE("echo_full"), &library, &instance);
        seen = instance >= 2 && library >= 3;
    }
    EXPECT(seen);
}

/* --- cancelling and deadlines --- */

typedef struct waiter {
    lao__target_t *target;
    text_call_t call;
    lao_status_t status;
    _Atomic int ended;
} waiter_t;

static void *wait_in_call(void *context) {
    waiter_t *it = context;
    it->status = run_call(it->target, &it->call);
    atomic_store(&it->ended, 1);
    return NULL;
}

static void cancel_by_token(void) {
    static waiter_t one, other;
    lao__target_t *target = open_target(FIXTURE("echo_full"));
    lao__module_t *module = open_module(FIXTURE("echo_full"));
    pthread_t threads[2];
    one = (waiter_t){.target = target};
    other = (waiter_t){.target = target};
    prepare(&one.call, capability_of(module, "wait"), NULL);
    prepare(&other.call, capability_of(module, "wait"), NULL);
    one.call.call.token = lao__flight_token();
    other.call.call.token = lao__flight_token();
    EXPECT_EQUAL(pthread_create(&threads[0], NULL, wait_in_call, &one), 0);
    EXPECT_EQUAL(pthread_create(&threads[1], NULL, wait_in_call, &other), 0);
    while (lao__target_cancel(target, one.call.call.token) == 0) {
        usleep(1000);
    }
    pthread_join(threads[0], NULL);
    EXPECT_EQUAL(one.status, LAO_CANCELLED);
    EXPECT_CONTAINS(one.call.error.text, "cancelled");
    usleep(20000);
    EXPECT(!atomic_load(&other.ended));
    while (lao__target_cancel(target, 0) == 0) {
        usleep(1000);
    }
    pthread_join(threads[1], NULL);
    EXPECT_EQUAL(other.status, LAO_CANCELLED);
    lao__target_destroy(target);
}

static void cancelled_before_it_began(void) {
    static text_call_t it;
    _Atomic uint32_t flag = 1;
    lao__target_t *target = open_target(FIXTURE("echo_full"));
    prepare(&it, 0, "never seen");
    it.call.cancel_flag = &flag;
    int64_t calls = ask(target, open_module(FIXTURE("echo_full")), "where", "calls");
    EXPECT_EQUAL(run_call(target, &it), LAO_CANCELLED);
    EXPECT_EQUAL(ask(target, open_module(FIXTURE("echo_full")), "where", "calls"), calls + 1);
    lao__target_destroy(target);
}

static void deadlines(void) {
    static text_call_t it;
    lao__target_t *target = open_target(FIXTURE("echo_full"));
    lao__module_t *module = open_module(FIXTURE("echo_full"));
    prepare(&it, capability_of(module, "wait"), NULL);
    it.call.timeout_ns = 30 * MS;
    int64_t start = lao__now_ns();
    EXPECT_EQUAL(run_call(target, &it), LAO_TIMED_OUT);
    int64_t took = lao__now_ns() - start;
    EXPECT(took >= 30 * MS && took < 2000 * MS);
    prepare(&it, capability_of(module, "wait"), NULL); /* the earlier of both holds */
    it.call.timeout_ns = 10000 * MS;
    it.call.deadline_ns = lao__now_ns() + 20 * MS;
    EXPECT_EQUAL(run_call(target, &it), LAO_TIMED_OUT);
    prepare(&it, capability_of(module, "wait"), NULL); /* a plugin that does not look ends late, and says so */
    set_param(&it, "ms", 60);
    it.call.timeout_ns = 10 * MS;
    EXPECT_EQUAL(run_call(target, &it), LAO_TIMED_OUT);
    prepare(&it, capability_of(module, "deadline"), NULL);
    EXPECT_EQUAL(run_call(target, &it), LAO_OK);
    EXPECT(memcmp(it.output.data, "none", 4) == 0);
    lao__value_release(&it.output);
    lao__target_destroy(target);
}

/* Who waits for a plugin's lock keeps his own deadline and can be cancelled too. */
static void waiting_for_the_lock(void) {
    static waiter_t holder;
    static text_call_t it;
    lao__target_t *target = open_target(FIXTURE("echo_unsafe"));
    lao__module_t *module = open_module(FIXTURE("echo_unsafe"));
    pthread_t thread;
    holder = (waiter_t){.target = target};
    prepare(&holder.call, capability_of(module, "wait"), NULL);
    EXPECT_EQUAL(pthread_create(&thread, NULL, wait_in_call, &holder), 0);
    while (lao__flights_count(&target->flights) == 0) {
        usleep(1000);
    }
    usleep(10000);
    prepare(&it, 0, "blocked");
    it.call.timeout_ns = 30 * MS;
    EXPECT_EQUAL(run_call(target, &it), LAO_TIMED_OUT);
    EXPECT_CONTAINS(it.error.text, "waited for the calls before it");
    EXPECT(!atomic_load(&holder.ended));
    lao__target_cancel(target, 0);
    pthread_join(thread, NULL);
    expect_answer(target, 0, "free again", "free again");
    lao__target_destroy(target);
}

/* --- errors --- */

static void statuses(void) {
    static text_call_t it;
    lao__target_t *target = open_target(FIXTURE("echo_full"));
    lao__module_t *module = open_module(FIXTURE("echo_full"));
    static const struct {
        int64_t returned;
        lao_status_t seen;
    } cases[] = {{LAO_FAILED, LAO_FAILED},
                 {LAO_INVALID_INPUT, LAO_INVALID_INPUT},
                 {LAO_INVALID_PARAMETER, LAO_INVALID_PARAMETER},
                 {LAO_INVALID_CONFIG, LAO_INVALID_CONFIG},
                 {LAO_UNKNOWN_CAPABILITY, LAO_UNKNOWN_CAPABILITY},
                 {LAO_UNSUPPORTED, LAO_UNSUPPORTED},
                 {LAO_OUT_OF_MEMORY, LAO_OUT_OF_MEMORY},
                 {LAO_PERMISSION_DENIED, LAO_PERMISSION_DENIED},
                 {LAO_CANCELLED, LAO_CANCELLED},
                 {LAO_TIMED_OUT, LAO_TIMED_OUT},
                 {11, LAO_FAILED},
                 {LAO_LIMIT_EXCEEDED, LAO_FAILED},
                 {LAO_PROTOCOL_VIOLATION, LAO_FAILED},
                 {LAO_CRASHED, LAO_FAILED},
                 {LAO_CLOSED, LAO_FAILED},
                 {INT32_MAX, LAO_FAILED},
                 {UINT32_MAX, LAO_FAILED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        prepare(&it, capability_of(module, "fail"), NULL);
        set_param(&it, "status", cases[i].returned);
        memset(it.error.text, 'z', sizeof it.error.text); /* what a former error left behind */
        EXPECT_EQUAL(run_call(target, &it), cases[i].seen);
        EXPECT_EQUAL(it.error.status, cases[i].seen);
        EXPECT(it.error.size > 0 && it.error.size == strlen(it.error.text));
        EXPECT(strchr(it.error.text, 'z') == NULL);
    }
    prepare(&it, UINT32_MAX, NULL);
    EXPECT_EQUAL(run_call(target, &it), LAO_UNKNOWN_CAPABILITY);
    lao__target_destroy(target);
}

static void a_refused_configuration(void) {
    const lao__instance_options_t options = {.config_json = "{\"refuse\":1}", .timeout_ns = LAO__NO_DEADLINE};
    lao__module_t *module = open_module(FIXTURE("echo_full"));
    lao__target_t *target = NULL;
    EXPECT_EQUAL(lao__instance_open(module, &options, &target, &error), LAO_INVALID_CONFIG);
    EXPECT_TEXT(error.text, "told to refuse");
    EXPECT(target == NULL);
    lao__module_release(module);
}

/* --- what a plugin may not return --- */

static void broken_answers(void) {
    static const struct {
        const char *capability, *reason;
    } cases[] = {{"null_data", "no data"},
                 {"size_near_max", "claims"},
                 {"size_near_max_binary", "claims"},
                 {"wrong_kind", "declares text"},
                 {"kind_any", "no value can have"},
                 {"kind_unknown", "kind 77"},
                 {"kind_none", "kind 0"},
                 {"metadata_size_near_max", "metadata"},
                 {"metadata_null", "metadata"},
                 {"text_as_tensor", "no tensor"},
                 {"count_above_capacity", "2 outputs"},
                 {"count_huge", "4294967295 outputs"},
                 {"count_zero", "0 outputs"},
                 {"rank_negative", "rank -1"},
                 {"rank_huge", "rank 2147483647"},
                 {"rank_33", "rank 33"},
                 {"shape_null", "no shape"},
                 {"dimension_negative", "length -3"},
                 {"shape_overflows", "overflows"},
                 {"size_overflows", "overflows"},
                 {"dtype_code_unknown", "dtype code 99"},
                 {"dtype_bits_zero", "0 bits"},
                 {"dtype_bits_odd", "13 bits"},
                 {"dtype_lanes_zero", "0 lanes"},
                 {"strides_overflow", "overflows"},
                 {"strides_overflow_negative", "overflows"},
                 {"offset_overflows", "offset"},
                 {"tensor_data_null", "no data"},
                 {"tensor_null", "no tensor"},
                 {"tensor_dlpack_major", "DLPack version 2"},
                 {"tensor_as_text", "declares tensor"}};
    static text_call_t it;
    lao__target_t *target = open_target(FIXTURE("bad_values"));
    lao__module_t *module = open_module(FIXTURE("bad_values"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        prepare(&it, capability_of(module, cases[i].capability), NULL);
        EXPECT_EQUAL(run_call(target, &it), LAO_PROTOCOL_VIOLATION);
        EXPECT_CONTAINS(it.error.text, cases[i].reason);
        expect_answer(target, 0, NULL, "sixty-four bytes"); /* it goes on working */
    }
    lao__target_destroy(target);
}

static void broken_error_texts(void) {
    static const struct {
        const char *capability, *text;
    } cases[] = {{"error_size_lies", "the plugin reported a failure"},
                 {"error_text_stolen", "the plugin reported a failure"},
                 {"outputs_on_failure", "the plugin reported a failure"},
                 {"status_unknown", "it returned the status 12345, which a plugin may not return"},
                 {"status_unknown_text",
                  "it returned the status 12345, which a plugin may not return: a text that must survive"},
                 {"status_host_only", "it returned the status 36, which a plugin may not return"},
                 {"status_max", "it returned the status 4294967295, which a plugin may not return"}};
    static text_call_t it;
    lao__target_t *target = open_target(FIXTURE("bad_values"));
    lao__module_t *module = open_module(FIXTURE("bad_values"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        prepare(&it, capability_of(module, cases[i].capability), NULL);
        EXPECT_EQUAL(run_call(target, &it), LAO_FAILED);
        EXPECT_TEXT(it.error.text, cases[i].text);
    }
    lao__target_destroy(target);
}

/* --- releases --- */

static void every_output_is_released_once(void) {
    static text_call_t it;
    lao__target_t *target = open_target(FIXTURE("echo_full"));
    lao__module_t *module = open_module(FIXTURE("echo_full"));
    int64_t before = ask(target, module, "released", "released");
    for (int i = 0; i < 100; i++) {
        expect_answer(target, 0, "text", "text");
    }
    /* 100 echoes and the question before */
    EXPECT_EQUAL(ask(target, module, "released", "released"), before + 101);
    prepare(&it, 0, "held beyond the end");
    EXPECT_EQUAL(run_call(target, &it), LAO_OK);
    lao__target_destroy(target);
    EXPECT(memcmp(it.output.data, "held beyond the end", it.output.size) == 0);
    lao__value_release(&it.output);
    EXPECT(it.output.data == NULL && it.output.release == NULL);
    lao__value_release(&it.output); /* released values are cleared: nothing happens */
}

/* --- the end of a target --- */

static void closing(void) {
    static waiter_t waiter;
    static text_call_t it;
    lao__target_t *target = open_target(FIXTURE("echo_full"));
    lao__module_t *module = open_module(FIXTURE("echo_full"));
    pthread_t thread;
    waiter = (waiter_t){.target = target};
    prepare(&waiter.call, capability_of(module, "wait"), NULL);
    EXPECT_EQUAL(pthread_create(&thread, NULL, wait_in_call, &waiter), 0);
    while (lao__flights_count(&target->flights) == 0) {
        usleep(1000);
    }
    lao__target_close(target); /* cancels the call and waits for it */
    pthread_join(thread, NULL);
    EXPECT_EQUAL(waiter.status, LAO_CANCELLED);
    prepare(&it, 0, "too late");
    EXPECT_EQUAL(run_call(target, &it), LAO_CLOSED);
    lao__target_close(target);
    lao__target_destroy(target);
}

static lao__target_t *inherited;

static void use_after_fork(void) {
    static text_call_t it;
    prepare(&it, 0, "from the child");
    if (run_call(inherited, &it) != LAO_CLOSED || strstr(it.error.text, "forked") == NULL) {
        _exit(1);
    }
    if (lao__target_cancel(inherited, 0) != 0) {
        _exit(2);
    }
    lao__target_destroy(inherited);
    expect_answer(open_target(FIXTURE("echo_full")), 0, "a new one works", "a new one works");
    _exit(42);
}

static void a_fork_invalidates_handles(void) {
    inherited = open_target(FIXTURE("echo_full"));
    int status = outcome_of(use_after_fork);
    EXPECT(WIFEXITED(status));
    EXPECT_EQUAL(WEXITSTATUS(status), 42);
    expect_answer(inherited, 0, "the parent goes on", "the parent goes on");
    lao__target_destroy(inherited);
}

static void counters(void) {
    static text_call_t it;
    lao__target_t *target = open_target(FIXTURE("echo_full"));
    uint64_t calls = 0;
    lao__stats_t stats;
    for (int i = 0; i < 50; i++) {
        expect_answer(target, 0, "x", "x");
    }
    prepare(&it, capability_of(open_module(FIXTURE("echo_full")), "fail"), NULL);
    EXPECT_EQUAL(run_call(target, &it), LAO_FAILED);
    lao__flights_stats(&target->flights, &stats);
    for (uint32_t i = 0; i < LAO__STATS_BUCKETS; i++) {
        calls += stats.latency[i];
    }
    EXPECT_EQUAL(calls, 51);
    EXPECT_EQUAL(stats.failures, 1);
    EXPECT(stats.longest_ns > 0);
    EXPECT(stats.total_ns >= stats.longest_ns);
    lao__target_destroy(target);
}

int main(void) {
    RUN(thread_roles_are_obeyed);
    RUN(cancel_by_token);
    RUN(cancelled_before_it_began);
    RUN(deadlines);
    RUN(waiting_for_the_lock);
    RUN(statuses);
    RUN(a_refused_configuration);
    RUN(broken_answers);
    RUN(broken_error_texts);
    RUN(every_output_is_released_once);
    RUN(closing);
    RUN(a_fork_invalidates_handles);
    RUN(counters);
    lao__modules_shut_down();
    lao__pool_trim();
    return 0;
}
