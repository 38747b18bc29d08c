#include <stdio.h>

#include "sandbox.h"

/* LAO has no sandbox for this system yet: nothing is confined, and nobody is told otherwise. */

lao_status_t lao__sandbox_enter(const char *plan, uint64_t plan_size, char *report, uint32_t capacity,
                                uint32_t *report_size, lao__error_t *error) {
    (void)plan;
    (void)plan_size;
    (void)report;
    (void)capacity;
    (void)report_size;
    return lao__fail(error, LAO_PERMISSION_DENIED, "this LAO has no sandbox for this system");
}

int lao__sandbox_take_listener(void) { return -1; }

uint32_t lao__sandbox_probe(char *report, uint32_t capacity) {
    int written = snprintf(report, capacity, "{\"landlock\": 0, \"seccomp\": false, \"root\": false}");
    return written > 0 && (uint32_t)written < capacity ? (uint32_t)written : 0;
}
