/* Stops its process, so that it can neither answer nor read that it was cancelled. */
#include "hostile.h"

#include <signal.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    raise(SIGSTOP);
    return give_report(response);
}

HOSTILE_PLUGIN("stops-itself")
