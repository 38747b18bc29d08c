/* What stands behind a plugin's host table: one set in the host's process, another in a worker. */
#ifndef LAO_CORE_SERVICES_H
#define LAO_CORE_SERVICES_H

#include <lao/status.h>
#include <stdbool.h>
#include <stdint.h>

/* Services that are asked of the host, one bit each: what a plugin was granted is a set of them. */
enum {
    LAO__SERVICE_PROGRESS = 1u,
    LAO__SERVICE_SCRATCH = 2u,
    LAO__SERVICE_FILES = 4u,
    LAO__SERVICE_HTTP = 8u,
    LAO__SERVICE_COMMANDS = 16u,
    LAO__SERVICE_CALLS = 32u,
    LAO__SERVICE_EVENTS = 64u,
    LAO__SERVICE_CANCEL = 128u /* not granted: a worker gives up the question of that id */
};

#define LAO__SERVICE_MAX_HEADER 65536u           /* bytes of JSON */
#define LAO__SERVICE_MAX_BODY ((uint64_t)16 << 20) /* bytes */

/* One question to the host. The same for both backends: a call to Python there, a frame on a socket here. */
typedef struct lao__service_request {
    uint64_t tenant;    /* who asks, in the host's process; a worker's socket says it */
    uint32_t service;   /* LAO__SERVICE_* */
    uint32_t kind;      /* LAO_KIND_* of the body; NONE: there is none */
    uint32_t one_way;   /* no answer is waited for */
    uint32_t header_size;
    const char *header; /* one JSON object */
    const void *body;
    uint64_t body_size;
    const uint32_t *cancel; /* the cancel word of the call whose thread asks; NULL: of none */
} lao__service_request_t;

/* Its answer. On any status but LAO_OK the header is the reason, as text. */
typedef struct lao__service_reply {
    lao_status_t status;
    uint32_t kind;       /* of the body */
    char *memory; /* header and body, each with a NUL behind it; NULL: both are empty. free() */
    uint64_t header_size;
    uint64_t body_size;
    int64_t descriptor;  /* an open file, the asker's own; -1: none */
} lao__service_reply_t;

typedef struct lao__services {
    void *(*alloc)(uint64_t size, uint64_t alignment);
    void (*free)(void *memory);
    void (*log)(const char *plugin, uint32_t level, const char *text, uint64_t size);
    void (*ask)(const lao__service_request_t *request, lao__service_reply_t *reply);
} lao__services_t;

/* Pooled memory, the log that the host's process keeps, and whoever serves there. */
extern const lao__services_t lao__local_services;

/* Who answers in the host's process; NULL: nobody (any more). */
void lao__services_serve(void (*serve)(const lao__service_request_t *request, lao__service_reply_t *reply));

/* Says which call the calling thread runs a plugin's code for, by its cancel word; returns what it was before. Questions
 * that may take long end with that call. */
const uint32_t *lao__services_calling(const uint32_t *cancel);

/* What it was set to; NULL: no call. */
const uint32_t *lao__services_cancel_word(void);

/* Memory for both parts, NULs in place; false without memory. The body lies so that arrays can be read in place. */
bool lao__service_reply_reserve(lao__service_reply_t *reply, uint64_t header_size, uint64_t body_size);

/* Copies both parts into the reply. Out of memory: the reply says that instead. */
void lao__service_reply_fill(lao__service_reply_t *reply, lao_status_t status, uint32_t kind, const char *header,
                             uint64_t header_size, const void *body, uint64_t body_size, int64_t descriptor);

/* A reply that only carries a reason. */
void lao__service_reply_fail(lao__service_reply_t *reply, lao_status_t status, const char *reason);

/* The body, or an empty string. */
char *lao__service_reply_body(const lao__service_reply_t *reply);

#endif
