#include <sched.h>
#include <string.h>

#include "../ipc/wakeup.h"
#include "placement.h"

#define LONG_WORK_NS 200000u   /* from here on, another CPU is worth more than a cheap wake-up */
#define IN_A_ROW_NS 100000     /* a request this soon after the last answer belongs to a row */
#define FIRST_PATIENCE 4u
#define LAST_PATIENCE 1024u
#define ARRIVAL_NS INT64_C(500000) /* to spin after a move: the caller sleeps, and is woken across CPUs once */
#define WORTH_MOVING 32u       /* calls answered by spinning that make up for a move */

enum { LAO__PLACE_ANYWHERE, LAO__PLACE_WITH_CALLER, LAO__PLACE_AWAY };

static cpu_set_t all_cpus; /* those that the host may use */
static int cpu_count;

void lao__placement_init(lao__placement_t *placement, bool enabled) {
    memset(placement, 0, sizeof *placement);
    memset(placement->busy_ns, 0xff, sizeof placement->busy_ns);
    placement->patience = FIRST_PATIENCE;
    if (cpu_count == 0) {
        cpu_count = sched_getaffinity(0, sizeof all_cpus, &all_cpus) == 0 ? CPU_COUNT(&all_cpus) : -1;
    }
    placement->enabled = enabled && cpu_count > 1;
}

static void go(lao__placement_t *placement, uint32_t place, uint32_t cpu) {
    cpu_set_t set = all_cpus;
    if (placement->place == place && (place == LAO__PLACE_ANYWHERE || placement->cpu == cpu)) {
        return;
    }
    if (place == LAO__PLACE_WITH_CALLER) {
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
    } else if (place == LAO__PLACE_AWAY) {
        CPU_CLR(cpu, &set);
    }
    if (sched_setaffinity(0, sizeof set, &set) == 0) {
        placement->place = place;
        placement->cpu = cpu;
    } else {
        placement->enabled = false; /* what cannot be placed stays where the kernel puts it */
    }
}

static bool is_ours(uint32_t cpu) { return cpu < CPU_SETSIZE && CPU_ISSET(cpu, &all_cpus); }

void lao__placement_park(lao__placement_t *placement, uint32_t caller_cpu) {
    if (!placement->enabled || !is_ours(caller_cpu)) {
        return;
    }
    if (placement->place == LAO__PLACE_AWAY) {
        placement->streak = 0;
        if (placement->spun < WORTH_MOVING && placement->patience < LAST_PATIENCE) {
            placement->patience *= 2; /* it did not pay: the other CPUs have work of their own */
        } else if (placement->spun >= WORTH_MOVING) {
            placement->patience = FIRST_PATIENCE;
        }
    }
    go(placement, LAO__PLACE_WITH_CALLER, caller_cpu);
}

int64_t lao__placement_spin_ns(const lao__placement_t *placement) {
    return placement->place == LAO__PLACE_AWAY && placement->spun == 0 ? ARRIVAL_NS : LAO__SPIN_NS;
}

void lao__placement_request(lao__placement_t *placement, uint32_t caller_cpu, bool spun, int64_t waited_ns) {
    if (!placement->enabled) {
        return;
    }
    placement->spun += spun;
    placement->streak = waited_ns < IN_A_ROW_NS ? placement->streak + 1 : 0;
    if (!spun && placement->streak >= placement->patience && is_ours(caller_cpu) && sched_getcpu() == (int)caller_cpu) {
        placement->spun = 0;
        placement->streak = 0;
        go(placement, LAO__PLACE_AWAY, caller_cpu);
    }
}

void lao__placement_spread(lao__placement_t *placement) {
    if (placement->place != LAO__PLACE_ANYWHERE) {
        go(placement, LAO__PLACE_ANYWHERE, 0);
    }
}

void lao__placement_work(lao__placement_t *placement, uint32_t capability) {
    if (placement->place != LAO__PLACE_ANYWHERE &&
        (capability >= LAO__PLACEMENT_CAPABILITIES || placement->busy_ns[capability] >= LONG_WORK_NS)) {
        go(placement, LAO__PLACE_ANYWHERE, 0);
    }
}

void lao__placement_worked(lao__placement_t *placement, uint32_t capability, int64_t took_ns) {
    if (capability < LAO__PLACEMENT_CAPABILITIES) {
        placement->busy_ns[capability] = took_ns < UINT32_MAX ? (uint32_t)took_ns : UINT32_MAX;
    }
}
