/* Writes where nothing is mapped. */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)response, (void)error;
    volatile char *nowhere = (volatile char *)8; /* near null */
    *nowhere = 1;
    return LAO_OK;
}

HOSTILE_PLUGIN("segv")
