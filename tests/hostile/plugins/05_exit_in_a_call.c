/* Leaves in the middle of a call with the exit code of success, by way of atexit handlers ("exit") or not ("_exit"). */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)response, (void)error;
    if (input_is(request, "exit")) {
        exit(0);
    }
    _exit(0);
}

HOSTILE_PLUGIN("exit-in-a-call")
