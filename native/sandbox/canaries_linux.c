#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "steps.h"

/* What any plugin might try first. Each answers -1 with errno when it was refused. */

static long open_outside(void) { return open("/etc/passwd", O_RDONLY | O_CLOEXEC); }
static long open_a_socket(void) { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }
static long run_a_program(void) {
    char *const none[] = {NULL};
    return execve("/nonexistent/program", none, none);
}
static long signal_the_parent(void) { return kill(getppid(), 0); }
static long trace_the_parent(void) { return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL); }
static long make_a_process(void) {
    long child = syscall(SYS_clone, (unsigned long)SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        _exit(0);
    }
    return child;
}

static bool may_read(const lao__plan_t *plan, const char *path) {
    uint32_t index;
    for (index = 0; index < plan->path_count; index++) {
        size_t size = strlen(plan->paths[index].path);
        const char *root = plan->paths[index].path;
        if ((plan->paths[index].access & (LAO__PLAN_READ | LAO__PLAN_WRITE | LAO__PLAN_EXECUTE)) != 0 &&
            strncmp(path, root, size) == 0 && (path[size] == '/' || path[size] == '\0' || root[size - 1] == '/')) {
            return true;
        }
    }
    return false;
}

/* strerrorname_np is younger than the oldest C library that LAO runs on. */
static const char *name_of(int reason) {
    return reason == EPERM ? "EPERM" : reason == EACCES ? "EACCES" : reason == ENOSYS ? "ENOSYS" : "ENOENT";
}

/* A file that is not there proves nothing and gives nothing. But a program that is looked for was not refused. */
static bool was_refused(int reason, bool file) {
    return reason == EPERM || reason == EACCES || reason == ENOSYS || (file && reason == ENOENT);
}

lao_status_t lao__try_canaries(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error) {
    bool programs = lao__plan_has(plan, LAO__PLAN_EXECUTE);
    const struct {
        const char *name;
        long (*attempt)(void);
        bool expected; /* to be refused */
    } canaries[] = {
        {"read /etc/passwd", open_outside, reached->landlock > 0 && !may_read(plan, "/etc/passwd")},
        {"open a socket", open_a_socket, plan->connect_count == 0},
        {"run a program", run_a_program, !programs},
        {"make a process", make_a_process, !programs},
        {"signal the host", signal_the_parent, true},
        {"trace the host", trace_the_parent, true},
    };
    size_t used = 0;
    size_t index;
    reached->canaries[0] = '\0';
    for (index = 0; index < sizeof canaries / sizeof *canaries; index++) {
        long answer;
        if (!canaries[index].expected) {
            continue;
        }
        errno = 0;
        answer = canaries[index].attempt();
        if (answer >= 0 || !was_refused(errno, canaries[index].attempt == open_outside)) {
            return lao__fail(error, LAO_PERMISSION_DENIED, "the sandbox does not hold: it could %s (%s)",
                             canaries[index].name, answer >= 0 ? "success" : strerror(errno));
        }
        used += (size_t)snprintf(reached->canaries + used, sizeof reached->canaries - used, "%s\"%s: %s\"",
                                 used > 0 ? ", " : "", canaries[index].name, name_of(errno));
    }
    return LAO_OK;
}
