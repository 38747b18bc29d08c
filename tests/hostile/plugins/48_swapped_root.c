/* The directory that it was granted became a link to another one. */
#include "hostile.h"

#include <fcntl.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    tried("write", open(own_path("work/planted.txt"), O_WRONLY | O_TRUNC));
    return give_report(response);
}

HOSTILE_PLUGIN("swapped-root")
