/* The plugin: its capabilities, its configuration, and what connects them to text.c. */
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

static const lao_field_t settings[] = {
    LAO_INT_IN("max_length", 1000000, "Characters that an input may have", 1, DBL_MAX),
    LAO_TEXT("prefix", "", "Put before every processed text"),
    LAO_END,
};

static void LAO_CALL destroy(lao_instance_t *self) {
    free(self->prefix);
    free(self);
}

static lao_status_t create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                           lao_error_t *error) {
    lao_instance_t *self = calloc(1, sizeof *self);
    (void)error; /* the settings were checked */
    if (self == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    self->host = host;
    self->max_length = lao_setting_int(config, settings, "max_length");
    self->prefix = lao_setting_text(config, settings, "prefix", &self->prefix_size);
    if (self->prefix == NULL) {
        destroy(self);
        return LAO_OUT_OF_MEMORY;
    }
    *instance = self;
    return LAO_OK;
}

/* --- Capabilities --- */

static const lao_field_t process_params[] = {
    LAO_CHOICE("mode", "upper", "How to change it", "upper|lower|title|reverse|slug"),
    LAO_BOOL("trim", 0, "Leave out the white space around it"),
    LAO_END,
};

static const lao_field_t analyze_output[] = {
    LAO_FIELD(LAO_PARAM_INT, LAO_FIELD_REQUIRED, "bytes", "", NULL),
    LAO_FIELD(LAO_PARAM_INT, LAO_FIELD_REQUIRED, "characters", "", NULL),
    LAO_FIELD(LAO_PARAM_INT, LAO_FIELD_REQUIRED, "words", "", NULL),
    LAO_FIELD(LAO_PARAM_INT, LAO_FIELD_REQUIRED, "lines", "", NULL),
    LAO_END,
};

/* The one input, which is text, checked: UTF-8 that is not too long. */
static lao_status_t take_text(const lao_instance_t *self, const lao_request_t *request, const char **text,
                              uint64_t *size, lao_error_t *error) {
    int64_t length;
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

static lao_status_t process(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    const int mode = text_mode(lao_arg_text(request, process_params, "mode", NULL));
    const char *text;
    uint64_t size;
    char *room;
    lao_status_t status = take_text(self, request, &text, &size, error);
    if (status != LAO_OK) {
        return status;
    }
    if (lao_arg_bool(request, process_params, "trim")) {
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

static lao_status_t analyze(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    char json[160];
    const char *text;
    uint64_t size;
    lao_status_t status = take_text(self, request, &text, &size, error);
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

/* --- What is declared here, `lao plugin build` writes into plugin.toml --- */

static const lao_capability_entry_t capabilities[] = {
    {
        .name = "process",
        .description = "Changes a text: upper, lower, title, reverse or slug",
        .input_kind = LAO_KIND_TEXT,
        .output_kind = LAO_KIND_TEXT,
        .flags = LAO_CAPABILITY_IDEMPOTENT,
        .params = process_params,
        .run = process,
    },
    {
        .name = "analyze",
        .description = "Counts the bytes, characters, words and lines of a text",
        .input_kind = LAO_KIND_TEXT,
        .output_kind = LAO_KIND_JSON,
        .flags = LAO_CAPABILITY_IDEMPOTENT,
        .output_fields = analyze_output,
        .run = analyze,
    },
    {0},
};

static const lao_declaration_t declaration = {
    .name = LAO_PLUGIN_NAME, /* both come from plugin.toml */
    .version = LAO_PLUGIN_VERSION,
    .thread_role = LAO_THREADS_FULL,
    .capabilities = capabilities,
    .settings = settings,
    .create = create,
    .destroy = destroy,
};

const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) { return lao_declare(host, &declaration); }
