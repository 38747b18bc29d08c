/* Installs a filter of its own, which could lie about calls, or a listener that answers them. */
#include "hostile.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    struct sock_fprog program = {1, &allow};
    (void)request, (void)error;
    tried("seccomp", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    tried("listener", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    tried("prctl", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    tried("strict", prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
    tried("landlock", syscall(444, NULL, 0, 0));
    report_number("mode", prctl(PR_GET_SECCOMP));
    return give_report(response);
}

HOSTILE_PLUGIN("another-filter")
