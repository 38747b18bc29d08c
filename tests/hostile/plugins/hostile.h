/* What the hostile plugins share. Each has the capability "attack", whose input says which variant is meant and whose
 * output reports what came of it, and "echo", by which its host shows that the next call works.
 *
 * A plugin defines `attack` and ends with HOSTILE_PLUGIN("name"), or HOSTILE_PLUGIN_WITH to replace more. */
#ifndef LAO_TESTS_HOSTILE_H
#define LAO_TESTS_HOSTILE_H

#include <errno.h>
#include <lao/plugin_c.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
#define HOSTILE_FN __attribute__((unused)) static inline
#else
#define HOSTILE_FN __attribute__((unused)) static
#endif

#ifndef HOSTILE_OUTPUT_KIND
#define HOSTILE_OUTPUT_KIND                                                                                            \
    LAO_KIND_JSON /* of "attack"; a plugin that answers otherwise says so before it includes this */
#endif

enum { HOSTILE_ATTACK = 0, HOSTILE_ECHO = 1 };

static const lao_host_t *the_host; /* from the library's entry on */
static char data_dir[4096];        /* from create on; empty: none was given */

/* --- Input --- */

/* A copy of the call's input: which variant of the attack is meant, or what it is to be done to. */
HOSTILE_FN const char *input_text(const lao_request_t *request) {
    static __thread char text[4096];
    const lao_value_t *input = request->inputs[0];
    size_t size = input->size < sizeof text - 1 ? (size_t)input->size : sizeof text - 1;
    if (size > 0) {
        memcpy(text, input->data, size);
    }
    text[size] = '\0';
    return text;
}

HOSTILE_FN bool input_is(const lao_request_t *request, const char *text) {
    return strcmp(input_text(request), text) == 0;
}

/* --- Report: a JSON object, e.g. {"open": "EACCES", "read": "ok", "count": 7} --- */

static char report_text[65536];
static size_t report_size;

__attribute__((format(printf, 1, 2))) HOSTILE_FN void report_add(const char *format, ...) {
    va_list arguments;
    int written;
    va_start(arguments, format);
    written = vsnprintf(report_text + report_size, sizeof report_text - report_size, format, arguments);
    va_end(arguments);
    if (written > 0 && (size_t)written < sizeof report_text - report_size) {
        report_size += (size_t)written;
    }
}

HOSTILE_FN void report_number(const char *what, long long number) {
    report_add("%s\"%s\": %lld", report_size > 0 ? ", " : "", what, number);
}

HOSTILE_FN void report_string(const char *what, const char *text) {
    report_add("%s\"%s\": \"%s\"", report_size > 0 ? ", " : "", what, text);
}

/* What a system call answered: "ok", or the name of its errno. Returns `result`. */
HOSTILE_FN long tried(const char *what, long result) {
    const char *name = result >= 0 ? "ok" : strerrorname_np(errno);
    report_string(what, name != NULL ? name : "?");
    return result;
}

/* Hands the report out as the call's output and clears it. */
HOSTILE_FN lao_status_t give_report(lao_response_t *response) {
    static char whole[sizeof report_text + 3];
    int size = snprintf(whole, sizeof whole, "{%s}", report_text);
    report_size = 0;
    report_text[0] = '\0';
    return lao_give_copy(the_host, response, LAO_KIND_JSON, whole, (uint64_t)size);
}

/* Fills memory so that it is really there: the compiler may not see that nobody reads it. */
HOSTILE_FN void fill(void *block, size_t size) {
    memset(block, 1, size);
    __asm__ volatile("" : : "r"(block) : "memory");
}

/* A path below its data directory. Valid until the fourth call after this one. */
HOSTILE_FN const char *own_path(const char *name) {
    static char paths[4][sizeof data_dir + 256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", data_dir, name);
    return path;
}

/* A path below the directory that the input names. As above. */
HOSTILE_FN const char *outside_path(const lao_request_t *request, const char *name) {
    static char paths[4][sizeof data_dir + 256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", input_text(request), name);
    return path;
}

/* --- The rest of the plugin --- */

HOSTILE_FN void sleep_ms(int duration_ms) {
    struct timespec rest = {duration_ms / 1000, (long)(duration_ms % 1000) * 1000000};
    nanosleep(&rest, NULL);
}

HOSTILE_FN lao_status_t LAO_CALL create_quietly(const lao_host_t *host, const lao_config_t *config,
                                                lao_instance_t **instance, lao_error_t *error) {
    (void)host, (void)error;
    snprintf(data_dir, sizeof data_dir, "%s", config->data_dir != NULL ? config->data_dir : "");
    *instance = (lao_instance_t *)(void *)data_dir;
    return LAO_OK;
}

HOSTILE_FN void LAO_CALL destroy_quietly(lao_instance_t *instance) { (void)instance; }

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error);

HOSTILE_FN lao_status_t LAO_CALL call_hostile(lao_instance_t *instance, const lao_request_t *request,
                                              lao_response_t *response, lao_error_t *error) {
    (void)instance;
    if (request->capability == HOSTILE_ECHO) {
        return lao_give_copy(the_host, response, LAO_KIND_TEXT, request->inputs[0]->data, request->inputs[0]->size);
    }
    return attack(request, response, error);
}

/* `role`: LAO_THREADS_*; `flags`: LAO_CAPABILITY_* of "attack". */
#define HOSTILE_PLUGIN_WITH(title, role, flags_of_attack, create_fn, destroy_fn, shutdown_fn)                          \
    static const lao_capability_t attack_capability = {.struct_size = sizeof(lao_capability_t),                        \
                                                       .flags = (flags_of_attack),                                     \
                                                       .name = "attack",                                               \
                                                       .input_kind = LAO_KIND_TEXT,                                    \
                                                       .output_kind = HOSTILE_OUTPUT_KIND};                            \
    static const lao_capability_t echo_capability = {.struct_size = sizeof(lao_capability_t),                          \
                                                     .name = "echo",                                                   \
                                                     .input_kind = LAO_KIND_TEXT,                                      \
                                                     .output_kind = LAO_KIND_TEXT};                                    \
    static const lao_capability_t *const hostile_capabilities[] = {&attack_capability, &echo_capability};              \
    static const lao_plugin_t hostile_plugin = {.struct_size = sizeof(lao_plugin_t),                                   \
                                                .abi_version = LAO_ABI_VERSION,                                        \
                                                .name = (title),                                                       \
                                                .version = "1.0.0",                                                    \
                                                .thread_role = (role),                                                 \
                                                .capability_count = 2,                                                 \
                                                .capabilities = hostile_capabilities,                                  \
                                                .create = (create_fn),                                                 \
                                                .destroy = (destroy_fn),                                               \
                                                .call = call_hostile,                                                  \
                                                .shutdown = (shutdown_fn)};                                            \
    LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {                                 \
        the_host = host;                                                                                               \
        return &hostile_plugin;                                                                                        \
    }

#define HOSTILE_PLUGIN(title) HOSTILE_PLUGIN_WITH(title, LAO_THREADS_INSTANCE, 0, create_quietly, destroy_quietly, NULL)

#endif
