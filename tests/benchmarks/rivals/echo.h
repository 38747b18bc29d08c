/* What every rival does natively: copies its input into a buffer that outlives the call. */
#ifndef RIVALS_ECHO_H
#define RIVALS_ECHO_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A buffer of the calling thread, kept warm and grown on demand; NULL when memory is out. */
static inline char *rival_buffer(size_t size) {
    static __thread char *buffer;
    static __thread size_t capacity;
    if (size > capacity) {
        size_t wanted = size < 4096 ? 4096 : size;
        char *larger = (char *)realloc(buffer, wanted);
        if (larger == NULL) {
            return NULL;
        }
        buffer = larger;
        capacity = wanted;
    }
    return buffer;
}

#endif
