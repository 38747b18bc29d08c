/* One thread that lives as long as the host and starts its workers.
 *
 * The kernel ends a child that asked for it when the *thread* that started it exits, so that a worker started from a
 * short-lived thread of the user's would die with that thread. */
#ifndef LAO_IPC_SPAWNER_H
#define LAO_IPC_SPAWNER_H

/* Runs `job` on that thread and waits for its end. Any thread; one job at a time. */
void lao__spawner_run(void (*job)(void *context), void *context);

#endif
