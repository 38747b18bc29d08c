/* Computes for ever and never looks at its cancel word. */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    volatile bool for_ever = true;
    (void)request, (void)response, (void)error;
    while (for_ever) {
    }
    return LAO_OK;
}

HOSTILE_PLUGIN("endless-loop")
