/* Gives up, with last words. */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)response, (void)error;
    fprintf(stderr, "these are my last words\n");
    abort();
}

HOSTILE_PLUGIN("abort")
