#include "serve.h"

#include <lao/ext/stream.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/clock.h"
#include "../core/describe.h"
#include "../core/instance.h"
#include "../ipc/process.h"
#include "../sandbox/sandbox.h"
#include "crash_hint.h"
#include "host_watch.h"
#include "inputs.h"
#include "outputs.h"
#include "placement.h"

#define LONG_NS ((int64_t)3600 * 1000000000)
#define REPORT_BYTES 16384u

typedef struct worker worker_t;

/* One lane serves one call at a time, on a thread of its own. */
typedef struct lane {
    lao__sink_t sink; /* first: the sink is the lane */
    lao__source_t source;
    worker_t *worker;
    uint32_t index;
    lao__lane_signals_t *signals;
    const lao__frame_request_t *request;
    lao__frame_response_t *response;
    uint64_t response_at; /* where the response lies in its region */
    uint32_t seen;
    int64_t answered_ns; /* when the last answer was given */
    lao__placement_t placement;
    lao__error_t error;
    lao__inputs_t inputs;
} lane_t;

/* The worker's state: it serves one plugin. */
struct worker {
    lao__worker_memory_t *memory;
    lao__signal_page_t *signals;
    lao__target_t *target;
    uint32_t lane_count;
    lane_t *lanes[LAO__MAX_LANES];
};

static void wait_for_request(lane_t *lane) {
    lao__signal_t *signal = &lane->signals->to_worker;
    uint32_t sequence;
    bool spun = lao__signal_watch(signal, lane->seen, lao__placement_spin_ns(&lane->placement), &sequence);
    if (!spun) {
        lao__placement_park(&lane->placement, signal->producer_cpu);
        while (lao__signal_park(signal, lane->seen, lao__now_ns() + LONG_NS, &sequence) != LAO__WAIT_CHANGED) {
        }
    }
    lane->seen = sequence;
    lao__placement_request(&lane->placement, signal->producer_cpu, spun, lao__now_ns() - lane->answered_ns);
}

static lao__frame_writer_t begin_response(lane_t *lane, uint32_t operation) {
    lao__frame_writer_t writer = {.base = lane->worker->memory->responses.base,
                                  .at = lane->response_at + LAO__FRAME_BYTES,
                                  .limit = lane->response_at + LAO__FRAME_INLINE};
    memset(lane->response, 0, offsetof(lao__frame_response_t, value));
    memset(&lane->response->value, 0, lao__frame_head_bytes());
    lane->response->operation = operation;
    lane->response->sequence = lane->seen;
    lane->response->lease = LAO__NO_LEASE;
    lane->response->value.rank = -1;
    return writer;
}

static void publish(lane_t *lane) {
    lane->answered_ns = lao__now_ns();
    (void)lao__signal_publish(&lane->signals->to_host, lane->seen);
}

/* Writes and publishes the result of a request; `value` (kind NONE: none) is taken over. */
static void respond(lane_t *lane, lao_status_t status, lao_value_t *value) {
    lao__frame_writer_t writer = begin_response(lane, LAO__FRAME_RESULT);
    if (status == LAO_OK && value->kind != LAO_KIND_NONE) {
        status = lao__outputs_write(&writer, value, lane->response, &lane->error);
    }
    if (status != LAO_OK) {
        writer = begin_response(lane, LAO__FRAME_RESULT);
        (void)lao__frame_put(&writer, lane->error.text, lane->error.size, 1, &lane->response->error);
    }
    lane->response->status = status;
    publish(lane);
}

static const char *text_at(const lane_t *lane, lao__frame_span_t span) {
    return span.size == 0 ? NULL : lane->worker->memory->requests.base + span.offset;
}

/* --- CONFINE --- */

static lao_status_t confine(lane_t *lane, lao_value_t *report) {
    static char text[REPORT_BYTES];
    const char *plan = text_at(lane, lane->request->config);
    uint32_t size = 0;
    int listener;
    lao_status_t status =
        lao__sandbox_enter(plan, plan != NULL ? strlen(plan) : 0, text, sizeof text - 1, &size, &lane->error);
    if (status != LAO_OK) {
        return status;
    }
    text[size] = '\0';
    listener = lao__sandbox_take_listener();
    if (listener >= 0) {
        bool sent = lao__process_send(lane->worker->memory->control, 0, 0, listener);
        close(listener);
        if (!sent) {
            return lao__fail(&lane->error, LAO_SYSTEM, "the host does not take this worker's connections");
        }
    }
    report->struct_size = sizeof *report;
    report->kind = LAO_KIND_JSON;
    report->data = text;
    report->size = size;
    return LAO_OK;
}

/* --- OPEN --- */

static void LAO_CALL free_description(lao_value_t *value) { free((void *)(uintptr_t)value->data); }

/* The description, with the lanes and the capabilities as numbers behind it. */
static lao_status_t describe(lane_t *lane, const lao__module_t *module, lao_value_t *description) {
    static uint32_t numbers[1 + 4096];
    uint32_t index;
    description->struct_size = sizeof *description;
    description->kind = LAO_KIND_JSON;
    description->data = lao__describe(module);
    if (description->data == NULL) {
        return lao__fail(&lane->error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    description->size = strlen(description->data);
    description->release = free_description;
    numbers[0] = lane->worker->lane_count;
    for (index = 0; index < module->capability_count; index++) {
        const lao__capability_t *capability = &module->capabilities[index];
        numbers[index + 1] = capability->output_kind | (capability->flags & 0xff) << 8;
    }
    description->metadata = (const char *)numbers;
    description->metadata_size = (module->capability_count + 1) * sizeof *numbers;
    return LAO_OK;
}

static lao_status_t start_lanes(worker_t *worker, uint32_t wanted, lao__error_t *error);

static lao_status_t open_plugin(lane_t *lane, lao_value_t *description) {
    const lao__frame_request_t *request = lane->request;
    lao__instance_options_t options = {
        .config_json = text_at(lane, request->config),
        .resource_dir = text_at(lane, request->resource_dir),
        .data_dir = text_at(lane, request->data_dir),
        .timeout_ns = LAO__NO_DEADLINE,
        .tenant = 1, /* the only one here: the host knows it by its socket */
        .services = request->services,
        .max_threads = request->max_threads,
    };
    lao__module_t *module;
    lao_status_t status;
    if (!lao__host_watch_start(lane->worker->memory->control)) {
        return lao__fail(&lane->error, LAO_OUT_OF_MEMORY, "no thread for the worker");
    }
    status =
        lao__module_open(text_at(lane, request->path), &lao__worker_services, request->services, &module, &lane->error);
    if (status == LAO_OK && *options.config_json == '\0') {
        return describe(lane, module, description); /* nothing but what it is was asked: there is no instance to call */
    }
    if (status == LAO_OK) {
        status = lao__instance_open(module, &options, &lane->worker->target, &lane->error);
    }
    if (status == LAO_OK) {
        status = start_lanes(lane->worker, module->thread_role == LAO_THREADS_FULL ? request->lanes : 1, &lane->error);
    }
    return status == LAO_OK ? describe(lane, module, description) : status;
}

/* --- CALL --- */

static void read_notes(const lao__frame_request_t *request) {
    uint32_t index;
    for (index = 0; index < request->release_count && index < LAO__FRAME_RELEASES; index++) {
        lao__outputs_give_back(request->releases[index]);
    }
    for (index = 0; index < request->forget_count && index < LAO__FRAME_RELEASES; index++) {
        lao__inputs_forget(request->forgotten[index]);
    }
}

/* A part: written like a result, then the host's answer is waited for. */
static uint32_t push(lao__sink_t *sink, lao_value_t *part, uint32_t flags) {
    lane_t *lane = (lane_t *)sink;
    lao__frame_writer_t writer = begin_response(lane, LAO__FRAME_PART);
    lao_value_t taken = *part;
    (void)flags; /* the host answers as soon as it has room */
    if (lao__outputs_write(&writer, &taken, lane->response, &lane->error) != LAO_OK) {
        return LAO_STREAM_STOP; /* the part is gone */
    }
    publish(lane);
    wait_for_request(lane);
    read_notes(lane->request);
    return lane->request->operation == LAO__FRAME_ANSWER ? lane->request->answer : LAO_STREAM_STOP;
}

/* Asks the host for the next part of the input. */
static uint32_t pull(lao__source_t *source, lao_value_t *part, uint32_t flags, const lao__flight_t *flight) {
    lane_t *lane = (lane_t *)((char *)source - offsetof(lane_t, source));
    const lao__worker_memory_t *memory = lane->worker->memory;
    (void)flight; /* the host knows when it is over */
    (void)begin_response(lane, LAO__FRAME_PULL);
    lane->response->status = flags;
    publish(lane);
    wait_for_request(lane);
    read_notes(lane->request);
    if (lane->request->operation != LAO__FRAME_ANSWER || lane->request->answer != LAO_STREAM_CONTINUE) {
        return lane->request->operation == LAO__FRAME_ANSWER ? lane->request->answer : LAO_STREAM_STOP;
    }
    return lao__inputs_read_part(lane->request, memory->requests.base, memory->requests.size, memory->control, part,
                                 &lane->error) == LAO_OK
               ? LAO_STREAM_CONTINUE
               : LAO_STREAM_ERROR;
}

/* What a batch's outputs are kept in until the host has taken them. */
typedef struct results {
    lao__batch_t batch;
    lao_value_t outputs[LAO__FRAME_MAX_BATCH];
    lao_status_t statuses[LAO__FRAME_MAX_BATCH];
    lao__error_t errors[LAO__FRAME_MAX_BATCH];
} results_t;

static lao_status_t call_plugin(lane_t *lane, results_t *results, lao_value_t *output) {
    const lao__frame_request_t *request = lane->request;
    const lao__worker_memory_t *memory = lane->worker->memory;
    lao__target_t *target = lane->worker->target;
    lao__flight_t flight = {.deadline_ns = request->deadline_ns};
    lao_call_t call = {
        .capability = request->capability,
        .param_count = request->param_count,
        .inputs = lane->inputs.values,
        .params = lane->inputs.param_pointers,
        .cancel_word = &request->cancel,
        .sink = (request->streams & LAO__FRAME_STREAMS_OUT) != 0 ? &lane->sink : NULL,
        .source = (request->streams & LAO__FRAME_STREAMS_IN) != 0 ? &lane->source : NULL,
        .flight = &flight,
    };
    lao_status_t status;
    int64_t started_ns;
    if (target == NULL || request->capability >= target->capability_count) {
        return lao__fail(&lane->error, LAO_UNKNOWN_CAPABILITY, "it has no capability %u", request->capability);
    }
    status = lao__inputs_read(request, memory->requests.base, memory->requests.size, memory->control, &lane->inputs,
                              &lane->error);
    if (status != LAO_OK) {
        lao__inputs_end(&lane->inputs);
        return status;
    }
    if (results != NULL) {
        results->batch = (lao__batch_t){.count = lane->inputs.value_count,
                                        .inputs = lane->inputs.values,
                                        .outputs = results->outputs,
                                        .statuses = results->statuses,
                                        .errors = results->errors};
        call.batch = &results->batch;
    }
    call.input_count = lane->inputs.value_count;
    call.output_kind = target->output_kinds[request->capability];
    if (request->param_count > 0) {
        call.params_json = memory->requests.base + request->params_json.offset;
        call.params_json_size = request->params_json.size;
    }
    lao__placement_work(&lane->placement, request->capability);
    started_ns = lao__now_ns();
    status = target->ops->call(target, &call, output, &lane->error);
    lao__inputs_end(&lane->inputs);
    lao__placement_worked(&lane->placement, request->capability, lao__now_ns() - started_ns);
    return status;
}

/* Hands the outputs of a batch over, one after the other; false when the host wants no more. */
static bool hand_over(lane_t *lane, results_t *results) {
    uint32_t index;
    for (index = 0; index < results->batch.count; index++) {
        lao_status_t status = results->statuses[index];
        lao__frame_writer_t writer = begin_response(lane, LAO__FRAME_PART);
        lao__error_t *error = &results->errors[index];
        if (status == LAO_OK) {
            status = lao__outputs_write(&writer, &results->outputs[index], lane->response, error);
            results->statuses[index] = LAO_FAILED; /* it is gone */
        }
        if (status != LAO_OK) {
            writer = begin_response(lane, LAO__FRAME_PART);
            (void)lao__frame_put(&writer, error->text, error->size, 1, &lane->response->error);
        }
        lane->response->status = status;
        publish(lane);
        wait_for_request(lane);
        read_notes(lane->request);
        if (lane->request->operation != LAO__FRAME_ANSWER || lane->request->answer != LAO_STREAM_CONTINUE) {
            lao__batch_release(&results->batch, results->batch.count);
            return false;
        }
    }
    return true;
}

static lao_status_t call_with_batch(lane_t *lane) {
    results_t *results = calloc(1, sizeof *results);
    lao_value_t nothing;
    lao_status_t status;
    if (results == NULL) {
        return lao__fail(&lane->error, LAO_OUT_OF_MEMORY, "no memory for the results of a batch");
    }
    memset(&nothing, 0, sizeof nothing);
    status = call_plugin(lane, results, &nothing);
    if (status == LAO_OK && !hand_over(lane, results)) {
        status = lao__fail(&lane->error, LAO_CANCELLED, "the call was cancelled");
    }
    free(results);
    return status;
}

/* --- OPERATE --- */

static lao_status_t operate(lane_t *lane, lao_value_t *state) {
    static _Thread_local uint32_t version;
    const lao__frame_request_t *request = lane->request;
    const lao__worker_memory_t *memory = lane->worker->memory;
    lao__target_t *target = lane->worker->target;
    lao__flight_t flight = {.deadline_ns = request->deadline_ns};
    lao__operation_t operation = {.kind = request->capability,
                                  .state_version = request->answer,
                                  .callback = text_at(lane, request->path),
                                  .event = text_at(lane, request->config),
                                  .flight = &flight};
    lao_status_t status;
    if (target == NULL) {
        return lao__fail(&lane->error, LAO_UNSUPPORTED, "there is no plugin yet");
    }
    status = lao__inputs_read(request, memory->requests.base, memory->requests.size, memory->control, &lane->inputs,
                              &lane->error);
    if (status == LAO_OK && lane->inputs.value_count == 1 && lane->inputs.one.value.size > 0) {
        operation.data = lane->inputs.one.value.data;
        operation.size = lane->inputs.one.value.size - 1; /* a NUL ends it */
    }
    if (status == LAO_OK) {
        status = target->ops->operate(target, 0, &operation, &lane->error);
    }
    lao__inputs_end(&lane->inputs);
    if (status == LAO_OK && operation.kind == LAO__SAVE_STATE) {
        version = operation.state_version;
        *state = operation.state;
        state->metadata = (const char *)&version;
        state->metadata_size = sizeof version;
    }
    return status;
}

/* --- The loop --- */

static void close_plugin(worker_t *worker) {
    if (worker->target != NULL) {
        lao__target_destroy(worker->target);
        worker->target = NULL;
    }
    lao__modules_shut_down();
}

/* Serves one request; false after the last one, with the exit code. */
static bool serve_one(lane_t *lane, int *exit_code) {
    lao_value_t value;
    lao_status_t status = LAO_OK;
    memset(&value, 0, sizeof value);
    wait_for_request(lane);
    read_notes(lane->request);
    switch (lane->request->operation) {
    case LAO__FRAME_CALL:
        status = call_plugin(lane, NULL, &value);
        break;
    case LAO__FRAME_BATCH:
        status = call_with_batch(lane);
        break;
    case LAO__FRAME_OPERATE:
        lao__placement_spread(&lane->placement);
        status = operate(lane, &value);
        break;
    case LAO__FRAME_CONFINE:
        status = confine(lane, &value);
        break;
    case LAO__FRAME_OPEN:
        lao__placement_spread(&lane->placement);
        status = open_plugin(lane, &value);
        break;
    case LAO__FRAME_CLOSE:
        close_plugin(lane->worker);
        respond(lane, LAO_OK, &value);
        *exit_code = 0;
        return false;
    default:
        *exit_code = 2; /* the host does not send anything else */
        return false;
    }
    respond(lane, status, &value);
    return true;
}

/* --- Lanes --- */

static void start_lane(worker_t *worker, uint32_t index);

static void *run_lane(void *context) {
    lane_t *lane = context;
    int exit_code;
    start_lane(lane->worker, lane->index + 1);
    lao__crash_hint_lane(lane->index);
    while (serve_one(lane, &exit_code)) {
    }
    _exit(exit_code);
}

static lane_t *make_lane(worker_t *worker, uint32_t index) {
    lane_t *lane = calloc(1, sizeof *lane);
    if (lane != NULL) {
        lane->sink.push = push;
        lane->source.pull = pull;
        lane->worker = worker;
        lane->index = index;
        lane->signals = &worker->signals->lanes[index];
        lane->request =
            (const lao__frame_request_t *)(worker->memory->requests.base +
                                           index * lao__frame_slice(worker->memory->requests.size, worker->lane_count));
        lane->response_at = (uint64_t)index * LAO__FRAME_INLINE;
        lane->response = (lao__frame_response_t *)(worker->memory->responses.base + lane->response_at);
        lao__placement_init(&lane->placement, true);
        worker->lanes[index] = lane;
    }
    return lane;
}

/* Starts the thread of one lane; each starts that of the next, so that opening the plugin waits for one at most. */
static void start_lane(worker_t *worker, uint32_t index) {
    pthread_t thread;
    if (index >= worker->lane_count) {
        return;
    }
    if (pthread_create(&thread, NULL, run_lane, worker->lanes[index]) != 0) {
        fprintf(stderr, "lao-worker: no thread for its call number %u\n", index + 1);
        _exit(2);
    }
    pthread_detach(thread);
}

static lao_status_t start_lanes(worker_t *worker, uint32_t wanted, lao__error_t *error) {
    uint32_t index;
    worker->lane_count = wanted < 1 ? 1 : wanted < LAO__MAX_LANES ? wanted : LAO__MAX_LANES;
    for (index = 1; index < worker->lane_count; index++) {
        if (make_lane(worker, index) == NULL) {
            return lao__fail(error, LAO_OUT_OF_MEMORY, "no memory for the worker's call number %u", index + 1);
        }
    }
    start_lane(worker, 1);
    return LAO_OK;
}

int lao__serve(lao__worker_memory_t *memory) {
    static worker_t worker;
    lane_t *first;
    int exit_code = 2;
    worker.memory = memory;
    worker.signals = (lao__signal_page_t *)memory->signals.base;
    worker.lane_count = 1;
    first = make_lane(&worker, 0);
    if (first == NULL) {
        return exit_code;
    }
    lao__crash_hint_install(worker.signals);
    lao__crash_hint_lane(0);
    while (serve_one(first, &exit_code)) {
    }
    return exit_code;
}
