/* On which CPUs a lane's thread runs, so that waking and spinning cost little.
 *
 * Waking a thread on another CPU takes 30-80 us, on the same one 5: before it sleeps, the thread goes to its caller's
 * CPU. Spinning answers in less than 1 us and needs two CPUs: after several calls in a row it goes away from there. Work
 * that is known to be long, or not known at all, runs on all CPUs. */
#ifndef LAO_WORKER_PLACEMENT_H
#define LAO_WORKER_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#define LAO__PLACEMENT_CAPABILITIES 64u /* of which the duration is remembered; the others count as long */

typedef struct lao__placement {
    bool enabled;
    uint32_t place;        /* LAO__PLACE_* */
    uint32_t cpu;          /* the one that `place` is about */
    uint32_t streak;       /* calls in a row that came while the last was hardly over */
    uint32_t patience;     /* a streak of so many moves the thread away */
    uint32_t spun;         /* calls that were answered by spinning since it moved away */
    uint32_t busy_ns[LAO__PLACEMENT_CAPABILITIES]; /* what the last call of a capability took; UINT32_MAX: none yet */
} lao__placement_t;

void lao__placement_init(lao__placement_t *placement, bool enabled);

/* The thread is about to sleep until the caller, last seen on `caller_cpu`, wants something. */
void lao__placement_park(lao__placement_t *placement, uint32_t caller_cpu);

/* How long to spin for the next request. */
int64_t lao__placement_spin_ns(const lao__placement_t *placement);

/* A request came; `spun`: it was seen while spinning. */
void lao__placement_request(lao__placement_t *placement, uint32_t caller_cpu, bool spun, int64_t waited_ns);

/* The plugin is about to set itself up: the threads that it starts run where this one may. */
void lao__placement_spread(lao__placement_t *placement);

/* The plugin is about to work on a capability, and did. */
void lao__placement_work(lao__placement_t *placement, uint32_t capability);
void lao__placement_worked(lao__placement_t *placement, uint32_t capability, int64_t took_ns);

#endif
