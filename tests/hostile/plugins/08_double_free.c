/* "twice": frees a block twice; "foreign": gives the host back memory that the host did not hand out. */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    static char not_the_hosts[64];
    void *volatile block = malloc(64);
    (void)response, (void)error;
    if (input_is(request, "foreign")) {
        the_host->free(the_host, not_the_hosts);
        return LAO_OK;
    }
    free(block);
    free(block);
    return LAO_OK;
}

HOSTILE_PLUGIN("double-free")
