/* Takes descriptors out of the host. */
#include "hostile.h"

#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    long handle = tried("pidfd_open", syscall(SYS_pidfd_open, getppid(), 0));
    (void)request, (void)error;
    tried("pidfd_getfd", syscall(SYS_pidfd_getfd, handle >= 0 ? handle : 3, 0, 0));
    tried("kcmp", syscall(SYS_kcmp, getpid(), getppid(), 0, 1, 1));
    return give_report(response);
}

HOSTILE_PLUGIN("takes-descriptors")
