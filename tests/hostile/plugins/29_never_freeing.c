/* Keeps eight mebibytes of each call. */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    size_t size = (size_t)8 << 20;
    void *block = malloc(size);
    (void)request;
    if (block == NULL) {
        return lao_fail(error, LAO_OUT_OF_MEMORY, "nothing is left");
    }
    fill(block, size);
    return give_report(response);
}

HOSTILE_PLUGIN("never-freeing")
