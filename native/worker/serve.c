#include "serve.h"

#include <lao/ext/stream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/clock.h"
#include "../core/describe.h"
#include "../core/instance.h"
#include "../ipc/wakeup.h"
#include "inputs.h"
#include "outputs.h"

#define LONG_NS ((int64_t)3600 * 1000000000)

/* The worker's state: it serves one plugin and one call at a time. */
typedef struct worker {
    lao__sink_t sink; /* first: the sink is the worker */
    lao__worker_memory_t *memory;
    lao__signal_page_t *signals;
    const lao__frame_request_t *request;
    lao__frame_response_t *response;
    uint32_t seen;
    lao__target_t *target;
    lao__error_t error;
    lao__inputs_t inputs;
} worker_t;

static void wait_for_request(worker_t *worker) {
    uint32_t sequence;
    while (lao__signal_wait(&worker->signals->to_worker, worker->seen, lao__now_ns() + LONG_NS, &sequence) !=
           LAO__WAIT_CHANGED) {
    }
    worker->seen = sequence;
}

static lao__frame_writer_t begin_response(worker_t *worker, uint32_t operation) {
    lao__frame_writer_t writer = {
        .base = worker->memory->responses.base, .at = LAO__FRAME_BYTES, .limit = LAO__FRAME_INLINE};
    memset(worker->response, 0, offsetof(lao__frame_response_t, value));
    memset(&worker->response->value, 0, lao__frame_head_bytes());
    worker->response->operation = operation;
    worker->response->sequence = worker->seen;
    worker->response->lease = LAO__NO_LEASE;
    worker->response->value.rank = -1;
    return writer;
}

static void publish(worker_t *worker) { lao__signal_publish(&worker->signals->to_host, worker->seen); }

/* Writes and publishes the result of a request; `value` (kind NONE: none) is taken over. */
static void respond(worker_t *worker, lao_status_t status, lao_value_t *value) {
    lao__frame_writer_t writer = begin_response(worker, LAO__FRAME_RESULT);
    if (status == LAO_OK && value->kind != LAO_KIND_NONE) {
        status = lao__outputs_write(&writer, value, worker->response, &worker->error);
    }
    if (status != LAO_OK) {
        writer = begin_response(worker, LAO__FRAME_RESULT);
        (void)lao__frame_put(&writer, worker->error.text, worker->error.size, 1, &worker->response->error);
    }
    worker->response->status = status;
    publish(worker);
}

/* --- OPEN --- */

static const char *text_at(const worker_t *worker, lao__frame_span_t span) {
    return span.size == 0 ? NULL : worker->memory->requests.base + span.offset;
}

static void LAO_CALL free_description(lao_value_t *value) { free((void *)(uintptr_t)value->data); }

static lao_status_t open_plugin(worker_t *worker, lao_value_t *description) {
    const lao__frame_request_t *request = worker->request;
    static uint32_t output_kinds[4096];
    lao__instance_options_t options = {
        .config_json = text_at(worker, request->config),
        .resource_dir = text_at(worker, request->resource_dir),
        .data_dir = text_at(worker, request->data_dir),
        .timeout_ns = LAO__NO_DEADLINE,
    };
    lao__module_t *module;
    lao_status_t status =
        lao__module_open(text_at(worker, request->path), &lao__worker_services, &module, &worker->error);
    uint32_t index;
    if (status != LAO_OK) {
        return status;
    }
    status = lao__instance_open(module, &options, &worker->target, &worker->error);
    if (status != LAO_OK) {
        return status;
    }
    description->struct_size = sizeof *description;
    description->kind = LAO_KIND_JSON;
    description->data = lao__describe(module);
    if (description->data == NULL) {
        return lao__fail(&worker->error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    description->size = strlen(description->data);
    description->release = free_description;
    for (index = 0; index < module->capability_count; index++) {
        output_kinds[index] = module->capabilities[index].output_kind;
    }
    description->metadata = (const char *)output_kinds;
    description->metadata_size = module->capability_count * sizeof *output_kinds;
    return LAO_OK;
}

/* --- CALL --- */

/* A part: written like a result, then the host's answer is waited for. */
static uint32_t push(lao__sink_t *sink, lao_value_t *part, uint32_t flags) {
    worker_t *worker = (worker_t *)sink;
    lao__frame_writer_t writer = begin_response(worker, LAO__FRAME_PART);
    lao_value_t taken = *part;
    uint32_t index;
    (void)flags; /* the host answers as soon as it has room */
    if (lao__outputs_write(&writer, &taken, worker->response, &worker->error) != LAO_OK) {
        return LAO_STREAM_STOP; /* the part is gone */
    }
    publish(worker);
    wait_for_request(worker);
    for (index = 0; index < worker->request->release_count; index++) {
        lao__outputs_give_back(worker->request->releases[index]);
    }
    return worker->request->operation == LAO__FRAME_ANSWER ? worker->request->answer : LAO_STREAM_STOP;
}

static lao_status_t call_plugin(worker_t *worker, lao_value_t *output) {
    const lao__frame_request_t *request = worker->request;
    char *region = worker->memory->requests.base;
    lao__flight_t flight = {.deadline_ns = request->deadline_ns};
    lao_call_t call = {
        .capability = request->capability,
        .param_count = request->param_count,
        .inputs = worker->inputs.values,
        .params = worker->inputs.param_pointers,
        .cancel_word = &request->cancel,
        .sink = request->streams != 0 ? &worker->sink : NULL,
        .flight = &flight,
    };
    lao_status_t status;
    if (worker->target == NULL || request->capability >= worker->target->capability_count) {
        return lao__fail(&worker->error, LAO_UNKNOWN_CAPABILITY, "it has no capability %u", request->capability);
    }
    status = lao__inputs_read(request, region, worker->memory->requests.size, worker->memory->control, &worker->inputs,
                              &worker->error);
    if (status != LAO_OK) {
        return status;
    }
    call.input_count = worker->inputs.value_count;
    call.output_kind = worker->target->output_kinds[request->capability];
    if (request->param_count > 0) {
        call.params_json = region + request->params_json.offset;
        call.params_json_size = request->params_json.size;
    }
    return worker->target->ops->call(worker->target, &call, output, &worker->error);
}

/* --- The loop --- */

static void read_notes(const lao__frame_request_t *request) {
    uint32_t index;
    for (index = 0; index < request->release_count && index < LAO__FRAME_RELEASES; index++) {
        lao__outputs_give_back(request->releases[index]);
    }
    for (index = 0; index < request->forget_count && index < LAO__FRAME_RELEASES; index++) {
        lao__inputs_forget(request->forgotten[index]);
    }
}

static void close_plugin(worker_t *worker) {
    if (worker->target != NULL) {
        lao__target_destroy(worker->target);
        worker->target = NULL;
    }
    lao__modules_shut_down();
}

int lao__serve(lao__worker_memory_t *memory) {
    static worker_t worker;
    worker.sink.push = push;
    worker.memory = memory;
    worker.signals = (lao__signal_page_t *)memory->signals.base;
    worker.request = (const lao__frame_request_t *)memory->requests.base;
    worker.response = (lao__frame_response_t *)memory->responses.base;
    for (;;) {
        lao_value_t value;
        lao_status_t status;
        memset(&value, 0, sizeof value);
        wait_for_request(&worker);
        read_notes(worker.request);
        switch (worker.request->operation) {
        case LAO__FRAME_OPEN:
            status = open_plugin(&worker, &value);
            break;
        case LAO__FRAME_CALL:
            status = call_plugin(&worker, &value);
            break;
        case LAO__FRAME_CLOSE:
            close_plugin(&worker);
            respond(&worker, LAO_OK, &value);
            return 0;
        default:
            return 2; /* the host does not send anything else */
        }
        respond(&worker, status, &value);
    }
}
