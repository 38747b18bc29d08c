#include "service_tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const char *first_element(const lao_tensor_t *tensor) {
    return (const char *)tensor->data + tensor->byte_offset;
}

static bool is_c_order(const lao_tensor_t *tensor) {
    int64_t step = 1;
    int32_t axis;
    for (axis = tensor->rank - 1; tensor->strides != NULL && axis >= 0; axis--) {
        if (tensor->shape[axis] != 1 && tensor->strides[axis] != step) {
            return false;
        }
        step *= tensor->shape[axis] > 0 ? tensor->shape[axis] : 1;
    }
    return true;
}

/* Copies the elements in C order, as an odometer counts. */
static void gather(const lao_tensor_t *tensor, uint32_t item, int64_t count, char *to) {
    int64_t at[LAO_TENSOR_MAX_RANK] = {0};
    const char *from = first_element(tensor);
    int64_t done;
    int32_t axis;
    for (done = 0; done < count; done++, to += item) {
        memcpy(to, from, item);
        for (axis = tensor->rank - 1; axis >= 0; axis--) {
            from += tensor->strides[axis] * (int64_t)item;
            if (++at[axis] < tensor->shape[axis]) {
                break;
            }
            from -= tensor->strides[axis] * (int64_t)item * tensor->shape[axis];
            at[axis] = 0;
        }
    }
}

static void describe(const lao_value_t *value, lao__text_buffer_t *header) {
    const lao_tensor_t *tensor = &value->tensor->tensor;
    char number[32];
    int32_t axis;
    lao__text_add_json_number(header, "dtype_code", tensor->dtype.code);
    lao__text_add_json_number(header, "dtype_bits", tensor->dtype.bits);
    lao__text_add_json_number(header, "sample_rate", value->sample_rate_hz);
    lao__text_add_json_number(header, "color_space", value->color_space);
    lao__text_add_json_number(header, "channel_order", value->channel_order);
    lao__text_add_string(header, ",\"shape\":[");
    for (axis = 0; axis < tensor->rank; axis++) {
        snprintf(number, sizeof number, "%s%lld", axis > 0 ? "," : "", (long long)tensor->shape[axis]);
        lao__text_add_string(header, number);
    }
    lao__text_add_string(header, "]");
}

lao_status_t lao__service_put_tensor(const lao_value_t *value, lao__text_buffer_t *header, lao_value_t *body,
                                     void **copy, lao_error_t *error) {
    const lao_tensor_t *tensor = &value->tensor->tensor;
    lao__extent_t extent;
    lao__error_t reason;
    uint64_t size;
    if (tensor->device.device_type != LAO_DEVICE_CPU) {
        return lao_fail(error, LAO_UNSUPPORTED, "an array in a device's memory cannot be handed on");
    }
    if (lao__check_layout(tensor->rank, tensor->shape, tensor->strides, tensor->dtype, &extent, &reason) != LAO_OK) {
        return lao_fail(error, LAO_INVALID_INPUT, reason.text);
    }
    size = (uint64_t)extent.element_count * lao__dtype_bytes(tensor->dtype);
    if (size > LAO__SERVICE_MAX_BODY) {
        return lao_fail(error, LAO_LIMIT_EXCEEDED, "an array that is handed on has at most 16 MiB");
    }
    describe(value, header);
    body->kind = value->kind;
    body->size = size;
    body->data = first_element(tensor);
    if (size > 0 && !is_c_order(tensor)) {
        *copy = malloc((size_t)size);
        if (*copy == NULL) {
            return lao_fail(error, LAO_OUT_OF_MEMORY, "out of memory");
        }
        gather(tensor, lao__dtype_bytes(tensor->dtype), extent.element_count, *copy);
        body->data = *copy;
    }
    return LAO_OK;
}

/* --- Back --- */

typedef struct owned {
    lao_managed_tensor_t managed;
    int64_t shape[LAO_TENSOR_MAX_RANK];
    char *memory;
} owned_t;

static void LAO_CALL release(lao_value_t *value) {
    owned_t *owned = value->owner;
    free(owned->memory);
    free(owned);
}

lao_status_t lao__service_give_tensor(lao__service_reply_t *reply, lao_value_t *value, lao_error_t *error) {
    lao__service_tensor_t head;
    lao__extent_t extent;
    lao__error_t reason;
    owned_t *owned;
    lao_tensor_t *tensor;
    if (reply->header_size < sizeof head) {
        return lao_fail(error, LAO_FAILED, "the host did not say what array it is");
    }
    memcpy(&head, reply->memory, sizeof head);
    if (head.rank < 0 || head.rank > LAO_TENSOR_MAX_RANK ||
        reply->header_size != sizeof head + (uint64_t)head.rank * sizeof(int64_t)) {
        return lao_fail(error, LAO_FAILED, "the host did not say what array it is");
    }
    owned = calloc(1, sizeof *owned);
    if (owned == NULL) {
        return lao_fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    memcpy(owned->shape, reply->memory + sizeof head, (size_t)head.rank * sizeof(int64_t));
    tensor = &owned->managed.tensor;
    tensor->dtype = (lao_dtype_t){head.code, head.bits, 1};
    tensor->rank = head.rank;
    tensor->shape = owned->shape;
    tensor->device.device_type = LAO_DEVICE_CPU;
    tensor->data = (char *)(uintptr_t)lao__service_reply_body(reply);
    if (lao__check_layout(tensor->rank, tensor->shape, NULL, tensor->dtype, &extent, &reason) != LAO_OK ||
        (uint64_t)extent.element_count * lao__dtype_bytes(tensor->dtype) != reply->body_size) {
        free(owned);
        return lao_fail(error, LAO_FAILED, "the host's array is not what it says");
    }
    owned->managed.dlpack_major = 1;
    owned->memory = reply->memory;
    reply->memory = NULL;
    value->kind = reply->kind;
    value->sample_rate_hz = head.sample_rate_hz;
    value->color_space = head.color_space;
    value->channel_order = head.channel_order;
    value->tensor = &owned->managed;
    value->owner = owned;
    value->release = release;
    return LAO_OK;
}
