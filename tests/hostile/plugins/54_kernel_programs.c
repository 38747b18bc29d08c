/* Loads programs into the kernel, takes over its page faults, and measures others. */
#include "hostile.h"

#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    char attributes[256] = {0};
    (void)request, (void)error;
    attributes[4] = (char)sizeof attributes;
    tried("bpf", syscall(SYS_bpf, 5, attributes, sizeof attributes));
    tried("userfaultfd", syscall(SYS_userfaultfd, 0));
    tried("userfaultfd_user", syscall(SYS_userfaultfd, 1));
    tried("perf_event_open", syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
    tried("init_module", syscall(SYS_init_module, attributes, sizeof attributes, ""));
    tried("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
    return give_report(response);
}

HOSTILE_PLUGIN("kernel-programs")
