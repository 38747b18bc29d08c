/* Takes descriptors until it gets no more, and keeps them. */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    int count = 0;
    (void)request, (void)error;
    while (count < 1000000 && dup(1) >= 0) {
        count++;
    }
    tried("dup", -1);
    report_number("descriptors", count);
    return give_report(response);
}

HOSTILE_PLUGIN("descriptor-bomb")
