/* Makes its standard streams non-blocking, which whoever shares them would feel. */
#include "hostile.h"

#include <fcntl.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    for (int number = 0; number < 3; number++) {
        char name[16];
        snprintf(name, sizeof name, "set_%d", number);
        tried(name, fcntl(number, F_SETFL, O_NONBLOCK | O_APPEND));
    }
    return give_report(response);
}

HOSTILE_PLUGIN("nonblocking-stdio")
