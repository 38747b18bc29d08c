/* Services that take and give whole values: HTTP, commands, calls to other plugins. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "service_tables.h"
#include "service_tensor.h"

#define MAX_ARGUMENTS 1024u
#define MAX_ARGUMENT_BYTES 32768u

static lao_status_t refuse(lao_error_t *error, const char *reason) {
    return lao_fail(error, LAO_INVALID_INPUT, reason);
}

/* A field whose value is JSON already. The host parses it: what is not JSON is refused there. */
static void add_raw(lao__text_buffer_t *header, const char *key, const char *json, uint64_t size) {
    lao__text_add_string(header, header->size > 1 ? ",\"" : "\"");
    lao__text_add_string(header, key);
    lao__text_add_string(header, "\":");
    lao__text_add(header, json, (size_t)size);
}

/* --- lao.http/1 --- */

static lao_status_t LAO_CALL fetch(const lao_host_t *host, const lao_value_t *request, const lao_value_t *body,
                                   lao_value_t *response, lao_value_t *response_body, lao_error_t *error) {
    lao__text_buffer_t header = {0};
    lao__service_reply_t reply;
    lao_status_t status;
    if (request == NULL || request->kind != LAO_KIND_JSON || request->data == NULL) {
        return refuse(error, "the request is no JSON value");
    }
    if (body != NULL && body->tensor != NULL) {
        return refuse(error, "an array cannot be sent as it is");
    }
    if (!lao__service_clear_value(response) || !lao__service_clear_value(response_body)) {
        return refuse(error, "there is no place for the response");
    }
    lao__text_add(&header, request->data, (size_t)request->size);
    status = lao__service_ask(host->context, LAO__SERVICE_HTTP, &header, body, &reply, error);
    if (status == LAO_OK) {
        status = lao__service_give_header(&reply, response, error);
        if (status == LAO_OK) {
            lao__service_give_body(&reply, response_body);
            response_body->kind = LAO_KIND_BINARY;
        }
        free(reply.memory);
    }
    return status;
}

const lao_http_host_t lao__service_http = {.struct_size = sizeof(lao_http_host_t), .reserved = 0, .fetch = fetch};

/* --- lao.commands/1 --- */

static lao_status_t LAO_CALL run(const lao_host_t *host, const char *const *arguments, uint32_t argument_count,
                                 lao_value_t *result, lao_error_t *error) {
    lao__text_buffer_t header = {0};
    lao__service_reply_t reply;
    lao_status_t status;
    uint32_t index;
    if (arguments == NULL || argument_count == 0 || argument_count > MAX_ARGUMENTS) {
        return refuse(error, "a command has 1 to 1024 arguments, the program included");
    }
    if (!lao__service_clear_value(result)) {
        return refuse(error, "there is no place for the result");
    }
    lao__text_add_string(&header, "{\"arguments\":[");
    for (index = 0; index < argument_count; index++) {
        const char *argument = arguments[index];
        if (argument == NULL || (*argument != '\0' && lao__checked_string(argument, MAX_ARGUMENT_BYTES) < 0)) {
            free(header.text);
            return refuse(error, "an argument is missing, too long, or not UTF-8");
        }
        lao__text_add_string(&header, index > 0 ? "," : "");
        lao__text_add_json(&header, argument, strlen(argument));
    }
    lao__text_add_string(&header, "]}");
    status = lao__service_ask(host->context, LAO__SERVICE_COMMANDS, &header, NULL, &reply, error);
    if (status == LAO_OK) {
        lao__service_give_body(&reply, result);
        result->kind = LAO_KIND_JSON;
    }
    return status;
}

const lao_commands_host_t lao__service_commands = {
    .struct_size = sizeof(lao_commands_host_t), .reserved = 0, .run = run};

/* --- lao.calls/1 --- */

/* Describes the input in the header and makes a body of it; `*copy` is freed by the caller. */
static lao_status_t add_value(lao__text_buffer_t *header, const lao_value_t *value, lao_value_t *body, void **copy,
                              lao_error_t *error) {
    if (!LAO_HAS(lao_value_t, value, owner) || !lao__kind_is_concrete(value->kind)) {
        return refuse(error, "the input is of no kind that a call takes");
    }
    if (value->media_type != NULL) {
        lao__text_add_json_field(header, "media_type", value->media_type);
    }
    if (value->tensor != NULL) {
        return lao__service_put_tensor(value, header, body, copy, error);
    }
    body->kind = value->kind;
    body->data = value->data;
    body->size = value->size;
    return LAO_OK;
}

static lao_status_t LAO_CALL call_plugin(lao_call_t *call, const char *plugin, const char *capability,
                                         const lao_value_t *input, const char *params_json, lao_value_t *output,
                                         lao_error_t *error) {
    lao_value_t body = {.struct_size = sizeof body};
    void *copy = NULL;
    lao__text_buffer_t header = {0};
    lao__service_reply_t reply;
    lao_status_t status = lao__service_check_text(plugin, LAO__MAX_NAME_BYTES, "name of the plugin", error);
    if (status == LAO_OK) {
        status = lao__service_check_text(capability, LAO__MAX_NAME_BYTES, "name of the capability", error);
    }
    if (status != LAO_OK) {
        return status;
    }
    if (call == NULL || call->tenant == NULL || !lao__service_clear_value(output)) {
        return refuse(error, "there is no call, or no place for the output");
    }
    lao__text_add_string(&header, "{");
    lao__text_add_json_field(&header, "plugin", plugin);
    lao__text_add_json_field(&header, "capability", capability);
    if (call->flight != NULL && call->flight->deadline_ns != INT64_MAX) {
        lao__text_add_json_number(&header, "deadline_ns", (uint64_t)call->flight->deadline_ns);
    }
    if (params_json != NULL) {
        add_raw(&header, "params", params_json, strnlen(params_json, LAO__SERVICE_MAX_HEADER + 1));
    }
    status = input != NULL && input->kind != LAO_KIND_NONE ? add_value(&header, input, &body, &copy, error) : LAO_OK;
    if (status != LAO_OK) {
        free(header.text);
        return status;
    }
    lao__text_add_string(&header, "}");
    status = lao__service_ask(call->tenant, LAO__SERVICE_CALLS, &header, body.kind != LAO_KIND_NONE ? &body : NULL,
                              &reply, error);
    free(copy);
    if (status == LAO_OK && reply.header_size > 0) {
        status = lao__service_give_tensor(&reply, output, error);
        free(reply.memory);
    } else if (status == LAO_OK) {
        lao__service_give_body(&reply, output);
    }
    return status;
}

const lao_calls_host_t lao__service_calls = {
    .struct_size = sizeof(lao_calls_host_t), .reserved = 0, .call = call_plugin};
