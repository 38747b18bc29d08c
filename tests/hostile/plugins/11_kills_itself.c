/* Sends itself the signal that nobody can catch. */
#include "hostile.h"

#include <signal.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)response, (void)error;
    raise(SIGKILL);
    return LAO_OK;
}

HOSTILE_PLUGIN("kills-itself")
