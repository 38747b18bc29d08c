#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../sandbox/sandbox.h"

#define PLAN_BYTES 262144u
#define REPORT_BYTES 16384u
#define FIRST_OPEN 3 /* the status, once everything else is closed */

extern char **environ;

enum { NOT_CONFINED = 125, NOT_STARTED = 126 };

static int fail(int code, const char *reason) {
    if (write(FIRST_OPEN, reason, strlen(reason)) < 0) {
        fprintf(stderr, "lao-worker: %s\n", reason);
    }
    return code;
}

/* The host closes its end when the plan is whole, which is also when it is done with this process from outside. */
static ssize_t read_plan(int descriptor, char *plan) {
    size_t size = 0;
    while (size < PLAN_BYTES) {
        ssize_t got = read(descriptor, plan + size, PLAN_BYTES - size);
        if (got == 0) {
            return (ssize_t)size;
        }
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        size += got > 0 ? (size_t)got : 0;
    }
    return -1;
}

static int descriptor_of(const char *text) {
    char *end;
    long number = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && number > 2 && number < 65536 ? (int)number : -1;
}

int lao__run_program(int argument_count, char **arguments) {
    static char plan[PLAN_BYTES];
    static char report[REPORT_BYTES];
    static lao__error_t error;
    uint32_t report_size = 0;
    ssize_t plan_size;
    int source = argument_count > 5 ? descriptor_of(arguments[2]) : -1;
    int status = argument_count > 5 ? descriptor_of(arguments[3]) : -1;
    if (source < 0 || status < 0) {
        fprintf(stderr, "lao-worker: it is started by LAO, not by hand\n");
        return 2;
    }
    plan_size = read_plan(source, plan);
    close(source);
    if (status != FIRST_OPEN && dup2(status, FIRST_OPEN) < 0) {
        return NOT_CONFINED;
    }
    fcntl(FIRST_OPEN, F_SETFD, FD_CLOEXEC);
    (void)syscall(SYS_close_range, FIRST_OPEN + 1, ~0u, 0);
    if (plan_size <= 0) {
        return fail(NOT_CONFINED, "its sandbox's plan did not arrive");
    }
    clearenv();
    if (lao__sandbox_enter(plan, (uint64_t)plan_size, report, sizeof report, &report_size, &error) != LAO_OK) {
        return fail(NOT_CONFINED, error.text);
    }
    execve(arguments[4], arguments + 5, environ);
    return fail(NOT_STARTED, strerror(errno));
}
