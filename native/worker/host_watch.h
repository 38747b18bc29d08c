/* Ends a worker whose host is gone. The kernel does that too where it can; this works without it. */
#ifndef LAO_WORKER_HOST_WATCH_H
#define LAO_WORKER_HOST_WATCH_H

#include <stdbool.h>

/* Starts a thread that waits for the host's end of the control socket to hang up. Once; not before the sandbox, which
 * wants a single thread. */
bool lao__host_watch_start(int control);

#endif
