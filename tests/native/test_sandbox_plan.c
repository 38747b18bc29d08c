/* The plan's text, and what a sandbox reports. */
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "sandbox/plan.h"
#include "sandboxed.h"

static lao_status_t parse(const char *text, lao__plan_t *plan) {
    lao__error_t error;
    return lao__plan_parse(plan, text, strlen(text), &error);
}

static void what_is_understood(void) {
    lao__plan_t plan;
    EXPECT_EQUAL(parse("read /usr/lib\nwrite /with space/x\nmemory 4096\ncgroup_memory 1\nthreads 3\n"
                       "namespaces user,net\ntier onnx\nrequire P1,P12\nparent 17\nconnect 127.0.0.1:11434\n"
                       "environment NAME=a=b c\npreload /lib/x.so\n",
                       &plan),
                 LAO_OK);
    EXPECT_EQUAL(plan.path_count, 2);
    EXPECT_TEXT(plan.paths[1].path, "/with space/x");
    EXPECT_EQUAL(plan.memory_bytes, 4096);
    EXPECT(plan.cgroup_memory && !plan.cgroup_cpu);
    EXPECT_EQUAL(plan.namespaces, LAO__PLAN_USER | LAO__PLAN_NET);
    EXPECT_EQUAL(plan.tiers, LAO__PLAN_ONNX);
    EXPECT_EQUAL(plan.required, 1u << 0 | 1u << 11);
    EXPECT_EQUAL(plan.parent, 17);
    EXPECT_TEXT(plan.connects[0], "127.0.0.1:11434");
    EXPECT_TEXT(plan.environment[0], "NAME=a=b c");
    EXPECT_TEXT(plan.preloads[0], "/lib/x.so");
    lao__plan_deinit(&plan);
}

static void what_is_not(void) {
    static const char *const wrong[] = {
        "reed /usr\n",       "read\n",
        "read \n",           "read usr\n",
        "memory\n",          "memory -1\n",
        "memory 1x\n",       "memory 99999999999999999999\n",
        "cgroup_memory 2\n", "namespaces pid\n",
        "tier fast\n",       "require P13\n",
        "parent -1\n",       "working_directory here\n",
        "environment x\n",   "environment =x\n",
        "preload lib.so\n",  " read /usr\n",
        "READ /usr\n",       "read /usr\nx 1\n",
    };
    size_t index;
    for (index = 0; index < sizeof wrong / sizeof *wrong; index++) {
        lao__plan_t plan;
        if (parse(wrong[index], &plan) != LAO_INVALID_PARAMETER) {
            fprintf(stderr, "understood: %s", wrong[index]);
            EXPECT(false);
        }
        lao__plan_deinit(&plan);
    }
}

static void random_plans_do_no_harm(void) {
    static const char letters[] = "read write device memory 0123456789 /\n\n,:P\t\x01\xff";
    uint64_t seed = 17;
    int round;
    for (round = 0; round < 20000; round++) {
        char text[128];
        lao__error_t error;
        lao__plan_t plan;
        size_t size = next_random(&seed) % sizeof text;
        size_t index;
        for (index = 0; index < size; index++) {
            text[index] = letters[next_random(&seed) % sizeof letters];
        }
        (void)lao__plan_parse(&plan, text, size, &error);
        lao__plan_deinit(&plan);
    }
}

static int nothing(void) { return 0; }

static void what_cannot_be_entered(void) {
    static const attempt_t attempts[] = {{"entering", nothing, NO_SANDBOX}};
    run_attempts(BASE_PLAN "read_everything /\n", attempts, 1);
    run_attempts(BASE_PLAN "parent 1\n", attempts, 1);             /* its parent is another process */
    run_attempts(BASE_PLAN "read /\n require P1\n", attempts, 1);  /* a line that starts with a space */
    run_attempts(BASE_PLAN "memory 0\nrequire P6\n", attempts, 1); /* memory without a bound */
}

static void what_is_reported(void) {
    int output[2];
    EXPECT(pipe(output) == 0);
    pid_t child = fork();
    if (child == 0) {
        const char *report = enter(BASE_PLAN "memory 67108864\nrequire P1,P2,P3,P4,P5,P6\n");
        EXPECT(write(output[1], report, strlen(report)) == (ssize_t)strlen(report));
        _exit(0);
    }
    char report[REPORT_CAPACITY + 1];
    close(output[1]);
    ssize_t size = read(output[0], report, REPORT_CAPACITY);
    int status;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
    EXPECT(size > 0);
    report[size] = '\0';
    EXPECT_CONTAINS(report, "\"P1\": [\"kernel\"");
    EXPECT_CONTAINS(report, "\"P2\": [\"kernel\"");
    EXPECT_CONTAINS(report, "\"P6\": [\"kernel\"");
    EXPECT_CONTAINS(report, "\"open a socket: EPERM\"");
    EXPECT_CONTAINS(report, "\"run a program: EPERM\"");
    close(output[0]);
}

/* What the host reads in /proc/PID/status. */
static void what_the_kernel_says(void) {
    size_t user;
    for (user = 0; user < user_count(); user++) {
        int ready[2];
        int over[2];
        char path[64];
        char text[4096];
        char byte;
        FILE *file;
        EXPECT(pipe(ready) == 0 && pipe(over) == 0);
        pid_t child = fork();
        if (child == 0) {
            close(over[1]);
            become(&users[user]);
            (void)enter(BASE_PLAN "namespaces user,mount,ipc\n");
            EXPECT(write(ready[1], "x", 1) == 1);
            EXPECT(read(over[0], &byte, 1) == 0);
            _exit(0);
        }
        close(ready[1]);
        EXPECT(read(ready[0], &byte, 1) == 1);
        snprintf(path, sizeof path, "/proc/%d/status", (int)child);
        file = fopen(path, "r");
        EXPECT(file != NULL);
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
        EXPECT_CONTAINS(text, "NoNewPrivs:\t1");
        EXPECT_CONTAINS(text, "Seccomp:\t2");
        EXPECT_CONTAINS(text, "CapInh:\t0000000000000000");
        EXPECT_CONTAINS(text, "CapPrm:\t0000000000000000");
        EXPECT_CONTAINS(text, "CapEff:\t0000000000000000");
        EXPECT_CONTAINS(text, "CapBnd:\t0000000000000000");
        close(over[1]);
        EXPECT(waitpid(child, NULL, 0) == child);
        close(ready[0]);
        close(over[0]);
    }
}

/* --- A machine where ordinary users may not make user namespaces --- */

static void put(const char *path, const char *text) {
    int file = open(path, O_WRONLY);
    EXPECT(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
    close(file);
}

static void wait_for(int descriptor) {
    char byte;
    EXPECT(read(descriptor, &byte, 1) == 1);
}

static void enter_without_namespaces(void) {
    static const user_t ordinary = {"an ordinary user", NOBODY};
    put("/proc/sys/user/max_user_namespaces", "0"); /* of this namespace alone */
    become(&ordinary);
    EXPECT(unshare(CLONE_NEWUSER) != 0);
    const char *report = enter(BASE_PLAN "namespaces user,mount,net\nthreads 4\nmemory 67108864\n"
                                         "require P1,P2,P3,P4,P5,P6\n");
    EXPECT_CONTAINS(report, "\"namespaces\": []");
    EXPECT_CONTAINS(report, "\"thread_limit\": false");
    EXPECT_CONTAINS(report, "\"P2\": [\"kernel\"");
    EXPECT(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
    EXPECT(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
}

static void without_user_namespaces(void) {
    int ready[2];
    int mapped[2];
    char path[64];
    int status;
    if (geteuid() != 0) {
        printf("  skipped: only root can take user namespaces away\n");
        return;
    }
    EXPECT(pipe(ready) == 0 && pipe(mapped) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        EXPECT(unshare(CLONE_NEWUSER) == 0 && write(ready[1], "x", 1) == 1);
        wait_for(mapped[0]);
        EXPECT(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0);
        enter_without_namespaces();
        _exit(0);
    }
    wait_for(ready[0]);
    snprintf(path, sizeof path, "/proc/%d/uid_map", (int)child);
    put(path, "0 0 65536");
    snprintf(path, sizeof path, "/proc/%d/gid_map", (int)child);
    put(path, "0 0 65536");
    EXPECT(write(mapped[1], "x", 1) == 1);
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT_EQUAL(status, 0);
}

int main(void) {
    RUN(what_is_understood);
    RUN(what_is_not);
    RUN(random_plans_do_no_harm);
    RUN(what_cannot_be_entered);
    RUN(what_is_reported);
    RUN(what_the_kernel_says);
    RUN(without_user_namespaces);
    return 0;
}
