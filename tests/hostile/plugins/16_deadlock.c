/* Waits for a lock that it holds. */
#include "hostile.h"

#include <pthread.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)request, (void)error;
    pthread_mutex_lock(&lock);
    pthread_mutex_lock(&lock);
    return give_report(response);
}

HOSTILE_PLUGIN("deadlock")
