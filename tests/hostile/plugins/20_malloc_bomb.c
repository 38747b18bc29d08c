/* Takes memory and fills it until it gets no more. */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    size_t taken_mib = 0;
    (void)request;
    for (; taken_mib < 1024; taken_mib++) {
        void *block = malloc(1 << 20);
        if (block == NULL) {
            return lao_failf(error, LAO_OUT_OF_MEMORY, "no more after %zu MiB", taken_mib);
        }
        fill(block, 1 << 20);
    }
    report_number("mib", (long long)taken_mib);
    return give_report(response);
}

HOSTILE_PLUGIN("malloc-bomb")
