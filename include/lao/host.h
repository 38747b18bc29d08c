/* The host table: what LAO offers to a plugin. More comes as extensions (ext/), fetched by id. */
#ifndef LAO_HOST_H
#define LAO_HOST_H

#include "status.h"
#include "value.h"

typedef struct lao_call lao_call_t; /* opaque: one call in flight, named in its request */

enum { /* log levels */
       LAO_LOG_DEBUG = 10,
       LAO_LOG_INFO = 20,
       LAO_LOG_WARNING = 30,
       LAO_LOG_ERROR = 40
};

/* Owned by the host; valid from lao_plugin_entry until the process ends. */
typedef struct lao_host {
    uint32_t struct_size;
    uint32_t abi_version;    /* LAO_ABI_VERSION of the host */
    const char *lao_version; /* release of LAO, "MAJOR.MINOR.PATCH" */
    void *context;           /* the host's own */

    /* Memory that an output may be born in: pooled in-process, shared with the host from a worker, so that the host
     * reads it in place. `alignment` is a power of two up to 4096; 0 means 64. NULL when there is none left. The
     * memory is not cleared. [thread: any] */
    void *(LAO_CALL *alloc)(const struct lao_host *host, uint64_t size, uint64_t alignment);

    /* Gives back what alloc returned; NULL is ignored. [thread: any] */
    void(LAO_CALL *free)(const struct lao_host *host, void *memory);

    /* Logs one line of UTF-8; the host limits the rate and the length. [thread: any] */
    void(LAO_CALL *log)(const struct lao_host *host, uint32_t level, const char *text, uint64_t size);

    /* The clock that deadlines use: monotonic nanoseconds. [thread: any] */
    int64_t(LAO_CALL *now_ns)(const struct lao_host *host);

    /* The host's side of an extension, such as "lao.stream/1", or NULL when this host does not offer it or the plugin
     * was not permitted to use it. The table lives until the process ends. [thread: any] */
    const void *(LAO_CALL *get_extension)(const struct lao_host *host, const char *id);
} lao_host_t;

#endif /* LAO_HOST_H */
