#include "isolated.h"

#include <lao/ext/stream.h>
#include <stdlib.h>
#include <string.h>

#include "../core/clock.h"
#include "../core/lock.h"
#include "../core/module.h"
#include "answer.h"
#include "worker_link.h"

#define DEATHS_IN_A_ROW 5u /* after that the plugin is refused until it is reloaded */

typedef struct isolated {
    lao__target_t target;
    char *executable;
    char *library;
    char *config_json;
    char *resource_dir;
    char *data_dir;
    char *description; /* what the first worker said; a restarted one must say the same */
    int64_t open_timeout_ns;
    _Atomic int64_t opened_in_ns; /* what loading took the first time; 0 = not yet */
    int64_t grace_ns;
    lao__output_log_t log;
    uint32_t worker_count;
    _Atomic uint32_t next_worker;
    _Atomic uint32_t deaths_in_a_row;
    lao__worker_link_t *workers;
} isolated_t;

/* --- Opening --- */

static bool put_text(lao__frame_writer_t *writer, const char *text, lao__frame_span_t *span) {
    return text == NULL || lao__frame_put(writer, text, strlen(text) + 1, 8, span);
}

#define RELOAD_SLACK_NS INT64_C(1000000000)

/* A call whose worker has to be started again waits for that within its own deadline, but for no less than loading is
 * known to take: a short time-out must not keep a slow plugin from ever coming back. */
static int64_t open_deadline(const isolated_t *isolated, int64_t now_ns, int64_t call_deadline_ns) {
    int64_t opened_in_ns = atomic_load(&isolated->opened_in_ns);
    int64_t latest_ns = now_ns + isolated->open_timeout_ns;
    int64_t needed_ns = now_ns + 2 * opened_in_ns + RELOAD_SLACK_NS;
    int64_t wanted_ns = call_deadline_ns > needed_ns ? call_deadline_ns : needed_ns;
    return opened_in_ns == 0 || wanted_ns > latest_ns ? latest_ns : wanted_ns;
}

static lao_status_t ask_to_open(isolated_t *isolated, lao__worker_link_t *link, int64_t call_deadline_ns,
                                lao_value_t *description, lao__error_t *error) {
    lao__frame_writer_t writer;
    lao__frame_request_t *request = lao__worker_link_request(link, LAO__FRAME_OPEN, &writer);
    lao__flight_t flight = {.deadline_ns = 0};
    lao__frame_response_t response;
    lao_status_t status;
    int64_t started_ns = lao__now_ns();
    flight.deadline_ns = open_deadline(isolated, started_ns, call_deadline_ns);
    request->deadline_ns = flight.deadline_ns;
    if (!put_text(&writer, isolated->library, &request->path) ||
        !put_text(&writer, isolated->config_json, &request->config) ||
        !put_text(&writer, isolated->resource_dir, &request->resource_dir) ||
        !put_text(&writer, isolated->data_dir, &request->data_dir)) {
        return lao__fail(error, LAO_LIMIT_EXCEEDED, "its configuration does not fit into the channel");
    }
    status = lao__worker_link_exchange(link, &flight, isolated->grace_ns, &response, error);
    if (status != LAO_OK) {
        return status;
    }
    if (response.status != LAO_OK) {
        return lao__answer_take_error(link, &response, error);
    }
    if (response.value.kind != LAO_KIND_JSON) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker did not describe the plugin");
    }
    if (atomic_load(&isolated->opened_in_ns) == 0) {
        atomic_store(&isolated->opened_in_ns, lao__now_ns() - started_ns + 1);
    }
    return lao__answer_take_output(link, &response, description, error);
}

static lao_status_t check_description(isolated_t *isolated, const lao_value_t *description, lao__error_t *error) {
    if (isolated->description == NULL) {
        isolated->description = lao__copy_string(description->data);
        return isolated->description != NULL ? LAO_OK : lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    if (strcmp(isolated->description, description->data) != 0) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "after a restart it describes itself differently");
    }
    return LAO_OK;
}

/* The capabilities' output kinds travel as the description's metadata: 32-bit numbers. */
static lao_status_t read_output_kinds(const lao_value_t *description, uint32_t *count, uint32_t *output_kinds,
                                      lao__error_t *error) {
    uint32_t index;
    *count = (uint32_t)(description->metadata_size / sizeof *output_kinds);
    if (*count == 0 || *count > 4096 || description->metadata_size % sizeof *output_kinds != 0) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker declared no capabilities");
    }
    memcpy(output_kinds, description->metadata, (size_t)description->metadata_size);
    for (index = 0; index < *count; index++) {
        if (output_kinds[index] == LAO_KIND_NONE || output_kinds[index] > LAO_KIND_TENSOR) {
            return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker declared an unknown kind");
        }
    }
    return LAO_OK;
}

/* Starts a worker and loads the plugin in it; under the link's lock. */
static lao_status_t bring_up(isolated_t *isolated, lao__worker_link_t *link, int64_t call_deadline_ns,
                             lao_value_t *description, lao__error_t *error) {
    bool again = link->started_before;
    lao_status_t status = lao__worker_link_start(link, isolated->executable, error);
    memset(description, 0, sizeof *description);
    if (status == LAO_OK) {
        status = ask_to_open(isolated, link, call_deadline_ns, description, error);
    }
    if (status == LAO_OK) {
        status = check_description(isolated, description, error);
    }
    if (status != LAO_OK) {
        lao__value_release(description);
        lao__worker_link_stop(link);
        return status;
    }
    link->started_before = true;
    if (again) {
        atomic_fetch_add(&isolated->target.restarts, 1);
    }
    return LAO_OK;
}

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

static void answer_part(lao__worker_link_t *link, uint32_t answer) {
    lao__frame_request_t *request = (lao__frame_request_t *)link->requests.base;
    request->operation = LAO__FRAME_ANSWER; /* the rest stays: the call that it belongs to still reads its inputs */
    request->answer = answer;
    request->forget_count = 0;
}

/* Exchanges frames until the call's result is there, handing parts to the sink. */
static lao_status_t run_to_result(isolated_t *isolated, lao__worker_link_t *link, lao_call_t *call,
                                  lao__frame_response_t *response, lao__error_t *error) {
    for (;;) {
        lao_value_t part;
        lao_status_t status = lao__worker_link_exchange(link, call->flight, isolated->grace_ns, response, error);
        uint32_t answer;
        if (status != LAO_OK || response->operation == LAO__FRAME_RESULT) {
            return status;
        }
        status = lao__answer_take_output(link, response, &part, error);
        if (status != LAO_OK || call->sink == NULL) {
            lao__worker_link_stop(link);
            return status != LAO_OK ? status : lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker streams uninvited");
        }
        answer = lao__call_push(call, &part, 0);
        if (answer == LAO_STREAM_ERROR) {
            lao__value_release(&part);
            lao__worker_link_stop(link);
            return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker streamed a value of another kind");
        }
        answer_part(link, answer);
    }
}

static lao_status_t call_worker(isolated_t *isolated, lao__worker_link_t *link, lao_call_t *call, lao_value_t *output,
                                lao__error_t *error) {
    lao__frame_writer_t writer;
    lao__frame_request_t *request = lao__worker_link_request(link, LAO__FRAME_CALL, &writer);
    lao__shared_buffer_t *buffer = NULL;
    lao__frame_response_t response;
    lao_status_t status = LAO_OK;
    request->capability = call->capability;
    request->deadline_ns = call->flight->deadline_ns;
    request->streams = call->sink != NULL;
    if (call->input_count == 1) {
        status = lao__worker_link_put_input(link, &writer, call->inputs[0], &request->input, &buffer, error);
    }
    if (status == LAO_OK && !put_params(&writer, call, request)) {
        status = lao__fail(error, LAO_LIMIT_EXCEEDED, "the parameters do not fit into the channel");
    }
    if (status == LAO_OK) {
        uint64_t used = writer.at;
        status = run_to_result(isolated, link, call, &response, error);
        if (status == LAO_OK && used > LAO__REGION_KEPT_BYTES) {
            lao__memory_file_trim(&link->requests, LAO__REGION_KEPT_BYTES);
        }
    }
    if (buffer != NULL) {
        lao__shared_buffer_release(buffer);
    }
    if (status != LAO_OK) {
        return status;
    }
    if (response.status != LAO_OK) {
        return lao__answer_take_error(link, &response, error);
    }
    status = lao__answer_take_output(link, &response, output, error);
    if (status == LAO_OK && !(output->kind == LAO_KIND_NONE && call->sink != NULL)) {
        status = lao__check_output(output, call->output_kind, error);
        if (status != LAO_OK) {
            lao__value_release(output);
        }
    }
    if (status == LAO_PROTOCOL_VIOLATION) {
        lao__worker_link_stop(link);
    }
    return status;
}

/* A free worker, preferring those that run; locked. */
static lao_status_t pick_worker(isolated_t *isolated, const lao__flight_t *flight, lao__worker_link_t **link,
                                lao__error_t *error) {
    uint32_t pass;
    uint32_t index;
    lao_status_t status;
    for (pass = 0; pass < 2; pass++) {
        for (index = 0; index < isolated->worker_count; index++) {
            *link = &isolated->workers[index];
            if (pthread_mutex_trylock(&(*link)->lock) == 0) {
                if ((*link)->running || pass == 1) {
                    return LAO_OK;
                }
                pthread_mutex_unlock(&(*link)->lock);
            }
        }
    }
    *link = &isolated->workers[atomic_fetch_add(&isolated->next_worker, 1) % isolated->worker_count];
    status = lao__lock_for_call(&(*link)->lock, flight);
    return status == LAO_OK
               ? LAO_OK
               : lao__fail(error, status, "%s while it waited for the calls before it", lao_status_message(status));
}

static lao_status_t ensure_running(isolated_t *isolated, lao__worker_link_t *link, int64_t call_deadline_ns,
                                   lao__error_t *error) {
    lao_value_t description;
    lao_status_t status;
    if (link->running && !atomic_load(&link->dead)) {
        return LAO_OK;
    }
    lao__worker_link_stop(link); /* died between two calls */
    if (atomic_load(&isolated->deaths_in_a_row) >= DEATHS_IN_A_ROW) {
        return lao__fail(error, LAO_CRASHED, "its worker died %u times in a row; reload the plugin to try again",
                         DEATHS_IN_A_ROW);
    }
    status = bring_up(isolated, link, call_deadline_ns, &description, error);
    if (status == LAO_OK) {
        lao__value_release(&description);
    }
    return status;
}

static lao_status_t call_isolated(lao__target_t *target, lao_call_t *call, lao_value_t *output, lao__error_t *error) {
    isolated_t *isolated = (isolated_t *)target;
    lao__worker_link_t *link;
    lao_status_t status = pick_worker(isolated, call->flight, &link, error);
    if (status != LAO_OK) {
        return status;
    }
    status = ensure_running(isolated, link, call->flight->deadline_ns, error);
    if (status == LAO_OK) {
        status = call_worker(isolated, link, call, output, error);
        if (status == LAO_CRASHED) {
            atomic_fetch_add(&isolated->deaths_in_a_row, 1);
        } else if (atomic_load_explicit(&isolated->deaths_in_a_row, memory_order_relaxed) != 0) {
            atomic_store(&isolated->deaths_in_a_row, 0);
        }
    }
    pthread_mutex_unlock(&link->lock);
    return status;
}

/* --- Closing --- */

/* A worker gets the chance to destroy the instance and to run the plugin's shutdown. */
static void close_worker(isolated_t *isolated, lao__worker_link_t *link) {
    lao__frame_writer_t writer;
    lao__flight_t flight = {.deadline_ns = 0};
    lao__frame_response_t response;
    lao__error_t *error;
    pthread_mutex_lock(&link->lock);
    error = link->running && !atomic_load(&link->dead) ? malloc(sizeof *error) : NULL;
    if (error != NULL) {
        lao__worker_link_request(link, LAO__FRAME_CLOSE, &writer);
        flight.deadline_ns = lao__now_ns() + isolated->grace_ns;
        (void)lao__worker_link_exchange(link, &flight, 0, &response, error); /* it ends either way */
        free(error);
    }
    lao__worker_link_stop(link);
    pthread_mutex_unlock(&link->lock);
}

static void close_isolated(lao__target_t *target) {
    isolated_t *isolated = (isolated_t *)target;
    uint32_t index;
    for (index = 0; index < isolated->worker_count; index++) {
        close_worker(isolated, &isolated->workers[index]);
    }
}

static void destroy_isolated(lao__target_t *target) {
    isolated_t *isolated = (isolated_t *)target;
    uint32_t index;
    for (index = 0; index < isolated->worker_count; index++) {
        lao__worker_link_deinit(&isolated->workers[index]);
    }
    pthread_mutex_destroy(&isolated->log.lock);
    free(isolated->workers);
    free(isolated->executable);
    free(isolated->library);
    free(isolated->config_json);
    free(isolated->resource_dir);
    free(isolated->data_dir);
    free(isolated->description);
    free(isolated);
}

static const lao__target_ops_t isolated_ops = {
    .call = call_isolated,
    .close = close_isolated,
    .destroy = destroy_isolated,
};

static isolated_t *allocate(const lao__isolated_options_t *options) {
    isolated_t *isolated = calloc(1, sizeof *isolated);
    uint32_t index;
    if (isolated == NULL) {
        return NULL;
    }
    pthread_mutex_init(&isolated->log.lock, NULL);
    isolated->executable = lao__copy_string(options->executable);
    isolated->library = lao__copy_string(options->library);
    isolated->config_json = lao__copy_string(options->config_json != NULL ? options->config_json : "{}");
    isolated->resource_dir = lao__copy_string(options->resource_dir);
    isolated->data_dir = lao__copy_string(options->data_dir);
    isolated->open_timeout_ns = options->open_timeout_ns;
    isolated->grace_ns = options->grace_ns;
    isolated->workers = calloc(options->workers, sizeof *isolated->workers);
    if (isolated->workers == NULL || isolated->executable == NULL || isolated->library == NULL ||
        isolated->config_json == NULL) {
        destroy_isolated(&isolated->target);
        return NULL;
    }
    isolated->worker_count = options->workers;
    for (index = 0; index < options->workers; index++) {
        lao__worker_link_init(&isolated->workers[index], &isolated->log);
    }
    return isolated;
}

/* A worker that died while loading leaves its last words behind the error's first line. */
static void add_last_words(isolated_t *isolated, lao__error_t *error) {
    uint32_t room = LAO__ERROR_CAPACITY - 1 - error->size;
    if (room > 1) {
        error->text[error->size++] = '\n';
        error->size += lao__output_log_tail(&isolated->log, error->text + error->size, room - 1);
        error->text[error->size] = '\0';
    }
}

lao_status_t lao__isolated_open(const lao__isolated_options_t *options, lao__target_t **target, char **description,
                                lao__error_t *error) {
    isolated_t *isolated;
    lao_value_t answer;
    uint32_t output_kinds[4096];
    uint32_t count = 0;
    lao_status_t status;
    if (options->workers == 0 || options->workers > LAO__MAX_WORKERS) {
        return lao__fail(error, LAO_INVALID_PARAMETER, "%u workers; 1 to %u are possible", options->workers,
                         LAO__MAX_WORKERS);
    }
    isolated = allocate(options);
    if (isolated == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    status = bring_up(isolated, &isolated->workers[0], LAO__NO_DEADLINE, &answer, error);
    if (status == LAO_OK) {
        status = read_output_kinds(&answer, &count, output_kinds, error);
        lao__value_release(&answer);
    }
    if (status == LAO_OK) {
        *description = lao__copy_string(isolated->description);
        status = *description == NULL ? lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory")
                                      : lao__target_init(&isolated->target, &isolated_ops, options->timeout_ns, count,
                                                         output_kinds, error);
    }
    if (status != LAO_OK) {
        lao__worker_link_stop(&isolated->workers[0]);
        if (status == LAO_CRASHED) {
            add_last_words(isolated, error);
        }
        destroy_isolated(&isolated->target);
        return status;
    }
    *target = &isolated->target;
    return LAO_OK;
}

uint32_t lao__isolated_output(lao__target_t *target, char *bytes, uint32_t size) {
    return lao__output_log_tail(&((isolated_t *)target)->log, bytes, size);
}

int32_t lao__isolated_pid(lao__target_t *target, uint32_t index) {
    isolated_t *isolated = (isolated_t *)target;
    return index < isolated->worker_count && isolated->workers[index].running ? isolated->workers[index].process.pid
                                                                              : 0;
}
