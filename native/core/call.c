#include "call.h"

#include <lao/ext/stream.h>

#include "check.h"

uint32_t lao__call_push(lao_call_t *call, lao_value_t *part, uint32_t flags) {
    lao__error_t error;
    if (call == NULL || call->sink == NULL || part == NULL || part->struct_size < sizeof *part ||
        lao__check_output(part, call->output_kind, &error) != LAO_OK) {
        return LAO_STREAM_ERROR;
    }
    if (lao__flight_cancelled(call->flight) != LAO__CANCEL_NONE) {
        lao__value_release(part);
        return LAO_STREAM_STOP;
    }
    return call->sink->push(call->sink, part, flags);
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
