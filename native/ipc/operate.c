#include "operate.h"

#include <string.h>

#include "../core/call.h"
#include "../core/target.h"
#include "answer.h"

static lao_status_t put_data(lao__lane_t *lane, lao__frame_writer_t *writer, const lao__operation_t *operation,
                             lao__frame_request_t *request, lao__shared_buffer_t **buffer, lao__error_t *error) {
    const lao_value_t data = {
        .struct_size = sizeof data,
        .kind = LAO_KIND_BINARY,
        .data = operation->data,
        .size = operation->size + 1, /* with its NUL */
        .file_handle = -1,
    };
    return operation->data == NULL ? LAO_OK : lao__lane_put_input(lane, writer, &data, &request->input, buffer, error);
}

/* What a worker saved: bytes, with the version as their metadata. */
static lao_status_t take_state(lao__operation_t *operation, lao__error_t *error) {
    lao_value_t *state = &operation->state;
    if (state->kind != LAO_KIND_BINARY || state->metadata_size != sizeof operation->state_version) {
        lao__value_release(state);
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker saved a state that is none");
    }
    memcpy(&operation->state_version, state->metadata, sizeof operation->state_version);
    return LAO_OK;
}

static lao_status_t exchange(const lao__workers_t *workers, lao__lane_t *lane, lao__operation_t *operation,
                             lao__error_t *error) {
    const lao__flight_t *flight = operation->flight;
    lao__frame_writer_t writer;
    lao__frame_request_t *request = lao__lane_request(lane, LAO__FRAME_OPERATE, &writer);
    lao__frame_response_t response;
    lao__shared_buffer_t *buffer = NULL;
    lao_status_t status;
    request->deadline_ns = flight->deadline_ns;
    request->capability = operation->kind;
    request->answer = operation->state_version;
    if (!lao__frame_put_text(&writer, operation->callback, &request->path) ||
        !lao__frame_put_text(&writer, operation->event, &request->config)) {
        return lao__fail(error, LAO_LIMIT_EXCEEDED, "the name of an event does not fit into the channel");
    }
    status = put_data(lane, &writer, operation, request, &buffer, error);
    if (status == LAO_OK) {
        status = lao__lane_exchange(lane, flight->deadline_ns, flight, workers->opening.grace_ns, &response, error);
    }
    if (buffer != NULL) {
        lao__shared_buffer_release(buffer);
    }
    if (status == LAO_OK && response.operation != LAO__FRAME_RESULT) {
        status = lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker streams uninvited");
    } else if (status == LAO_OK && response.status != LAO_OK) {
        return lao__answer_take_error(lane->link, &response, error);
    } else if (status == LAO_OK && operation->kind == LAO__SAVE_STATE) {
        status = lao__answer_take_output(lane->link, &response, true, &operation->state, error);
        status = status == LAO_OK ? take_state(operation, error) : status;
    }
    return status == LAO_PROTOCOL_VIOLATION ? lao__lane_violated(lane, error) : status;
}

lao_status_t lao__operate(lao__workers_t *workers, uint32_t worker, lao__operation_t *operation, lao__error_t *error) {
    lao__lane_t *lane;
    lao_status_t status;
    if (worker != LAO__ANY_WORKER && worker >= workers->count) {
        return lao__fail(error, LAO_INVALID_PARAMETER, "it has %u workers", workers->count);
    }
    status = worker == LAO__ANY_WORKER ? lao__workers_take(workers, operation->flight, &lane, error)
                                       : lao__workers_take_of(workers, worker, operation->flight, &lane, error);
    if (status != LAO_OK) {
        return status;
    }
    status = exchange(workers, lane, operation, error);
    lao__workers_give_back(workers, lane, status);
    return status;
}
