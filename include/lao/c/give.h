/* Outputs in the host's memory: a large one is born where the host reads it, without a copy. */
#ifndef LAO_C_GIVE_H
#define LAO_C_GIVE_H

#include <stdlib.h>
#include <string.h>

#include "../plugin.h"

static inline void LAO_CALL lao__release_data(lao_value_t *value) {
    const lao_host_t *host = (const lao_host_t *)value->owner;
    host->free(host, (void *)(uintptr_t)value->data);
}

/* Memory from the host for an output of up to `size` bytes, or NULL: lao_give hands it out, host->free takes it back.
 * [thread: any] */
static inline char *lao_room(const lao_host_t *host, uint64_t size) {
    return (char *)host->alloc(host, size > 0 ? size : 1, 0);
}

/* Hands out the first `size` bytes of `room`, which came from lao_room, as the call's output of kind text, json,
 * binary or file. The host owns it if the call succeeds. [thread: call] */
static inline lao_status_t lao_give(const lao_host_t *host, lao_response_t *response, uint32_t kind, char *room,
                                    uint64_t size) {
    lao_value_t *output = response->outputs[0];
    output->kind = kind;
    output->data = room;
    output->size = size;
    output->owner = (void *)(uintptr_t)host;
    output->release = lao__release_data;
    response->output_count = 1;
    return LAO_OK;
}

/* Hands out a copy of `size` bytes. LAO_OUT_OF_MEMORY without memory. [thread: call] */
static inline lao_status_t lao_give_copy(const lao_host_t *host, lao_response_t *response, uint32_t kind,
                                         const void *data, uint64_t size) {
    char *room = lao_room(host, size);
    if (room == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    if (size > 0) {
        memcpy(room, data, (size_t)size);
    }
    return lao_give(host, response, kind, room, size);
}

typedef struct lao__given_tensor {
    lao_managed_tensor_t managed;
    const lao_host_t *host;
    int64_t shape[LAO_TENSOR_MAX_RANK];
} lao__given_tensor_t;

static inline void LAO_CALL lao__release_tensor(lao_value_t *value) {
    lao__given_tensor_t *given = (lao__given_tensor_t *)value->owner;
    given->host->free(given->host, given->managed.tensor.data);
    free(given);
}

/* Makes the call's output an uncleared tensor in C order, of kind tensor, image, audio or video; returns its first
 * element, or NULL without memory or with a shape that overflows. The host owns it if the call succeeds; if the call
 * then fails, call response->outputs[0]->release on it. [thread: call] */
static inline void *lao_give_tensor(const lao_host_t *host, lao_response_t *response, uint32_t kind, lao_dtype_t dtype,
                                    int32_t rank, const int64_t *shape) {
    lao_value_t *output = response->outputs[0];
    uint64_t size = (uint64_t)dtype.bits / 8 * dtype.lanes;
    lao__given_tensor_t *given;
    int32_t axis;
    if (rank < 0 || rank > LAO_TENSOR_MAX_RANK) {
        return NULL;
    }
    for (axis = 0; axis < rank; axis++) {
        if (shape[axis] < 0 || (shape[axis] > 0 && size > INT64_MAX / (uint64_t)shape[axis])) {
            return NULL;
        }
        size *= (uint64_t)shape[axis];
    }
    given = (lao__given_tensor_t *)calloc(1, sizeof *given);
    if (given == NULL) {
        return NULL;
    }
    given->managed.tensor.data = lao_room(host, size);
    if (given->managed.tensor.data == NULL) {
        free(given);
        return NULL;
    }
    given->host = host;
    given->managed.dlpack_major = 1;
    given->managed.tensor.device.device_type = LAO_DEVICE_CPU;
    given->managed.tensor.rank = rank;
    given->managed.tensor.dtype = dtype;
    given->managed.tensor.shape = given->shape;
    for (axis = 0; axis < rank; axis++) {
        given->shape[axis] = shape[axis];
    }
    output->kind = kind;
    output->tensor = &given->managed;
    output->owner = given;
    output->release = lao__release_tensor;
    response->output_count = 1;
    return given->managed.tensor.data;
}

#endif /* LAO_C_GIVE_H */
