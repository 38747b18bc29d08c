/* Answers with offsets and lengths that lie outside of its memory. */
#include "channel.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    lao__frame_value_t *value;
    (void)response, (void)error;
    forge_answer();
    value = &answer_frame->value;
    if (input_is(request, "offset")) {
        value->data.offset = UINT64_C(1) << 60;
    } else if (input_is(request, "size")) {
        value->data.size = UINT64_C(1) << 60;
    } else if (input_is(request, "wraps")) {
        value->data = (lao__frame_span_t){UINT64_MAX - 1, 4};
    } else if (input_is(request, "negative")) {
        value->data.offset = (uint64_t)INT64_C(-4096);
    } else if (input_is(request, "media_type")) {
        value->media_type = (lao__frame_span_t){UINT64_MAX - 8, 16};
    } else if (input_is(request, "metadata")) {
        value->metadata = (lao__frame_span_t){UINT64_C(1) << 50, 16};
    } else if (input_is(request, "long_media_type")) {
        value->media_type = (lao__frame_span_t){0, 1 << 20};
    } else if (input_is(request, "error")) {
        answer_frame->status = LAO_FAILED;
        answer_frame->error = (lao__frame_span_t){UINT64_C(1) << 60, 100};
    } else if (input_is(request, "error_size")) {
        answer_frame->status = LAO_FAILED;
        answer_frame->error = (lao__frame_span_t){100, UINT64_MAX};
    } else if (input_is(request, "memory")) {
        value->memory = 1; /* what the host sends in files of their own */
    } else if (input_is(request, "tensor_start")) {
        forge_tensor();
        value->first_element = 23;
    } else if (input_is(request, "tensor_size")) {
        forge_tensor();
        value->data.size = 23;
    } else {
        forge_tensor();
        value->first_element = UINT64_MAX;
    }
    return send_forged();
}

HOSTILE_PLUGIN("bad-offsets")
