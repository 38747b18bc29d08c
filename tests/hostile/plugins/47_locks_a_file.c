/* Locks a file that it may only read, so that whoever wants to lock it for writing waits. The input is its path. */
#include "hostile.h"

#include <fcntl.h>
#include <sys/file.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    struct flock record = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int file = open(input_text(request), O_RDONLY);
    (void)error;
    tried("open", file);
    tried("open_write", open(input_text(request), O_RDWR));
    tried("shared", flock(file, LOCK_SH | LOCK_NB));
    tried("exclusive", flock(file, LOCK_EX | LOCK_NB));
    tried("record", fcntl(file, F_SETLK, &record));
    tried("lease", fcntl(file, F_SETLEASE, F_RDLCK));
    return give_report(response);
}

HOSTILE_PLUGIN("locks-a-file")
