#include "shared_buffer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct entry {
    lao__shared_buffer_t buffer;
    struct entry *next;
} entry_t;

static struct {
    pthread_mutex_t lock;
    entry_t *entries;
    uint64_t last_id;
    _Atomic uint32_t count; /* read without the lock: most processes have none */
} living = {.lock = PTHREAD_MUTEX_INITIALIZER};

lao_status_t lao__shared_buffer_create(uint64_t size, lao__shared_buffer_t **buffer, lao__error_t *error) {
    entry_t *entry = calloc(1, sizeof *entry);
    lao_status_t status;
    if (entry == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    status = lao__memory_file_create(&entry->buffer.file, "lao-array", size > 0 ? size : 1, 0, true, error);
    if (status != LAO_OK) {
        free(entry);
        return status;
    }
    atomic_init(&entry->buffer.references, 1);
    pthread_mutex_lock(&living.lock);
    entry->buffer.id = ++living.last_id;
    entry->next = living.entries;
    living.entries = entry;
    atomic_fetch_add(&living.count, 1);
    pthread_mutex_unlock(&living.lock);
    *buffer = &entry->buffer;
    return LAO_OK;
}

void lao__shared_buffer_release(lao__shared_buffer_t *buffer) {
    entry_t **link;
    entry_t *found = NULL;
    pthread_mutex_lock(&living.lock);
    if (atomic_fetch_sub(&buffer->references, 1) == 1) {
        for (link = &living.entries; *link != NULL; link = &(*link)->next) {
            if (&(*link)->buffer == buffer) {
                found = *link;
                *link = found->next;
                atomic_fetch_sub(&living.count, 1);
                break;
            }
        }
    }
    pthread_mutex_unlock(&living.lock);
    if (found != NULL) {
        lao__memory_file_close(&found->buffer.file);
        free(found);
    }
}

lao__shared_buffer_t *lao__shared_buffer_find(const void *data, uint64_t size) {
    uintptr_t address = (uintptr_t)data;
    lao__shared_buffer_t *found = NULL;
    entry_t *entry;
    if (atomic_load_explicit(&living.count, memory_order_acquire) == 0) {
        return NULL;
    }
    pthread_mutex_lock(&living.lock);
    for (entry = living.entries; entry != NULL && found == NULL; entry = entry->next) {
        uintptr_t start = (uintptr_t)entry->buffer.file.base;
        uint64_t room = entry->buffer.file.size;
        if (address >= start && address - start <= room && size <= room - (address - start)) {
            found = &entry->buffer;
            atomic_fetch_add(&found->references, 1);
        }
    }
    pthread_mutex_unlock(&living.lock);
    return found;
}

bool lao__shared_buffer_is_gone(uint64_t id) {
    entry_t *entry;
    pthread_mutex_lock(&living.lock);
    for (entry = living.entries; entry != NULL && entry->buffer.id != id; entry = entry->next) {
    }
    pthread_mutex_unlock(&living.lock);
    return entry == NULL;
}

uint64_t lao__shared_buffer_id(void) {
    uint64_t id;
    pthread_mutex_lock(&living.lock);
    id = ++living.last_id;
    pthread_mutex_unlock(&living.lock);
    return id;
}
