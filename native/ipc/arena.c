#include "arena.h"

#include <string.h>

#define SMALLEST_BYTES 256u /* a quarter of it is 64: every class keeps the blocks behind it on cache lines */
#define MAGIC UINT64_C(0x6c616f2d6172656e)

/* The 64 bytes before a block. They lie in shared memory, but only the arena's owner believes them. */
typedef struct header {
    uint64_t magic;
    uint64_t block;    /* offset of the whole block from the base */
    uint64_t next;     /* free blocks: offset of the next one, 0 = none */
    uint32_t size_class;
    uint32_t free;
    uint64_t padding[4];
} header_t;

_Static_assert(sizeof(header_t) == 64, "keeps blocks on cache lines");

static uint64_t class_bytes(uint32_t size_class) {
    uint64_t octave = (uint64_t)SMALLEST_BYTES << (size_class / 4);
    return octave + octave / 4 * (size_class % 4);
}

static uint32_t class_of(uint64_t size) {
    uint32_t size_class = 0;
    if (size > SMALLEST_BYTES) {
        size_class = (63u - (uint32_t)__builtin_clzll(size / SMALLEST_BYTES)) * 4;
    }
    while (size_class < LAO__ARENA_CLASSES && class_bytes(size_class) < size) {
        size_class++;
    }
    return size_class;
}

void lao__arena_init(lao__arena_t *arena, char *base, uint64_t size, uint64_t reserved) {
    memset(arena, 0, sizeof *arena);
    pthread_mutex_init(&arena->lock, NULL);
    arena->base = base;
    arena->size = size;
    arena->used = (reserved + 63) & ~(uint64_t)63;
}

static header_t *header_of(const void *memory) { return (header_t *)((uintptr_t)memory - sizeof(header_t)); }

/* A block starts with room for its header in front of an address of the wanted alignment. */
static void *shape(lao__arena_t *arena, uint64_t block, uint32_t size_class, uint64_t alignment) {
    uintptr_t address = (uintptr_t)arena->base + block + sizeof(header_t);
    header_t *header;
    address = (address + alignment - 1) & ~(uintptr_t)(alignment - 1);
    header = header_of((void *)address);
    header->magic = MAGIC;
    header->block = block;
    header->size_class = size_class;
    header->free = 0;
    return (void *)address;
}

void *lao__arena_alloc(lao__arena_t *arena, uint64_t size, uint64_t alignment) {
    uint64_t room;
    uint64_t block = 0;
    uint32_t size_class;
    if (alignment < 64) {
        alignment = alignment == 0 || (alignment & (alignment - 1)) == 0 ? 64 : 1;
    }
    if (alignment == 1 || (alignment & (alignment - 1)) != 0 || alignment > 4096 || size > arena->size) {
        return NULL;
    }
    room = size + sizeof(header_t) + (alignment - 64);
    size_class = class_of(room);
    if (size_class >= LAO__ARENA_CLASSES) {
        return NULL;
    }
    pthread_mutex_lock(&arena->lock);
    if (arena->free_blocks[size_class] != 0) {
        block = arena->free_blocks[size_class];
        memcpy(&arena->free_blocks[size_class], arena->base + block, sizeof block); /* the next one's offset */
    } else if (class_bytes(size_class) <= arena->size - arena->used) {
        block = arena->used;
        arena->used += class_bytes(size_class);
    }
    pthread_mutex_unlock(&arena->lock);
    return block == 0 ? NULL : shape(arena, block, size_class, alignment);
}

/* [lock held] */
static bool was_handed_out(const lao__arena_t *arena, const header_t *header) {
    return header->magic == MAGIC && header->free == 0 && header->size_class < LAO__ARENA_CLASSES &&
           header->block < arena->used;
}

bool lao__arena_free(lao__arena_t *arena, void *memory) {
    header_t *header;
    bool found;
    if (memory == NULL) {
        return true;
    }
    header = header_of(memory);
    if (!lao__arena_holds(arena, header, sizeof *header)) {
        return false;
    }
    pthread_mutex_lock(&arena->lock);
    found = was_handed_out(arena, header);
    if (found) {
        uint64_t block = header->block;
        uint32_t size_class = header->size_class;
        header->free = 1;
        header->magic = 0;
        memcpy(arena->base + block, &arena->free_blocks[size_class], sizeof block);
        arena->free_blocks[size_class] = block;
    }
    pthread_mutex_unlock(&arena->lock);
    return found;
}

bool lao__arena_holds(const lao__arena_t *arena, const void *data, uint64_t size) {
    uintptr_t start = (uintptr_t)arena->base;
    uintptr_t address = (uintptr_t)data;
    return address >= start && address - start <= arena->size && size <= arena->size - (address - start);
}
