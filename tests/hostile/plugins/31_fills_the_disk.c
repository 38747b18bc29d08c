/* Writes to its directory without end: "many", files of a mebibyte; "one", a single file; "sparse", one that claims to be
 * large. */
#include "hostile.h"

#include <fcntl.h>
#include <signal.h>

static char block[1 << 20];

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    long long written_mib = 0;
    char name[32] = "one";
    int file = -1;
    (void)error;
    signal(SIGXFSZ, SIG_IGN);
    if (input_is(request, "sparse")) {
        file = open(own_path(name), O_CREAT | O_RDWR, 0600);
        tried("ftruncate", ftruncate(file, (off_t)1 << 40));
        close(file);
        return give_report(response);
    }
    for (; written_mib < 1024; written_mib++) {
        if (file < 0 || input_is(request, "many")) {
            if (file >= 0) {
                close(file);
                snprintf(name, sizeof name, "file-%lld", written_mib);
            }
            file = open(own_path(name), O_CREAT | O_RDWR, 0600);
        }
        if (file < 0 || write(file, block, sizeof block) != (ssize_t)sizeof block) {
            tried(file < 0 ? "open" : "write", -1);
            break;
        }
        sleep_ms(5);
    }
    close(file);
    report_number("mib", written_mib);
    return give_report(response);
}

HOSTILE_PLUGIN("fills-the-disk")
