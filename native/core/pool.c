#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST_CLASS_BYTES 4096u /* smaller blocks are malloc's business */
#define CLASS_COUNT 112u           /* 4 KiB up to 1 TiB, four to an octave */
#define MAGIC UINT64_C(0x6c616f2d706f6f6c)

/* Sits in the 64 bytes before the memory that was handed out. */
typedef struct block {
    uint64_t magic;
    uint32_t size_class; /* CLASS_COUNT: not pooled */
    uint32_t reserved;
    uint64_t bytes;     /* of the whole allocation */
    void *allocation;   /* what malloc returned */
    struct block *next; /* in the free list */
    uint64_t padding[3];
} block_t;

_Static_assert(sizeof(block_t) == 64, "the header keeps the memory behind it aligned to a cache line");

static struct {
    pthread_mutex_t lock;
    block_t *free_blocks[CLASS_COUNT];
    uint64_t retained;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t class_bytes(uint32_t size_class) {
    uint64_t octave = (uint64_t)SMALLEST_CLASS_BYTES << (size_class / 4);
    return octave + octave / 4 * (size_class % 4);
}

static uint32_t class_of(uint64_t size) {
    uint32_t size_class;
    uint32_t octave;
    if (size <= SMALLEST_CLASS_BYTES) {
        return 0;
    }
    octave = 63u - (uint32_t)__builtin_clzll(size / SMALLEST_CLASS_BYTES);
    size_class = octave * 4;
    while (size_class < CLASS_COUNT && class_bytes(size_class) < size) {
        size_class++;
    }
    return size_class;
}

static void *hand_out(block_t *block) { return (char *)block + sizeof *block; }

static block_t *fresh_block(uint64_t size, uint64_t alignment, uint32_t size_class) {
    uint64_t room = size + sizeof(block_t) + alignment;
    char *allocation;
    block_t *block;
    uintptr_t address;
    if (room < size || room > (uint64_t)PTRDIFF_MAX) {
        return NULL;
    }
    allocation = malloc((size_t)room);
    if (allocation == NULL) {
        return NULL;
    }
    address = ((uintptr_t)allocation + sizeof(block_t) + alignment - 1) & ~(uintptr_t)(alignment - 1);
    block = (block_t *)(allocation + (address - (uintptr_t)allocation) - sizeof(block_t));
    block->magic = MAGIC;
    block->size_class = size_class;
    block->bytes = room;
    block->allocation = allocation;
    return block;
}

void *lao__pool_alloc(uint64_t size, uint64_t alignment) {
    uint32_t size_class;
    block_t *block = NULL;
    if (alignment == 0) {
        alignment = 64;
    }
    if ((alignment & (alignment - 1)) != 0 || alignment > 4096) {
        return NULL;
    }
    if (alignment < 64) {
        alignment = 64;
    }
    if (size < SMALLEST_CLASS_BYTES || alignment > 64) {
        block = fresh_block(size, alignment, CLASS_COUNT);
        return block == NULL ? NULL : hand_out(block);
    }
    size_class = class_of(size);
    if (size_class >= CLASS_COUNT) {
        return NULL;
    }
    pthread_mutex_lock(&pool.lock);
    block = pool.free_blocks[size_class];
    if (block != NULL) {
        pool.free_blocks[size_class] = block->next;
        pool.retained -= block->bytes;
    }
    pthread_mutex_unlock(&pool.lock);
    if (block == NULL) {
        block = fresh_block(class_bytes(size_class), 64, size_class);
    }
    return block == NULL ? NULL : hand_out(block);
}

void lao__pool_free(void *memory) {
    block_t *block;
    bool keep = false;
    if (memory == NULL) {
        return;
    }
    block = (block_t *)((char *)memory - sizeof(block_t));
    if (block->magic != MAGIC) {
        abort(); /* a foreign pointer or an overwritten header: going on would corrupt the heap */
    }
    if (block->size_class < CLASS_COUNT) {
        pthread_mutex_lock(&pool.lock);
        keep = pool.retained + block->bytes <= LAO__POOL_RETAINED;
        if (keep) {
            block->next = pool.free_blocks[block->size_class];
            pool.free_blocks[block->size_class] = block;
            pool.retained += block->bytes;
        }
        pthread_mutex_unlock(&pool.lock);
    }
    if (!keep) {
        block->magic = 0;
        free(block->allocation);
    }
}

uint64_t lao__pool_retained(void) {
    uint64_t retained;
    pthread_mutex_lock(&pool.lock);
    retained = pool.retained;
    pthread_mutex_unlock(&pool.lock);
    return retained;
}

void lao__pool_trim(void) {
    uint32_t size_class;
    pthread_mutex_lock(&pool.lock);
    for (size_class = 0; size_class < CLASS_COUNT; size_class++) {
        while (pool.free_blocks[size_class] != NULL) {
            block_t *block = pool.free_blocks[size_class];
            pool.free_blocks[size_class] = block->next;
            free(block->allocation);
        }
    }
    pool.retained = 0;
    pthread_mutex_unlock(&pool.lock);
}
