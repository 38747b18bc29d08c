/* Starts threads that never end, until it gets no more. */
#include "hostile.h"

#include <pthread.h>

static void *wait_for_ever(void *unused) {
    for (;;) {
        sleep_ms(60000);
    }
    return unused;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    pthread_attr_t attributes;
    int count = 0;
    (void)request, (void)error;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    for (; count < 2000; count++) {
        pthread_t thread;
        errno = pthread_create(&thread, &attributes, wait_for_ever, NULL);
        if (errno != 0) {
            tried("pthread_create", -1);
            break;
        }
        sleep_ms(1);
    }
    report_number("threads", count);
    return give_report(response);
}

HOSTILE_PLUGIN("thread-bomb")
