/* The worker's loop: one request, one answer, until it is told to close. */
#ifndef LAO_WORKER_SERVE_H
#define LAO_WORKER_SERVE_H

#include "../ipc/memory_file.h"

typedef struct lao__worker_memory {
    lao__memory_file_t signals;
    lao__memory_file_t requests;
    lao__memory_file_t responses;
    int control;
} lao__worker_memory_t;

/* Serves until the host closes; returns the exit code. */
int lao__serve(lao__worker_memory_t *memory);

#endif
