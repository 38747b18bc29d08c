/* Checks of what a plugin hands to the host: layouts, kinds, sizes, strings. */
#include "core/check.h"
#include "expect.h"

#define FLOAT32 ((lao_dtype_t){.code = LAO_DTYPE_FLOAT, .bits = 32, .lanes = 1})

static lao__error_t error;

static lao_status_t check(int32_t rank, const int64_t *shape, const int64_t *strides, lao__extent_t *extent) {
    return lao__check_layout(rank, shape, strides, FLOAT32, extent, &error);
}

static void dtypes(void) {
    for (unsigned code = 0; code < 256; code++) {
        for (unsigned bits = 0; bits < 256; bits++) {
            lao_dtype_t dtype = {.code = (uint8_t)code, .bits = (uint8_t)bits, .lanes = 1};
            uint32_t bytes = lao__dtype_bytes(dtype);
            EXPECT(bytes == 0 || bytes * 8 == bits);
            EXPECT(bytes == 0 || code <= LAO_DTYPE_BOOL);
            dtype.lanes = 0;
            EXPECT_EQUAL(lao__dtype_bytes(dtype), 0);
            dtype.lanes = 4;
            EXPECT_EQUAL(lao__dtype_bytes(dtype), 0);
        }
    }
    EXPECT_EQUAL(lao__dtype_bytes((lao_dtype_t){LAO_DTYPE_BOOL, 8, 1}), 1);
    EXPECT_EQUAL(lao__dtype_bytes((lao_dtype_t){LAO_DTYPE_BOOL, 1, 1}), 0);
    EXPECT_EQUAL(lao__dtype_bytes((lao_dtype_t){LAO_DTYPE_INT, 64, 1}), 8);
    EXPECT_EQUAL(lao__dtype_bytes((lao_dtype_t){LAO_DTYPE_INT, 128, 1}), 0);
    EXPECT_EQUAL(lao__dtype_bytes((lao_dtype_t){LAO_DTYPE_FLOAT, 16, 1}), 2);
    EXPECT_EQUAL(lao__dtype_bytes((lao_dtype_t){LAO_DTYPE_FLOAT, 8, 1}), 0);
    EXPECT_EQUAL(lao__dtype_bytes((lao_dtype_t){LAO_DTYPE_BFLOAT, 16, 1}), 2);
    EXPECT_EQUAL(lao__dtype_bytes((lao_dtype_t){LAO_DTYPE_COMPLEX, 128, 1}), 16);
}

static void sound_layouts(void) {
    lao__extent_t extent;
    const int64_t shape[3] = {2, 3, 4}, reversed[3] = {12, -4, 1}, broadcast[3] = {0, 0, 0};
    EXPECT_EQUAL(check(0, NULL, NULL, &extent), LAO_OK); /* a scalar */
    EXPECT_EQUAL(extent.element_count, 1);
    EXPECT_EQUAL(extent.highest, 4);
    EXPECT_EQUAL(check(3, shape, NULL, &extent), LAO_OK);
    EXPECT_EQUAL(extent.element_count, 24);
    EXPECT_EQUAL(extent.lowest, 0);
    EXPECT_EQUAL(extent.highest, 96);
    EXPECT_EQUAL(check(3, shape, reversed, &extent), LAO_OK);
    EXPECT_EQUAL(extent.lowest, -2 * 4 * 4);
    EXPECT_EQUAL(extent.highest, (12 + 3 + 1) * 4);
    EXPECT_EQUAL(check(3, shape, broadcast, &extent), LAO_OK);
    EXPECT_EQUAL(extent.element_count, 24);
    EXPECT_EQUAL(extent.highest, 4);
}

static void empty_layouts(void) {
    lao__extent_t extent;
    const int64_t shape[3] = {1000, 0, 7}, far[3] = {1, 1, -5};
    EXPECT_EQUAL(check(3, shape, NULL, &extent), LAO_OK);
    EXPECT_EQUAL(extent.element_count, 0);
    EXPECT_EQUAL(extent.highest, 0);
    EXPECT_EQUAL(check(3, shape, far, &extent), LAO_OK);
    EXPECT_EQUAL(extent.lowest, 0);
}

static void refuse(int32_t rank, const int64_t *shape, const int64_t *strides, const char *reason) {
    lao__extent_t extent;
    EXPECT_EQUAL(check(rank, shape, strides, &extent), LAO_PROTOCOL_VIOLATION);
    EXPECT_CONTAINS(error.text, reason);
}

static void broken_layouts(void) {
    const int64_t two[2] = {2, 2}, negative[2] = {2, -1}, least[1] = {INT64_MIN}, most[1] = {INT64_MAX};
    const int64_t product[2] = {INT64_C(1) << 40, INT64_C(1) << 40},
                  product32[2] = {INT64_C(1) << 32, INT64_C(1) << 32};
    const int64_t up[2] = {INT64_MAX, 1}, down[2] = {INT64_MIN, 1}, both_up[2] = {INT64_MAX, INT64_MAX};
    const int64_t above[1] = {(INT64_C(1) << 38) + 1}, hidden[3] = {0, INT64_C(1) << 62, INT64_C(1) << 62};
    int64_t ones[LAO_TENSOR_MAX_RANK + 1];
    lao__extent_t extent;
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
        ones[i] = 1;
    }
    EXPECT_EQUAL(check(LAO_TENSOR_MAX_RANK, ones, NULL, &extent), LAO_OK);
    refuse(LAO_TENSOR_MAX_RANK + 1, ones, NULL, "rank 33");
    refuse(-1, ones, NULL, "rank -1");
    refuse(INT32_MAX, ones, NULL, "rank 2147483647");
    refuse(INT32_MIN, ones, NULL, "rank -2147483648");
    refuse(2, NULL, NULL, "no shape");
    refuse(2, negative, NULL, "axis 1 has length -1");
    refuse(1, least, NULL, "length -9223372036854775808");
    refuse(1, most, NULL, "overflows");
    refuse(2, product, NULL, "overflows");
    refuse(2, product32, NULL, "overflows");
    refuse(2, two, up, "overflows");
    refuse(2, two, down, "overflows");
    refuse(2, two, both_up, "overflows");
    refuse(1, above, NULL, "overflows"); /* one element above 1 TiB */
    refuse(3, hidden, NULL, "overflows"); /* an empty axis does not excuse the others */
}

/* Every axis of 1 may carry any stride: it is never stepped along. */
static void strides_of_single_elements(void) {
    const int64_t shape[2] = {1, 3}, strides[2] = {INT64_MAX, 1};
    lao__extent_t extent;
    EXPECT_EQUAL(check(2, shape, strides, &extent), LAO_OK);
    EXPECT_EQUAL(extent.highest, 12);
}

/* Whatever the numbers are: no overflow (UBSan watches), and an accepted extent is one that memory can have. */
static void random_layouts(void) {
    static const int64_t edges[] = {0,        1,        2,        -1,          3,        INT64_MAX,   INT64_MIN,
                                    1L << 20, 1L << 31, 1L << 32, -(1L << 31), 1L << 62, -(1L << 62), 7};
    uint64_t seed = 20260101;
    int accepted = 0;
    for (int round = 0; round < 200000; round++) {
        int64_t shape[4], strides[4];
        int32_t rank = (int32_t)(next_random(&seed) % 5);
        lao__extent_t extent;
        for (int32_t axis = 0; axis < rank; axis++) {
            shape[axis] = edges[next_random(&seed) % (sizeof edges / sizeof *edges)];
            strides[axis] = edges[next_random(&seed) % (sizeof edges / sizeof *edges)];
        }
        if (check(rank, shape, next_random(&seed) % 2 ? strides : NULL, &extent) == LAO_OK) {
            accepted++;
            EXPECT(extent.lowest <= 0 && extent.highest >= 0 && extent.element_count >= 0);
            EXPECT(extent.highest <= (int64_t)LAO__MAX_VALUE_BYTES);
            EXPECT(extent.lowest >= -(int64_t)LAO__MAX_VALUE_BYTES);
        }
    }
    EXPECT(accepted > 1000);
}

/* --- outputs --- */

static int64_t shape[4] = {2, 3, 1, 1};
static float elements[6];
static lao_managed_tensor_t managed;

static lao_value_t text_value(void) {
    return (lao_value_t){
        .struct_size = sizeof(lao_value_t), .kind = LAO_KIND_TEXT, .data = "abc", .size = 3, .file_handle = -1};
}

static lao_value_t tensor_value(uint32_t kind, int32_t rank) {
    managed = (lao_managed_tensor_t){
        .dlpack_major = 1,
        .tensor = {.data = elements, .device = {LAO_DEVICE_CPU, 0}, .rank = rank, .dtype = FLOAT32, .shape = shape}};
    return (lao_value_t){.struct_size = sizeof(lao_value_t), .kind = kind, .tensor = &managed, .file_handle = -1};
}

static void expect_refused(const lao_value_t *value, uint32_t declared, const char *reason) {
    EXPECT_EQUAL(lao__check_output(value, declared, &error), LAO_PROTOCOL_VIOLATION);
    EXPECT_CONTAINS(error.text, reason);
}

static void sound_outputs(void) {
    lao_value_t value = text_value();
    EXPECT_EQUAL(lao__check_output(&value, LAO_KIND_TEXT, &error), LAO_OK);
    EXPECT_EQUAL(lao__check_output(&value, LAO_KIND_ANY, &error), LAO_OK);
    value.data = NULL, value.size = 0; /* an empty text needs no memory */
    EXPECT_EQUAL(lao__check_output(&value, LAO_KIND_TEXT, &error), LAO_OK);
    value = tensor_value(LAO_KIND_TENSOR, 2);
    EXPECT_EQUAL(lao__check_output(&value, LAO_KIND_TENSOR, &error), LAO_OK);
    value = tensor_value(LAO_KIND_IMAGE, 3);
    EXPECT_EQUAL(lao__check_output(&value, LAO_KIND_IMAGE, &error), LAO_OK);
    value = tensor_value(LAO_KIND_AUDIO, 2);
    EXPECT_EQUAL(lao__check_output(&value, LAO_KIND_AUDIO, &error), LAO_OK);
    value = tensor_value(LAO_KIND_VIDEO, 4);
    EXPECT_EQUAL(lao__check_output(&value, LAO_KIND_VIDEO, &error), LAO_OK);
    value = text_value();
    value.kind = LAO_KIND_VIDEO, value.media_type = "video/mp4"; /* encoded */
    EXPECT_EQUAL(lao__check_output(&value, LAO_KIND_VIDEO, &error), LAO_OK);
}

static void outputs_of_the_wrong_kind(void) {
    lao_value_t value = text_value();
    expect_refused(&value, LAO_KIND_JSON, "declares json");
    for (uint32_t kind = 0; kind < 300; kind++) {
        value.kind = kind;
        if (kind == LAO_KIND_NONE || kind == LAO_KIND_ANY || kind > LAO_KIND_TENSOR) {
            EXPECT(!lao__kind_is_concrete(kind));
            expect_refused(&value, LAO_KIND_ANY, "no value can have");
        }
    }
    value.kind = UINT32_MAX;
    expect_refused(&value, LAO_KIND_ANY, "no value can have");
    EXPECT_TEXT(lao__kind_name(UINT32_MAX), "unknown");
    value = text_value();
    value.kind = LAO_KIND_TENSOR;
    expect_refused(&value, LAO_KIND_ANY, "carries no tensor");
    value = tensor_value(LAO_KIND_IMAGE, 1);
    expect_refused(&value, LAO_KIND_IMAGE, "rank 1");
    value = tensor_value(LAO_KIND_AUDIO, 3);
    expect_refused(&value, LAO_KIND_AUDIO, "rank 3");
    value = tensor_value(LAO_KIND_VIDEO, 2);
    expect_refused(&value, LAO_KIND_VIDEO, "rank 2");
}

static void outputs_with_impossible_sizes(void) {
    lao_value_t value = text_value();
    value.size = UINT64_MAX;
    expect_refused(&value, LAO_KIND_TEXT, "18446744073709551615 bytes");
    value.size = LAO__MAX_VALUE_BYTES + 1;
    expect_refused(&value, LAO_KIND_TEXT, "bytes");
    value = text_value();
    value.data = NULL;
    expect_refused(&value, LAO_KIND_TEXT, "no data");
    value = text_value();
    value.metadata = "{}", value.metadata_size = UINT64_MAX;
    expect_refused(&value, LAO_KIND_TEXT, "metadata");
    value.metadata = NULL, value.metadata_size = 1;
    expect_refused(&value, LAO_KIND_TEXT, "metadata");
    value = text_value();
    value.kind = LAO_KIND_FILE, value.data = NULL, value.size = 0;
    expect_refused(&value, LAO_KIND_FILE, "without a path");
    value = text_value();
    value.media_type = "\xff";
    expect_refused(&value, LAO_KIND_TEXT, "media type");
}

static void outputs_with_broken_tensors(void) {
    lao_value_t value = tensor_value(LAO_KIND_TENSOR, 2);
    managed.dlpack_major = 2;
    expect_refused(&value, LAO_KIND_TENSOR, "DLPack version 2");
    value = tensor_value(LAO_KIND_TENSOR, 2);
    managed.tensor.data = NULL;
    expect_refused(&value, LAO_KIND_TENSOR, "no data");
    value = tensor_value(LAO_KIND_TENSOR, 2);
    managed.tensor.byte_offset = UINT64_MAX;
    expect_refused(&value, LAO_KIND_TENSOR, "byte offset");
    value = tensor_value(LAO_KIND_TENSOR, 2);
    managed.tensor.dtype.bits = 13;
    expect_refused(&value, LAO_KIND_TENSOR, "dtype");
    value = tensor_value(LAO_KIND_TENSOR, 2);
    managed.tensor.device.device_type = 1234;
    expect_refused(&value, LAO_KIND_TENSOR, "device of the unknown type 1234");
    managed.tensor.device.device_type = LAO_DEVICE_CUDA;
    EXPECT_EQUAL(lao__check_output(&value, LAO_KIND_TENSOR, &error), LAO_OK);
    value = tensor_value(LAO_KIND_TENSOR, -7);
    expect_refused(&value, LAO_KIND_TENSOR, "rank -7");
}

static void strings(void) {
    char longest[17];
    EXPECT_EQUAL(lao__checked_string(NULL, 16), -1);
    EXPECT_EQUAL(lao__checked_string("", 16), -1);
    EXPECT_EQUAL(lao__checked_string("name", 16), 4);
    EXPECT_EQUAL(lao__checked_string("na\xffme", 16), -1);
    memset(longest, 'x', sizeof longest);
    longest[16] = '\0';
    EXPECT_EQUAL(lao__checked_string(longest, 16), 16);
    EXPECT_EQUAL(lao__checked_string(longest, 15), -1);
    memset(longest, 'x', sizeof longest); /* no terminator: only limit + 1 bytes are looked at */
    EXPECT_EQUAL(lao__checked_string(longest, 16), -1);
}

int main(void) {
    RUN(dtypes);
    RUN(sound_layouts);
    RUN(empty_layouts);
    RUN(broken_layouts);
    RUN(strides_of_single_elements);
    RUN(random_layouts);
    RUN(sound_outputs);
    RUN(outputs_of_the_wrong_kind);
    RUN(outputs_with_impossible_sizes);
    RUN(outputs_with_broken_tensors);
    RUN(strings);
    return 0;
}
