/* Answers with elements and values of types that there are not. */
#include "channel.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    lao__frame_value_t *value;
    (void)response, (void)error;
    forge_tensor();
    value = &answer_frame->value;
    if (input_is(request, "code")) {
        value->dtype.code = 99;
    } else if (input_is(request, "no_bits")) {
        value->dtype.bits = 0;
    } else if (input_is(request, "odd_bits")) {
        value->dtype.bits = 13;
    } else if (input_is(request, "no_lanes")) {
        value->dtype.lanes = 0;
    } else if (input_is(request, "lanes")) {
        value->dtype.lanes = UINT16_MAX;
    } else if (input_is(request, "kind")) {
        value->kind = 77;
    } else if (input_is(request, "kind_any")) {
        value->kind = LAO_KIND_ANY;
    } else if (input_is(request, "kind_none")) {
        value->kind = LAO_KIND_NONE;
    } else if (input_is(request, "text_with_a_tensor")) {
        value->kind = LAO_KIND_TEXT;
    } else if (input_is(request, "undeclared")) { /* a sound value, of another kind than the capability's */
        forge_answer();
        value->kind = LAO_KIND_TEXT;
    } else { /* an image without its array */
        value->kind = LAO_KIND_IMAGE;
        value->rank = -1;
    }
    return send_forged();
}

HOSTILE_PLUGIN("bad-types")
