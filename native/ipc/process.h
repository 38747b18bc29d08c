/* Starting, watching and ending a worker process. */
#ifndef LAO_IPC_PROCESS_H
#define LAO_IPC_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/error.h"
#include "cgroup.h"

/* Descriptors at which a worker finds its memory, in this order. */
enum {
    LAO__WORKER_CONTROL = 3, /* a socket: memory files come over it; hung up when the host is gone */
    LAO__WORKER_SIGNALS = 4,
    LAO__WORKER_REQUESTS = 5,
    LAO__WORKER_RESPONSES = 6,
    LAO__WORKER_SERVICES = 7 /* a stream socket: what the plugin asks of the host */
};

typedef struct lao__process {
    int32_t pid;
    int handle; /* readable once the process is dead; -1: none */
    int control;
    int output;   /* reads what the worker writes to stdout and stderr */
    int services; /* the host's end */
} lao__process_t;

/* How a process ended. */
typedef struct lao__process_end {
    bool known;
    int32_t signal;    /* 0: it exited */
    int32_t exit_code; /* -1: a signal ended it */
} lao__process_end_t;

/* Starts `executable` with the three memory files, an empty standard input, and `environment` ("NAME=value" entries,
 * ended by NULL) in place of the host's. It is a member of `group`, whose `kept` says afterwards what holds. The parent is a thread that lives as long as the host: a worker may ask the
 * kernel to end it with its parent. */
lao_status_t lao__process_start(const char *executable, char *const *environment, lao__cgroup_t *group, int signals,
                                int requests, int responses, lao__process_t *process, lao__error_t *error);

/* Reaps a process that is dead. */
lao__process_end_t lao__process_reap(const lao__process_t *process);

void lao__process_kill(const lao__process_t *process);

/* Sends a descriptor with a number over the control socket. */
bool lao__process_send(int control, uint64_t id, uint64_t size, int descriptor);

/* Receives one; waits. False when the other side is gone. */
bool lao__process_receive(int control, uint64_t *id, uint64_t *size, int *descriptor);

/* Sends a text with a descriptor, to whoever listens at the other end; false when nobody takes it. */
bool lao__process_send_text(int listener, const char *text, int descriptor);

/* After a worker said that it confined itself, and before it loads anything: what the kernel says of it. LAO_OK when it
 * has no privileges left to gain or to use and its system calls are filtered. */
lao_status_t lao__process_check_confined(const lao__process_t *process, lao__error_t *error);

void lao__process_close_services(lao__process_t *process);

/* Closes the descriptors. */
void lao__process_close(lao__process_t *process);

#endif
