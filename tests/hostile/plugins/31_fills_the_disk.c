/* Writes to its directory without end: "many", files of a mebibyte; "one", a single file; "sparse", one that claims to be
 * large; "reserve", blocks that are its at once, written or not. */
#include "hostile.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

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
    if (input_is(request, "reserve")) {
        struct stat status;
        file = open(own_path(name), O_CREAT | O_RDWR, 0600);
        tried("fallocate", fallocate(file, 0, 0, (off_t)4 << 20));
        tried("beyond_its_end", fallocate(file, FALLOC_FL_KEEP_SIZE, 0, (off_t)256 << 20));
        tried("fstat", fstat(file, &status));
        report_number("kib", status.st_blocks / 2);
        tried("punch", fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
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
