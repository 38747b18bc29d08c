/* Makes processes, in each way that there is. Where one succeeds, the child ends at once: one is enough to know. */
#include "hostile.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>

static void try_clone(const char *what, long flags) {
    long child = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    if (child == 0) {
        _exit(0);
    }
    tried(what, child);
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    char *const arguments[] = {(char *)(uintptr_t)"true", NULL};
    struct clone_args hidden = {.exit_signal = SIGCHLD};
    long child = syscall(SYS_fork);
    (void)request, (void)error;
    if (child == 0) {
        _exit(0);
    }
    tried("fork", child);
    child = fork(); /* the C library's takes another way */
    if (child == 0) {
        _exit(0);
    }
    tried("libc_fork", child);
    child = syscall(SYS_clone3, &hidden, sizeof hidden);
    if (child == 0) {
        _exit(0);
    }
    tried("clone3", child);
    try_clone("clone", SIGCHLD);
    try_clone("clone_parent", CLONE_PARENT | SIGCHLD);
    try_clone("clone_newpid", CLONE_NEWPID | SIGCHLD);
    errno = posix_spawn(&(pid_t){0}, "/bin/true", NULL, NULL, arguments, NULL);
    tried("posix_spawn", errno == 0 ? 0 : -1);
    tried("execve", execve("/bin/true", arguments, NULL));
    return give_report(response);
}

HOSTILE_PLUGIN("fork-bomb")
