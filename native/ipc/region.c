#include "region.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

lao_status_t lao__region_create(uint64_t size, uint64_t warm_bytes, lao__region_t **created, lao__error_t *error) {
    lao__region_t *region = calloc(1, sizeof *region);
    lao_status_t status;
    if (region == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    status = lao__memory_file_create(&region->file, "lao-outputs", size, warm_bytes, false, error);
    if (status != LAO_OK) {
        free(region);
        return status;
    }
    pthread_mutex_init(&region->lock, NULL);
    atomic_init(&region->references, 1);
    region->living = true;
    *created = region;
    return LAO_OK;
}

void lao__region_retain(lao__region_t *region) { atomic_fetch_add(&region->references, 1); }

void lao__region_release(lao__region_t *region) {
    if (atomic_fetch_sub(&region->references, 1) == 1) {
        lao__memory_file_close(&region->file);
        pthread_mutex_destroy(&region->lock);
        free(region->pending);
        free(region);
    }
}

void lao__region_orphan(lao__region_t *region) {
    pthread_mutex_lock(&region->lock);
    region->living = false;
    region->pending_count = 0;
    pthread_mutex_unlock(&region->lock);
}

void lao__region_give_back(lao__region_t *region, uint32_t lease) {
    pthread_mutex_lock(&region->lock);
    if (region->living && region->pending_count == region->pending_capacity) {
        uint32_t capacity = region->pending_capacity == 0 ? 64 : region->pending_capacity * 2;
        uint32_t *larger = realloc(region->pending, capacity * sizeof *larger);
        if (larger != NULL) {
            region->pending = larger;
            region->pending_capacity = capacity;
        }
    }
    /* Without memory for the note the block stays taken until the worker ends: no harm but room. */
    if (region->living && region->pending_count < region->pending_capacity) {
        region->pending[region->pending_count++] = lease;
    }
    pthread_mutex_unlock(&region->lock);
}

uint32_t lao__region_take_pending(lao__region_t *region, uint32_t *leases, uint32_t capacity) {
    uint32_t count;
    pthread_mutex_lock(&region->lock);
    count = region->pending_count < capacity ? region->pending_count : capacity;
    if (count > 0) {
        region->pending_count -= count;
        memcpy(leases, region->pending + region->pending_count, count * sizeof *leases);
    }
    pthread_mutex_unlock(&region->lock);
    return count;
}
