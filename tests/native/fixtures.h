/* Opening the fixture plugins from native tests. FIXTURE_DIR is the folder that the build put them into. */
#ifndef LAO_TESTS_FIXTURES_H
#define LAO_TESTS_FIXTURES_H

#include "core/clock.h"
#include "core/instance.h"
#include "core/module.h"
#include "expect.h"

#define FIXTURE(name) FIXTURE_DIR "/" name ".so"

static lao__error_t error;

__attribute__((unused)) static lao__module_t *open_module(const char *path) {
    lao__module_t *module = NULL;
    if (lao__module_open(path, &lao__local_services, 0, &module, &error) != LAO_OK) {
        fprintf(stderr, "cannot open %s: %s\n", path, error.text);
        exit(1);
    }
    return module;
}

__attribute__((unused)) static lao__target_t *open_target(const char *path) {
    const lao__instance_options_t options = {.timeout_ns = LAO__NO_DEADLINE};
    lao__target_t *target = NULL;
    if (lao__instance_open(open_module(path), &options, &target, &error) != LAO_OK) {
        fprintf(stderr, "cannot create an instance of %s: %s\n", path, error.text);
        exit(1);
    }
    lao__target_monitor(target);
    return target;
}

/* The index of a capability by its name. */
__attribute__((unused)) static uint32_t capability_of(const lao__module_t *module, const char *name) {
    for (uint32_t i = 0; i < module->capability_count; i++) {
        if (strcmp(module->capabilities[i].name, name) == 0) {
            return i;
        }
    }
    fprintf(stderr, "no capability %s\n", name);
    exit(1);
}

/* A call with at most one text as its input and one integer parameter, in memory of its own. */
typedef struct text_call {
    lao_call_t call;
    lao_value_t input;
    lao_value_t *inputs[1];
    lao_param_t param;
    const lao_param_t *params[1];
    lao_value_t output;
    lao__error_t error;
} text_call_t;

__attribute__((unused)) static void prepare(text_call_t *it, uint32_t capability, const char *text) {
    memset(it, 0, sizeof *it);
    it->inputs[0] = &it->input;
    it->params[0] = &it->param;
    it->call.capability = capability;
    it->call.inputs = it->inputs;
    it->call.params = it->params;
    it->call.deadline_ns = LAO__NO_DEADLINE;
    if (text != NULL) {
        it->input = (lao_value_t){.struct_size = sizeof(lao_value_t),
                                  .kind = LAO_KIND_TEXT,
                                  .data = text,
                                  .size = strlen(text),
                                  .file_handle = -1};
        it->call.input_count = 1;
    }
}

__attribute__((unused)) static void set_param(text_call_t *it, const char *name, int64_t value) {
    it->param =
        (lao_param_t){.struct_size = sizeof(lao_param_t), .type = LAO_PARAM_INT, .name = name, .integer = value};
    it->call.param_count = 1;
}

__attribute__((unused)) static lao_status_t run_call(lao__target_t *target, text_call_t *it) {
    return lao__target_call(target, &it->call, &it->output, &it->error);
}

/* Runs a text call that must succeed with `wanted`. */
__attribute__((unused)) static void expect_answer(lao__target_t *target, uint32_t capability, const char *text,
                                                  const char *wanted) {
    static _Thread_local text_call_t it;
    prepare(&it, capability, text);
    if (run_call(target, &it) != LAO_OK) {
        fprintf(stderr, "the call failed: %s\n", it.error.text);
        exit(1);
    }
    if (it.output.size != strlen(wanted) || memcmp(it.output.data, wanted, it.output.size) != 0) {
        fprintf(stderr, "the answer is \"%.*s\", expected \"%s\"\n", (int)it.output.size, (const char *)it.output.data,
                wanted);
        exit(1);
    }
    lao__value_release(&it.output);
}

/* Runs a text call that must fail with `status` and a text that contains `reason`. */
__attribute__((unused)) static void expect_failure(lao__target_t *target, uint32_t capability, const char *text,
                                                   lao_status_t status, const char *reason) {
    static _Thread_local text_call_t it;
    prepare(&it, capability, text);
    EXPECT_EQUAL(run_call(target, &it), status);
    EXPECT_EQUAL(it.error.status, status);
    EXPECT_CONTAINS(it.error.text, reason);
}

#endif /* LAO_TESTS_FIXTURES_H */
