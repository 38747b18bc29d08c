#include "services.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "pool.h"

typedef void (*serve_fn)(const lao__service_request_t *request, lao__service_reply_t *reply);

static _Atomic(serve_fn) server;

static void ask_here(const lao__service_request_t *request, lao__service_reply_t *reply) {
    serve_fn serve = atomic_load(&server);
    if (serve == NULL) {
        lao__service_reply_fail(reply, LAO_CLOSED, "the host is ending");
        return;
    }
    reply->descriptor = -1;
    serve(request, reply);
}

const lao__services_t lao__local_services = {
    .alloc = lao__pool_alloc,
    .free = lao__pool_free,
    .log = lao__log_write,
    .ask = ask_here,
};

static _Thread_local const uint32_t *calling;

const uint32_t *lao__services_calling(const uint32_t *cancel) {
    const uint32_t *before = calling;
    calling = cancel;
    return before;
}

const uint32_t *lao__services_cancel_word(void) { return calling; }

void lao__services_serve(serve_fn serve) { atomic_store(&server, serve); }

#define ALIGNMENT 64u

static uint64_t body_at(uint64_t header_size) { return (header_size + ALIGNMENT) & ~(uint64_t)(ALIGNMENT - 1); }

bool lao__service_reply_reserve(lao__service_reply_t *reply, uint64_t header_size, uint64_t body_size) {
    uint64_t size = body_at(header_size) + body_at(body_size); /* aligned_alloc wants a multiple */
    reply->memory = aligned_alloc(ALIGNMENT, (size_t)size);
    if (reply->memory == NULL) {
        return false;
    }
    reply->header_size = header_size;
    reply->body_size = body_size;
    reply->memory[header_size] = '\0';
    reply->memory[body_at(header_size) + body_size] = '\0';
    return true;
}

void lao__service_reply_fill(lao__service_reply_t *reply, lao_status_t status, uint32_t kind, const char *header,
                             uint64_t header_size, const void *body, uint64_t body_size, int64_t descriptor) {
    memset(reply, 0, sizeof *reply);
    reply->status = status;
    reply->kind = kind;
    reply->descriptor = descriptor;
    if (header_size == 0 && body_size == 0) {
        return;
    }
    if (!lao__service_reply_reserve(reply, header_size, body_size)) {
        if (descriptor >= 0) {
            close((int)descriptor);
        }
        reply->status = LAO_OUT_OF_MEMORY;
        reply->kind = 0;
        reply->descriptor = -1;
        return;
    }
    if (header_size > 0) {
        memcpy(reply->memory, header, (size_t)header_size);
    }
    if (body_size > 0) {
        memcpy(lao__service_reply_body(reply), body, (size_t)body_size);
    }
}

void lao__service_reply_fail(lao__service_reply_t *reply, lao_status_t status, const char *reason) {
    lao__service_reply_fill(reply, status, 0, reason, strlen(reason), NULL, 0, -1);
}

char *lao__service_reply_body(const lao__service_reply_t *reply) {
    static char nothing[1];
    return reply->memory != NULL ? reply->memory + body_at(reply->header_size) : nothing;
}
