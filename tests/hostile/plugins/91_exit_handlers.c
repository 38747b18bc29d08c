/* Leaves functions behind that run when a process ends, and write down which one that was. */
#include "hostile.h"

#include <fcntl.h>

static char place[sizeof data_dir + 16];

static void write_down(const char *who) {
    int file = place[0] != '\0' ? open(place, O_CREAT | O_WRONLY | O_APPEND, 0600) : -1;
    if (file >= 0) {
        dprintf(file, "%s %d\n", who, (int)getpid());
        close(file);
    }
}

static void at_exit(void) { write_down("atexit"); }

__attribute__((destructor)) static void at_unload(void) { write_down("destructor"); }

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    snprintf(place, sizeof place, "%s/ends", data_dir);
    report_number("registered", atexit(at_exit) == 0);
    report_number("process", (long long)getpid());
    return give_report(response);
}

HOSTILE_PLUGIN("exit-handlers")
