/* Arrays as a plugin in C reads them, in whatever layout they have. */
#ifndef LAO_C_ARRAY_H
#define LAO_C_ARRAY_H

#include <string.h>

#include "../value.h"
#include "fail.h"

/* A view of an input's tensor: element [i, j, ...] lies at first + (i * strides[0] + j * strides[1] + ...) * item, and need
 * not be aligned. */
typedef struct lao_array {
    const char *first;
    int32_t rank;
    int64_t item;  /* bytes of an element */
    int64_t count; /* elements */
    int64_t shape[LAO_TENSOR_MAX_RANK];
    int64_t strides[LAO_TENSOR_MAX_RANK]; /* in elements */
} lao_array_t;

/* An element type, such as lao_dtype_of(LAO_DTYPE_FLOAT, 32). */
static inline lao_dtype_t lao_dtype_of(uint8_t code, uint8_t bits) {
    lao_dtype_t dtype = {code, bits, 1};
    return dtype;
}

/* Looks at the input of kind tensor, image, audio or video. LAO_INVALID_INPUT when it is encoded, has too few or too many
 * axes for its kind, or elements of another type; LAO_UNSUPPORTED when it lies in device memory. [thread: any] [state: during the call] */
static inline lao_status_t lao_array_of(const lao_value_t *input, lao_dtype_t dtype, lao_array_t *array,
                                        lao_error_t *error) {
    static const char *const names[] = {"int", "uint", "float", "", "bfloat", "complex", "bool"};
    const lao_tensor_t *tensor;
    int32_t axis;
    if (input->tensor == NULL) {
        return lao_fail(error, LAO_INVALID_INPUT, "the input is encoded; this plugin takes it decoded");
    }
    tensor = &input->tensor->tensor;
    if (tensor->device.device_type != LAO_DEVICE_CPU) {
        return lao_fail(error, LAO_UNSUPPORTED, "the input lies in device memory; this plugin reads main memory");
    }
    if (tensor->dtype.code != dtype.code || tensor->dtype.bits != dtype.bits || tensor->dtype.lanes != dtype.lanes) {
        return lao_failf(error, LAO_INVALID_INPUT, "the input has elements of %s%u, not of %s%u",
                         tensor->dtype.code <= LAO_DTYPE_BOOL ? names[tensor->dtype.code] : "dtype",
                         (unsigned)tensor->dtype.bits, dtype.code <= LAO_DTYPE_BOOL ? names[dtype.code] : "dtype",
                         (unsigned)dtype.bits);
    }
    if (input->kind == LAO_KIND_IMAGE && (tensor->rank < 2 || tensor->rank > 3)) {
        return lao_fail(error, LAO_INVALID_INPUT, "an image has two or three axes");
    }
    if (input->kind == LAO_KIND_AUDIO && (tensor->rank < 1 || tensor->rank > 2)) {
        return lao_fail(error, LAO_INVALID_INPUT, "audio has one or two axes");
    }
    if (input->kind == LAO_KIND_VIDEO && (tensor->rank < 3 || tensor->rank > 4)) {
        return lao_fail(error, LAO_INVALID_INPUT, "video has three or four axes");
    }
    array->first = (const char *)tensor->data + tensor->byte_offset;
    array->rank = tensor->rank;
    array->item = (dtype.bits + 7) / 8 * dtype.lanes;
    array->count = 1;
    for (axis = tensor->rank - 1; axis >= 0; axis--) {
        array->shape[axis] = tensor->shape[axis];
        array->strides[axis] = tensor->strides != NULL ? tensor->strides[axis] : array->count;
        array->count *= tensor->shape[axis];
    }
    return LAO_OK;
}

/* Whether the elements lie in C order without gaps, so that `first` can be read as an array (mind its alignment).
 * [thread: any] */
static inline int lao_array_is_contiguous(const lao_array_t *array) {
    int64_t expected = 1;
    int32_t axis;
    for (axis = array->rank - 1; axis >= 0; axis--) {
        if (array->shape[axis] != 1 && array->strides[axis] != expected) {
            return 0;
        }
        expected *= array->shape[axis];
    }
    return 1;
}

static inline char *lao__array_copy_axis(const lao_array_t *array, int32_t axis, const char *from, char *to) {
    int64_t i;
    if (axis == array->rank) {
        memcpy(to, from, (size_t)array->item);
        return to + array->item;
    }
    for (i = 0; i < array->shape[axis]; i++) {
        to = lao__array_copy_axis(array, axis + 1, from + i * array->strides[axis] * array->item, to);
    }
    return to;
}

/* Writes all elements to `to` in C order; it has room for `count` of them. [thread: any] */
static inline void lao_array_copy(const lao_array_t *array, void *to) {
    if (array->count > 0 && lao_array_is_contiguous(array)) {
        memcpy(to, array->first, (size_t)(array->count * array->item));
    } else if (array->count > 0) {
        lao__array_copy_axis(array, 0, array->first, (char *)to);
    }
}

#endif /* LAO_C_ARRAY_H */
