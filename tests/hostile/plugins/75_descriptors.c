/* Lists the descriptors that are open in its worker. */
#include "hostile.h"

#include <fcntl.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    for (int number = 0; number < 4096; number++) {
        if (fcntl(number, F_GETFD) >= 0) {
            char name[16];
            snprintf(name, sizeof name, "%d", number);
            report_number(name, isatty(number));
        }
    }
    return give_report(response);
}

HOSTILE_PLUGIN("descriptors")
