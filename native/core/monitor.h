/* The monitor thread: sets the cancel words of calls that are past their deadline or were interrupted by Ctrl-C, and
 * hears when a worker dies or writes to its log. Started when first needed. */
#ifndef LAO_CORE_MONITOR_H
#define LAO_CORE_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

struct lao__target;

/* A descriptor to watch. `ready` runs on the monitor thread when the descriptor is readable or hung up, and returns
 * false to stop the watch; it must not block. Caller's memory, untouched from remove on. */
typedef struct lao__watch {
    int descriptor;
    bool (*ready)(struct lao__watch *watch);
    void *context;
    struct lao__watch *next;
    bool active;
    uint32_t slot;    /* where it is polled; 0: not yet. The monitor's */
} lao__watch_t;

void lao__monitor_add_target(struct lao__target *target);
void lao__monitor_remove_target(struct lao__target *target);

void lao__monitor_add_watch(lao__watch_t *watch);
/* When this returns, `ready` is not running and will not run again. Not from inside `ready`. */
void lao__monitor_remove_watch(lao__watch_t *watch);

/* Cancels every call in flight in this process; safe in a signal handler. */
void lao__monitor_interrupt(void);

/* Puts the interrupt in front of this process's SIGINT handler, which runs next. Does nothing where SIGINT is ignored or
 * has its default action. Repeated when somebody replaced the handler. */
void lao__monitor_catch_sigint(void);

#endif
