#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "module.h"
#include "service_tables.h"
#include "utf8.h"

static lao_status_t describe_failure(const lao__service_reply_t *reply, lao_error_t *error) {
    return lao_fail(error, reply->status, reply->memory != NULL ? reply->memory : lao_status_message(reply->status));
}

/* Fills in the request; a reason why it cannot be put otherwise. */
static lao_status_t prepare(const lao__tenant_t *tenant, uint32_t service, const lao__text_buffer_t *header,
                            lao__service_request_t *request, lao_error_t *error) {
    memset(request, 0, sizeof *request);
    if (header->failed) {
        return lao_fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    if (header->size > LAO__SERVICE_MAX_HEADER) {
        return lao_fail(error, LAO_INVALID_INPUT, "what is asked of the host has more than 64 KiB");
    }
    request->tenant = lao__tenant_id(tenant);
    if (request->tenant == 0) {
        return lao_fail(error, LAO_CLOSED, "no instance of the plugin is open");
    }
    if ((atomic_load(&tenant->granted) & service) == 0) {
        return lao_fail(error, LAO_PERMISSION_DENIED, "this was not granted");
    }
    request->service = service;
    request->cancel = lao__services_cancel_word();
    request->header = header->text != NULL ? header->text : "";
    request->header_size = (uint32_t)header->size;
    return LAO_OK;
}

lao_status_t lao__service_ask(const lao__tenant_t *tenant, uint32_t service, lao__text_buffer_t *header,
                              const lao_value_t *body, lao__service_reply_t *reply, lao_error_t *error) {
    lao__service_request_t request;
    lao_status_t status = prepare(tenant, service, header, &request, error);
    memset(reply, 0, sizeof *reply);
    reply->descriptor = -1;
    if (status == LAO_OK && body != NULL) {
        request.kind = body->kind;
        request.body = body->data;
        request.body_size = body->size;
        if (body->size > LAO__SERVICE_MAX_BODY) {
            status = lao_fail(error, LAO_LIMIT_EXCEEDED, "what is asked of the host has more than 16 MiB");
        } else if (body->size > 0 && body->data == NULL) {
            status = lao_fail(error, LAO_INVALID_INPUT, "there is a size and no data");
        }
    }
    if (status == LAO_OK) {
        tenant->module->services->ask(&request, reply);
        status = reply->status;
        if (status != LAO_OK) {
            describe_failure(reply, error);
            free(reply->memory);
            memset(reply, 0, sizeof *reply);
            reply->descriptor = -1;
        }
    }
    free(header->text);
    return status;
}

void lao__service_tell(const lao__tenant_t *tenant, uint32_t service, lao__text_buffer_t *header) {
    lao__service_request_t request;
    lao__service_reply_t reply;
    if (prepare(tenant, service, header, &request, NULL) == LAO_OK) {
        memset(&reply, 0, sizeof reply);
        request.one_way = 1;
        tenant->module->services->ask(&request, &reply);
        free(reply.memory);
    }
    free(header->text);
}

/* --- Values --- */

static void LAO_CALL release(lao_value_t *value) { free(value->owner); }

bool lao__service_clear_value(lao_value_t *value) {
    const uint32_t largest = 65536; /* of any later version: more is no size */
    if (value == NULL || !LAO_HAS(lao_value_t, value, owner) || value->struct_size > largest) {
        return false;
    }
    memset((char *)value + sizeof value->struct_size, 0, value->struct_size - sizeof value->struct_size);
    value->file_handle = -1;
    return true;
}

void lao__service_give_body(lao__service_reply_t *reply, lao_value_t *value) {
    value->kind = reply->kind;
    value->data = lao__service_reply_body(reply);
    value->size = reply->body_size;
    value->owner = reply->memory;
    value->release = release;
    reply->memory = NULL;
}

lao_status_t lao__service_give_header(const lao__service_reply_t *reply, lao_value_t *value, lao_error_t *error) {
    char *copy = malloc((size_t)reply->header_size + 1);
    if (copy == NULL) {
        return lao_fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    memcpy(copy, reply->memory != NULL ? reply->memory : "", (size_t)reply->header_size);
    copy[reply->header_size] = '\0';
    value->kind = LAO_KIND_JSON;
    value->data = copy;
    value->size = reply->header_size;
    value->owner = copy;
    value->release = release;
    return LAO_OK;
}

lao_status_t lao__service_check_text(const char *text, size_t limit, const char *what, lao_error_t *error) {
    char reason[128];
    if (lao__checked_string(text, limit) >= 0) {
        return LAO_OK;
    }
    snprintf(reason, sizeof reason, "the %s is missing, not UTF-8, or longer than %zu bytes", what, limit);
    return lao_fail(error, LAO_INVALID_INPUT, reason);
}
