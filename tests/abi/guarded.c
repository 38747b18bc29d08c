/* A plugin whose structs end where its memory ends: who reads or writes one byte past what a struct says it has, dies.
 *
 * Compiled against the headers as they are, and with GROWN against those of a later version, where it fills what was
 * appended with values that nobody may use. Its capabilities tell what the host's structs are like and use all that a
 * plugin hands to the host. */
#include <lao/lao.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Cleared memory of `size` bytes in front of a page that cannot be touched. */
static void *at_the_edge(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE) != 0) {
        abort();
    }
    return memory + page - size;
}

#if defined(GROWN)
#define POISON(thing) ((thing)->grown_number = UINT64_MAX, (thing)->grown_text = (const char *)(uintptr_t)8)
#define SEES_MORE(type, thing) LAO_HAS(type, thing, grown_text)
#else
#define POISON(thing) ((void)(thing))
#define SEES_MORE(type, thing) 0
#endif

#define MAKE(type, name)                                                                                               \
    type *name = at_the_edge(sizeof(type));                                                                            \
    name->struct_size = sizeof(type);                                                                                  \
    POISON(name)

struct lao_instance {
    const lao_host_t *host;
    uint32_t config_size;
    int config_sees_more;
    char config[64];
};

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    lao_instance_t *made = calloc(1, sizeof *made);
    if (made == NULL || config->json_size >= sizeof made->config) {
        free(made);
        return lao_fail(error, LAO_INVALID_CONFIG, "the configuration is too long");
    }
    made->host = host;
    made->config_size = config->struct_size;
    made->config_sees_more = SEES_MORE(lao_config_t, config);
    memcpy(made->config, config->json, (size_t)config->json_size);
    *instance = made;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *instance) { free(instance); }

static void LAO_CALL release(lao_value_t *value) { free(value->owner); }

/* Fills a value of the host's, no further than it says. */
static lao_status_t give(lao_value_t *value, uint32_t kind, const char *text) {
    char *copy = strdup(text);
    value->kind = kind;
    value->data = copy;
    value->size = strlen(copy);
    value->owner = copy;
    value->release = release;
#if defined(GROWN)
    if (SEES_MORE(lao_value_t, value)) {
        POISON(value);
    }
#endif
    return LAO_OK;
}

static lao_status_t tell(lao_instance_t *instance, const lao_request_t *request, const lao_response_t *response,
                         const lao_error_t *error, lao_value_t *output) {
    const lao_host_t *host = instance->host;
    const lao_stream_host_t *stream = host->get_extension(host, LAO_EXT_STREAM);
    const lao_scratch_host_t *scratch = host->get_extension(host, LAO_EXT_SCRATCH);
    const lao_progress_host_t *progress = host->get_extension(host, LAO_EXT_PROGRESS);
    int more[] = {
        SEES_MORE(lao_host_t, host),
        instance->config_sees_more,
        SEES_MORE(lao_request_t, request),
        SEES_MORE(lao_response_t, response),
        SEES_MORE(lao_value_t, output),
        SEES_MORE(lao_value_t, request->inputs[0]),
        SEES_MORE(lao_error_t, error),
        SEES_MORE(lao_param_t, request->params[0]),
        SEES_MORE(lao_stream_host_t, stream),
        SEES_MORE(lao_scratch_host_t, scratch),
        SEES_MORE(lao_progress_host_t, progress),
    };
    uint32_t sizes[] = {
        host->struct_size,     instance->config_size,
        request->struct_size,  response->struct_size,
        output->struct_size,   request->inputs[0]->struct_size,
        error->struct_size,    request->params[0]->struct_size,
        stream->struct_size,   scratch->struct_size,
        progress->struct_size,
    };
    const char *names[] = {"lao_host_t",        "lao_config_t",       "lao_request_t",      "lao_response_t",
                           "lao_value_t",       "lao_value_t",        "lao_error_t",        "lao_param_t",
                           "lao_stream_host_t", "lao_scratch_host_t", "lao_progress_host_t"};
    char json[2048];
    int size = snprintf(json, sizeof json, "{\"minor\":%u,\"own_minor\":%u,\"config\":%s,\"unknown\":%s,\"seen\":[",
                        LAO_ABI_MINOR_OF(host->abi_version), LAO_ABI_MINOR, instance->config,
                        host->get_extension(host, "lao.unknown/1") == NULL ? "null" : "1");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size += snprintf(json + size, sizeof json - (size_t)size, "%s[\"%s\",%u,%d]", i == 0 ? "" : ",", names[i],
                         sizes[i], more[i]);
    }
    snprintf(json + size, sizeof json - (size_t)size, "]}");
    return give(output, LAO_KIND_JSON, json);
}

static lao_status_t parts(lao_instance_t *instance, const lao_request_t *request, lao_value_t *output) {
    const lao_stream_host_t *stream = instance->host->get_extension(instance->host, LAO_EXT_STREAM);
    for (int i = 0; i < 3; i++) {
        char text[16];
        MAKE(lao_value_t, part);
        part->file_handle = -1;
        snprintf(text, sizeof text, "part %d", i);
        give(part, LAO_KIND_TEXT, text);
        if (stream->push(request->call, part, 0) != LAO_STREAM_CONTINUE) {
            return LAO_FAILED;
        }
    }
    return give(output, LAO_KIND_TEXT, "last");
}

/* The parts of the input, one after the other, each into a value of the plugin's own. */
static lao_status_t joined(lao_instance_t *instance, const lao_request_t *request, lao_value_t *output) {
    const lao_stream_host_t *stream = instance->host->get_extension(instance->host, LAO_EXT_STREAM);
    char text[256] = "";
    size_t end = 0;
    for (;;) {
        MAKE(lao_value_t, part);
        uint32_t size = part->struct_size;
        if (stream->pull(request->call, part, 0) != LAO_STREAM_CONTINUE) {
            return give(output, LAO_KIND_TEXT, text);
        }
        if (part->struct_size != size || part->size > sizeof text - 2 - end) {
            return LAO_FAILED;
        }
        memcpy(text + end, part->data, (size_t)part->size);
        end += (size_t)part->size;
        text[end++] = '|';
        if (part->release != NULL) {
            part->release(part);
        }
    }
}

/* What is put into the scratch store comes back through a value of the plugin's own. */
static lao_status_t scratch(lao_instance_t *instance, const lao_value_t *input, lao_value_t *output,
                            lao_error_t *error) {
    const lao_host_t *host = instance->host;
    const lao_scratch_host_t *store = host->get_extension(host, LAO_EXT_SCRATCH);
    char text[64] = "";
    lao_status_t status = store->put(host, "key", input->data, input->size);
    MAKE(lao_value_t, value);
    if (status == LAO_OK) {
        status = store->get(host, "key", value);
    }
    if (status != LAO_OK) {
        return lao_fail(error, status, "the scratch store fails");
    }
    if (value->kind != LAO_KIND_BINARY || value->size >= sizeof text) {
        return lao_fail(error, LAO_FAILED, "it holds something else");
    }
    memcpy(text, value->data, (size_t)value->size);
    value->release(value);
    return give(output, LAO_KIND_TEXT, text);
}

/* An error of the plugin's own that the host fills. */
static lao_status_t denied(lao_instance_t *instance, lao_error_t *error) {
    const lao_host_t *host = instance->host;
    const lao_files_host_t *files = host->get_extension(host, LAO_EXT_FILES);
    int64_t handle = -1;
    char text[256] = "";
    char whole[300];
    lao_status_t status;
    MAKE(lao_error_t, own);
    own->text = text;
    own->text_capacity = sizeof text - 1;
    if (files == NULL) {
        return lao_fail(error, LAO_PERMISSION_DENIED, "there is no table");
    }
    status = files->open(host, "/etc/shadow", LAO_FILE_READ, &handle, own);
    snprintf(whole, sizeof whole, "said: %s", text);
    return lao_fail(error, status, whole);
}

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    lao_value_t *output = response->outputs[0];
    response->output_count = 1;
    switch (request->capability) {
    case 0:
        return tell(instance, request, response, error, output);
    case 1: {
        char text[64] = "";
        memcpy(text, request->inputs[0]->data, (size_t)request->inputs[0]->size % sizeof text);
        return give(output, LAO_KIND_TEXT, text);
    }
    case 2:
        return parts(instance, request, output);
    case 3:
        return scratch(instance, request->inputs[0], output, error);
    case 4:
        return denied(instance, error);
    case 6:
        return joined(instance, request, output);
    default:
        return give(output, LAO_KIND_TEXT, "one alone");
    }
}

static void LAO_CALL call_batch(lao_instance_t *instance, uint32_t count, const lao_request_t *const *requests,
                                lao_response_t *const *responses, lao_error_t *const *errors, lao_status_t *statuses) {
    (void)instance;
    for (uint32_t i = 0; i < count; i++) {
        char text[64];
        if (requests[i]->inputs[0]->size == 0) {
            statuses[i] = lao_fail(errors[i], LAO_INVALID_INPUT, "there is nothing");
            continue;
        }
        snprintf(text, sizeof text, "%.*s of a batch", (int)requests[i]->inputs[0]->size,
                 (const char *)requests[i]->inputs[0]->data);
        responses[i]->output_count = 1;
        statuses[i] = give(responses[i]->outputs[0], LAO_KIND_TEXT, text);
    }
}

static lao_status_t LAO_CALL save(lao_instance_t *instance, lao_value_t *state, lao_error_t *error) {
    (void)instance, (void)error;
    return give(state, LAO_KIND_BINARY, "kept");
}

static lao_status_t LAO_CALL load(lao_instance_t *instance, const void *data, uint64_t size, uint32_t version,
                                  lao_error_t *error) {
    if (version != 7 || size != 4 || memcmp(data, "kept", 4) != 0) {
        return lao_fail(error, LAO_INVALID_INPUT, "it is not what save wrote");
    }
    memcpy(instance->config, "\"loaded\"", sizeof "\"loaded\"");
    return LAO_OK;
}

static lao_status_t LAO_CALL configure(lao_instance_t *instance, const lao_config_t *config, lao_error_t *error) {
    (void)instance, (void)config, (void)error;
    return LAO_OK;
}

static lao_status_t LAO_CALL health(lao_instance_t *instance, lao_error_t *error) {
    (void)instance, (void)error;
    return LAO_OK;
}

static lao_status_t LAO_CALL on_event(lao_instance_t *instance, const char *callback, const char *name,
                                      const char *json, uint64_t json_size, lao_error_t *error) {
    (void)instance, (void)callback, (void)name, (void)json, (void)json_size, (void)error;
    return LAO_OK;
}

static const void *LAO_CALL get_extension(const char *id) {
    if (strcmp(id, LAO_EXT_BATCH) == 0) {
        MAKE(lao_batch_plugin_t, table);
        table->call_batch = call_batch;
        return table;
    }
    if (strcmp(id, LAO_EXT_STATE) == 0) {
        MAKE(lao_state_plugin_t, table);
        table->state_version = 7;
        table->save = save;
        table->load = load;
        return table;
    }
    if (strcmp(id, LAO_EXT_LIFECYCLE) == 0) {
        MAKE(lao_lifecycle_plugin_t, table);
        table->configure = configure;
        table->health = health;
        return table;
    }
    if (strcmp(id, LAO_EXT_EVENTS) == 0) {
        MAKE(lao_events_plugin_t, table);
        table->on_event = on_event;
        return table;
    }
    return NULL;
}

static const lao_capability_t *capability(const char *name, uint32_t input, uint32_t output, uint32_t flags,
                                          uint32_t batch) {
    MAKE(lao_capability_t, made);
    made->name = name;
    made->input_kind = input;
    made->output_kind = output;
    made->flags = flags;
    made->max_batch = batch;
    return made;
}

LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    static const lao_capability_t *capabilities[7];
    static const lao_declared_event_t *events[1];
    MAKE(lao_plugin_t, plugin);
    MAKE(lao_declared_event_t, event);
    (void)host;
    capabilities[0] = capability("tell", LAO_KIND_TEXT, LAO_KIND_JSON, 0, 0);
    capabilities[1] = capability("text", LAO_KIND_TEXT, LAO_KIND_TEXT, 0, 0);
    capabilities[2] = capability("parts", LAO_KIND_NONE, LAO_KIND_TEXT, LAO_CAPABILITY_STREAMS_OUT, 0);
    capabilities[3] = capability("scratch", LAO_KIND_TEXT, LAO_KIND_TEXT, 0, 0);
    capabilities[4] = capability("denied", LAO_KIND_NONE, LAO_KIND_TEXT, 0, 0);
    capabilities[5] = capability("batch", LAO_KIND_TEXT, LAO_KIND_TEXT, 0, 4);
    capabilities[6] = capability("joined", LAO_KIND_TEXT, LAO_KIND_TEXT, LAO_CAPABILITY_STREAMS_IN, 0);
    event->name = "something";
    events[0] = event;
    plugin->abi_version = LAO_ABI_VERSION;
    plugin->name = "guarded";
    plugin->version = "1.0.0";
    plugin->thread_role = LAO_THREADS_INSTANCE;
    plugin->capability_count = 7;
    plugin->capabilities = capabilities;
    plugin->create = create;
    plugin->destroy = destroy;
    plugin->call = call;
    plugin->get_extension = get_extension;
    plugin->events = events;
    plugin->event_count = 1;
#if defined(SHORT)
    /* Version 1.0 as it began: the table ends with `shutdown`. */
    lao_plugin_t *whole = plugin;
    size_t size = offsetof(lao_plugin_t, shutdown) + sizeof plugin->shutdown;
    plugin = at_the_edge(size);
    memcpy(plugin, whole, size);
    plugin->struct_size = (uint32_t)size;
#endif
    return plugin;
}
