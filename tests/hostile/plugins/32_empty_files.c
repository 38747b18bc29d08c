/* Makes a million files, all of them empty: nothing that counts bytes sees them. */
#include "hostile.h"

#include <fcntl.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    long long made = 0;
    (void)request, (void)error;
    for (; made < 1000000; made++) {
        char name[32];
        int file;
        snprintf(name, sizeof name, "empty-%lld", made);
        file = open(own_path(name), O_CREAT | O_WRONLY, 0600);
        if (file < 0) {
            tried("open", -1);
            break;
        }
        close(file);
        usleep(20); /* the machine of the tests has other things to do */
    }
    report_number("files", made);
    return give_report(response);
}

HOSTILE_PLUGIN("empty-files")
