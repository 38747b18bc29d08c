/* Starting a program on the stack and in the memory of the host: descriptors, signals, failures, and that the host's own
 * frame, handlers and signal mask are what they were. Born in a group is tested in test_cgroup.c. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include "expect.h"
#include "ipc/spawn_into_linux.h"

static char *const environment[] = {(char *)(uintptr_t)"NAME=value", NULL};

/* Runs a shell script whose descriptor 3 is `source`; what it printed is in `text`. */
static int run_script(const char *script, int source, char *text, size_t size) {
    char *const arguments[] = {(char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c", (char *)(uintptr_t)script, NULL};
    int output[2];
    int sources[2];
    size_t length = 0;
    ssize_t got;
    int status = 0;
    pid_t pid = 0;
    EXPECT(pipe2(output, O_CLOEXEC) == 0);
    sources[0] = output[1];
    sources[1] = source;
    EXPECT_EQUAL(lao__spawn_into(&(lao__spawn_into_t){.executable = "/bin/sh",
                                                      .arguments = arguments,
                                                      .environment = environment,
                                                      .sources = sources,
                                                      .count = source < 0 ? 1 : 2,
                                                      .first = 3,
                                                      .group = -1},
                                 &pid),
                 0);
    close(output[1]);
    while ((got = read(output[0], text + length, size - 1 - length)) > 0) {
        length += (size_t)got;
    }
    text[length] = '\0';
    close(output[0]);
    EXPECT(waitpid(pid, &status, 0) == pid);
    return status;
}

static void output_environment_and_descriptors(void) {
    char text[4096];
    int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    int high = fcntl(file, F_DUPFD_CLOEXEC, 40);
    EXPECT(high >= 40);
    close(file);
    EXPECT_EQUAL(run_script("echo out; echo err >&2; echo $NAME$HOME; read line <&3; echo ${line%%:*}; "
                            "read other && echo input; echo end",
                            high, text, sizeof text),
                 0);
    EXPECT_TEXT(text, "out\nerr\nvalue\nroot\nend\n");
    close(high);
}

static void handle(int number) { (void)number; }

static void signals_are_as_after_a_login(void) {
    char text[4096];
    struct sigaction ours = {.sa_handler = handle};
    struct sigaction after;
    sigset_t blocked;
    sigset_t mask;
    signal(SIGPIPE, SIG_IGN);
    EXPECT(sigaction(SIGUSR1, &ours, NULL) == 0);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    EXPECT(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
    EXPECT_EQUAL(run_script("grep -E '^Sig(Blk|Ign)' /proc/self/status", -1, text, sizeof text), 0);
    EXPECT_TEXT(text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    EXPECT_EQUAL(run_script("kill -USR1 $$", -1, text, sizeof text), SIGUSR1);
    /* The host's own are untouched. */
    EXPECT(sigaction(SIGUSR1, NULL, &after) == 0 && after.sa_handler == handle);
    EXPECT(sigaction(SIGPIPE, NULL, &after) == 0 && after.sa_handler == SIG_IGN);
    EXPECT(sigprocmask(SIG_SETMASK, NULL, &mask) == 0);
    EXPECT(sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 0);
    EXPECT(sigprocmask(SIG_UNBLOCK, &blocked, NULL) == 0);
}

static void it_leads_a_session(void) {
    char text[4096];
    char *end;
    EXPECT_EQUAL(run_script("cut -d' ' -f1,6 /proc/$$/stat", -1, text, sizeof text), 0);
    EXPECT_EQUAL(strtol(text, &end, 10), strtol(end, NULL, 10));
}

static void a_program_that_is_not_there_is_an_error(void) {
    char *const arguments[] = {(char *)(uintptr_t)"none", NULL};
    const int sources[] = {STDOUT_FILENO, 9999};
    lao__spawn_into_t order = {.executable = "/nowhere/none",
                               .arguments = arguments,
                               .environment = environment,
                               .sources = sources,
                               .count = 1,
                               .first = 3,
                               .group = -1};
    pid_t pid = -7;
    EXPECT_EQUAL(lao__spawn_into(&order, &pid), ENOENT);
    order.executable = "/bin/true";
    order.count = 2;
    EXPECT_EQUAL(lao__spawn_into(&order, &pid), EBADF);
    order.count = 1;
    order.group = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* no control group */
    EXPECT(lao__spawn_into(&order, &pid) != 0);
    close(order.group);
    EXPECT_EQUAL(pid, -7);
    EXPECT(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD); /* no zombie */
}

static void *start_many(void *unused) {
    uint64_t marks[16];
    for (int i = 0; i < 16; i++) {
        marks[i] = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
    }
    for (int round = 0; round < 50; round++) {
        char *const arguments[] = {(char *)(uintptr_t)"true", NULL};
        const int out = STDOUT_FILENO;
        const lao__spawn_into_t order = {.executable = "/bin/true",
                                         .arguments = arguments,
                                         .environment = environment,
                                         .sources = &out,
                                         .count = 1,
                                         .first = 3,
                                         .group = -1};
        pid_t pid = 0;
        int status = -1;
        EXPECT_EQUAL(lao__spawn_into(&order, &pid), 0);
        EXPECT(waitpid(pid, &status, 0) == pid);
        EXPECT_EQUAL(status, 0);
        for (int i = 0; i < 16; i++) {
            EXPECT(marks[i] == (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15));
        }
    }
    return unused;
}

static void many_threads_start_at_once(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        EXPECT(pthread_create(&threads[i], NULL, start_many, NULL) == 0);
    }
    for (int i = 0; i < 4; i++) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
    }
}

int main(void) {
    RUN(output_environment_and_descriptors);
    RUN(signals_are_as_after_a_login);
    RUN(it_leads_a_session);
    RUN(a_program_that_is_not_there_is_an_error);
    RUN(many_threads_start_at_once);
    return 0;
}
