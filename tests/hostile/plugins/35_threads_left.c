/* Leaves threads behind that go on after the call. */
#include "hostile.h"

#include <pthread.h>

static void *go_on(void *unused) {
    for (;;) {
        sleep_ms(50);
    }
    return unused;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    int count = 0;
    (void)request, (void)error;
    while (count < 4) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, go_on, NULL) != 0) {
            break;
        }
        count++;
    }
    report_number("threads", count);
    return give_report(response);
}

HOSTILE_PLUGIN("threads-left")
