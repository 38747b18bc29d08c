/* Pooled buffers for outputs that are born in the host's own process.
 *
 * Fresh pages cost 2-8 us per 4 KiB; a block that is given back stays mapped and warm for the next output of its size
 * class. Classes are powers of two with three steps between; at most LAO__POOL_RETAINED bytes wait for reuse. */
#ifndef LAO_CORE_POOL_H
#define LAO_CORE_POOL_H

#include <stdint.h>

#define LAO__POOL_RETAINED ((uint64_t)256 << 20)

/* `alignment` is a power of two up to 4096; 0 means 64. NULL when memory is out or the arguments are not valid. */
void *lao__pool_alloc(uint64_t size, uint64_t alignment);

/* NULL is ignored. Any thread. */
void lao__pool_free(void *memory);

/* Bytes that wait for reuse. */
uint64_t lao__pool_retained(void);

/* Gives all waiting blocks back to the system. */
void lao__pool_trim(void);

#endif
