/* Looks for the host's secrets in its environment and in the memory above its stack, where a program's lies. The input is the
 * secret, which is not in there if nobody put it there. */
#include "hostile.h"

extern char **environ;

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    const char *secret = input_text(request);
    int count = 0, found = 0;
    (void)error;
    for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
        count++;
        found += strstr(*variable, secret) != NULL;
    }
    report_number("variables", count);
    report_number("found", found);
    report_number("secure_getenv", secure_getenv("HOSTILE_SECRET") != NULL);
    report_number("path", getenv("PATH") != NULL);
    report_number("home", getenv("HOME") != NULL);
    return give_report(response);
}

HOSTILE_PLUGIN("environment")
