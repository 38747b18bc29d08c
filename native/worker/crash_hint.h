/* Which call a worker crashed in: a hint for the host, so that the other calls in it need not take the blame. */
#ifndef LAO_WORKER_CRASH_HINT_H
#define LAO_WORKER_CRASH_HINT_H

#include "../ipc/wakeup.h"

/* Watches over the signals that a crash sends; once, before the plugin is loaded (which may replace that). */
void lao__crash_hint_install(lao__signal_page_t *page);

/* Says that the calling thread serves this lane, and crashes if the plugin ends it. Once for each thread. */
void lao__crash_hint_lane(uint32_t lane);

#endif
