/* Traces the host and the sibling's worker, and reads and writes their memory. The input is the sibling's process. */
#include "hostile.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    const struct {
        const char *who;
        pid_t process;
    } victims[] = {{"host", getppid()}, {"sibling", (pid_t)atoi(input_text(request))}, {"self", getpid()}};
    char bytes[8], what[64];
    struct iovec here = {bytes, sizeof bytes}, there = {(void *)(uintptr_t)0x400000, sizeof bytes};
    (void)error;
    for (size_t index = 0; index < 3; index++) {
        pid_t process = victims[index].process;
        snprintf(what, sizeof what, "%s_attach", victims[index].who);
        tried(what, ptrace(PTRACE_ATTACH, process, NULL, NULL));
        snprintf(what, sizeof what, "%s_seize", victims[index].who);
        tried(what, ptrace(PTRACE_SEIZE, process, NULL, NULL));
        snprintf(what, sizeof what, "%s_read", victims[index].who);
        tried(what, process_vm_readv(process, &here, 1, &there, 1, 0));
        snprintf(what, sizeof what, "%s_write", victims[index].who);
        tried(what, process_vm_writev(process, &here, 1, &there, 1, 0));
        snprintf(what, sizeof what, "%s_kcmp", victims[index].who);
        tried(what, syscall(SYS_kcmp, getpid(), process, 0, 0, 0));
    }
    tried("traceme", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    return give_report(response);
}

HOSTILE_PLUGIN("traces-others")
