/* Runs a function in a sandboxed child process, as root and as an ordinary user, and tells how it ended. */
#ifndef LAO_TESTS_SANDBOXED_H
#define LAO_TESTS_SANDBOXED_H

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "expect.h"
#include "sandbox/sandbox.h"

#define NOBODY 65534u
#define NO_SANDBOX 250 /* exit code: the sandbox could not be entered; what it said is on stderr */
#define REPORT_CAPACITY 16384u

/* What the C library needs to start; written so that it holds on any distribution. */
#define BASE_PLAN                                                                                                      \
    "read /usr/lib\nread /usr/lib64\ndevice /dev/null\nread /dev/zero\nread /dev/urandom\nread /proc/self\n"           \
    "read /sys/devices/system/cpu\n"

/* The sanitizer's own memory alone is beyond any limit that would be worth testing. */
#ifdef __SANITIZE_ADDRESS__
#define MEMORY_LIMIT(bytes) ""
#else
#define MEMORY_LIMIT(bytes) "memory " #bytes "\n"
#endif

typedef struct user {
    const char *name;
    unsigned id;
} user_t;

/* As whom this program can run its children: only root can become somebody else. */
static const user_t users[] = {{"the caller", UINT_MAX}, {"an ordinary user", NOBODY}};
__attribute__((unused)) static size_t user_count(void) { return geteuid() == 0 ? 2 : 1; }

__attribute__((unused)) static void become(const user_t *user) {
    if (user->id != UINT_MAX) {
        EXPECT(setgroups(0, NULL) == 0);
        EXPECT(setgid(user->id) == 0 && setuid(user->id) == 0);
        /* As after an exec, which is how a worker starts: else its own files in /proc belong to root. */
        EXPECT(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
    }
}

/* Enters; the report stays in memory. */
__attribute__((unused)) static const char *enter(const char *plan) {
    static char report[REPORT_CAPACITY + 1];
    static lao__error_t error;
    uint32_t size = 0;
    if (lao__sandbox_enter(plan, strlen(plan), report, REPORT_CAPACITY, &size, &error) != LAO_OK) {
        fprintf(stderr, "%.*s\n", (int)error.size, error.text);
        fflush(NULL);
        _exit(NO_SANDBOX);
    }
    report[size] = '\0';
    return report;
}

/* The child's end, as waitpid tells it: its exit code is what `body` returned. */
__attribute__((unused)) static int end_in_sandbox(const char *plan, const user_t *user, int (*body)(void)) {
    int status = 0;
    pid_t child;
    fflush(NULL);
    child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        become(user);
        (void)enter(plan);
        _exit(body());
    }
    EXPECT(waitpid(child, &status, 0) == child);
    return status;
}

/* For bodies that try something: 0 when it was possible, else errno. */
#define ATTEMPT(call) ((call) >= 0 ? 0 : errno)

/* What an attempt must end with: an errno, 0 for success, or minus the signal that kills it. */
typedef struct attempt {
    const char *name;
    int (*body)(void);
    int wanted;
} attempt_t;

__attribute__((unused)) static void run_attempts(const char *plan, const attempt_t *attempts, size_t count) {
    size_t index;
    size_t user;
    bool failed = false;
    for (user = 0; user < user_count(); user++) {
        for (index = 0; index < count; index++) {
            int status = end_in_sandbox(plan, &users[user], attempts[index].body);
            int got = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
            if (got != attempts[index].wanted) {
                fprintf(stderr, "as %s: %s ended with %d (%s), expected %d\n", users[user].name, attempts[index].name,
                        got, got > 0 ? strerror(got) : "", attempts[index].wanted);
                failed = true;
            }
        }
    }
    EXPECT(!failed);
}

#endif
