#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../core/clock.h"
#include "cgroup_place_linux.h"

enum { MEMORY, CPU, PIDS };

#define PATH_SIZE (LAO__CGROUP_PLACE_SIZE + LAO__CGROUP_NAME_SIZE + 1)
#define CPU_PERIOD_US 100000u
#define CPU_LONG_PERIOD_US 1000000u /* for shares of which a short period has less than the kernel's least, 1 ms */
#define CPU_LEAST_PERMILLE 10u
#define REMOVE_WAIT_NS INT64_C(500000000)
#define REMOVE_STEP_NS INT64_C(1000000)

static _Atomic uint32_t next_number;

uint32_t lao__cgroup_abilities(void) {
    const lao__cgroup_place_t *places = lao__cgroup_places();
    uint32_t bits = 0;
    uint32_t index;
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        bits |= places[index].directory[0] != '\0' ? 1u << index : 0;
    }
    return bits;
}

/* The group's directory in one controller; empty where it has none. */
static void directory_of(const lao__cgroup_t *group, uint32_t controller, char path[PATH_SIZE]) {
    path[0] = '\0';
    if (group->made & 1u << controller) {
        snprintf(path, PATH_SIZE, "%s/%s", lao__cgroup_places()[controller].directory, group->name);
    }
}

static bool set(const char *directory, const char *file, uint64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return lao__cgroup_write(directory, file, text);
}

/* The number behind `key` in a file of lines "key value", or the file's only number where `key` is NULL; 0: none. */
static uint64_t number(const char *directory, const char *file, const char *key) {
    char text[4096];
    const char *line = text;
    size_t length = key == NULL ? 0 : strlen(key);
    if (directory[0] == '\0' || !lao__cgroup_read(directory, file, text, sizeof text)) {
        return 0;
    }
    while (key != NULL && (strncmp(line, key, length) != 0 || line[length] != ' ')) {
        line = strchr(line, '\n');
        if (line == NULL) {
            return 0;
        }
        line++;
    }
    return strtoull(line + length, NULL, 10);
}

/* --- Limits --- */

static bool limit_memory(const char *directory, bool unified, uint64_t bytes) {
    char text[32];
    bool first;
    if (unified) {
        snprintf(text, sizeof text, bytes == 0 ? "max" : "%" PRIu64, bytes);
        lao__cgroup_write(directory, "memory.swap.max", "0"); /* absent where there is no swap */
        lao__cgroup_write(directory, "memory.oom.group", "1");
        return lao__cgroup_write(directory, "memory.max", text);
    }
    snprintf(text, sizeof text, bytes == 0 ? "-1" : "%" PRIu64, bytes);
    lao__cgroup_write(directory, "memory.swappiness", "0");
    /* Memory alone may never be more than memory and swap together: which goes first depends on the direction. */
    first = lao__cgroup_write(directory, "memory.limit_in_bytes", text);
    lao__cgroup_write(directory, "memory.memsw.limit_in_bytes", text); /* absent where swap is not accounted for */
    return first || lao__cgroup_write(directory, "memory.limit_in_bytes", text);
}

static bool limit_cpu(const char *directory, bool unified, uint64_t permille) {
    uint64_t period_us = permille < CPU_LEAST_PERMILLE ? CPU_LONG_PERIOD_US : CPU_PERIOD_US;
    char text[64];
    if (unified) {
        snprintf(text, sizeof text, "max %u", CPU_PERIOD_US);
        if (permille != 0) {
            snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, permille * period_us / 1000, period_us);
        }
        return lao__cgroup_write(directory, "cpu.max", text);
    }
    if (permille == 0) {
        return lao__cgroup_write(directory, "cpu.cfs_quota_us", "-1");
    }
    return set(directory, "cpu.cfs_period_us", period_us) &&
           set(directory, "cpu.cfs_quota_us", permille * period_us / 1000);
}

static bool limit_tasks(const char *directory, uint32_t tasks) {
    return tasks == 0 ? lao__cgroup_write(directory, "pids.max", "max") : set(directory, "pids.max", tasks);
}

static bool limit(const lao__cgroup_t *group, uint32_t controller, const lao__cgroup_limits_t *limits) {
    bool unified = lao__cgroup_places()[controller].unified;
    char directory[PATH_SIZE];
    directory_of(group, controller, directory);
    switch (controller) {
    case MEMORY:
        return limit_memory(directory, unified, limits->memory_bytes);
    case CPU:
        return limit_cpu(directory, unified, limits->cpu_permille);
    default:
        return limit_tasks(directory, limits->tasks);
    }
}

/* LAO__CGROUP_* bits of the limits that are asked for. */
static uint32_t wanted(const lao__cgroup_limits_t *limits) {
    return (limits->memory_bytes != 0 ? LAO__CGROUP_MEMORY : 0u) | (limits->cpu_permille != 0 ? LAO__CGROUP_CPU : 0u) |
           (limits->tasks != 0 ? LAO__CGROUP_PIDS : 0u);
}

/* --- Names: lao-<process id namespace>-<process id>-<its start>-<number> --- */

static uint64_t start_of(int32_t pid) {
    char directory[32];
    char text[1024];
    const char *at;
    int field;
    snprintf(directory, sizeof directory, "/proc/%" PRId32, pid);
    if (!lao__cgroup_read(directory, "stat", text, sizeof text)) {
        return 0;
    }
    at = strrchr(text, ')'); /* the name before it may hold anything */
    for (field = 2; at != NULL && field < 22; field++) {
        at = strchr(at + 1, ' ');
    }
    return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

/* That of this process, read once; a child that was forked reads its own. */
static uint64_t own_start(int32_t pid) {
    static _Atomic int32_t known_pid;
    static _Atomic uint64_t known_start;
    if (atomic_load(&known_pid) != pid) {
        atomic_store(&known_start, start_of(pid));
        atomic_store(&known_pid, pid);
    }
    return atomic_load(&known_start);
}

static uint64_t process_namespace(void) {
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (uint64_t)status.st_ino : 0;
}

/* Whether a directory's name says that its host is dead. Hosts of other containers are not ours to judge. */
static bool is_leftover(const char *name) {
    uint64_t namespace_id;
    uint64_t start;
    int32_t pid;
    uint32_t count;
    int used = 0;
    return sscanf(name, "lao-%" SCNu64 "-%" SCNd32 "-%" SCNu64 "-%" SCNu32 "%n", &namespace_id, &pid, &start, &count,
                  &used) == 4 &&
           name[used] == '\0' && namespace_id == process_namespace() && start_of(pid) != start;
}

/* --- Life --- */

void lao__cgroup_create(lao__cgroup_t *group, const lao__cgroup_limits_t *limits) {
    const lao__cgroup_place_t *places = lao__cgroup_places();
    uint32_t wishes = wanted(limits) & lao__cgroup_abilities();
    uint32_t index;
    memset(group, 0, sizeof *group);
    group->owner = (int32_t)getpid();
    if (wishes == 0) {
        return;
    }
    snprintf(group->name, sizeof group->name, "lao-%" PRIu64 "-%" PRId32 "-%" PRIu64 "-%" PRIu32, process_namespace(),
             group->owner, own_start(group->owner), atomic_fetch_add_explicit(&next_number, 1, memory_order_relaxed));
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        char directory[PATH_SIZE];
        if (!(wishes & 1u << index)) {
            continue;
        }
        group->made |= 1u << index;
        directory_of(group, index, directory);
        /* One directory may serve several controllers. */
        if (mkdir(directory, 0755) != 0 && !(errno == EEXIST && places[index].unified)) {
            group->made &= ~(1u << index);
        } else if (limit(group, index, limits)) {
            group->kept |= 1u << index;
        }
    }
}

bool lao__cgroup_join(lao__cgroup_t *group, int32_t pid) {
    uint32_t before = group->kept;
    bool unified_joined = false;
    uint32_t index;
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        bool unified = lao__cgroup_places()[index].unified;
        char directory[PATH_SIZE];
        if (!(group->kept & 1u << index) || (unified && unified_joined)) {
            continue;
        }
        directory_of(group, index, directory);
        if (!set(directory, "cgroup.procs", (uint64_t)pid)) {
            group->kept &= ~(1u << index);
        } else if (unified) {
            unified_joined = true;
        }
    }
    return group->kept == before;
}

/* "0" is the calling thread, which alone the kernel moves without waiting for all others to come to rest. */
static bool move_this_thread(const char *directory) { return lao__cgroup_write(directory, "tasks", "0"); }

bool lao__cgroup_enter(const lao__cgroup_t *group) {
    uint32_t index;
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        char directory[PATH_SIZE];
        if (group->kept & 1u << index) {
            directory_of(group, index, directory);
            if (lao__cgroup_places()[index].unified || !move_this_thread(directory)) {
                lao__cgroup_leave(group);
                return false;
            }
        }
    }
    return true;
}

void lao__cgroup_leave(const lao__cgroup_t *group) {
    const lao__cgroup_place_t *places = lao__cgroup_places();
    uint32_t index;
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        if (group->kept & 1u << index && !places[index].unified) {
            move_this_thread(places[index].directory);
        }
    }
}

int lao__cgroup_open(const lao__cgroup_t *group) {
    char directory[PATH_SIZE] = "";
    uint32_t index;
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        if (group->kept & 1u << index) {
            if (!lao__cgroup_places()[index].unified) {
                return -1;
            }
            directory_of(group, index, directory);
        }
    }
    return directory[0] == '\0' ? -1 : open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool lao__cgroup_change(lao__cgroup_t *group, const lao__cgroup_limits_t *limits) {
    bool all = (wanted(limits) & ~group->kept) == 0;
    uint32_t index;
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        if (group->kept & 1u << index && !limit(group, index, limits)) {
            all = false;
        }
    }
    return all;
}

/* Kills the processes that a directory lists. True when it lists none. */
static bool kill_members(const char *directory) {
    char text[4096];
    char again[4096];
    char *at = text;
    if (lao__cgroup_write(directory, "cgroup.kill", "1")) {
        return !lao__cgroup_read(directory, "cgroup.procs", text, sizeof text) || text[0] == '\0';
    }
    if (!lao__cgroup_read(directory, "cgroup.procs", text, sizeof text) || text[0] == '\0') {
        return true;
    }
    while (*at != '\0') {
        long pid = strtol(at, &at, 10);
        /* Never this process, of which a thread may be in the group to start a worker. */
        int handle = pid > 0 && pid != (long)getpid() ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;
        char line[24];
        snprintf(line, sizeof line, "%ld", pid);
        /* A number that was given to another process between the list and the handle is not in the list any more. */
        if (handle >= 0 && lao__cgroup_read(directory, "cgroup.procs", again, sizeof again)) {
            const char *found = strstr(again, line);
            while (found != NULL && !((found == again || found[-1] == '\n') && found[strlen(line)] == '\n')) {
                found = strstr(found + 1, line);
            }
            if (found != NULL) {
                syscall(SYS_pidfd_send_signal, handle, SIGKILL, NULL, 0);
            }
        }
        if (handle >= 0) {
            close(handle);
        }
        at += strspn(at, "\n");
        if (pid <= 0) {
            break;
        }
    }
    return false;
}

static void remove_directory(const char *directory) {
    int64_t until_ns = lao__now_ns() + REMOVE_WAIT_NS;
    struct timespec step = lao__timespec_of(REMOVE_STEP_NS);
    while (rmdir(directory) != 0 && errno == EBUSY && lao__now_ns() < until_ns) {
        kill_members(directory);
        nanosleep(&step, NULL);
    }
}

void lao__cgroup_destroy(lao__cgroup_t *group) {
    uint32_t index;
    if (group->made != 0 && group->owner == (int32_t)getpid()) {
        for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
            char directory[PATH_SIZE];
            directory_of(group, index, directory);
            if (directory[0] != '\0') {
                remove_directory(directory);
            }
        }
    }
    memset(group, 0, sizeof *group);
}

void lao__cgroup_sweep(void) {
    const lao__cgroup_place_t *places = lao__cgroup_places();
    uint32_t index;
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        DIR *listing = places[index].directory[0] == '\0' ? NULL : opendir(places[index].directory);
        struct dirent *entry;
        while (listing != NULL && (entry = readdir(listing)) != NULL) {
            char path[PATH_SIZE];
            if (strlen(entry->d_name) < LAO__CGROUP_NAME_SIZE && is_leftover(entry->d_name)) {
                snprintf(path, sizeof path, "%s/%.95s", places[index].directory, entry->d_name);
                remove_directory(path);
            }
        }
        if (listing != NULL) {
            closedir(listing);
        }
    }
}

/* --- What it knows --- */

bool lao__cgroup_memory_killed(const lao__cgroup_t *group) {
    bool unified = lao__cgroup_places()[MEMORY].unified;
    char directory[PATH_SIZE];
    directory_of(group, MEMORY, directory);
    return number(directory, unified ? "memory.events" : "memory.oom_control", "oom_kill") > 0;
}

uint64_t lao__cgroup_memory_used(const lao__cgroup_t *group) {
    bool unified = lao__cgroup_places()[MEMORY].unified;
    char directory[PATH_SIZE];
    directory_of(group, MEMORY, directory);
    return number(directory, unified ? "memory.current" : "memory.usage_in_bytes", NULL);
}

uint64_t lao__cgroup_memory_peak(const lao__cgroup_t *group) {
    bool unified = lao__cgroup_places()[MEMORY].unified;
    char directory[PATH_SIZE];
    directory_of(group, MEMORY, directory);
    return number(directory, unified ? "memory.peak" : "memory.max_usage_in_bytes", NULL);
}

uint64_t lao__cgroup_throttled_ns(const lao__cgroup_t *group) {
    bool unified = lao__cgroup_places()[CPU].unified;
    char directory[PATH_SIZE];
    directory_of(group, CPU, directory);
    return unified ? number(directory, "cpu.stat", "throttled_usec") * 1000
                   : number(directory, "cpu.stat", "throttled_time");
}

uint64_t lao__cgroup_tasks_refused(const lao__cgroup_t *group) {
    char directory[PATH_SIZE];
    directory_of(group, PIDS, directory);
    return number(directory, "pids.events", "max");
}
