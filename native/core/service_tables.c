#include "service_tables.h"

#include <lao/ext/events.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_KEY_BYTES 256u
#define MAX_PATH_BYTES 4096u
#define MAX_PROGRESS_TEXT 1024u

static const lao__tenant_t *tenant_of(const lao_host_t *host) { return host->context; }

static void add_field(lao__text_buffer_t *header, const char *key, const char *value) {
    lao__text_add_string(header, header->size == 0 ? "{" : "");
    lao__text_add_json_field(header, key, value);
}

/* --- lao.progress/1 --- */

static void LAO_CALL report_progress(lao_call_t *call, double fraction, const char *text) {
    lao__text_buffer_t header = {0};
    char number[32];
    if (call == NULL || call->tenant == NULL) {
        return;
    }
    /* Written so that NaN counts as unknown. */
    snprintf(number, sizeof number, "%.6f", fraction >= 0 ? (fraction < 1 ? fraction : 1.0) : -1.0);
    lao__text_add_string(&header, "{\"fraction\":");
    lao__text_add_string(&header, number);
    if (text != NULL) {
        lao__text_add_string(&header, ",\"text\":");
        lao__text_add_json(&header, text, strnlen(text, MAX_PROGRESS_TEXT));
    }
    lao__text_add_string(&header, "}");
    lao__service_tell(call->tenant, LAO__SERVICE_PROGRESS, &header);
}

static const lao_progress_host_t progress = {
    .struct_size = sizeof(lao_progress_host_t), .reserved = 0, .report = report_progress};

/* --- lao.scratch/1 --- */

static lao_status_t begin_scratch(lao__text_buffer_t *header, const char *operation, const char *key) {
    lao_status_t status = lao__service_check_text(key, MAX_KEY_BYTES, "key", NULL);
    if (status == LAO_OK) {
        add_field(header, "operation", operation);
        add_field(header, "key", key);
        lao__text_add_string(header, "}");
    }
    return status;
}

static lao_status_t LAO_CALL get_scratch(const lao_host_t *host, const char *key, lao_value_t *value) {
    lao__text_buffer_t header = {0};
    lao__service_reply_t reply;
    lao_status_t status;
    if (!lao__service_clear_value(value)) {
        return LAO_INVALID_INPUT;
    }
    status = begin_scratch(&header, "get", key);
    if (status != LAO_OK) {
        return status;
    }
    status = lao__service_ask(tenant_of(host), LAO__SERVICE_SCRATCH, &header, NULL, &reply, NULL);
    if (status == LAO_OK && reply.kind == LAO_KIND_BINARY) {
        lao__service_give_body(&reply, value);
    } else if (status == LAO_OK) {
        free(reply.memory); /* there is no such key */
    }
    return status;
}

static lao_status_t LAO_CALL put_scratch(const lao_host_t *host, const char *key, const void *data, uint64_t size) {
    lao_value_t body = {.struct_size = sizeof body, .kind = LAO_KIND_BINARY, .data = data, .size = size};
    lao__text_buffer_t header = {0};
    lao__service_reply_t reply;
    lao_status_t status = begin_scratch(&header, data != NULL ? "put" : "remove", key);
    if (status != LAO_OK) {
        return status;
    }
    status =
        lao__service_ask(tenant_of(host), LAO__SERVICE_SCRATCH, &header, data != NULL ? &body : NULL, &reply, NULL);
    if (status == LAO_OK) {
        free(reply.memory);
    }
    return status;
}

static const lao_scratch_host_t scratch = {
    .struct_size = sizeof(lao_scratch_host_t), .reserved = 0, .get = get_scratch, .put = put_scratch};

/* --- lao.files/1 --- */

static lao_status_t LAO_CALL open_file(const lao_host_t *host, const char *path, uint32_t mode, int64_t *handle,
                                       lao_error_t *error) {
    lao__text_buffer_t header = {0};
    lao__service_reply_t reply;
    lao_status_t status = lao__service_check_text(path, MAX_PATH_BYTES, "path", error);
    if (status != LAO_OK) {
        return status;
    }
    if (handle == NULL) {
        return lao_fail(error, LAO_INVALID_INPUT, "there is no place for the handle");
    }
    *handle = -1;
    add_field(&header, "path", path);
    lao__text_add_json_number(&header, "mode", mode);
    lao__text_add_string(&header, "}");
    status = lao__service_ask(tenant_of(host), LAO__SERVICE_FILES, &header, NULL, &reply, error);
    if (status == LAO_OK) {
        free(reply.memory);
        *handle = reply.descriptor;
        if (reply.descriptor < 0) {
            return lao_fail(error, LAO_LIMIT_EXCEEDED, "there is no descriptor left for the file");
        }
    }
    return status;
}

static const lao_files_host_t files = {.struct_size = sizeof(lao_files_host_t), .reserved = 0, .open = open_file};

/* --- lao.events/1 --- */

static lao_status_t LAO_CALL emit_event(const lao_host_t *host, const char *name, const char *json,
                                        uint64_t json_size) {
    lao_value_t body = {.struct_size = sizeof body, .kind = LAO_KIND_JSON, .data = json, .size = json_size};
    lao__text_buffer_t header = {0};
    lao__service_reply_t reply;
    lao_status_t status = lao__service_check_text(name, MAX_KEY_BYTES, "name", NULL);
    if (status != LAO_OK || (json == NULL && json_size > 0)) {
        return LAO_INVALID_INPUT;
    }
    add_field(&header, "name", name);
    lao__text_add_string(&header, "}");
    status = lao__service_ask(tenant_of(host), LAO__SERVICE_EVENTS, &header, json != NULL ? &body : NULL, &reply, NULL);
    if (status == LAO_OK) {
        free(reply.memory);
    }
    return status;
}

static const lao_events_host_t events = {.struct_size = sizeof(lao_events_host_t), .reserved = 0, .emit = emit_event};

/* --- All of them --- */

static const struct {
    const char *id;
    uint32_t service;
    const void *table;
} tables[] = {
    {LAO_EXT_PROGRESS, LAO__SERVICE_PROGRESS, &progress},
    {LAO_EXT_SCRATCH, LAO__SERVICE_SCRATCH, &scratch},
    {LAO_EXT_FILES, LAO__SERVICE_FILES, &files},
    {LAO_EXT_HTTP, LAO__SERVICE_HTTP, &lao__service_http},
    {LAO_EXT_COMMANDS, LAO__SERVICE_COMMANDS, &lao__service_commands},
    {LAO_EXT_CALLS, LAO__SERVICE_CALLS, &lao__service_calls},
    {LAO_EXT_EVENTS, LAO__SERVICE_EVENTS, &events},
};

const void *lao__service_table(const char *id, uint32_t granted) {
    size_t index;
    for (index = 0; index < sizeof tables / sizeof *tables; index++) {
        if (strcmp(tables[index].id, id) == 0) {
            return (granted & tables[index].service) != 0 ? tables[index].table : NULL;
        }
    }
    return NULL;
}
