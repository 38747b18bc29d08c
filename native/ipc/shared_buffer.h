/* Large inputs that cross to workers without a copy: one memory file each, mapped by the workers that receive it. */
#ifndef LAO_IPC_SHARED_BUFFER_H
#define LAO_IPC_SHARED_BUFFER_H

#include "memory_file.h"

typedef struct lao__shared_buffer {
    lao__memory_file_t file;
    uint64_t id; /* never reused, never 0 */
    _Atomic uint32_t references;
} lao__shared_buffer_t;

/* Workers can only read it. The caller holds one reference. */
lao_status_t lao__shared_buffer_create(uint64_t size, lao__shared_buffer_t **buffer, lao__error_t *error);
void lao__shared_buffer_release(lao__shared_buffer_t *buffer);

/* The living buffer that holds all of [data, data + size), with a reference for the caller; NULL when there is none. */
lao__shared_buffer_t *lao__shared_buffer_find(const void *data, uint64_t size);

/* True while no buffer of this id lives. */
bool lao__shared_buffer_is_gone(uint64_t id);

/* An id that no buffer has or will have, for other things that are sent beside requests. */
uint64_t lao__shared_buffer_id(void);

#endif
