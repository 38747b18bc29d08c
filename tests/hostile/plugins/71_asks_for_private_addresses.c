/* Has the host fetch what it must not reach for a plugin. The input is the request, JSON; the report says what came. */
#include "hostile.h"

#include <lao/ext/services.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    const lao_http_host_t *http = (const lao_http_host_t *)the_host->get_extension(the_host, LAO_EXT_HTTP);
    lao_value_t question = {.struct_size = sizeof question, .kind = LAO_KIND_JSON};
    lao_value_t head = {.struct_size = sizeof head}, body = {.struct_size = sizeof body};
    lao_status_t status;
    if (http == NULL) {
        report_string("service", "absent");
        return give_report(response);
    }
    question.data = request->inputs[0]->data;
    question.size = request->inputs[0]->size;
    status = http->fetch(the_host, &question, NULL, &head, &body, error);
    report_number("status", status);
    report_string("error", status != LAO_OK ? error->text : "");
    report_number("bytes", (long long)body.size);
    if (head.release != NULL) {
        head.release(&head);
    }
    if (body.release != NULL) {
        body.release(&body);
    }
    return give_report(response);
}

HOSTILE_PLUGIN("asks-for-private-addresses")
