#include "value_copy.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "packing.h"
#include "pool.h"

/* One block: this, the texts, then the data or the elements. */
typedef struct owned {
    lao_managed_tensor_t tensor;
    int64_t shape[LAO_TENSOR_MAX_RANK];
    int64_t strides[LAO_TENSOR_MAX_RANK];
} owned_t;

#define ALIGNMENT 64u

static void LAO_CALL release_copy(lao_value_t *value) { lao__pool_free(value->owner); }

static uint64_t aligned(uint64_t size) { return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static void copy_tensor(const lao_tensor_t *tensor, owned_t *owned, char *elements, uint64_t count) {
    memset(&owned->tensor, 0, sizeof owned->tensor);
    if (tensor->rank > 0) {
        memcpy(owned->shape, tensor->shape, (size_t)tensor->rank * sizeof *owned->shape);
    }
    lao__c_strides(tensor->rank, owned->shape, owned->strides);
    if (count > 0) {
        lao__pack(tensor, tensor->strides != NULL ? tensor->strides : owned->strides, elements);
    }
    owned->tensor.dlpack_major = 1;
    owned->tensor.tensor = (lao_tensor_t){.data = elements,
                                          .device = {.device_type = LAO_DEVICE_CPU},
                                          .rank = tensor->rank,
                                          .dtype = tensor->dtype,
                                          .shape = owned->shape,
                                          .strides = owned->strides};
}

lao_status_t lao__value_copy(const lao_value_t *value, lao_value_t *copy, lao__error_t *error) {
    const lao_tensor_t *tensor = value->tensor != NULL ? &value->tensor->tensor : NULL;
    uint64_t media_size = value->media_type != NULL ? strlen(value->media_type) + 1 : 0;
    uint64_t texts_at = aligned(sizeof(owned_t));
    uint64_t data_at = aligned(texts_at + media_size + value->metadata_size);
    uint64_t size = value->size;
    lao__extent_t extent = {0};
    char *block;
    if (tensor != NULL) {
        lao_status_t status =
            lao__check_layout(tensor->rank, tensor->shape, tensor->strides, tensor->dtype, &extent, error);
        if (status != LAO_OK) {
            return status;
        }
        if (tensor->device.device_type != LAO_DEVICE_CPU && tensor->device.device_type != LAO_DEVICE_CUDA_HOST) {
            return lao__fail(error, LAO_UNSUPPORTED, "an array in a device's memory cannot be a part of a stream");
        }
        size = (uint64_t)extent.element_count * lao__dtype_bytes(tensor->dtype);
    }
    block = lao__pool_alloc(data_at + size + 1, ALIGNMENT);
    if (block == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "no memory for a value of %llu bytes", (unsigned long long)size);
    }
    *copy = *value;
    copy->struct_size = sizeof *copy;
    copy->flags = 0;
    copy->file_handle = -1;
    copy->owner = block;
    copy->release = release_copy;
    if (media_size > 0) {
        copy->media_type = memcpy(block + texts_at, value->media_type, (size_t)media_size);
    }
    if (value->metadata_size > 0) {
        copy->metadata = memcpy(block + texts_at + media_size, value->metadata, (size_t)value->metadata_size);
    }
    if (tensor != NULL) {
        copy_tensor(tensor, (owned_t *)block, block + data_at, (uint64_t)extent.element_count);
        copy->tensor = &((owned_t *)block)->tensor;
        return LAO_OK;
    }
    if (value->size > 0) {
        memcpy(block + data_at, value->data, (size_t)value->size);
    }
    block[data_at + value->size] = '\0';
    copy->data = block + data_at;
    return LAO_OK;
}
