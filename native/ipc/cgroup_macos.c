#include "cgroup.h"

#include <string.h>

/* There is nothing of the kind. */

uint32_t lao__cgroup_abilities(void) { return 0; }

void lao__cgroup_create(lao__cgroup_t *group, const lao__cgroup_limits_t *limits) {
    (void)limits;
    memset(group, 0, sizeof *group);
}

bool lao__cgroup_join(lao__cgroup_t *group, int32_t pid) {
    (void)group;
    (void)pid;
    return true; /* everything that it keeps, which is nothing */
}

bool lao__cgroup_enter(const lao__cgroup_t *group) {
    (void)group;
    return true; /* everything that it keeps */
}

void lao__cgroup_leave(const lao__cgroup_t *group) { (void)group; }

int lao__cgroup_open(const lao__cgroup_t *group) {
    (void)group;
    return -1;
}

bool lao__cgroup_change(lao__cgroup_t *group, const lao__cgroup_limits_t *limits) {
    (void)group;
    return limits->memory_bytes == 0 && limits->cpu_permille == 0 && limits->tasks == 0;
}

bool lao__cgroup_memory_killed(const lao__cgroup_t *group) {
    (void)group;
    return false;
}

uint64_t lao__cgroup_memory_used(const lao__cgroup_t *group) {
    (void)group;
    return 0;
}

uint64_t lao__cgroup_memory_peak(const lao__cgroup_t *group) {
    (void)group;
    return 0;
}

uint64_t lao__cgroup_throttled_ns(const lao__cgroup_t *group) {
    (void)group;
    return 0;
}

uint64_t lao__cgroup_tasks_refused(const lao__cgroup_t *group) {
    (void)group;
    return 0;
}

void lao__cgroup_destroy(lao__cgroup_t *group) { memset(group, 0, sizeof *group); }

void lao__cgroup_sweep(void) {}
