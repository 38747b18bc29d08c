#include "spawn_into_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP UINT64_C(0x200000000)
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif

/* The kernel's struct clone_args, as of Linux 5.7. */
typedef struct clone_request {
    uint64_t flags;
    uint64_t pidfd;
    uint64_t child_tid;
    uint64_t parent_tid;
    uint64_t exit_signal;
    uint64_t stack;
    uint64_t stack_size;
    uint64_t tls;
    uint64_t set_tid;
    uint64_t set_tid_size;
    uint64_t cgroup;
} clone_request_t;

/* What parent and child both see. */
typedef struct shared {
    const lao__spawn_into_t *order;
    volatile int reason; /* why the child came to nothing; written while the parent's code seems to stand still */
} shared_t;

/* The child, in its parent's memory and on its parent's stack, while the parent waits: it calls what a signal handler may,
 * and never returns. A function of its own, so that its variables have no place in the parent's frame; AddressSanitizer must
 * not mark that place, which nobody would clear. */
__attribute__((noinline, noreturn, no_sanitize("address"))) static void run_child(shared_t *shared) {
    const lao__spawn_into_t *order = shared->order;
    const uint64_t by_default[8] = {0}; /* as the kernel has it: no handler, no flags, no mask */
    sigset_t none;
    int number;
    int null;
    for (number = 1; number < NSIG; number++) { /* the C library would leave out two that it uses itself */
        syscall(SYS_rt_sigaction, number, by_default, NULL,
                sizeof(uint64_t)); /* fails for those that nobody may change */
    }
    setsid();
    null = open("/dev/null", O_RDONLY);
    if (null < 0 || (null != 0 && dup2(null, 0) < 0) || dup2(order->sources[0], 1) < 0 ||
        dup2(order->sources[0], 2) < 0) {
        goto failed;
    }
    if (null > 2) {
        close(null);
    }
    for (number = 1; number < order->count; number++) {
        if (dup2(order->sources[number], order->first + number - 1) < 0) {
            goto failed;
        }
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(order->executable, order->arguments, order->environment);
failed:
    shared->reason = errno;
    _exit(127);
}

#if defined(__x86_64__) || defined(__aarch64__)

/* clone3 without a stack of its own returns twice on the same one. The C library's wrapper would return from itself in the
 * child, over the frame that the parent returns through later; this does not. */
__attribute__((always_inline)) static inline long clone_here(clone_request_t *request) {
#if defined(__x86_64__)
    long result = SYS_clone3;
    __asm__ volatile("syscall" : "+a"(result) : "D"(request), "S"(sizeof *request) : "rcx", "r11", "memory");
    return result;
#else
    register long number __asm__("x8") = SYS_clone3;
    register long result __asm__("x0") = (long)request;
    register long size __asm__("x1") = sizeof *request;
    __asm__ volatile("svc 0" : "+r"(result) : "r"(number), "r"(size) : "memory");
    return result;
#endif
}

__attribute__((noinline)) static long clone_and_run(clone_request_t *request, shared_t *shared) {
    long result = clone_here(request);
    if (result == 0) {
        run_child(shared);
    }
    return result;
}

#else

static long clone_and_run(clone_request_t *request, shared_t *shared) {
    (void)request;
    (void)shared;
    (void)run_child;
    return -ENOSYS;
}

#endif

int lao__spawn_into(const lao__spawn_into_t *order, pid_t *pid) {
    clone_request_t request;
    shared_t shared = {order, 0};
    sigset_t all;
    sigset_t before;
    long result;
    memset(&request, 0, sizeof request);
    request.flags = CLONE_VM | CLONE_VFORK;
    request.exit_signal = SIGCHLD;
    if (order->group >= 0) {
        request.flags |= CLONE_INTO_CGROUP;
        request.cgroup = (uint64_t)order->group;
    }
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); /* a handler of the host's must not run in the child */
    result = clone_and_run(&request, &shared);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (result < 0) {
        return (int)-result;
    }
    if (shared.reason != 0) {
        waitpid((pid_t)result, NULL, 0);
        return shared.reason;
    }
    *pid = (pid_t)result;
    return 0;
}
