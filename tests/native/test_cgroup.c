/* Control groups against processes that want too much: real kills and refusals by the kernel. Where this machine or user
 * may not make a group, the tests of that limit say so and only check that nothing is claimed. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "core/clock.h"
#include "expect.h"
#include "ipc/cgroup.h"
#include "ipc/cgroup_place_linux.h"
#include "ipc/spawn_into_linux.h"

#define MIB ((uint64_t)1 << 20)

/* A child that waits to be let go before it runs `body`, so that it does so inside its group. */
typedef struct child {
    pid_t pid;
    int go;
} child_t;

static child_t hold(void (*body)(void)) {
    child_t child;
    int ends[2];
    char byte;
    EXPECT(pipe(ends) == 0);
    fflush(NULL);
    child.pid = fork();
    EXPECT(child.pid >= 0);
    if (child.pid == 0) {
        close(ends[1]);
        EXPECT(read(ends[0], &byte, 1) == 1);
        body();
        _exit(0);
    }
    close(ends[0]);
    child.go = ends[1];
    return child;
}

static void let_go(const child_t *child) {
    EXPECT(write(child->go, "x", 1) == 1);
    close(child->go);
}

static int status_of(pid_t pid) {
    int status = 0;
    EXPECT(waitpid(pid, &status, 0) == pid);
    return status;
}

static bool may(uint32_t ability, const char *what) {
    if (lao__cgroup_abilities() & ability) {
        return true;
    }
    printf("  skipped: this user may make no group that limits %s\n", what);
    return false;
}

static bool exists(const lao__cgroup_t *group) {
    const lao__cgroup_place_t *places = lao__cgroup_places();
    char path[1024];
    bool any = false;
    for (uint32_t i = 0; i < LAO__CGROUP_CONTROLLERS; i++) {
        if (group->made & 1u << i) {
            snprintf(path, sizeof path, "%s/%s", places[i].directory, group->name);
            any = any || access(path, F_OK) == 0;
        }
    }
    return any;
}

/* --- Memory --- */

/* What nobody reads the compiler would not write. */
static void fill(char *bytes, uint64_t size) {
    EXPECT(bytes != NULL && bytes != MAP_FAILED);
    memset(bytes, 1, size);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

static void touch_private(void) {
    for (uint64_t taken = 0; taken < 256 * MIB; taken += MIB) {
        fill(malloc(MIB), MIB);
    }
}

static void touch_shared(void) {
    fill(mmap(NULL, 256 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), 256 * MIB);
}

static void write_memory_file(void) {
    static char block[65536];
    int file = memfd_create("bomb", 0);
    EXPECT(file >= 0);
    memset(block, 1, sizeof block);
    for (uint64_t written = 0; written < 256 * MIB; written += sizeof block) {
        if (write(file, block, sizeof block) != (ssize_t)sizeof block) {
            _exit(3);
        }
    }
}

static void check_memory_bomb(void (*bomb)(void)) {
    const lao__cgroup_limits_t limits = {.memory_bytes = 48 * MIB};
    lao__cgroup_t group;
    child_t child;
    int status;
    lao__cgroup_create(&group, &limits);
    EXPECT_EQUAL(group.kept, LAO__CGROUP_MEMORY);
    EXPECT_EQUAL(group.made, LAO__CGROUP_MEMORY);
    child = hold(bomb);
    EXPECT(lao__cgroup_join(&group, child.pid));
    EXPECT(!lao__cgroup_memory_killed(&group));
    let_go(&child);
    status = status_of(child.pid);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    EXPECT(lao__cgroup_memory_killed(&group));
    EXPECT(lao__cgroup_memory_peak(&group) > 40 * MIB);
    EXPECT(lao__cgroup_memory_peak(&group) <= 48 * MIB);
    lao__cgroup_destroy(&group);
    EXPECT_EQUAL(group.kept, 0);
}

static void memory_of_any_kind_ends_the_process(void) {
    if (may(LAO__CGROUP_MEMORY, "memory")) {
        check_memory_bomb(touch_private);
        check_memory_bomb(touch_shared);
        check_memory_bomb(write_memory_file);
    }
}

static void touch_a_little(void) { fill(malloc(20 * MIB), 20 * MIB); }

static void memory_within_the_limit_is_had(void) {
    const lao__cgroup_limits_t limits = {.memory_bytes = 64 * MIB};
    lao__cgroup_t group;
    child_t child;
    if (!may(LAO__CGROUP_MEMORY, "memory")) {
        return;
    }
    lao__cgroup_create(&group, &limits);
    child = hold(touch_a_little);
    EXPECT(lao__cgroup_join(&group, child.pid));
    let_go(&child);
    EXPECT_EQUAL(status_of(child.pid), 0);
    EXPECT(!lao__cgroup_memory_killed(&group));
    EXPECT(lao__cgroup_memory_peak(&group) >= 20 * MIB);
    EXPECT(lao__cgroup_memory_used(&group) < 20 * MIB);
    lao__cgroup_destroy(&group);
}

static void a_limit_can_be_raised_before_it_is_reached(void) {
    const lao__cgroup_limits_t less = {.memory_bytes = 48 * MIB};
    const lao__cgroup_limits_t more = {.memory_bytes = 512 * MIB};
    const lao__cgroup_limits_t none = {.memory_bytes = 0};
    const lao__cgroup_limits_t other = {.memory_bytes = 48 * MIB, .tasks = 8};
    lao__cgroup_t group;
    child_t child;
    if (!may(LAO__CGROUP_MEMORY, "memory")) {
        return;
    }
    lao__cgroup_create(&group, &less);
    child = hold(touch_shared);
    EXPECT(lao__cgroup_join(&group, child.pid));
    EXPECT(lao__cgroup_change(&group, &more));
    EXPECT(lao__cgroup_change(&group, &less));
    EXPECT(lao__cgroup_change(&group, &none));
    EXPECT(lao__cgroup_change(&group, &more));
    EXPECT(!lao__cgroup_change(&group, &other)); /* it was made without a limit of tasks */
    EXPECT(lao__cgroup_change(&group, &more));
    let_go(&child);
    EXPECT_EQUAL(status_of(child.pid), 0);
    EXPECT(!lao__cgroup_memory_killed(&group));
    lao__cgroup_destroy(&group);
}

/* --- Tasks --- */

static void fork_until_refused(void) {
    int count = 0;
    while (count < 100) {
        pid_t pid = fork();
        if (pid == 0) {
            pause();
            _exit(0);
        }
        if (pid < 0) {
            _exit(errno == EAGAIN ? count : 200);
        }
        count++;
    }
    _exit(201);
}

static void *sleep_on(void *unused) {
    pause();
    return unused;
}

static void start_threads_until_refused(void) {
    pthread_attr_t attributes;
    int count = 0;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    while (count < 100) {
        pthread_t thread;
        int reason = pthread_create(&thread, &attributes, sleep_on, NULL);
        if (reason != 0) {
            _exit(reason == EAGAIN ? count : 200);
        }
        count++;
    }
    _exit(201);
}

static void further_tasks_are_refused(void) {
    const lao__cgroup_limits_t limits = {.tasks = 5};
    void (*bombs[])(void) = {fork_until_refused, start_threads_until_refused};
    if (!may(LAO__CGROUP_PIDS, "tasks")) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        lao__cgroup_t group;
        child_t child;
        int status;
        lao__cgroup_create(&group, &limits);
        EXPECT_EQUAL(group.kept, LAO__CGROUP_PIDS);
        child = hold(bombs[i]);
        EXPECT(lao__cgroup_join(&group, child.pid));
        EXPECT_EQUAL(lao__cgroup_tasks_refused(&group), 0);
        let_go(&child);
        status = status_of(child.pid);
        EXPECT(WIFEXITED(status));
        EXPECT_EQUAL(WEXITSTATUS(status), 4);
        EXPECT_EQUAL(lao__cgroup_tasks_refused(&group), 1);
        EXPECT(exists(&group));
        lao__cgroup_destroy(&group); /* ends the forked ones too: they are no children of this process */
    }
}

/* --- CPU --- */

static void *spin(void *unused) {
    volatile uint64_t count = 0;
    for (;;) {
        count++;
    }
    return unused;
}

/* Two threads for a second; its exit code is the CPU time that they had, in hundredths of the time that passed. */
static void spin_for_a_second(void) {
    pthread_t threads[2];
    int64_t began_ns = lao__now_ns();
    int64_t took_ns;
    struct timespec used;
    struct timespec second = {1, 0};
    for (int i = 0; i < 2; i++) {
        EXPECT(pthread_create(&threads[i], NULL, spin, NULL) == 0);
    }
    nanosleep(&second, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    took_ns = lao__now_ns() - began_ns;
    _exit((int)(((int64_t)used.tv_sec * 1000000000 + used.tv_nsec) * 100 / took_ns));
}

static void the_share_of_the_cpu_is_kept(void) {
    const lao__cgroup_limits_t limits = {.cpu_permille = 300};
    lao__cgroup_t group;
    child_t child;
    int status;
    if (!may(LAO__CGROUP_CPU, "CPU time")) {
        return;
    }
    lao__cgroup_create(&group, &limits);
    EXPECT_EQUAL(group.kept, LAO__CGROUP_CPU);
    child = hold(spin_for_a_second);
    EXPECT(lao__cgroup_join(&group, child.pid));
    let_go(&child);
    status = status_of(child.pid);
    EXPECT(WIFEXITED(status));
    printf("  30 %% allowed, %d %% used\n", WEXITSTATUS(status));
    /* No lower bound: others may keep this machine busy. A period that is used up as the second ends weighs 3 %. */
    EXPECT(WEXITSTATUS(status) <= 38);
    EXPECT(lao__cgroup_throttled_ns(&group) > 0 || WEXITSTATUS(status) < 28); /* or others kept it below its share */
    lao__cgroup_destroy(&group);
}

static void small_and_large_shares_are_taken(void) {
    const uint64_t shares[] = {1, 5, 9, 10, 11, 999, 1000, 1001, 64000};
    if (!may(LAO__CGROUP_CPU, "CPU time")) {
        return;
    }
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        const lao__cgroup_limits_t limits = {.cpu_permille = shares[i]};
        const lao__cgroup_limits_t other = {.cpu_permille = shares[sizeof shares / sizeof *shares - 1 - i]};
        lao__cgroup_t group;
        lao__cgroup_create(&group, &limits);
        EXPECT_EQUAL(group.kept, LAO__CGROUP_CPU);
        EXPECT(lao__cgroup_change(&group, &other));
        EXPECT(lao__cgroup_change(&group, &limits));
        lao__cgroup_destroy(&group);
    }
}

/* --- Life --- */

static const lao__cgroup_limits_t all = {.memory_bytes = 64 * MIB, .cpu_permille = 1500, .tasks = 32};

static void wait_for_ever(void) {
    fork(); /* a process that this one does not know */
    for (;;) {
        pause();
    }
}

static void a_group_that_is_removed_has_nobody_left(void) {
    lao__cgroup_t group;
    lao__cgroup_t copy;
    child_t child;
    int status;
    lao__cgroup_create(&group, &all);
    EXPECT_EQUAL(group.kept, lao__cgroup_abilities());
    if (group.kept == 0) {
        printf("  skipped: this user may make no group\n");
        return;
    }
    child = hold(wait_for_ever);
    EXPECT(lao__cgroup_join(&group, child.pid));
    let_go(&child);
    usleep(20000);
    copy = group;
    EXPECT(exists(&copy));
    lao__cgroup_destroy(&group);
    status = status_of(child.pid);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    EXPECT(!exists(&copy));
    lao__cgroup_destroy(&group); /* twice is once */
}

static pid_t born_inside;

/* With version 2, by another way than with version 1. */
static bool spawn_inside(const lao__cgroup_t *group) {
    static char *const arguments[] = {(char *)(uintptr_t)"sleep", (char *)(uintptr_t)"100", NULL};
    static char *const environment[] = {NULL};
    const int out = STDOUT_FILENO;
    const lao__spawn_into_t order = {.executable = "/bin/sleep",
                                     .arguments = arguments,
                                     .environment = environment,
                                     .sources = &out,
                                     .count = 1,
                                     .first = 3,
                                     .group = lao__cgroup_open(group)};
    if (order.group < 0) {
        return false;
    }
    EXPECT_EQUAL(lao__spawn_into(&order, &born_inside), 0);
    close(order.group);
    return true;
}

static void *start_inside(void *context) {
    const lao__cgroup_t *group = context;
    if (spawn_inside(group) || !lao__cgroup_enter(group)) {
        return NULL;
    }
    born_inside = fork();
    if (born_inside == 0) {
        execl("/bin/sleep", "sleep", "100", (char *)NULL);
        _exit(1);
    }
    lao__cgroup_leave(group);
    return NULL;
}

static bool lists(const char *directory, const char *file, long id) {
    char text[4096];
    char line[24];
    const char *found;
    snprintf(line, sizeof line, "%ld\n", id);
    EXPECT(lao__cgroup_read(directory, file, text, sizeof text));
    found = strstr(text, line);
    return found != NULL && (found == text || found[-1] == '\n');
}

static void a_process_can_be_born_in_its_group(void) {
    lao__cgroup_t group;
    pthread_t thread;
    lao__cgroup_create(&group, &all);
    EXPECT(pthread_create(&thread, NULL, start_inside, &group) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    if (group.kept == 0 || born_inside == 0) {
        EXPECT_EQUAL(group.kept, 0);
        printf("  skipped: this user may make no group\n");
        lao__cgroup_destroy(&group);
        return;
    }
    for (uint32_t i = 0; i < LAO__CGROUP_CONTROLLERS; i++) {
        char path[1024];
        if (group.kept & 1u << i) {
            snprintf(path, sizeof path, "%s/%s", lao__cgroup_places()[i].directory, group.name);
            EXPECT(lists(path, "cgroup.procs", born_inside));
            EXPECT(!lists(path, "cgroup.procs", getpid()));
        }
    }
    lao__cgroup_destroy(&group);
    EXPECT_EQUAL(status_of(born_inside), SIGKILL);
}

static void a_process_that_is_gone_cannot_join(void) {
    lao__cgroup_t group;
    child_t child = hold(touch_a_little);
    let_go(&child);
    EXPECT_EQUAL(status_of(child.pid), 0);
    lao__cgroup_create(&group, &all);
    if (group.kept != 0) {
        EXPECT(!lao__cgroup_join(&group, child.pid));
        EXPECT_EQUAL(group.kept, 0);
    }
    lao__cgroup_destroy(&group);
}

static lao__cgroup_t inherited;

static void destroy_the_inherited(void) { lao__cgroup_destroy(&inherited); }

static void a_forked_child_leaves_the_group_alone(void) {
    child_t child;
    lao__cgroup_create(&inherited, &all);
    child = hold(destroy_the_inherited);
    let_go(&child);
    EXPECT_EQUAL(status_of(child.pid), 0);
    EXPECT(inherited.made == 0 || exists(&inherited));
    lao__cgroup_destroy(&inherited);
}

static int names_out;

static void make_and_die(void) {
    lao__cgroup_t group;
    lao__cgroup_create(&group, &all);
    EXPECT(write(names_out, &group, sizeof group) == (ssize_t)sizeof group);
    _exit(0);
}

static void what_dead_hosts_left_is_swept(void) {
    lao__cgroup_t mine;
    lao__cgroup_t left;
    lao__cgroup_t foreign;
    child_t child;
    int ends[2];
    if (lao__cgroup_abilities() == 0) {
        printf("  skipped: this user may make no group\n");
        return;
    }
    EXPECT(pipe(ends) == 0);
    names_out = ends[1];
    lao__cgroup_create(&mine, &all);
    child = hold(make_and_die);
    let_go(&child);
    EXPECT(read(ends[0], &left, sizeof left) == (ssize_t)sizeof left);
    EXPECT_EQUAL(status_of(child.pid), 0);
    EXPECT(exists(&left));
    /* A host in another namespace of process ids may be alive, whatever has its number here. */
    foreign = mine;
    snprintf(foreign.name, sizeof foreign.name, "lao-1-%d-1-0", (int)child.pid);
    for (uint32_t i = 0; i < LAO__CGROUP_CONTROLLERS; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", lao__cgroup_places()[i].directory, foreign.name);
        EXPECT(!(foreign.made & 1u << i) || mkdir(path, 0755) == 0 || errno == EEXIST);
    }
    lao__cgroup_sweep();
    EXPECT(!exists(&left));
    EXPECT(exists(&mine));
    EXPECT(exists(&foreign));
    lao__cgroup_destroy(&foreign);
    lao__cgroup_destroy(&mine);
    close(ends[0]);
    close(ends[1]);
}

/* Which groups a user may make is found once for a process, so this runs in one of its own. */
static void nothing_is_claimed_without_the_right(void) {
    lao__cgroup_t group;
    child_t child = hold(touch_a_little);
    lao__cgroup_create(&group, &all);
    EXPECT_EQUAL(group.kept, lao__cgroup_abilities());
    EXPECT(lao__cgroup_join(&group, child.pid) || group.kept != lao__cgroup_abilities());
    if (lao__cgroup_abilities() == 0) {
        EXPECT(!lao__cgroup_change(&group, &all));
        EXPECT(!lao__cgroup_memory_killed(&group));
        EXPECT_EQUAL(lao__cgroup_memory_peak(&group), 0);
        EXPECT_EQUAL(lao__cgroup_throttled_ns(&group), 0);
        EXPECT_EQUAL(lao__cgroup_tasks_refused(&group), 0);
    }
    let_go(&child);
    EXPECT_EQUAL(status_of(child.pid), 0);
    lao__cgroup_sweep();
    lao__cgroup_destroy(&group);
}

static void as_nobody(void) {
    if (geteuid() == 0) {
        EXPECT(setgid(65534) == 0 && setuid(65534) == 0);
    }
    nothing_is_claimed_without_the_right();
}

static void an_ordinary_user_is_told_the_truth(void) {
    /* Before anything else in this program asks: the child finds its places itself. */
    int status = outcome_of(as_nobody);
    EXPECT_EQUAL(status, 0);
}

/* "kept" prints what a group of this process would keep, and where it would be made. */
static void print_kept(void) {
    const lao__cgroup_limits_t limits = {.memory_bytes = 64 * MIB, .cpu_permille = 500, .tasks = 8};
    lao__cgroup_t group;
    child_t child;
    lao__cgroup_create(&group, &limits); /* before there is a child, so that this process may be alone in its group */
    child = hold(touch_a_little);
    (void)lao__cgroup_join(&group, child.pid);
    printf("kept %u in %s\n", (unsigned)group.kept, lao__cgroup_places()[0].directory);
    let_go(&child);
    EXPECT_EQUAL(status_of(child.pid), 0);
    lao__cgroup_destroy(&group);
}

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "kept") == 0) {
        print_kept();
        return 0;
    }
    RUN(an_ordinary_user_is_told_the_truth);
    printf("  abilities: %s%s%s%s\n", lao__cgroup_abilities() == 0 ? "none" : "",
           lao__cgroup_abilities() & LAO__CGROUP_MEMORY ? "memory " : "",
           lao__cgroup_abilities() & LAO__CGROUP_CPU ? "cpu " : "",
           lao__cgroup_abilities() & LAO__CGROUP_PIDS ? "pids " : "");
    RUN(memory_of_any_kind_ends_the_process);
    RUN(memory_within_the_limit_is_had);
    RUN(a_limit_can_be_raised_before_it_is_reached);
    RUN(further_tasks_are_refused);
    RUN(the_share_of_the_cpu_is_kept);
    RUN(small_and_large_shares_are_taken);
    RUN(a_group_that_is_removed_has_nobody_left);
    RUN(a_process_can_be_born_in_its_group);
    RUN(a_process_that_is_gone_cannot_join);
    RUN(a_forked_child_leaves_the_group_alone);
    RUN(what_dead_hosts_left_is_swept);
    return 0;
}
