#include "frame.h"

#include <string.h>

bool lao__frame_span_fits(lao__frame_span_t span, uint64_t region_size) {
    return span.offset <= region_size && span.size <= region_size - span.offset;
}

void lao__frame_copy_value(lao__frame_value_t *copy, const lao__frame_value_t *shared) {
    memcpy(copy, shared, lao__frame_head_bytes());
    if (copy->rank > 0 && copy->rank <= LAO_TENSOR_MAX_RANK) {
        size_t bytes = (size_t)copy->rank * sizeof *copy->shape;
        memcpy(copy->shape, shared->shape, bytes);
        memcpy(copy->strides, shared->strides, bytes);
    }
}

static lao_status_t check_tensor(const lao__frame_value_t *value, lao__error_t *error) {
    lao__extent_t extent;
    lao_status_t status = lao__check_layout(value->rank, value->shape, value->strides, value->dtype, &extent, error);
    if (status != LAO_OK) {
        return status;
    }
    /* lowest <= 0 < highest: both ends must lie in the payload. */
    if (value->first_element > value->data.size || (uint64_t)-extent.lowest > value->first_element ||
        (uint64_t)extent.highest > value->data.size - value->first_element) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the tensor reaches outside of its %llu bytes",
                         (unsigned long long)value->data.size);
    }
    return LAO_OK;
}

lao_status_t lao__frame_check_value(const lao__frame_value_t *value, uint64_t memory_size, uint64_t region_size,
                                    lao__error_t *error) {
    if (value->kind == LAO_KIND_NONE) {
        return LAO_OK;
    }
    if (!lao__kind_is_concrete(value->kind)) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "kind %u is not known", value->kind);
    }
    if (!lao__frame_span_fits(value->data, memory_size)) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "a payload of %llu bytes at %llu lies outside of its memory",
                         (unsigned long long)value->data.size, (unsigned long long)value->data.offset);
    }
    if (!lao__frame_span_fits(value->media_type, region_size) || value->media_type.size > LAO__MAX_NAME_BYTES ||
        !lao__frame_span_fits(value->metadata, region_size) || value->metadata.size > LAO__MAX_METADATA_BYTES) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "a value's texts lie outside of the region");
    }
    if (value->rank < 0) {
        if (lao__kind_is_tensor(value->kind) && value->kind != LAO_KIND_VIDEO) {
            return lao__fail(error, LAO_PROTOCOL_VIOLATION, "a value of kind %s carries no tensor",
                             lao__kind_name(value->kind));
        }
        return LAO_OK;
    }
    if (!lao__kind_is_tensor(value->kind)) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "a value of kind %s carries a tensor",
                         lao__kind_name(value->kind));
    }
    return check_tensor(value, error);
}
