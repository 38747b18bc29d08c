/* Tensors for the fixture plugins: walking strided ones, and making outputs whose deleter is counted. */
#ifndef LAO_TESTS_TENSORS_H
#define LAO_TESTS_TENSORS_H

#include "support.h"

UNUSED_FN size_t element_size(lao_dtype_t dtype) { return ((size_t)dtype.bits * dtype.lanes + 7) / 8; }

UNUSED_FN int64_t element_count(const lao_tensor_t *tensor) {
    int64_t count = 1;
    for (int32_t axis = 0; axis < tensor->rank; axis++) {
        count *= tensor->shape[axis];
    }
    return count;
}

UNUSED_FN const char *first_element(const lao_tensor_t *tensor) {
    return (const char *)tensor->data + tensor->byte_offset;
}

/* Visits all elements in C order. */
typedef struct walk {
    const lao_tensor_t *tensor;
    int64_t index[LAO_TENSOR_MAX_RANK];
    int64_t c_strides[LAO_TENSOR_MAX_RANK];
    const int64_t *strides;
    size_t element;
} walk_t;

UNUSED_FN void walk_begin(walk_t *walk, const lao_tensor_t *tensor) {
    memset(walk, 0, sizeof *walk);
    walk->tensor = tensor;
    walk->element = element_size(tensor->dtype);
    int64_t stride = 1;
    for (int32_t axis = tensor->rank - 1; axis >= 0; axis--) {
        walk->c_strides[axis] = stride;
        stride *= tensor->shape[axis];
    }
    walk->strides = tensor->strides != NULL ? tensor->strides : walk->c_strides;
}

UNUSED_FN const char *walk_element(const walk_t *walk) {
    int64_t offset = 0;
    for (int32_t axis = 0; axis < walk->tensor->rank; axis++) {
        offset += walk->index[axis] * walk->strides[axis];
    }
    return first_element(walk->tensor) + offset * (int64_t)walk->element;
}

UNUSED_FN void walk_next(walk_t *walk) {
    for (int32_t axis = walk->tensor->rank - 1; axis >= 0; axis--) {
        if (++walk->index[axis] < walk->tensor->shape[axis]) {
            return;
        }
        walk->index[axis] = 0;
    }
}

UNUSED_FN int is_c_order(const lao_tensor_t *tensor) {
    walk_t walk;
    walk_begin(&walk, tensor);
    for (int32_t axis = 0; axis < tensor->rank; axis++) {
        if (tensor->shape[axis] > 1 && walk.strides[axis] != walk.c_strides[axis]) {
            return 0;
        }
    }
    return 1;
}

/* The value of one element as a double; NaN for a dtype that this does not know. */
UNUSED_FN double element_value(const char *element, lao_dtype_t dtype) {
    union {
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
        float f32;
        double f64;
    } any;
    memset(&any, 0, sizeof any);
    memcpy(&any, element, element_size(dtype) <= sizeof any ? element_size(dtype) : sizeof any);
    switch (dtype.code << 8 | dtype.bits) {
    case LAO_DTYPE_INT << 8 | 8:
        return any.i8;
    case LAO_DTYPE_INT << 8 | 16:
        return any.i16;
    case LAO_DTYPE_INT << 8 | 32:
        return any.i32;
    case LAO_DTYPE_INT << 8 | 64:
        return (double)any.i64;
    case LAO_DTYPE_BOOL << 8 | 8:
    case LAO_DTYPE_UINT << 8 | 8:
        return any.u8;
    case LAO_DTYPE_UINT << 8 | 16:
        return any.u16;
    case LAO_DTYPE_UINT << 8 | 32:
        return any.u32;
    case LAO_DTYPE_UINT << 8 | 64:
        return (double)any.u64;
    case LAO_DTYPE_FLOAT << 8 | 32:
        return any.f32;
    case LAO_DTYPE_FLOAT << 8 | 64:
        return any.f64;
    default:
        return __builtin_nan("");
    }
}

static void free_tensor(lao_managed_tensor_t *tensor, int from_host) {
    if (from_host) {
        the_host->free(the_host, tensor->manager);
    } else {
        free(tensor->manager);
    }
    free(tensor);
    atomic_fetch_add(from_host ? &host_released : &malloc_released, 1);
}

static void LAO_CALL delete_host_tensor(lao_managed_tensor_t *tensor) { free_tensor(tensor, 1); }

static void LAO_CALL delete_malloc_tensor(lao_managed_tensor_t *tensor) { free_tensor(tensor, 0); }

static void LAO_CALL release_host_tensor(lao_value_t *value) { free_tensor(value->owner, 1); }

static void LAO_CALL release_malloc_tensor(lao_value_t *value) { free_tensor(value->owner, 0); }

/* Fills the first output with a new tensor in C order, cleared memory behind it and a copy of that metadata, or returns
 * NULL. The parameter `owner` says who releases it: "value" (lao_value_t.release, the default) or "deleter" (DLPack's). */
UNUSED_FN lao_managed_tensor_t *give_tensor_with(const lao_request_t *request, lao_response_t *response, uint32_t kind,
                                                 lao_dtype_t dtype, int32_t rank, const int64_t *shape,
                                                 const char *metadata, uint64_t metadata_size) {
    lao_value_t *output = response->outputs[0];
    lao_managed_tensor_t *made =
        calloc(1, sizeof *made + 2 * sizeof(int64_t) * (size_t)(rank > 0 ? rank : 1)); /* shape and strides follow */
    if (made == NULL) {
        return NULL;
    }
    made->dlpack_major = 1;
    made->tensor.device.device_type = LAO_DEVICE_CPU;
    made->tensor.rank = rank;
    made->tensor.dtype = dtype;
    made->tensor.shape = (int64_t *)(made + 1);
    made->tensor.strides = made->tensor.shape + rank;
    if (rank > 0) {
        memcpy(made->tensor.shape, shape, sizeof(int64_t) * (size_t)rank);
    }
    walk_t walk;
    lao_tensor_t dense = made->tensor;
    dense.strides = NULL;
    walk_begin(&walk, &dense);
    memcpy(made->tensor.strides, walk.c_strides, sizeof(int64_t) * (size_t)rank);
    int from_host;
    uint64_t size = (uint64_t)element_count(&made->tensor) * element_size(dtype);
    made->manager = make_block(request, size + metadata_size, &from_host);
    if (made->manager == NULL) {
        free(made);
        return NULL;
    }
    memset(made->manager, 0, size);
    made->tensor.data = made->manager;
    if (metadata_size > 0) {
        output->metadata = memcpy((char *)made->manager + size, metadata, metadata_size);
        output->metadata_size = metadata_size;
    }
    output->kind = kind;
    output->tensor = made;
    output->owner = made;
    if (param_is(request, "owner", "deleter")) {
        made->deleter = from_host ? delete_host_tensor : delete_malloc_tensor;
    } else {
        output->release = from_host ? release_host_tensor : release_malloc_tensor;
    }
    response->output_count = 1;
    return made;
}

UNUSED_FN lao_managed_tensor_t *give_tensor(const lao_request_t *request, lao_response_t *response, uint32_t kind,
                                            lao_dtype_t dtype, int32_t rank, const int64_t *shape) {
    return give_tensor_with(request, response, kind, dtype, rank, shape, NULL, 0);
}

#endif /* LAO_TESTS_TENSORS_H */
