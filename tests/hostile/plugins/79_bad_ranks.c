/* Answers with arrays of ranks that no array has. The input is the rank. */
#include "channel.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)response, (void)error;
    forge_tensor();
    answer_frame->value.rank = (int32_t)atoll(input_text(request));
    return send_forged();
}

HOSTILE_PLUGIN("bad-ranks")
