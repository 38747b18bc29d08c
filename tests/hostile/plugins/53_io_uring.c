/* Does by a queue that the kernel reads what no filter sees then. */
#include "hostile.h"

#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    char parameters[256] = {0};
    (void)request, (void)error;
    tried("io_uring_setup", syscall(SYS_io_uring_setup, 8, parameters));
    tried("io_uring_enter", syscall(SYS_io_uring_enter, 3, 1, 0, 0, NULL, 0));
    tried("io_uring_register", syscall(SYS_io_uring_register, 3, 0, NULL, 0));
    tried("io_setup", syscall(SYS_io_setup, 8, parameters));
    return give_report(response);
}

HOSTILE_PLUGIN("io-uring")
