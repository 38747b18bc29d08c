/* A library that is swapped for another one while it is loaded, and after. Its answer says that it is the first. */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    report_string("library", "the first");
    return give_report(response);
}

HOSTILE_PLUGIN("swapped-library")
