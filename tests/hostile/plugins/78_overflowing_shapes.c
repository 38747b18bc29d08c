/* Answers with arrays whose sizes, computed carelessly, come out small. */
#include "channel.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    lao__frame_value_t *value;
    (void)response, (void)error;
    forge_tensor();
    value = &answer_frame->value;
    if (input_is(request, "product")) { /* 2^64 elements: 0 in 64 bits */
        value->shape[0] = value->shape[1] = INT64_C(1) << 32;
    } else if (input_is(request, "bytes")) { /* 2^62 elements of 4 bytes: 0 again */
        value->shape[0] = value->shape[1] = INT64_C(1) << 31;
    } else if (input_is(request, "stride")) {
        value->strides[0] = INT64_MAX;
    } else if (input_is(request, "negative_stride")) {
        value->strides[0] = INT64_MIN;
    } else if (input_is(request, "strides_cancel_out")) { /* one far below, one far above */
        value->shape[0] = value->shape[1] = 3;
        value->strides[0] = INT64_MAX / 2, value->strides[1] = -(INT64_MAX / 2);
    } else if (input_is(request, "empty_axis")) { /* nothing in it, and the other axis as large as can be */
        value->rank = 3;
        value->shape[0] = 0, value->shape[1] = INT64_MAX, value->shape[2] = INT64_MAX;
        value->strides[0] = value->strides[1] = value->strides[2] = 1;
    } else if (input_is(request, "negative_axis")) {
        value->shape[0] = value->shape[1] = -2;
    } else { /* all of it in one element, seen 2^60 times */
        value->shape[0] = INT64_C(1) << 60;
        value->strides[0] = 0;
    }
    return send_forged();
}

HOSTILE_PLUGIN("overflowing-shapes")
