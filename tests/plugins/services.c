/* Asks for every service of the host, and hands back what it was told. PLUGIN_NAME is its name, THREAD_ROLE its thread
 * role (unsafe, instance or full). A failed service fails the call, with the service's own status and text. */
#include <lao/ext/events.h>
#include <lao/ext/services.h>
#include <pthread.h>
#include <unistd.h>

#include "support.h"

#ifndef PLUGIN_NAME
#define PLUGIN_NAME services
#endif
#ifndef THREAD_ROLE
#define THREAD_ROLE full
#endif
#define ROLE_unsafe LAO_THREADS_UNSAFE
#define ROLE_instance LAO_THREADS_INSTANCE
#define ROLE_full LAO_THREADS_FULL
#define TEXT_(name) #name
#define TEXT(name) TEXT_(name)

struct lao_instance {
    const lao_host_t *host;
};

typedef lao_status_t (*capability_fn)(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                                      lao_error_t *error);

static lao_status_t not_offered(lao_error_t *error) { return lao_fail(error, LAO_UNSUPPORTED, "it is not offered"); }

/* Which services are offered, to the entry's table and to the instance's. */
static lao_status_t offered(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    static const char *const ids[] = {LAO_EXT_PROGRESS, LAO_EXT_SCRATCH, LAO_EXT_FILES, LAO_EXT_HTTP,
                                      LAO_EXT_COMMANDS, LAO_EXT_CALLS,   LAO_EXT_EVENTS};
    json_t json = {.size = 0};
    (void)error;
    json_add(&json, "[");
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        int here = host->get_extension(host, ids[i]) != NULL;
        int entry = the_host->get_extension(the_host, ids[i]) != NULL;
        if (here != entry) {
            return lao_fail(error, LAO_FAILED, "the two host tables differ");
        }
        if (here) {
            json_add(&json, "%s\"%s\"", json.size > 1 ? "," : "", ids[i]);
        }
    }
    json_add(&json, "]");
    return give_json(request, response, &json);
}

static lao_status_t progress(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                             lao_error_t *error) {
    const lao_progress_host_t *service = host->get_extension(host, LAO_EXT_PROGRESS);
    int64_t steps = int_param(request, "steps", 4);
    if (service == NULL) {
        return not_offered(error);
    }
    for (int64_t step = 1; step <= steps; step++) {
        service->report(request->call, (double)step / (double)steps, step == steps ? "done" : "working");
        sleep_ns(int_param(request, "pause_us", 0) * 1000);
    }
    service->report(request->call, 0.0 / 0.0 * 1.0, NULL);
    return give_text(request, response, "done");
}

static lao_status_t scratch_put(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                                lao_error_t *error) {
    const lao_scratch_host_t *service = host->get_extension(host, LAO_EXT_SCRATCH);
    const lao_param_t *value = find_param(request, "value");
    int64_t zeros = int_param(request, "zeros", -1);
    const void *data = zeros >= 0 ? calloc(1, (size_t)zeros + 1) : value != NULL ? value->data : NULL;
    uint64_t size = zeros >= 0 ? (uint64_t)zeros : value != NULL ? value->size : 0;
    lao_status_t status;
    if (service == NULL) {
        return not_offered(error);
    }
    status = service->put(host, text_param(request, "key", "key"), data, size);
    return status == LAO_OK ? give_text(request, response, "kept") : lao_fail(error, status, "not kept");
}

static lao_status_t scratch_get(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                                lao_error_t *error) {
    const lao_scratch_host_t *service = host->get_extension(host, LAO_EXT_SCRATCH);
    lao_value_t value = {.struct_size = sizeof value};
    lao_status_t status;
    if (service == NULL) {
        return not_offered(error);
    }
    status = service->get(host, text_param(request, "key", "key"), &value);
    if (status != LAO_OK) {
        return lao_fail(error, status, "not got");
    }
    if (value.kind == LAO_KIND_NONE) {
        return give_text(request, response, "(none)");
    }
    status = give_data(request, response, LAO_KIND_BINARY, value.data, value.size);
    value.release(&value);
    return status;
}

/* `count` times through the store; what a question costs. */
static lao_status_t scratch_many(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                                 lao_error_t *error) {
    const lao_scratch_host_t *service = host->get_extension(host, LAO_EXT_SCRATCH);
    int64_t count = int_param(request, "count", 100);
    json_t json = {.size = 0};
    if (service == NULL) {
        return not_offered(error);
    }
    int64_t began = now_ns();
    for (int64_t i = 0; i < count; i++) {
        lao_value_t value = {.struct_size = sizeof value};
        if (service->get(host, "key", &value) != LAO_OK) {
            return lao_fail(error, LAO_FAILED, "not got");
        }
        if (value.release != NULL) {
            value.release(&value);
        }
    }
    json_add(&json, "%" PRId64, (now_ns() - began) / (count > 0 ? count : 1));
    return give_json(request, response, &json);
}

/* --- threads that ask at once --- */

typedef struct crew {
    const lao_host_t *host;
    int number;
    int64_t count;
    lao_status_t status;
} crew_t;

static void *work(void *context) {
    crew_t *crew = context;
    const lao_scratch_host_t *service = crew->host->get_extension(crew->host, LAO_EXT_SCRATCH);
    char key[64];
    char said[32];
    snprintf(key, sizeof key, "thread %p of %d", context, (int)getpid()); /* the store is all workers' */
    for (int64_t i = 0; i < crew->count && crew->status == LAO_OK; i++) {
        lao_value_t value = {.struct_size = sizeof value};
        snprintf(said, sizeof said, "%d:%" PRId64, crew->number, i);
        crew->status = service->put(crew->host, key, said, strlen(said));
        if (crew->status == LAO_OK) {
            crew->status = service->get(crew->host, key, &value);
        }
        if (crew->status == LAO_OK &&
            (value.size != strlen(said) || memcmp(value.data, said, (size_t)value.size) != 0)) {
            crew->status = LAO_FAILED;
        }
        if (value.release != NULL) {
            value.release(&value);
        }
    }
    return NULL;
}

static lao_status_t threads(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    crew_t crews[16];
    pthread_t ids[16];
    size_t count = (size_t)int_param(request, "threads", 4);
    lao_status_t status = LAO_OK;
    if (count > COUNT_OF(crews)) {
        return LAO_INVALID_PARAMETER;
    }
    for (size_t i = 0; i < count; i++) {
        crews[i] = (crew_t){.host = host, .number = (int)i, .count = int_param(request, "count", 50)};
        if (pthread_create(&ids[i], NULL, work, &crews[i]) != 0) {
            return lao_fail(error, LAO_FAILED, "no thread");
        }
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(ids[i], NULL);
        status = crews[i].status != LAO_OK ? crews[i].status : status;
    }
    return status == LAO_OK ? give_text(request, response, "agreed") : lao_fail(error, status, "mixed up");
}

/* --- the rest --- */

/* Opens `path` with `mode`; writes `text` where there is one, else hands back what is in the file. */
static lao_status_t open_file(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                              lao_error_t *error) {
    const lao_files_host_t *service = host->get_extension(host, LAO_EXT_FILES);
    const char *text = text_param(request, "text", NULL);
    char bytes[4096];
    int64_t handle;
    ssize_t size;
    lao_status_t status;
    if (service == NULL) {
        return not_offered(error);
    }
    status = service->open(host, text_param(request, "path", ""), (uint32_t)int_param(request, "mode", LAO_FILE_READ),
                           &handle, error);
    if (status != LAO_OK) {
        return status;
    }
    size = text != NULL ? write((int)handle, text, strlen(text)) : read((int)handle, bytes, sizeof bytes);
    close((int)handle);
    if (size < 0) {
        return lao_fail(error, LAO_FAILED, "the descriptor does not work");
    }
    return text != NULL ? give_text(request, response, "written")
                        : give_data(request, response, LAO_KIND_TEXT, bytes, (uint64_t)size);
}

static lao_status_t emit(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                         lao_error_t *error) {
    const lao_events_host_t *service = host->get_extension(host, LAO_EXT_EVENTS);
    const char *json = text_param(request, "json", "null");
    lao_status_t status;
    if (service == NULL) {
        return not_offered(error);
    }
    status = service->emit(host, text_param(request, "name", ""), json, strlen(json));
    return status == LAO_OK ? give_text(request, response, "emitted") : lao_fail(error, status, "not emitted");
}

static lao_status_t give_value(const lao_request_t *request, lao_response_t *response, lao_value_t *value) {
    lao_status_t status = give_data(request, response, value->kind, value->data, value->size);
    value->release(value);
    return status;
}

/* Calls `capability` of `plugin` with the input it was given itself and the JSON of `params`. */
static lao_status_t call_other(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                               lao_error_t *error) {
    const lao_calls_host_t *service = host->get_extension(host, LAO_EXT_CALLS);
    lao_value_t value = {.struct_size = sizeof value};
    lao_status_t status;
    if (service == NULL) {
        return not_offered(error);
    }
    status = service->call(request->call, text_param(request, "plugin", ""), text_param(request, "capability", ""),
                           request->input_count > 0 ? request->inputs[0] : NULL, text_param(request, "params", NULL),
                           &value, error);
    if (status == LAO_OK) { /* what came from the host goes back to it as it is */
        *response->outputs[0] = value;
        response->output_count = 1;
    }
    return status;
}

static lao_status_t fetch(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                          lao_error_t *error) {
    const lao_http_host_t *service = host->get_extension(host, LAO_EXT_HTTP);
    const char *asked = text_param(request, "request", "{}");
    const lao_param_t *sent = find_param(request, "body");
    lao_value_t question = {
        .struct_size = sizeof question, .kind = LAO_KIND_JSON, .data = asked, .size = strlen(asked)};
    lao_value_t body = {.struct_size = sizeof body,
                        .kind = LAO_KIND_BINARY,
                        .data = sent != NULL ? sent->data : NULL,
                        .size = sent != NULL ? sent->size : 0};
    lao_value_t head = {.struct_size = sizeof head};
    lao_value_t content = {.struct_size = sizeof content};
    json_t json = {.size = 0};
    lao_status_t status;
    if (service == NULL) {
        return not_offered(error);
    }
    status = service->fetch(host, &question, sent != NULL ? &body : NULL, &head, &content, error);
    if (status != LAO_OK) {
        return status;
    }
    json_add(&json, "{\"head\":%.*s,\"body\":", (int)head.size, (const char *)head.data);
    json_add_string(&json, content.data, (size_t)content.size);
    json_add(&json, "}");
    head.release(&head);
    content.release(&content);
    return give_json(request, response, &json);
}

/* Runs the words of `command`, which are separated by single spaces. */
static lao_status_t run(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                        lao_error_t *error) {
    const lao_commands_host_t *service = host->get_extension(host, LAO_EXT_COMMANDS);
    const char *arguments[16];
    char words[1024];
    uint32_t count = 0;
    lao_value_t value = {.struct_size = sizeof value};
    lao_status_t status;
    if (service == NULL) {
        return not_offered(error);
    }
    snprintf(words, sizeof words, "%s", text_param(request, "command", ""));
    for (char *word = strtok(words, " "); word != NULL && count < COUNT_OF(arguments); word = strtok(NULL, " ")) {
        arguments[count++] = word;
    }
    status = service->run(host, arguments, count, &value, error);
    return status == LAO_OK ? give_value(request, response, &value) : status;
}

/* Hands back its input, after `pause_ms`. */
static lao_status_t echo(const lao_host_t *host, const lao_request_t *request, lao_response_t *response,
                         lao_error_t *error) {
    const lao_value_t *input = request->inputs[0];
    (void)host, (void)error;
    for (int64_t left = int_param(request, "pause_ms", 0); left > 0 && !lao_cancelled(request); left--) {
        sleep_ns(1000000);
    }
    return lao_cancelled(request) ? LAO_CANCELLED : give_data(request, response, input->kind, input->data, input->size);
}

#define CAPABILITIES(X)                                                                                                \
    X(offered, NONE, JSON)                                                                                             \
    X(progress, NONE, TEXT)                                                                                            \
    X(scratch_put, NONE, TEXT)                                                                                         \
    X(scratch_get, NONE, ANY)                                                                                          \
    X(scratch_many, NONE, JSON)                                                                                        \
    X(threads, NONE, TEXT)                                                                                             \
    X(open_file, NONE, TEXT)                                                                                           \
    X(emit, NONE, TEXT)                                                                                                \
    X(call_other, ANY, ANY)                                                                                            \
    X(fetch, NONE, JSON)                                                                                               \
    X(run, NONE, JSON)                                                                                                 \
    X(echo, ANY, ANY)
#define CAPABILITY(function, input, output)                                                                            \
    &(const lao_capability_t){.struct_size = sizeof(lao_capability_t),                                                 \
                              .name = #function,                                                                       \
                              .input_kind = LAO_KIND_##input,                                                          \
                              .output_kind = LAO_KIND_##output},
#define FUNCTION(function, input, output) function,

static const lao_capability_t *const capabilities[] = {CAPABILITIES(CAPABILITY)};
static const capability_fn functions[] = {CAPABILITIES(FUNCTION)};

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    return functions[request->capability](instance->host, request, response, error);
}

/* The scratch store is open while an instance is being made. */
static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    const lao_scratch_host_t *service = host->get_extension(host, LAO_EXT_SCRATCH);
    lao_value_t value = {.struct_size = sizeof value};
    (void)config;
    if (service == NULL || service->get(host, "made", &value) != LAO_OK) {
        return lao_fail(error, LAO_FAILED, "no scratch store at the start");
    }
    if (value.release != NULL) {
        value.release(&value);
    }
    *instance = malloc(sizeof **instance);
    if (*instance == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    (*instance)->host = host;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *instance) { free(instance); }

static const lao_plugin_t plugin = {.struct_size = sizeof plugin,
                                    .abi_version = LAO_ABI_VERSION,
                                    .name = TEXT(PLUGIN_NAME),
                                    .version = "1.0.0",
                                    .thread_role = PASTE(ROLE_, THREAD_ROLE),
                                    .capability_count = COUNT_OF(capabilities),
                                    .capabilities = capabilities,
                                    .create = create,
                                    .destroy = destroy,
                                    .call = call};

LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    the_host = host;
    return &plugin;
}
