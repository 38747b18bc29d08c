/* Has the host fetch a hundred times without a pause. The input is the address; the report counts what came. */
#include "hostile.h"

#include <lao/ext/services.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    const lao_http_host_t *http = (const lao_http_host_t *)the_host->get_extension(the_host, LAO_EXT_HTTP);
    char text[4200];
    int count = snprintf(text, sizeof text, "{\"url\": \"%s\"}", input_text(request));
    lao_value_t question = {
        .struct_size = sizeof question, .kind = LAO_KIND_JSON, .data = text, .size = (uint64_t)count};
    int fetched = 0, limited = 0, other = 0;
    for (int turn = 0; turn < 100; turn++) {
        lao_value_t head = {.struct_size = sizeof head}, body = {.struct_size = sizeof body};
        lao_status_t status = http->fetch(the_host, &question, NULL, &head, &body, error);
        fetched += status == LAO_OK;
        limited += status == LAO_LIMIT_EXCEEDED;
        other += status != LAO_OK && status != LAO_LIMIT_EXCEEDED;
        if (status == LAO_OK) {
            head.release(&head);
            body.release(&body);
        }
    }
    report_number("fetched", fetched);
    report_number("limited", limited);
    report_number("other", other);
    return give_report(response);
}

HOSTILE_PLUGIN("asks-in-bursts")
