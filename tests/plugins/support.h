/* What the fixture plugins share: reading parameters, writing JSON, and outputs whose release is counted.
 *
 * Included by one source file per library, so that everything here is static. */
#ifndef LAO_TESTS_SUPPORT_H
#define LAO_TESTS_SUPPORT_H

#include <lao/lao.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define UNUSED_FN __attribute__((unused)) static

static const lao_host_t *the_host; /* set by the library's entry */

/* Outputs that were handed out and released again, by where their memory came from. */
static atomic_uint_fast64_t host_made, host_released, malloc_made, malloc_released;

/* --- time --- */

UNUSED_FN int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

UNUSED_FN void sleep_ns(int64_t duration_ns) {
    struct timespec rest = {.tv_sec = duration_ns / 1000000000, .tv_nsec = duration_ns % 1000000000};
    nanosleep(&rest, NULL);
}

/* --- parameters --- */

UNUSED_FN const lao_param_t *find_param(const lao_request_t *request, const char *name) {
    for (uint32_t i = 0; i < request->param_count; i++) {
        if (strcmp(request->params[i]->name, name) == 0) {
            return request->params[i];
        }
    }
    return NULL;
}

UNUSED_FN int64_t int_param(const lao_request_t *request, const char *name, int64_t otherwise) {
    const lao_param_t *param = find_param(request, name);
    if (param == NULL) {
        return otherwise;
    }
    return param->type == LAO_PARAM_DOUBLE ? (int64_t)param->number : param->integer;
}

/* NUL-terminated by the ABI; valid during the call. */
UNUSED_FN const char *text_param(const lao_request_t *request, const char *name, const char *otherwise) {
    const lao_param_t *param = find_param(request, name);
    return param != NULL && param->type == LAO_PARAM_TEXT ? param->data : otherwise;
}

UNUSED_FN int param_is(const lao_request_t *request, const char *name, const char *text) {
    return strcmp(text_param(request, name, ""), text) == 0;
}

/* --- JSON text of a bounded size --- */

typedef struct json {
    char text[8192];
    size_t size; /* bytes; stays below sizeof text, whatever did not fit is dropped */
} json_t;

__attribute__((format(printf, 2, 3))) UNUSED_FN void json_add(json_t *json, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(json->text + json->size, sizeof json->text - json->size, format, arguments);
    va_end(arguments);
    if (written > 0) {
        json->size += (size_t)written;
        if (json->size >= sizeof json->text) {
            json->size = sizeof json->text - 1;
        }
    }
}

UNUSED_FN void json_add_string(json_t *json, const char *text, size_t size) {
    json_add(json, "\"");
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == '"' || byte == '\\') {
            json_add(json, "\\u%04x", byte);
        } else {
            json_add(json, "%c", byte);
        }
    }
    json_add(json, "\"");
}

/* --- outputs --- */

static void LAO_CALL release_host(lao_value_t *value) {
    the_host->free(the_host, value->owner);
    atomic_fetch_add(&host_released, 1);
}

static void LAO_CALL release_malloc(lao_value_t *value) {
    free(value->owner);
    atomic_fetch_add(&malloc_released, 1);
}

/* A block of memory for the output, by the parameter `allocator`: "host" (the default) or "malloc". */
UNUSED_FN void *make_block(const lao_request_t *request, uint64_t size, int *from_host) {
    *from_host = !param_is(request, "allocator", "malloc");
    void *block = *from_host ? the_host->alloc(the_host, size + 1, 0) : malloc(size + 1);
    if (block != NULL) {
        atomic_fetch_add(*from_host ? &host_made : &malloc_made, 1);
    }
    return block;
}

/* Fills the first output with a copy of `data`. */
UNUSED_FN lao_status_t give_data(const lao_request_t *request, lao_response_t *response, uint32_t kind,
                                 const void *data, uint64_t size) {
    lao_value_t *output = response->outputs[0];
    int from_host;
    char *block = make_block(request, size, &from_host);
    if (block == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    if (size > 0) {
        memcpy(block, data, size);
    }
    output->kind = kind;
    output->data = block;
    output->size = size;
    output->owner = block;
    output->release = from_host ? release_host : release_malloc;
    response->output_count = 1;
    return LAO_OK;
}

UNUSED_FN lao_status_t give_text(const lao_request_t *request, lao_response_t *response, const char *text) {
    return give_data(request, response, LAO_KIND_TEXT, text, strlen(text));
}

UNUSED_FN lao_status_t give_json(const lao_request_t *request, lao_response_t *response, const json_t *json) {
    return give_data(request, response, LAO_KIND_JSON, json->text, json->size);
}

/* --- the table --- */

/* `create` and `destroy` of a plugin whose instances keep nothing. */
#define STATELESS                                                                                                      \
    static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance, \
                                        lao_error_t *error) {                                                          \
        static int one;                                                                                                \
        (void)host, (void)config, (void)error;                                                                         \
        *instance = (lao_instance_t *)&one;                                                                            \
        return LAO_OK;                                                                                                 \
    }                                                                                                                  \
    static void LAO_CALL destroy(lao_instance_t *instance) { (void)instance; }

/* The table of `capabilities`, `create`, `destroy` and `call`, with the fields that follow, and the library's entry. */
#define PLUGIN(title, role, ...)                                                                                       \
    static const lao_plugin_t plugin = {.struct_size = sizeof plugin,                                                  \
                                        .abi_version = LAO_ABI_VERSION,                                                \
                                        .name = (title),                                                               \
                                        .version = "1.0.0",                                                            \
                                        .thread_role = (role),                                                         \
                                        .capability_count = COUNT_OF(capabilities),                                    \
                                        .capabilities = capabilities,                                                  \
                                        .create = create,                                                              \
                                        .destroy = destroy,                                                            \
                                        .call = call,                                                                  \
                                        __VA_ARGS__};                                                                  \
    LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {                                 \
        the_host = host;                                                                                               \
        return &plugin;                                                                                                \
    }

#endif /* LAO_TESTS_SUPPORT_H */
