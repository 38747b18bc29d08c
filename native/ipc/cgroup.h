/* Control groups: what the kernel holds a worker to, together with everything that it may ever start. One group for each
 * worker process, made fresh, since memory that a dead process shared stays charged to its group. The host makes it,
 * joins the worker to it before any foreign code runs, and removes it after the worker.
 *
 * Every function may be called from any thread; one group is used by one thread at a time. On systems that have no such
 * groups, or where this user may not make them, `kept` is 0 and everything else does nothing. */
#ifndef LAO_IPC_CGROUP_H
#define LAO_IPC_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LAO__CGROUP_MEMORY = 1, /* memory of any kind: the kernel kills the worker that wants more */
    LAO__CGROUP_CPU = 2, /* the kernel lets the worker wait */
    LAO__CGROUP_PIDS = 4 /* the kernel refuses further threads and processes */
};

#define LAO__CGROUP_NAME_SIZE 96u

typedef struct lao__cgroup_limits {
    uint64_t memory_bytes; /* 0: none */
    uint64_t cpu_permille; /* 1000: one CPU; 0: none */
    uint32_t tasks; /* threads and processes together; 0: none */
} lao__cgroup_limits_t;

typedef struct lao__cgroup {
    uint32_t kept; /* LAO__CGROUP_*: the limits that really hold; 0: there is no group */
    uint32_t made; /* LAO__CGROUP_*: the controllers in which it has a directory */
    int32_t owner; /* process that made it: a forked child leaves it alone */
    char name[LAO__CGROUP_NAME_SIZE];
} lao__cgroup_t;

/* Which limits this process can have kept by the kernel: LAO__CGROUP_*. */
uint32_t lao__cgroup_abilities(void);

/* Makes a group below the one that this process is in. With the second version of control groups a group that has
 * processes cannot have limited groups below it: then the process moves itself to a leaf, where it is alone in its
 * group, or else the group goes beside its own, unless its own is limited itself. `kept` says what came of it. */
void lao__cgroup_create(lao__cgroup_t *group, const lao__cgroup_limits_t *limits);

/* Moves a process into the group. False, with `kept` reduced to what holds, where the kernel refused. */
bool lao__cgroup_join(lao__cgroup_t *group, int32_t pid);

/* Has the calling thread enter the group, so that what it starts before it leaves is born there. Where this is possible
 * (version 1; with version 2 threads cannot part from their process) it takes a tenth of a millisecond, where moving
 * another process takes 11 ms whenever nobody was moved for a while. False, with nothing changed, where it is not: start
 * the process and join it. */
bool lao__cgroup_enter(const lao__cgroup_t *group);
void lao__cgroup_leave(const lao__cgroup_t *group);

/* The descriptor of the group's directory, for a process to be born in it (version 2); the caller closes it. -1 where that
 * would not bring everything that is kept. */
int lao__cgroup_open(const lao__cgroup_t *group);

/* Other limits for a group that exists, while it is used too. False where one of them could not be set: a limit that the
 * group was not made with, or (version 1) less memory than is in use. A limit of 0 lifts it. */
bool lao__cgroup_change(lao__cgroup_t *group, const lao__cgroup_limits_t *limits);

/* Whether the kernel killed a process of the group for its memory. */
bool lao__cgroup_memory_killed(const lao__cgroup_t *group);

/* Bytes in use now, and the most there ever were; 0: not known. */
uint64_t lao__cgroup_memory_used(const lao__cgroup_t *group);
uint64_t lao__cgroup_memory_peak(const lao__cgroup_t *group);

/* How long the group had to wait for its share of the CPU, in all; 0: not known. */
uint64_t lao__cgroup_throttled_ns(const lao__cgroup_t *group);

/* How many threads and processes were refused. */
uint64_t lao__cgroup_tasks_refused(const lao__cgroup_t *group);

/* Kills what is left in the group and removes it; waits for up to half a second. What cannot be removed by then is left
 * to a later sweep. Does nothing to a group that has none, or that another process made. */
void lao__cgroup_destroy(lao__cgroup_t *group);

/* Removes the groups of hosts that are dead; their names say whose they were. */
void lao__cgroup_sweep(void);

#endif
