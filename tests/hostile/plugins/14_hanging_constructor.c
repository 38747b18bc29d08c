/* Is never done loading. */
#include "hostile.h"

__attribute__((constructor)) static void wait_for_ever(void) {
    for (;;) {
        pause();
    }
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    return give_report(response);
}

HOSTILE_PLUGIN("hanging-constructor")
