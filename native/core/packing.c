#include "packing.h"

#include <string.h>

#include "check.h"

void lao__c_strides(int32_t rank, const int64_t *shape, int64_t *strides) {
    int64_t step = 1;
    int32_t axis;
    for (axis = rank - 1; axis >= 0; axis--) {
        strides[axis] = step;
        step *= shape[axis] > 0 ? shape[axis] : 1;
    }
}

void lao__pack(const lao_tensor_t *tensor, const int64_t *strides, char *target) {
    uint64_t item = lao__dtype_bytes(tensor->dtype);
    int32_t last = tensor->rank - 1;
    int64_t index[LAO_TENSOR_MAX_RANK] = {0};
    const char *source = (const char *)tensor->data + tensor->byte_offset;
    int32_t axis;
    if (tensor->rank == 0) {
        memcpy(target, source, (size_t)item);
        return;
    }
    do {
        const char *from = source;
        int64_t element;
        for (axis = 0; axis < last; axis++) {
            from += index[axis] * strides[axis] * (int64_t)item;
        }
        if (strides[last] == 1) {
            memcpy(target, from, (size_t)(tensor->shape[last] * (int64_t)item));
            target += tensor->shape[last] * (int64_t)item;
        } else {
            for (element = 0; element < tensor->shape[last]; element++, target += item) {
                memcpy(target, from + element * strides[last] * (int64_t)item, (size_t)item);
            }
        }
        for (axis = last - 1; axis >= 0 && ++index[axis] == tensor->shape[axis]; axis--) {
            index[axis] = 0;
        }
    } while (axis >= 0);
}
