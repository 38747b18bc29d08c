/* Recurses without end. */
#include "hostile.h"

static int deeper(volatile int level) {
    volatile char page[4096];
    page[0] = (char)level;
    return level < 0 ? page[0] : deeper(level + 1) + page[0];
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)response, (void)error;
    return (lao_status_t)deeper(0);
}

HOSTILE_PLUGIN("stack-overflow")
