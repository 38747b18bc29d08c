/* Prints 32 MiB and logs 20,000 lines within one call. */
#include "hostile.h"

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    static const char line[] = "a flood, and a flood, and a flood, and a flood, and a flood, \033[31mand more\033[0m\n";
    (void)request, (void)error;
    for (size_t written = 0; written < (size_t)32 << 20; written += sizeof line - 1) {
        if (write(1 + (int)(written & 1), line, sizeof line - 1) < 0) {
            break;
        }
    }
    for (int number = 0; number < 20000; number++) {
        the_host->log(the_host, LAO_LOG_WARNING, "a line of the log", 17);
    }
    fprintf(stderr, "the last line\n");
    return give_report(response);
}

HOSTILE_PLUGIN("log-flood")
