/* Executes a file that lies in memory only. */
#include "hostile.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    char *const arguments[] = {(char *)(uintptr_t)"hostile", NULL};
    int file = memfd_create("program", 0);
    (void)request, (void)error;
    if (file >= 0 && write(file, "#!/bin/sh\n", 10) != 10) {
        report_string("write", "failed");
    }
    tried("fexecve", fexecve(file >= 0 ? file : 5, arguments, arguments + 1));
    tried("execveat", syscall(SYS_execveat, file >= 0 ? file : 5, "", arguments, arguments + 1, AT_EMPTY_PATH));
    tried("proc", execve("/proc/self/exe", arguments, arguments + 1));
    return give_report(response);
}

HOSTILE_PLUGIN("executes-memory")
