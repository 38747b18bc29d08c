#include "outputs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/call.h"
#include "../ipc/arena.h"
#include "service_client.h"

#define COPIED_BYTES 32768u /* smaller payloads travel behind the frame */

static lao__arena_t arena;

/* Outputs that the host reads in place, by lease. A slot is free when its kind is NONE. */
static struct {
    lao_value_t *values;
    uint32_t count;
    uint32_t lowest_free; /* no slot below it is free */
    pthread_mutex_t lock;
} leases = {.lock = PTHREAD_MUTEX_INITIALIZER};

void lao__outputs_init(char *base, uint64_t size) {
    lao__arena_init(&arena, base, size, LAO__MAX_LANES * LAO__FRAME_INLINE);
}

/* --- Services --- */

static void *allocate(uint64_t size, uint64_t alignment) { return lao__arena_alloc(&arena, size, alignment); }

static void give_memory_back(void *memory) {
    if (!lao__arena_free(&arena, memory)) {
        fprintf(stderr, "lao: the plugin freed memory that the host did not hand out\n");
        abort();
    }
}

static void write_log(const char *plugin, uint32_t level, const char *text, uint64_t size) {
    (void)plugin;
    fprintf(stderr, "[%u] %.*s\n", level, (int)size, text);
}

const lao__services_t lao__worker_services = {
    .alloc = allocate, .free = give_memory_back, .log = write_log, .ask = lao__service_client_ask};

/* --- Leases --- */

/* [leases.lock held] */
static uint32_t find_free_lease(void) {
    uint32_t lease = leases.lowest_free;
    while (lease < leases.count && leases.values[lease].kind != LAO_KIND_NONE) {
        lease++;
    }
    if (lease == leases.count) {
        uint32_t count = leases.count == 0 ? 64 : leases.count * 2;
        lao_value_t *larger = realloc(leases.values, count * sizeof *larger);
        if (larger == NULL) {
            return LAO__NO_LEASE;
        }
        memset(larger + leases.count, 0, (count - leases.count) * sizeof *larger);
        leases.values = larger;
        leases.count = count;
    }
    return lease;
}

static uint32_t take_lease(const lao_value_t *value) {
    uint32_t lease;
    pthread_mutex_lock(&leases.lock);
    lease = find_free_lease();
    if (lease != LAO__NO_LEASE) {
        leases.values[lease] = *value;
        leases.lowest_free = lease + 1;
    }
    pthread_mutex_unlock(&leases.lock);
    return lease;
}

void lao__outputs_give_back(uint32_t lease) {
    lao_value_t value;
    memset(&value, 0, sizeof value);
    pthread_mutex_lock(&leases.lock);
    if (lease < leases.count) {
        value = leases.values[lease];
        leases.values[lease].kind = LAO_KIND_NONE;
        if (value.kind != LAO_KIND_NONE && lease < leases.lowest_free) {
            leases.lowest_free = lease;
        }
    }
    pthread_mutex_unlock(&leases.lock);
    if (value.kind != LAO_KIND_NONE) {
        lao__value_release(&value); /* outside of the lock: it is the plugin's code */
    }
}

/* --- Writing --- */

static void LAO_CALL release_arena_copy(lao_value_t *value) { lao__arena_free(&arena, value->owner); }

/* Copies a payload that was born elsewhere into the arena; the plugin's value is released. */
static lao_status_t copy_to_arena(lao_value_t *value, lao__frame_value_t *frame, lao_value_t *kept,
                                  lao__error_t *error) {
    uint64_t room = lao__frame_payload_room(value);
    char *copy = lao__arena_alloc(&arena, room, 64);
    lao__frame_writer_t writer;
    lao_status_t status;
    if (copy == NULL) {
        return lao__fail(error, LAO_LIMIT_EXCEEDED, "no shared memory for an output of %llu bytes",
                         (unsigned long long)room);
    }
    writer.base = arena.base;
    writer.at = (uint64_t)(copy - arena.base);
    writer.limit = writer.at + room;
    status = lao__frame_put_payload(&writer, value, frame, error);
    if (status != LAO_OK) {
        lao__arena_free(&arena, copy);
        return status;
    }
    lao__value_release(value);
    memset(kept, 0, sizeof *kept);
    kept->kind = frame->kind;
    kept->owner = copy;
    kept->release = release_arena_copy;
    return LAO_OK;
}

static lao_status_t write_in_place(lao_value_t *value, lao__frame_response_t *response, lao__error_t *error) {
    uint64_t size;
    const char *payload = lao__frame_payload(value, &size);
    lao_value_t kept = *value;
    lao_status_t status = LAO_OK;
    if (size > 0 && lao__arena_holds(&arena, payload, size)) {
        lao__frame_place_t place = {0, (uint64_t)(payload - arena.base)};
        lao__frame_put_place(value, place, &response->value);
        memset(value, 0, sizeof *value);
    } else {
        status = copy_to_arena(value, &response->value, &kept, error);
    }
    if (status != LAO_OK) {
        return status;
    }
    response->lease = take_lease(&kept);
    if (response->lease == LAO__NO_LEASE) {
        lao__value_release(&kept);
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    return LAO_OK;
}

lao_status_t lao__outputs_write(lao__frame_writer_t *writer, lao_value_t *value, lao__frame_response_t *response,
                                lao__error_t *error) {
    lao_status_t status = lao__frame_put_head(writer, value, &response->value, error);
    response->lease = LAO__NO_LEASE;
    if (value->tensor != NULL && value->tensor->tensor.device.device_type != LAO_DEVICE_CPU) {
        status = lao__fail(error, LAO_UNSUPPORTED, "an array in a device's memory cannot leave the worker");
    }
    if (status == LAO_OK && value->tensor == NULL && value->size <= COPIED_BYTES &&
        value->size <= writer->limit - writer->at) {
        status = lao__frame_put_payload(writer, value, &response->value, error);
        lao__value_release(value);
    } else if (status == LAO_OK) {
        status = write_in_place(value, response, error);
    }
    if (status != LAO_OK) {
        lao__value_release(value);
        response->value.kind = LAO_KIND_NONE;
    }
    return status;
}
