/* `lao-worker --probe`: what a sandbox reaches on this machine. */
#ifndef LAO_WORKER_PROBE_H
#define LAO_WORKER_PROBE_H

/* Reads a plan from standard input, confines this process as it says, canaries included, and prints the report; nothing is
 * loaded. Returns the exit code: 1 when it cannot be kept, with the reason on standard error. */
int lao__probe(void);

#endif
