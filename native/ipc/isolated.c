#include "isolated.h"

#include <lao/ext/stream.h>
#include <stdlib.h>
#include <string.h>

#include "../core/clock.h"
#include "../core/module.h"
#include "answer.h"
#include "operate.h"

typedef struct isolated {
    lao__target_t target;
    lao__workers_t workers;
    bool stable;
} isolated_t;

/* --- Calling --- */

static bool put_params(lao__frame_writer_t *writer, const lao_call_t *call, lao__frame_request_t *request) {
    lao__frame_span_t table;
    uint32_t index;
    if (call->param_count == 0) {
        return true;
    }
    if (call->param_count > LAO__FRAME_MAX_PARAMS || !lao__frame_put(writer, NULL, 0, 8, &table)) {
        return false;
    }
    table.size = call->param_count * sizeof(lao__frame_param_t);
    if (table.size > writer->limit - writer->at) {
        return false;
    }
    writer->at += table.size;
    for (index = 0; index < call->param_count; index++) {
        const lao_param_t *param = call->params[index];
        lao__frame_param_t *frame = (lao__frame_param_t *)(writer->base + table.offset) + index;
        lao__frame_span_t name;
        memset(frame, 0, sizeof *frame);
        frame->type = param->type;
        frame->integer = param->integer;
        frame->number = param->number;
        if (!lao__frame_put(writer, param->name, strlen(param->name) + 1, 1, &name) ||
            !lao__frame_put(writer, param->data, param->data != NULL ? param->size : 0, 8, &frame->data) ||
            !lao__frame_put(writer, "", 1, 1, &(lao__frame_span_t){0, 0})) {
            return false;
        }
        frame->name = name.offset;
        frame->name_size = (uint32_t)name.size;
    }
    request->param_count = call->param_count;
    request->params = table;
    return lao__frame_put(writer, call->params_json, call->params_json_size, 8, &request->params_json) &&
           lao__frame_put(writer, "", 1, 1, &(lao__frame_span_t){0, 0});
}

/* Writes the next part of the input behind what the call came with. It lies there until the worker has copied it: until its
 * next response. `*buffer` is the memory that a large one lies in. */
static void put_part(lao__lane_t *lane, lao_call_t *call, lao__frame_writer_t room, uint32_t flags,
                     lao__shared_buffer_t **buffer) {
    lao__frame_value_t *frame = lao__lane_part(lane);
    lao_value_t part = {.struct_size = sizeof part, .file_handle = -1};
    uint32_t answer = lao__call_pull(call, &part, flags);
    lao__error_t error;
    if (answer == LAO_STREAM_CONTINUE) {
        if (lao__lane_put_input(lane, &room, &part, frame, buffer, &error) != LAO_OK) {
            answer = LAO_STREAM_ERROR;
        }
        lao__value_release(&part);
    }
    lao__lane_put_answer(lane, answer);
}

static void drop_buffer(lao__shared_buffer_t **buffer) {
    if (*buffer != NULL) {
        lao__shared_buffer_release(*buffer);
        *buffer = NULL;
    }
}

/* Exchanges frames until the call's result is there, handing parts to the sink and from the source. */
static lao_status_t run_to_result(const isolated_t *isolated, lao__lane_t *lane, lao_call_t *call,
                                  lao__frame_writer_t room, lao__frame_response_t *response, bool *handed_parts,
                                  lao__error_t *error) {
    lao__shared_buffer_t *buffer = NULL;
    int64_t grace_ns = isolated->workers.opening.grace_ns;
    int64_t kill_ns = LAO__NO_DEADLINE;
    for (;;) {
        lao_value_t part;
        lao_status_t status =
            lao__lane_exchange(lane, call->flight->deadline_ns, call->flight, grace_ns, response, error);
        uint32_t answer;
        drop_buffer(&buffer);
        if (status == LAO_OK && response->operation == LAO__FRAME_PULL && call->source != NULL) {
            *handed_parts = true;
            put_part(lane, call, room, response->status, &buffer);
            status = lao__lane_check_late(lane, call->flight, grace_ns, &kill_ns, error);
            if (status != LAO_OK) {
                drop_buffer(&buffer);
                return status;
            }
            continue;
        }
        if (status != LAO_OK || response->operation == LAO__FRAME_RESULT) {
            return status;
        }
        if (call->sink == NULL || response->operation != LAO__FRAME_PART) {
            lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker streams uninvited");
            return lao__lane_violated(lane, error);
        }
        status = lao__answer_take_output(lane->link, response, isolated->stable, &part, error);
        if (status != LAO_OK) {
            return lao__lane_violated(lane, error);
        }
        *handed_parts = true;
        answer = lao__call_push(call, &part, 0);
        if (answer == LAO_STREAM_ERROR) {
            lao__value_release(&part);
            lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker streamed a value of another kind");
            return lao__lane_violated(lane, error);
        }
        status = lao__lane_check_late(lane, call->flight, grace_ns, &kill_ns, error);
        if (status != LAO_OK) {
            return status;
        }
        lao__lane_put_answer(lane, answer);
    }
}

static lao_status_t send_and_run(const isolated_t *isolated, lao__lane_t *lane, lao_call_t *call,
                                 lao__frame_response_t *response, bool *handed_parts, lao__error_t *error) {
    lao__frame_writer_t writer;
    lao__frame_request_t *request = lao__lane_request(lane, LAO__FRAME_CALL, &writer);
    lao__shared_buffer_t *buffer = NULL;
    lao_status_t status = LAO_OK;
    request->capability = call->capability;
    request->deadline_ns = call->flight->deadline_ns;
    request->streams =
        (call->sink != NULL ? LAO__FRAME_STREAMS_OUT : 0u) | (call->source != NULL ? LAO__FRAME_STREAMS_IN : 0u);
    if (call->input_count == 1) {
        status = lao__lane_put_input(lane, &writer, call->inputs[0], &request->input, &buffer, error);
    }
    if (status == LAO_OK && !put_params(&writer, call, request)) {
        status = lao__fail(error, LAO_LIMIT_EXCEEDED, "the parameters do not fit into the channel");
    }
    if (status == LAO_OK) {
        status = run_to_result(isolated, lane, call, writer, response, handed_parts, error);
    }
    if (buffer != NULL) {
        lao__shared_buffer_release(buffer);
    }
    return status;
}

/* The error of a response that carries one. */
static lao_status_t take_error(const lao__lane_t *lane, const lao__frame_response_t *response, lao__error_t *error) {
    lao_status_t status;
    if (response->status == LAO_CANCELLED && atomic_load(&lane->link->cause) == LAO__END_LIMIT) {
        return lao__worker_link_explain(lane->link, lane->index, error); /* it stopped when it was told to */
    }
    status = lao__answer_take_error(lane->link, response, error);
    if (status == LAO_LOAD_FAILED || status == LAO_ABI_MISMATCH) { /* of what was loaded long ago */
        status = error->status = LAO_FAILED;
    }
    return status;
}

/* --- Several requests in one call --- */

static lao_status_t put_batch(lao__lane_t *lane, lao__frame_writer_t *writer, const lao__batch_t *batch,
                              lao__frame_request_t *request, lao__shared_buffer_t **buffers, lao__error_t *error) {
    lao__frame_value_t *frames;
    uint64_t size = batch->count * sizeof *frames;
    uint32_t index;
    if (!lao__frame_put(writer, NULL, 0, 8, &request->batch) || size > writer->limit - writer->at) {
        return lao__fail(error, LAO_LIMIT_EXCEEDED, "%u requests do not fit into the channel", batch->count);
    }
    request->batch.size = size;
    request->batch_count = batch->count;
    frames = (lao__frame_value_t *)(writer->base + request->batch.offset);
    writer->at += size;
    for (index = 0; index < batch->count; index++) {
        lao_status_t status =
            lao__lane_put_input(lane, writer, batch->inputs[index], &frames[index], &buffers[index], error);
        if (status != LAO_OK) {
            return status;
        }
    }
    return LAO_OK;
}

static lao_status_t take_element(const isolated_t *isolated, lao__lane_t *lane, const lao_call_t *call,
                                 const lao__frame_response_t *response, uint32_t index, lao__error_t *error) {
    lao__batch_t *batch = call->batch;
    lao_value_t *output = &batch->outputs[index];
    lao_status_t status;
    if (response->status != LAO_OK) {
        batch->statuses[index] = take_error(lane, response, &batch->errors[index]);
        return LAO_OK;
    }
    status = lao__answer_take_output(lane->link, response, isolated->stable, output, error);
    if (status == LAO_OK) {
        status = lao__check_output(output, call->output_kind, error);
        if (status != LAO_OK) {
            lao__value_release(output);
        }
    }
    batch->statuses[index] = status;
    return status;
}

/* Takes the outputs one after the other; all of them, or none. */
static lao_status_t take_batch(const isolated_t *isolated, lao__lane_t *lane, const lao_call_t *call,
                               lao__error_t *error) {
    int64_t grace_ns = isolated->workers.opening.grace_ns;
    lao__frame_response_t response;
    uint32_t taken = 0;
    for (;;) {
        lao_status_t status =
            lao__lane_exchange(lane, call->flight->deadline_ns, call->flight, grace_ns, &response, error);
        if (status == LAO_OK && response.operation == LAO__FRAME_RESULT) {
            if (response.status != LAO_OK) {
                status = take_error(lane, &response, error);
            } else if (taken == call->batch->count && response.value.kind == LAO_KIND_NONE) {
                return LAO_OK;
            } else {
                lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker answered %u of %u requests", taken,
                          call->batch->count);
                status = lao__lane_violated(lane, error);
            }
        } else if (status == LAO_OK && (taken == call->batch->count || response.operation != LAO__FRAME_PART)) {
            lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker answered more than was asked");
            status = lao__lane_violated(lane, error);
        } else if (status == LAO_OK) {
            status = take_element(isolated, lane, call, &response, taken, error);
            if (status == LAO_OK) {
                taken++;
                lao__lane_put_answer(lane, LAO_STREAM_CONTINUE);
                continue;
            }
            if (status == LAO_PROTOCOL_VIOLATION) {
                status = lao__lane_violated(lane, error);
            }
        }
        lao__batch_release(call->batch, taken);
        return status;
    }
}

static lao_status_t call_worker_with_batch(const isolated_t *isolated, lao__lane_t *lane, const lao_call_t *call,
                                           lao__error_t *error) {
    lao__frame_writer_t writer;
    lao__frame_request_t *request = lao__lane_request(lane, LAO__FRAME_BATCH, &writer);
    lao__shared_buffer_t *buffers[LAO__FRAME_MAX_BATCH] = {NULL};
    lao_status_t status;
    uint32_t index;
    if (call->batch->count > LAO__FRAME_MAX_BATCH) {
        return lao__fail(error, LAO_LIMIT_EXCEEDED, "a worker takes %u requests at once", LAO__FRAME_MAX_BATCH);
    }
    request->capability = call->capability;
    request->deadline_ns = call->flight->deadline_ns;
    status = put_batch(lane, &writer, call->batch, request, buffers, error);
    if (status == LAO_OK && !put_params(&writer, call, request)) {
        status = lao__fail(error, LAO_LIMIT_EXCEEDED, "the parameters do not fit into the channel");
    }
    if (status == LAO_OK) {
        status = take_batch(isolated, lane, call, error);
    }
    for (index = 0; index < call->batch->count; index++) {
        if (buffers[index] != NULL) {
            lao__shared_buffer_release(buffers[index]);
        }
    }
    if (status == LAO_OK && lao__lane_is_late(lane)) {
        lao__batch_release(call->batch, call->batch->count);
        return lao__fail(error, LAO_TIMED_OUT, "it finished after the deadline");
    }
    return status;
}

/* --- One request --- */

static lao_status_t call_worker(const isolated_t *isolated, lao__lane_t *lane, lao_call_t *call, lao_value_t *output,
                                bool *handed_parts, lao__error_t *error) {
    lao__frame_response_t response;
    lao_status_t status;
    if (call->batch != NULL) {
        return call_worker_with_batch(isolated, lane, call, error);
    }
    status = send_and_run(isolated, lane, call, &response, handed_parts, error);
    if (status != LAO_OK) {
        return status;
    }
    if (response.status != LAO_OK) {
        return take_error(lane, &response, error);
    }
    status = lao__answer_take_output(lane->link, &response, isolated->stable, output, error);
    if (status == LAO_OK && !(output->kind == LAO_KIND_NONE && call->sink != NULL)) {
        status = lao__check_output(output, call->output_kind, error);
        if (status != LAO_OK) {
            lao__value_release(output);
        }
    }
    if (status == LAO_OK && lao__lane_is_late(lane)) {
        lao__value_release(output);
        return lao__fail(error, LAO_TIMED_OUT, "it finished after the deadline");
    }
    return status == LAO_PROTOCOL_VIOLATION ? lao__lane_violated(lane, error) : status;
}

static bool may_repeat(const isolated_t *isolated, const lao_call_t *call, bool handed_parts) {
    uint32_t flags = isolated->workers.opening.capabilities[call->capability] >> 8;
    return (flags & LAO_CAPABILITY_IDEMPOTENT) != 0 && !handed_parts;
}

static lao_status_t call_isolated(lao__target_t *target, lao_call_t *call, lao_value_t *output, lao__error_t *error) {
    isolated_t *isolated = (isolated_t *)target;
    lao_status_t status;
    int attempt;
    for (attempt = 0;; attempt++) {
        lao__lane_t *lane;
        bool handed_parts = false;
        status = lao__workers_take(&isolated->workers, call->flight, &lane, error);
        if (status != LAO_OK) {
            return status;
        }
        status = call_worker(isolated, lane, call, output, &handed_parts, error);
        lao__workers_give_back(&isolated->workers, lane, status);
        /* Lost to another call's fault: once more, where repeating does no harm. */
        if (status != LAO_WORKER_RESTARTED || attempt > 0 || !may_repeat(isolated, call, handed_parts)) {
            return status;
        }
    }
}

/* --- Closing --- */

static void close_isolated(lao__target_t *target) { lao__workers_close(&((isolated_t *)target)->workers); }

static void destroy_isolated(lao__target_t *target) {
    isolated_t *isolated = (isolated_t *)target;
    lao__workers_deinit(&isolated->workers);
    free(isolated);
}

static lao_status_t operate_isolated(lao__target_t *target, uint32_t worker, lao__operation_t *operation,
                                     lao__error_t *error) {
    return lao__operate(&((isolated_t *)target)->workers, worker, operation, error);
}

static const lao__target_ops_t isolated_ops = {
    .call = call_isolated,
    .operate = operate_isolated,
    .close = close_isolated,
    .destroy = destroy_isolated,
};

/* --- Opening --- */

static char **copy_environment(const char *const *environment) {
    size_t count = 0;
    size_t index;
    char **copy;
    while (environment != NULL && environment[count] != NULL) {
        count++;
    }
    copy = calloc(count + 1, sizeof *copy);
    for (index = 0; copy != NULL && index < count; index++) {
        copy[index] = lao__copy_string(environment[index]);
    }
    return copy;
}

static isolated_t *allocate(const lao__isolated_options_t *options) {
    isolated_t *isolated = calloc(1, sizeof *isolated);
    lao__opening_t *opening;
    uint32_t lanes = options->lanes == 0 || options->lanes > LAO__MAX_LANES ? LAO__MAX_LANES : options->lanes;
    if (isolated == NULL) {
        return NULL;
    }
    opening = &isolated->workers.opening;
    pthread_mutex_init(&opening->lock, NULL);
    opening->executable = lao__copy_string(options->executable);
    opening->environment = copy_environment(options->environment);
    opening->sandbox_plan = lao__copy_string(options->sandbox_plan);
    opening->library = lao__copy_string(options->library);
    opening->config_json = lao__copy_string(options->config_json != NULL ? options->config_json : "{}");
    opening->resource_dir = lao__copy_string(options->resource_dir);
    opening->data_dir = lao__copy_string(options->data_dir);
    opening->lanes = lanes;
    opening->services = options->services;
    opening->max_threads = options->max_threads;
    opening->service_listener = options->service_listener;
    opening->limits = options->limits;
    opening->open_timeout_ns = options->open_timeout_ns;
    opening->grace_ns = options->grace_ns;
    isolated->workers.restarts = &isolated->target.restarts;
    isolated->stable = options->stable;
    isolated->workers.recycle_calls = options->recycle_calls;
    if (!lao__workers_init(&isolated->workers, options->workers) || opening->executable == NULL ||
        opening->environment == NULL || opening->library == NULL || opening->config_json == NULL) {
        destroy_isolated(&isolated->target);
        return NULL;
    }
    return isolated;
}

/* A worker that died while loading leaves its last words behind the error's first line. */
static void add_last_words(isolated_t *isolated, lao__error_t *error) {
    uint32_t room = LAO__ERROR_CAPACITY - 1 - error->size;
    if (room > 1) {
        error->text[error->size++] = '\n';
        error->size += lao__output_log_tail(&isolated->workers.log, error->text + error->size, room - 1);
        error->text[error->size] = '\0';
    }
}

static lao_status_t make_callable(isolated_t *isolated, int64_t timeout_ns, lao__error_t *error) {
    const lao__opening_t *opening = &isolated->workers.opening;
    uint32_t *output_kinds = malloc(opening->capability_count * sizeof *output_kinds);
    lao_status_t status;
    uint32_t index;
    if (output_kinds == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    for (index = 0; index < opening->capability_count; index++) {
        output_kinds[index] = opening->capabilities[index] & 0xff;
    }
    status =
        lao__target_init(&isolated->target, &isolated_ops, timeout_ns, opening->capability_count, output_kinds, error);
    free(output_kinds);
    return status;
}

static pthread_once_t swept = PTHREAD_ONCE_INIT; /* what killed hosts left behind */

lao_status_t lao__isolated_open(const lao__isolated_options_t *options, lao__target_t **target, char **description,
                                lao__error_t *error) {
    isolated_t *isolated;
    lao_status_t status;
    pthread_once(&swept, lao__cgroup_sweep);
    if (options->workers == 0 || options->workers > LAO__MAX_WORKERS) {
        return lao__fail(error, LAO_INVALID_PARAMETER, "%u workers; 1 to %u are possible", options->workers,
                         LAO__MAX_WORKERS);
    }
    isolated = allocate(options);
    if (isolated == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    status = lao__workers_open(&isolated->workers, error);
    if (status == LAO_OK) {
        *description = lao__copy_string(isolated->workers.opening.description);
        status = *description == NULL ? lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory")
                                      : make_callable(isolated, options->timeout_ns, error);
    }
    if (status != LAO_OK) {
        lao__workers_close(&isolated->workers);
        if (status == LAO_CRASHED) {
            add_last_words(isolated, error);
        }
        destroy_isolated(&isolated->target);
        return status;
    }
    *target = &isolated->target;
    return LAO_OK;
}

/* --- Looking and acting from outside --- */

static lao__workers_t *workers_of(lao__target_t *target) { return &((isolated_t *)target)->workers; }

uint32_t lao__isolated_output(lao__target_t *target, char *bytes, uint32_t size) {
    return lao__output_log_tail(&workers_of(target)->log, bytes, size);
}

void lao__isolated_output_count(lao__target_t *target, uint64_t *written, uint64_t *dropped) {
    lao__output_log_count(&workers_of(target)->log, written, dropped);
}

uint32_t lao__isolated_report(lao__target_t *target, char *bytes, uint32_t size) {
    lao__opening_t *opening = &workers_of(target)->opening;
    size_t length;
    pthread_mutex_lock(&opening->lock);
    length = opening->report != NULL ? strlen(opening->report) : 0;
    length = length < size ? length : size;
    if (length > 0) {
        memcpy(bytes, opening->report, length);
    }
    pthread_mutex_unlock(&opening->lock);
    return (uint32_t)length;
}

uint32_t lao__isolated_workers(lao__target_t *target, lao__worker_view_t *views, uint32_t capacity) {
    return lao__workers_view(workers_of(target), views, capacity);
}

void lao__isolated_end(lao__target_t *target, uint32_t index, uint32_t generation, const char *limit, double used,
                       double allowed) {
    lao__workers_t *workers = workers_of(target);
    if (index < workers->count) {
        lao__worker_link_end_for_limit(&workers->links[index], generation, limit, used, allowed);
    }
}

bool lao__isolated_change_limits(lao__target_t *target, const lao__cgroup_limits_t *limits) {
    return lao__workers_change_limits(workers_of(target), limits);
}

bool lao__isolated_stop(lao__target_t *target, uint32_t index, uint32_t generation, const char *limit, double used,
                        double allowed) {
    return lao__workers_stop(workers_of(target), index, generation, limit, used, allowed);
}

bool lao__isolated_usage(lao__target_t *target, uint32_t index, uint32_t generation, lao__worker_usage_t *usage) {
    return lao__workers_usage(workers_of(target), index, generation, usage);
}

void lao__isolated_end_for_violation(lao__target_t *target, uint32_t index, uint32_t generation) {
    lao__workers_t *workers = workers_of(target);
    if (index < workers->count) {
        lao__worker_link_end(&workers->links[index], generation, LAO__END_VIOLATION, LAO__MAX_LANES);
    }
}

bool lao__isolated_retire(lao__target_t *target, uint32_t index, uint32_t generation) {
    return lao__workers_retire(workers_of(target), index, generation);
}

bool lao__isolated_start_all(lao__target_t *target) { return lao__workers_start_all(workers_of(target)); }

int32_t lao__isolated_pid(lao__target_t *target, uint32_t index) {
    lao__workers_t *workers = workers_of(target);
    return index < workers->count ? atomic_load(&workers->links[index].pid) : 0;
}

bool lao__isolated_set_config(lao__target_t *target, const char *config_json) {
    lao__opening_t *opening = &workers_of(target)->opening;
    char *copy = lao__copy_string(config_json);
    char *before;
    if (copy == NULL) {
        return false;
    }
    pthread_mutex_lock(&opening->lock);
    before = opening->config_json;
    opening->config_json = copy;
    pthread_mutex_unlock(&opening->lock);
    free(before);
    return true;
}
