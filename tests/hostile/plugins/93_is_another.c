/* A library that is not what its package says. */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    return give_report(response);
}

HOSTILE_PLUGIN("is-another")
