/* Ends its process, with the exit code of success, while it is being loaded. */
#include "hostile.h"

__attribute__((constructor)) static void leave(void) { _exit(0); }

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    return give_report(response);
}

HOSTILE_PLUGIN("exit-in-a-constructor")
