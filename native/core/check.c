#include "check.h"

#include <string.h>

#include "utf8.h"

uint32_t lao__dtype_bytes(lao_dtype_t dtype) {
    if (dtype.lanes != 1) {
        return 0;
    }
    switch (dtype.code) {
    case LAO_DTYPE_BOOL:
        return dtype.bits == 8 ? 1 : 0;
    case LAO_DTYPE_INT:
    case LAO_DTYPE_UINT:
        return dtype.bits == 8 || dtype.bits == 16 || dtype.bits == 32 || dtype.bits == 64 ? dtype.bits / 8u : 0;
    case LAO_DTYPE_FLOAT:
        return dtype.bits == 16 || dtype.bits == 32 || dtype.bits == 64 ? dtype.bits / 8u : 0;
    case LAO_DTYPE_BFLOAT:
        return dtype.bits == 16 ? 2 : 0;
    case LAO_DTYPE_COMPLEX:
        return dtype.bits == 64 || dtype.bits == 128 ? dtype.bits / 8u : 0;
    default:
        return 0;
    }
}

static lao_status_t layout_overflows(int32_t axis, lao__error_t *error) {
    return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the tensor's size overflows at axis %d", (int)axis);
}

/* Adds the reach of one axis, `(length - 1) * stride` elements, to the extent, in elements. */
static bool reach(lao__extent_t *extent, int64_t length, int64_t stride) {
    int64_t distance;
    if (__builtin_mul_overflow(length - 1, stride, &distance)) {
        return false;
    }
    return distance < 0 ? !__builtin_add_overflow(extent->lowest, distance, &extent->lowest)
                        : !__builtin_add_overflow(extent->highest, distance, &extent->highest);
}

lao_status_t lao__check_layout(int32_t rank, const int64_t *shape, const int64_t *strides, lao_dtype_t dtype,
                               lao__extent_t *extent, lao__error_t *error) {
    uint32_t item = lao__dtype_bytes(dtype);
    int64_t elements = 1; /* of axes after this one, zero-length axes counted as one */
    bool empty = false;
    int32_t axis;
    memset(extent, 0, sizeof *extent);
    if (item == 0) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "dtype code %u with %u bits and %u lanes is not supported",
                         dtype.code, dtype.bits, dtype.lanes);
    }
    if (rank < 0 || rank > LAO_TENSOR_MAX_RANK) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "rank %d is outside 0..%d", (int)rank, LAO_TENSOR_MAX_RANK);
    }
    if (rank > 0 && shape == NULL) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the tensor has rank %d and no shape", (int)rank);
    }
    for (axis = rank - 1; axis >= 0; axis--) {
        int64_t length = shape[axis];
        if (length < 0) {
            return lao__fail(error, LAO_PROTOCOL_VIOLATION, "axis %d has length %lld", (int)axis, (long long)length);
        }
        if (length == 0) {
            empty = true;
            length = 1;
        }
        if (!reach(extent, length, strides != NULL ? strides[axis] : elements)) {
            return layout_overflows(axis, error);
        }
        if (__builtin_mul_overflow(elements, length, &elements)) {
            return layout_overflows(axis, error);
        }
    }
    extent->element_count = empty ? 0 : elements;
    if (empty) {
        extent->lowest = 0;
        extent->highest = 0;
        return LAO_OK;
    }
    if (__builtin_add_overflow(extent->highest, 1, &extent->highest) ||
        __builtin_mul_overflow(extent->highest, (int64_t)item, &extent->highest) ||
        __builtin_mul_overflow(extent->lowest, (int64_t)item, &extent->lowest) ||
        __builtin_mul_overflow(elements, (int64_t)item, &elements) ||
        (uint64_t)extent->highest > LAO__MAX_VALUE_BYTES || extent->lowest < -(int64_t)LAO__MAX_VALUE_BYTES ||
        (uint64_t)elements > LAO__MAX_VALUE_BYTES) {
        return layout_overflows(0, error);
    }
    return LAO_OK;
}

static const char *const kind_names[] = {"none",  "text",  "json",  "binary", "file",
                                         "audio", "image", "video", "any",    "tensor"};

const char *lao__kind_name(uint32_t kind) {
    return kind < sizeof kind_names / sizeof *kind_names ? kind_names[kind] : "unknown";
}

bool lao__kind_is_concrete(uint32_t kind) {
    return kind != LAO_KIND_NONE && kind != LAO_KIND_ANY && kind <= LAO_KIND_TENSOR;
}

bool lao__kind_is_tensor(uint32_t kind) {
    return kind == LAO_KIND_TENSOR || kind == LAO_KIND_IMAGE || kind == LAO_KIND_AUDIO || kind == LAO_KIND_VIDEO;
}

static bool device_is_known(int32_t type) {
    switch (type) {
    case LAO_DEVICE_CPU:
    case LAO_DEVICE_CUDA:
    case LAO_DEVICE_CUDA_HOST:
    case LAO_DEVICE_OPENCL:
    case LAO_DEVICE_VULKAN:
    case LAO_DEVICE_METAL:
    case LAO_DEVICE_ROCM:
        return true;
    default:
        return false;
    }
}

static lao_status_t check_tensor(const lao_value_t *value, lao__error_t *error) {
    const lao_tensor_t *tensor = &value->tensor->tensor;
    lao__extent_t extent;
    lao_status_t status;
    if (value->tensor->dlpack_major != 1) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the tensor is of DLPack version %u, not 1",
                         value->tensor->dlpack_major);
    }
    status = lao__check_layout(tensor->rank, tensor->shape, tensor->strides, tensor->dtype, &extent, error);
    if (status != LAO_OK) {
        return status;
    }
    if (extent.element_count > 0 && tensor->data == NULL) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the tensor has %lld elements and no data",
                         (long long)extent.element_count);
    }
    if (!device_is_known(tensor->device.device_type)) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the tensor is on a device of the unknown type %d",
                         (int)tensor->device.device_type);
    }
    if (tensor->byte_offset > LAO__MAX_VALUE_BYTES) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the tensor's byte offset is too large");
    }
    return LAO_OK;
}

static lao_status_t check_shape_of_kind(const lao_value_t *value, lao__error_t *error) {
    int32_t rank = value->tensor->tensor.rank;
    int32_t lowest = value->kind == LAO_KIND_IMAGE ? 2 : value->kind == LAO_KIND_AUDIO ? 1 : 3;
    int32_t highest = value->kind == LAO_KIND_IMAGE ? 3 : value->kind == LAO_KIND_AUDIO ? 2 : 4;
    if (value->kind != LAO_KIND_TENSOR && (rank < lowest || rank > highest)) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "an output of kind %s has rank %d, not %d or %d",
                         lao__kind_name(value->kind), (int)rank, (int)lowest, (int)highest);
    }
    return LAO_OK;
}

lao_status_t lao__check_output(const lao_value_t *value, uint32_t declared_kind, lao__error_t *error) {
    lao_status_t status;
    if (!lao__kind_is_concrete(value->kind)) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the output has kind %u, which no value can have", value->kind);
    }
    if (declared_kind != LAO_KIND_ANY && value->kind != declared_kind) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the output is %s, but the capability declares %s",
                         lao__kind_name(value->kind), lao__kind_name(declared_kind));
    }
    if (value->metadata_size > LAO__MAX_METADATA_BYTES || (value->metadata_size > 0 && value->metadata == NULL)) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the output's metadata is missing or too large");
    }
    if (value->media_type != NULL && lao__checked_string(value->media_type, LAO__MAX_NAME_BYTES) < 0) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the output's media type is not a short UTF-8 string");
    }
    if (lao__kind_is_tensor(value->kind) && value->tensor != NULL) {
        status = check_tensor(value, error);
        return status != LAO_OK ? status : check_shape_of_kind(value, error);
    }
    if (lao__kind_is_tensor(value->kind) && value->kind != LAO_KIND_VIDEO) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "an output of kind %s carries no tensor",
                         lao__kind_name(value->kind));
    }
    if (value->size > LAO__MAX_VALUE_BYTES) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the output claims %llu bytes",
                         (unsigned long long)value->size);
    }
    if (value->kind == LAO_KIND_FILE && value->size == 0) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the output is a file without a path");
    }
    if (value->data == NULL && value->size > 0) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the output claims %llu bytes and has no data",
                         (unsigned long long)value->size);
    }
    return LAO_OK;
}

int64_t lao__checked_string(const char *text, size_t limit) {
    size_t size;
    if (text == NULL) {
        return -1;
    }
    size = strnlen(text, limit + 1);
    if (size == 0 || size > limit || !lao__utf8_valid(text, size)) {
        return -1;
    }
    return (int64_t)size;
}
