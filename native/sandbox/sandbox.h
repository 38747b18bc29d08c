/* The sandbox: what a worker does to itself before it loads anything, and what this machine could do.
 *
 * One file per mechanism and platform. Where a platform has no mechanism, entering fails: nothing here pretends. */
#ifndef LAO_SANDBOX_SANDBOX_H
#define LAO_SANDBOX_SANDBOX_H

#include "../core/error.h"

/* Confines this process as `plan` says (see plan.h) and tries some of what is forbidden now. Irrevocable; the process must
 * have one thread. `report` gets JSON: {"P1": ["kernel", "why"], ..., "facts": {...}}. LAO_PERMISSION_DENIED when a
 * promise that the plan requires cannot be kept, LAO_SYSTEM when a step failed: the process must not go on then. */
lao_status_t lao__sandbox_enter(const char *plan, uint64_t plan_size, char *report, uint32_t capacity,
                                uint32_t *report_size, lao__error_t *error);

/* After entering a sandbox whose plan grants connections: the descriptor at which the host takes this process's requests to
 * connect. It is for the host alone: send it there and close it before anything is loaded. -1: there is none. */
int lao__sandbox_take_listener(void);

/* What the kernel of this machine offers for all that, as JSON; changes nothing. Returns the bytes written. */
uint32_t lao__sandbox_probe(char *report, uint32_t capacity);

#endif
