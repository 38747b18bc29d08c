/* "ill": executes what is no instruction; "fpe": divides by zero. */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    volatile int zero = 0;
    (void)response, (void)error;
    if (input_is(request, "ill")) {
        __builtin_trap();
    }
    return (lao_status_t)(7 / zero);
}

HOSTILE_PLUGIN("bad-instruction")
