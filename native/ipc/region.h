/* The memory that a worker answers in, as the host keeps it: mapped for as long as any output in it is held, also when
 * the worker is long dead. */
#ifndef LAO_IPC_REGION_H
#define LAO_IPC_REGION_H

#include <pthread.h>

#include "memory_file.h"

typedef struct lao__region {
    lao__memory_file_t file;
    _Atomic uint32_t references;
    pthread_mutex_t lock;
    bool living;       /* the worker can still be told of releases */
    uint32_t *pending; /* leases that the host is done with and the worker does not know of */
    uint32_t pending_count;
    uint32_t pending_capacity;
} lao__region_t;

/* One reference, for the worker's link. */
lao_status_t lao__region_create(uint64_t size, uint64_t warm_bytes, lao__region_t **region, lao__error_t *error);
void lao__region_retain(lao__region_t *region);
void lao__region_release(lao__region_t *region);

/* The worker is gone: nothing is told any more. */
void lao__region_orphan(lao__region_t *region);

/* Notes that an output is not held any more. Any thread. */
void lao__region_give_back(lao__region_t *region, uint32_t lease);

/* Takes up to `capacity` pending leases out. */
uint32_t lao__region_take_pending(lao__region_t *region, uint32_t *leases, uint32_t capacity);

#endif
