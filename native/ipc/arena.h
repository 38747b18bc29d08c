/* Blocks within one region of memory, for outputs that are born where the host can read them.
 *
 * Size classes with four steps to an octave; blocks that come back are reused warm, newest first. Thread-safe. */
#ifndef LAO_IPC_ARENA_H
#define LAO_IPC_ARENA_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LAO__ARENA_CLASSES 160u

typedef struct lao__arena {
    pthread_mutex_t lock;
    char *base;
    uint64_t size;
    uint64_t used; /* bytes from the base that were ever handed out */
    uint64_t free_blocks[LAO__ARENA_CLASSES]; /* offset of the first free block, 0 = none */
} lao__arena_t;

/* Hands out memory of [base + reserved, base + size). */
void lao__arena_init(lao__arena_t *arena, char *base, uint64_t size, uint64_t reserved);

/* `alignment` is a power of two up to 4096; 0 means 64. NULL when there is no room. */
void *lao__arena_alloc(lao__arena_t *arena, uint64_t size, uint64_t alignment);

/* NULL is ignored; false when the pointer was not handed out. */
bool lao__arena_free(lao__arena_t *arena, void *memory);

/* True when [data, data + size) lies in the arena's region. */
bool lao__arena_holds(const lao__arena_t *arena, const void *data, uint64_t size);

#endif
