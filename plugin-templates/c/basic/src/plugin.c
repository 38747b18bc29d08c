/* The plugin: its capabilities, its configuration, and what connects them to text.c. */
#include <inttypes.h>
#include <lao/plugin_c.h>

#include "text.h"

/* One instance: its settings, which never change, so that any number of calls may run at the same time. */
struct lao_instance {
    const lao_host_t *host;
    int64_t max_length; /* characters */
    char *prefix;
    uint64_t prefix_size;
};

/* --- Configuration --- */

static void LAO_CALL destroy(lao_instance_t *self) {
    free(self->prefix);
    free(self);
}

static lao_status_t read_config(lao_instance_t *self, const lao_config_t *config, lao_error_t *error) {
    lao_json_t value;
    self->max_length = 1000000;
    if (lao_json_member(config->json, config->json_size, "max_length", &value) > 0 &&
        !lao_json_integer(value, &self->max_length)) {
        return lao_fail(error, LAO_INVALID_CONFIG, "`max_length` must be an integer");
    }
    if (self->max_length < 1) {
        return lao_fail(error, LAO_INVALID_CONFIG, "`max_length` must be at least 1");
    }
    if (lao_json_member(config->json, config->json_size, "prefix", &value) > 0) {
        self->prefix = lao_json_text(value, &self->prefix_size);
        if (self->prefix == NULL) {
            return lao_fail(error, LAO_INVALID_CONFIG, "`prefix` must be a text");
        }
    }
    return LAO_OK;
}

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    lao_instance_t *self = calloc(1, sizeof *self);
    lao_status_t status;
    if (self == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    self->host = host;
    status = read_config(self, config, error);
    if (status != LAO_OK) {
        destroy(self);
        return status;
    }
    *instance = self;
    return LAO_OK;
}

/* --- Capabilities --- */

/* The one input, checked: text in UTF-8 that is not too long. */
static lao_status_t take_text(const lao_instance_t *self, const lao_request_t *request, const char **text,
                              uint64_t *size, lao_error_t *error) {
    int64_t length;
    if (request->input_count != 1 || request->inputs[0]->kind != LAO_KIND_TEXT) {
        return lao_fail(error, LAO_INVALID_INPUT, "this capability takes one text");
    }
    *text = request->inputs[0]->data;
    *size = request->inputs[0]->size;
    length = lao_utf8_count(*text, *size);
    if (length < 0) {
        return lao_fail(error, LAO_INVALID_INPUT, "the input is not UTF-8");
    }
    if (length > self->max_length) {
        return lao_failf(error, LAO_INVALID_INPUT, "the text has %" PRId64 " characters; `max_length` allows %" PRId64,
                         length, self->max_length);
    }
    return LAO_OK;
}

static lao_status_t process(const lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    static const char *const known[] = {"mode", "trim"};
    const char *text, *mode_name = "upper";
    uint64_t size;
    int trim = 0, mode;
    char *room;
    lao_status_t status = lao_params_only(request, known, 2, error);
    if (status == LAO_OK) {
        status = lao_param_text(request, "mode", &mode_name, NULL, error);
    }
    if (status == LAO_OK) {
        status = lao_param_bool(request, "trim", &trim, error);
    }
    if (status == LAO_OK) {
        status = take_text(self, request, &text, &size, error);
    }
    if (status != LAO_OK) {
        return status;
    }
    mode = text_mode(mode_name);
    if (mode < 0) {
        return lao_failf(error, LAO_INVALID_PARAMETER,
                         "parameter `mode` must be one of upper, lower, title, reverse, slug; not `%s`", mode_name);
    }
    if (trim) {
        text_trim(&text, &size);
    }
    room = lao_room(self->host, self->prefix_size + 2 * size);
    if (room == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    if (self->prefix_size > 0) {
        memcpy(room, self->prefix, self->prefix_size);
    }
    size = text_change(mode, text, size, room + self->prefix_size);
    return lao_give(self->host, response, LAO_KIND_TEXT, room, self->prefix_size + size);
}

static lao_status_t analyze(const lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    char json[160];
    const char *text;
    uint64_t size;
    lao_status_t status = lao_params_only(request, NULL, 0, error);
    if (status == LAO_OK) {
        status = take_text(self, request, &text, &size, error);
    }
    if (status != LAO_OK) {
        return status;
    }
    counts_t counts = text_count(text, size);
    int length =
        snprintf(json, sizeof json,
                 "{\"bytes\":%" PRIu64 ",\"characters\":%" PRIu64 ",\"words\":%" PRIu64 ",\"lines\":%" PRIu64 "}",
                 counts.bytes, counts.characters, counts.words, counts.lines);
    return lao_give_copy(self->host, response, LAO_KIND_JSON, json, (uint64_t)length);
}

/* --- The table --- */

static const lao_capability_t process_capability = {
    .struct_size = sizeof(lao_capability_t),
    .flags = LAO_CAPABILITY_IDEMPOTENT,
    .name = "process",
    .description = "Changes a text: upper, lower, title, reverse or slug",
    .input_kind = LAO_KIND_TEXT,
    .output_kind = LAO_KIND_TEXT,
    .params_schema = "{\"type\":\"object\",\"properties\":{"
                     "\"mode\":{\"type\":\"string\",\"enum\":[\"upper\",\"lower\",\"title\",\"reverse\",\"slug\"],"
                     "\"default\":\"upper\",\"description\":\"How to change it\"},"
                     "\"trim\":{\"type\":\"boolean\",\"default\":false,"
                     "\"description\":\"Leave out the white space around it\"}},\"additionalProperties\":false}",
};

static const lao_capability_t analyze_capability = {
    .struct_size = sizeof(lao_capability_t),
    .flags = LAO_CAPABILITY_IDEMPOTENT,
    .name = "analyze",
    .description = "Counts the bytes, characters, words and lines of a text",
    .input_kind = LAO_KIND_TEXT,
    .output_kind = LAO_KIND_JSON,
};

static const lao_capability_t *const capabilities[] = {&process_capability, &analyze_capability};

static lao_status_t LAO_CALL call(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    switch (request->capability) { /* the index in `capabilities` */
    case 0:
        return process(self, request, response, error);
    case 1:
        return analyze(self, request, response, error);
    default:
        return LAO_UNKNOWN_CAPABILITY;
    }
}

static const lao_plugin_t plugin = {
    .struct_size = sizeof plugin,
    .abi_version = LAO_ABI_VERSION,
    .name = LAO_PLUGIN_NAME, /* both come from plugin.toml */
    .version = LAO_PLUGIN_VERSION,
    .thread_role = LAO_THREADS_FULL,
    .capability_count = sizeof capabilities / sizeof *capabilities,
    .capabilities = capabilities,
    .create = create,
    .destroy = destroy,
    .call = call,
};

const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    return LAO_ABI_MAJOR_OF(host->abi_version) == LAO_ABI_MAJOR ? &plugin : NULL;
}
