/* A plugin with batches, parts, state, settings, health and events, and one fault, chosen by -DFAULT=... */
#include <lao/plugin_c.h>

#define SOUND 0
#define FORGETS_A_REQUEST 1 /* leaves the last answer of a batch unset though it says that it succeeded */
#define CRASH_ON_NO_PART 2
#define CRASH_ON_STATE 3       /* trusts the bytes of a state */
#define TAKES_EVERY_VERSION 4  /* of a state */
#define REFUSES_ITS_OWN 5      /* state */
#define ILL 6                  /* says so from the beginning */
#define CRASH_ON_SETTINGS 7
#define CRASH_ON_EVENT 8

#ifndef FAULT
#define FAULT SOUND
#endif

struct lao_instance {
    const lao_host_t *host;
};

static void crash(void) { *(volatile char *)8 = 1; }

static lao_status_t create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                           lao_error_t *error) {
    (void)config, (void)error;
    *instance = calloc(1, sizeof **instance);
    if (*instance == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    (*instance)->host = host;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *self) { free(self); }

static lao_status_t configure(lao_instance_t *self, const lao_config_t *config, lao_error_t *error) {
    (void)self, (void)config, (void)error;
    if (FAULT == CRASH_ON_SETTINGS) {
        crash();
    }
    return LAO_OK;
}

static lao_status_t LAO_CALL health(lao_instance_t *self, lao_error_t *error) {
    (void)self;
    return FAULT == ILL ? lao_fail(error, LAO_FAILED, "it is ill") : LAO_OK;
}

static lao_status_t LAO_CALL save(lao_instance_t *self, lao_value_t *state, lao_error_t *error) {
    lao_response_t response = {.struct_size = sizeof response, .output_capacity = 1, .outputs = &state};
    (void)error;
    return lao_give_copy(self->host, &response, LAO_KIND_BINARY, "state", 5);
}

static lao_status_t load(lao_instance_t *self, const void *data, uint64_t size, lao_error_t *error) {
    (void)self;
    if (FAULT == CRASH_ON_STATE && size != 5) {
        crash();
    }
    if (FAULT == REFUSES_ITS_OWN || size != 5 || memcmp(data, "state", 5) != 0) {
        return lao_fail(error, LAO_INVALID_INPUT, "this is no state");
    }
    return LAO_OK;
}

static lao_status_t LAO_CALL load_any_version(lao_instance_t *self, const void *data, uint64_t size, uint32_t version,
                                              lao_error_t *error) {
    (void)version;
    return load(self, data, size, error);
}

static lao_status_t LAO_CALL on_event(lao_instance_t *self, const char *callback, const char *name, const char *json,
                                      uint64_t json_size, lao_error_t *error) {
    (void)self, (void)callback, (void)name, (void)json, (void)json_size, (void)error;
    if (FAULT == CRASH_ON_EVENT) {
        crash();
    }
    return LAO_OK;
}

static void sizes(lao_instance_t *self, uint32_t count, const lao_request_t *const *requests,
                  lao_response_t *const *responses, lao_error_t *const *errors, lao_status_t *statuses) {
    (void)errors;
    for (uint32_t i = 0; i < count; i++) {
        char digits[24];
        int size = snprintf(digits, sizeof digits, "%" PRIu64, requests[i]->inputs[0]->size);
        statuses[i] = FAULT == FORGETS_A_REQUEST && count > 1 && i == count - 1
                          ? (lao_status_t)LAO_OK
                          : lao_give_copy(self->host, responses[i], LAO_KIND_TEXT, digits, (uint64_t)size);
    }
}

static lao_status_t joined(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                           lao_error_t *error) {
    lao_value_t part;
    uint32_t whole = 0, parts = 0;
    char digits[24];
    int size;
    (void)error;
    while (lao_receive(self->host, request, &whole, &part) == LAO_STREAM_CONTINUE) {
        lao_value_release(&part);
        parts++;
    }
    if (FAULT == CRASH_ON_NO_PART && parts == 0 && !lao_cancelled(request)) {
        crash();
    }
    size = snprintf(digits, sizeof digits, "%" PRIu32, parts);
    return lao_give_copy(self->host, response, LAO_KIND_TEXT, digits, (uint64_t)size);
}

static const lao_capability_entry_t capabilities[] = {
    {"sizes", "", LAO_KIND_TEXT, LAO_KIND_TEXT, .max_batch = 4, .run_batch = sizes},
    {"joined", "", LAO_KIND_TEXT, LAO_KIND_TEXT, LAO_CAPABILITY_STREAMS_IN, .run = joined},
    {0}};

static const lao_declaration_t declaration = {
    .name = "faulty",
    .version = "1.0.0",
    .thread_role = LAO_THREADS_FULL,
    .state_version = 1,
    .capabilities = capabilities,
    .create = create,
    .destroy = destroy,
    .configure = configure,
    .health = health,
    .save = save,
    .load = load,
    .on_event = on_event,
};

static const void *LAO_CALL extension(const char *id) {
    static const lao_state_plugin_t careless = {sizeof careless, 1, save, load_any_version};
    return strcmp(id, LAO_EXT_STATE) == 0 ? &careless : lao__declared_extension(id);
}

const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    static lao_plugin_t careless;
    const lao_plugin_t *plugin = lao_declare(host, &declaration);
    if (FAULT != TAKES_EVERY_VERSION || plugin == NULL) {
        return plugin;
    }
    careless = *plugin;
    careless.get_extension = extension;
    return &careless;
}
