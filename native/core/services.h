/* What stands behind a plugin's host table: one set in the host's process, another in a worker. */
#ifndef LAO_CORE_SERVICES_H
#define LAO_CORE_SERVICES_H

#include <stdint.h>

typedef struct lao__services {
    void *(*alloc)(uint64_t size, uint64_t alignment);
    void (*free)(void *memory);
    void (*log)(const char *plugin, uint32_t level, const char *text, uint64_t size);
} lao__services_t;

/* Pooled memory, and the log that the host's process keeps. */
extern const lao__services_t lao__local_services;

#endif
