/* Ends the thread that the host's worker calls it on, and leaves the process alive. */
#include "hostile.h"

#include <pthread.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)response, (void)error;
    pthread_exit(NULL);
}

HOSTILE_PLUGIN("pthread-exit")
