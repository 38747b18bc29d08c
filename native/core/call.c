#include "call.h"

#include <lao/ext/stream.h>
#include <string.h>

#include "check.h"

/* The value of a plugin whose struct may be smaller or larger than this host's: what it lacks is zero, and what it has
 * more nobody here knows. */
static lao_value_t taken_over(const lao_value_t *value) {
    lao_value_t whole = {0};
    memcpy(&whole, value, value->struct_size < sizeof whole ? value->struct_size : sizeof whole);
    whole.struct_size = sizeof whole;
    return whole;
}

uint32_t lao__call_push(lao_call_t *call, lao_value_t *part, uint32_t flags) {
    lao_value_t whole;
    lao__error_t error;
    if (call == NULL || call->sink == NULL || part == NULL || !LAO_HAS(lao_value_t, part, owner)) {
        return LAO_STREAM_ERROR;
    }
    whole = taken_over(part);
    if (lao__check_output(&whole, call->output_kind, &error) != LAO_OK) {
        return LAO_STREAM_ERROR;
    }
    if (lao__flight_cancelled(call->flight) != LAO__CANCEL_NONE) {
        lao__value_release(&whole);
        return LAO_STREAM_STOP;
    }
    return call->sink->push(call->sink, &whole, flags);
}

uint32_t lao__call_pull(lao_call_t *call, lao_value_t *part, uint32_t flags) {
    lao_value_t whole = {.struct_size = sizeof whole, .file_handle = -1};
    uint32_t size;
    uint32_t answer;
    if (call == NULL || part == NULL || !LAO_HAS(lao_value_t, part, owner)) {
        return LAO_STREAM_ERROR;
    }
    answer = call->source == NULL ? LAO_STREAM_STOP : call->source->pull(call->source, &whole, flags, call->flight);
    if (answer == LAO_STREAM_CONTINUE) {
        size = part->struct_size;
        memcpy(part, &whole, size < sizeof whole ? size : sizeof whole);
        part->struct_size = size;
    }
    return answer;
}

void lao__value_release(lao_value_t *value) {
    if (value->release != NULL) {
        value->release(value);
    } else if (value->tensor != NULL && value->tensor->deleter != NULL) {
        value->tensor->deleter(value->tensor);
    }
    value->kind = LAO_KIND_NONE;
    value->data = NULL;
    value->size = 0;
    value->tensor = NULL;
    value->release = NULL;
    value->owner = NULL;
}

void lao__batch_release(lao__batch_t *batch, uint32_t count) {
    uint32_t index;
    for (index = 0; index < count; index++) {
        if (batch->statuses[index] == LAO_OK) {
            lao__value_release(&batch->outputs[index]);
        }
    }
}
