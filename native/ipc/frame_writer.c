#include "frame_writer.h"

#include <string.h>

#include "../core/packing.h"

bool lao__frame_put(lao__frame_writer_t *writer, const void *data, uint64_t size, uint64_t alignment,
                    lao__frame_span_t *span) {
    uint64_t start = (writer->at + alignment - 1) & ~(alignment - 1);
    if (start > writer->limit || size > writer->limit - start) {
        return false;
    }
    if (size > 0) {
        memcpy(writer->base + start, data, (size_t)size);
    }
    span->offset = start;
    span->size = size;
    writer->at = start + size;
    return true;
}

bool lao__frame_put_text(lao__frame_writer_t *writer, const char *text, lao__frame_span_t *span) {
    return text == NULL || lao__frame_put(writer, text, strlen(text) + 1, 8, span);
}

/* Elements and reach of a tensor that was checked before. */
static lao__extent_t extent_of(const lao_tensor_t *tensor) {
    lao__extent_t extent;
    lao__error_t ignored;
    lao__check_layout(tensor->rank, tensor->shape, tensor->strides, tensor->dtype, &extent, &ignored);
    return extent;
}

static const char *first_element(const lao_tensor_t *tensor) {
    return (const char *)tensor->data + tensor->byte_offset;
}

const void *lao__frame_payload(const lao_value_t *value, uint64_t *size) {
    const lao_tensor_t *tensor;
    lao__extent_t extent;
    if (value->tensor == NULL) {
        *size = value->size;
        return value->data;
    }
    tensor = &value->tensor->tensor;
    extent = extent_of(tensor);
    *size = (uint64_t)(extent.highest - extent.lowest);
    return *size == 0 ? NULL : first_element(tensor) + extent.lowest;
}

/* True when copying the reach costs no more than copying the elements: no gaps, in whatever order of axes, or elements
 * that share memory. */
static bool is_dense(const lao_tensor_t *tensor, const lao__extent_t *extent) {
    uint64_t item = lao__dtype_bytes(tensor->dtype);
    return (uint64_t)(extent->highest - extent->lowest) <= (uint64_t)extent->element_count * item;
}

uint64_t lao__frame_payload_room(const lao_value_t *value) {
    lao__extent_t extent;
    if (value->tensor == NULL) {
        return value->size;
    }
    extent = extent_of(&value->tensor->tensor);
    return (uint64_t)extent.element_count * lao__dtype_bytes(value->tensor->tensor.dtype);
}

lao_status_t lao__frame_put_head(lao__frame_writer_t *writer, const lao_value_t *value, lao__frame_value_t *frame,
                                 lao__error_t *error) {
    bool fits = true;
    memset(frame, 0, lao__frame_head_bytes());
    frame->kind = value->kind;
    frame->sample_rate_hz = value->sample_rate_hz;
    frame->color_space = value->color_space;
    frame->channel_order = value->channel_order;
    frame->rank = -1;
    if (value->media_type != NULL) {
        fits = lao__frame_put(writer, value->media_type, strlen(value->media_type) + 1, 1, &frame->media_type);
    }
    if (fits && value->metadata_size > 0) {
        fits = lao__frame_put(writer, value->metadata, value->metadata_size, 8, &frame->metadata);
    }
    if (!fits) {
        return lao__fail(error, LAO_LIMIT_EXCEEDED, "the value's metadata does not fit into the channel");
    }
    if (value->tensor != NULL) {
        const lao_tensor_t *tensor = &value->tensor->tensor;
        if (tensor->device.device_type != LAO_DEVICE_CPU && tensor->device.device_type != LAO_DEVICE_CUDA_HOST) {
            return lao__fail(error, LAO_UNSUPPORTED, "an array in a device's memory does not cross between processes");
        }
        frame->rank = tensor->rank;
        frame->dtype = tensor->dtype;
        frame->tensor_flags = value->tensor->flags;
        if (tensor->rank > 0) {
            size_t bytes = (size_t)tensor->rank * sizeof *frame->shape;
            memcpy(frame->shape, tensor->shape, bytes);
            if (tensor->strides != NULL) {
                memcpy(frame->strides, tensor->strides, bytes);
            } else {
                lao__c_strides(tensor->rank, tensor->shape, frame->strides);
            }
        }
    }
    return LAO_OK;
}

void lao__frame_put_place(const lao_value_t *value, lao__frame_place_t place, lao__frame_value_t *frame) {
    frame->memory = place.memory;
    frame->data.offset = place.offset;
    lao__frame_payload(value, &frame->data.size);
    if (value->tensor != NULL) {
        frame->first_element = (uint64_t)-extent_of(&value->tensor->tensor).lowest;
    }
}

static lao_status_t put_tensor(lao__frame_writer_t *writer, const lao_value_t *value, lao__frame_value_t *frame,
                               lao__error_t *error) {
    const lao_tensor_t *tensor = &value->tensor->tensor;
    lao__extent_t extent = extent_of(tensor);
    bool dense = is_dense(tensor, &extent);
    uint64_t size = dense ? (uint64_t)(extent.highest - extent.lowest) : lao__frame_payload_room(value);
    uint64_t start = (writer->at + 63) & ~(uint64_t)63;
    if (start > writer->limit || size > writer->limit - start) {
        return lao__fail(error, LAO_LIMIT_EXCEEDED, "an array of %llu bytes does not fit into the channel",
                         (unsigned long long)size);
    }
    frame->data.offset = start;
    frame->data.size = size;
    writer->at = start + size;
    if (size == 0) {
        return LAO_OK;
    }
    if (dense) {
        memcpy(writer->base + start, first_element(tensor) + extent.lowest, (size_t)size);
        frame->first_element = (uint64_t)-extent.lowest;
        return LAO_OK;
    }
    lao__pack(tensor, frame->strides, writer->base + start);
    lao__c_strides(tensor->rank, tensor->shape, frame->strides);
    return LAO_OK;
}

lao_status_t lao__frame_put_payload(lao__frame_writer_t *writer, const lao_value_t *value, lao__frame_value_t *frame,
                                    lao__error_t *error) {
    if (value->tensor != NULL) {
        return put_tensor(writer, value, frame, error);
    }
    if (!lao__frame_put(writer, value->data, value->size, 64, &frame->data)) {
        return lao__fail(error, LAO_LIMIT_EXCEEDED, "a value of %llu bytes does not fit into the channel",
                         (unsigned long long)value->size);
    }
    return LAO_OK;
}

void lao__frame_to_value(const lao__frame_value_t *frame, char *memory, char *region, lao_value_t *value,
                         lao_managed_tensor_t *tensor, int64_t *shape, int64_t *strides) {
    memset(value, 0, sizeof *value);
    value->struct_size = sizeof *value;
    value->kind = frame->kind;
    value->sample_rate_hz = frame->sample_rate_hz;
    value->color_space = frame->color_space;
    value->channel_order = frame->channel_order;
    value->file_handle = -1;
    if (frame->media_type.size > 0) {
        value->media_type = region + frame->media_type.offset;
    }
    if (frame->metadata.size > 0) {
        value->metadata = region + frame->metadata.offset;
        value->metadata_size = frame->metadata.size;
    }
    if (frame->rank < 0) {
        value->data = memory + frame->data.offset;
        value->size = frame->data.size;
        return;
    }
    memset(tensor, 0, sizeof *tensor);
    tensor->dlpack_major = 1;
    tensor->flags = frame->tensor_flags;
    tensor->tensor.data = memory + frame->data.offset;
    tensor->tensor.byte_offset = frame->first_element;
    tensor->tensor.device.device_type = LAO_DEVICE_CPU;
    tensor->tensor.rank = frame->rank;
    tensor->tensor.dtype = frame->dtype;
    tensor->tensor.shape = shape;
    tensor->tensor.strides = strides;
    if (frame->rank > 0) {
        memcpy(shape, frame->shape, (size_t)frame->rank * sizeof *shape);
        memcpy(strides, frame->strides, (size_t)frame->rank * sizeof *strides);
    }
    value->tensor = tensor;
}
