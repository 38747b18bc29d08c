#include <string.h>

#include "../ipc/wakeup.h"
#include "placement.h"

/* This system does not let a thread choose its CPU. */

void lao__placement_init(lao__placement_t *placement, bool enabled) {
    (void)enabled;
    memset(placement, 0, sizeof *placement);
}

void lao__placement_park(lao__placement_t *placement, uint32_t caller_cpu) {
    (void)placement;
    (void)caller_cpu;
}

int64_t lao__placement_spin_ns(const lao__placement_t *placement) {
    (void)placement;
    return LAO__SPIN_NS;
}

void lao__placement_request(lao__placement_t *placement, uint32_t caller_cpu, bool spun, int64_t waited_ns) {
    (void)placement;
    (void)caller_cpu;
    (void)spun;
    (void)waited_ns;
}

void lao__placement_spread(lao__placement_t *placement) { (void)placement; }

void lao__placement_work(lao__placement_t *placement, uint32_t capability) {
    (void)placement;
    (void)capability;
}

void lao__placement_worked(lao__placement_t *placement, uint32_t capability, int64_t took_ns) {
    (void)placement;
    (void)capability;
    (void)took_ns;
}
