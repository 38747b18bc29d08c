/* A value as a plugin hands it over, of arbitrary layout: what passes the checks is written as a frame, which must pass
 * the other side's checks and say the same. */
#include "core/check.h"
#include "fuzz.h"
#include "ipc/frame.h"
#include "ipc/frame_writer.h"

enum { MEMORY = 4096, REGION = 16384 };

typedef struct input {
    uint32_t kind;
    int32_t rank;
    lao_dtype_t dtype;
    uint16_t limit; /* room for what is written */
    uint8_t has_strides;
    uint8_t is_bytes;
    uint64_t byte_offset;
    uint64_t size;
    uint32_t metadata_size;
    uint32_t declared_kind;
    int64_t shape[5];
    int64_t strides[5];
} input_t;

/* A plugin that claims what it has. One that claims more crashes its own worker. */
static int is_honest(const lao_value_t *value) {
    lao__error_t error;
    lao__extent_t extent;
    const lao_tensor_t *tensor;
    if (value->tensor == NULL) {
        return value->size <= MEMORY && value->metadata_size <= MEMORY;
    }
    tensor = &value->tensor->tensor;
    if (lao__check_layout(tensor->rank, tensor->shape, tensor->strides, tensor->dtype, &extent, &error) != LAO_OK) {
        return 0;
    }
    return value->metadata_size <= MEMORY && tensor->byte_offset <= MEMORY &&
           (uint64_t)-extent.lowest <= tensor->byte_offset && (uint64_t)extent.highest <= MEMORY - tensor->byte_offset;
}

static const char *element_of(const lao_tensor_t *tensor, int last) {
    const char *at = (const char *)tensor->data + tensor->byte_offset;
    int64_t step = 1;
    for (int32_t axis = tensor->rank - 1; axis >= 0; axis--) {
        int64_t stride = tensor->strides != NULL ? tensor->strides[axis] : step;
        at += last ? (tensor->shape[axis] - 1) * stride * (int64_t)lao__dtype_bytes(tensor->dtype) : 0;
        step *= tensor->shape[axis];
    }
    return at;
}

static void compare(const lao_value_t *sent, const lao_value_t *arrived) {
    FUZZ_CHECK(arrived->kind == sent->kind && arrived->metadata_size == sent->metadata_size);
    if (sent->tensor == NULL) {
        FUZZ_CHECK(arrived->size == sent->size && memcmp(arrived->data, sent->data, (size_t)sent->size) == 0);
        return;
    }
    const lao_tensor_t *from = &sent->tensor->tensor, *to = &arrived->tensor->tensor;
    int64_t count = 1;
    FUZZ_CHECK(from->rank == to->rank);
    for (int32_t axis = 0; axis < from->rank; axis++) {
        FUZZ_CHECK(from->shape[axis] == to->shape[axis]);
        count = from->shape[axis] == 0 ? 0 : count;
    }
    if (count != 0) {
        for (int last = 0; last < 2; last++) {
            FUZZ_CHECK(memcmp(element_of(from, last), element_of(to, last), lao__dtype_bytes(from->dtype)) == 0);
        }
    }
}

static void cross(const lao_value_t *value, uint64_t limit) {
    char *region = malloc(REGION);
    lao__frame_writer_t writer = {.base = region, .at = 64, .limit = limit % REGION};
    lao__frame_value_t frame;
    lao__error_t error;
    lao_value_t arrived;
    lao_managed_tensor_t tensor;
    int64_t shape[LAO_TENSOR_MAX_RANK], strides[LAO_TENSOR_MAX_RANK];
    if (writer.limit >= writer.at && lao__frame_put_head(&writer, value, &frame, &error) == LAO_OK &&
        lao__frame_put_payload(&writer, value, &frame, &error) == LAO_OK) {
        FUZZ_CHECK(writer.at <= writer.limit);
        FUZZ_CHECK(lao__frame_check_value(&frame, REGION, REGION, &error) == LAO_OK);
        lao__frame_to_value(&frame, region, region, &arrived, &tensor, shape, strides);
        compare(value, &arrived);
    }
    free(region);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static input_t input;
    char *memory = malloc(MEMORY);
    lao__error_t error;
    lao_managed_tensor_t tensor = {.dlpack_major = 1};
    lao_value_t value = {.struct_size = sizeof value};
    if (memory == NULL) {
        return 0;
    }
    memset(&input, 0, sizeof input);
    memcpy(&input, data, size < sizeof input ? size : sizeof input);
    for (size_t index = 0; index < MEMORY; index++) {
        memory[index] = (char)(index * 31 + index / 256);
    }
    value.kind = input.kind;
    value.metadata = memory;
    value.metadata_size = input.metadata_size;
    if (input.is_bytes % 2 != 0) {
        value.data = memory;
        value.size = input.size;
    } else {
        tensor.tensor = (lao_tensor_t){.data = memory,
                                       .device = {LAO_DEVICE_CPU, 0},
                                       .rank = input.rank % 6,
                                       .dtype = input.dtype,
                                       .shape = input.shape,
                                       .strides = input.has_strides % 2 != 0 ? input.strides : NULL,
                                       .byte_offset = input.byte_offset};
        value.tensor = &tensor;
    }
    if (lao__check_output(&value, input.declared_kind % 10, &error) == LAO_OK && is_honest(&value)) {
        if (!lao__kind_is_tensor(value.kind)) {
            value.tensor = NULL;
        }
        if (value.tensor != NULL || value.data != NULL) {
            cross(&value, input.limit);
        }
    }
    free(memory);
    return 0;
}

size_t fuzz_seed(unsigned number, uint8_t *data, size_t capacity) {
    static const int64_t strides[4][3] = {{12, 4, 1}, {-12, 4, 1}, {0, 0, 0}, {1, 2, 6}};
    input_t input = {.kind = LAO_KIND_TENSOR,
                     .rank = 3,
                     .dtype = {LAO_DTYPE_INT, 32, 1},
                     .limit = 8192,
                     .has_strides = (uint8_t)(number < 4),
                     .is_bytes = (uint8_t)(number == 5),
                     .byte_offset = 1024,
                     .size = 100,
                     .metadata_size = 20,
                     .declared_kind = LAO_KIND_ANY,
                     .shape = {2, 3, 4}};
    if (number > 5 || capacity < sizeof input) {
        return 0;
    }
    input.kind = number == 5 ? LAO_KIND_TEXT : LAO_KIND_TENSOR;
    memcpy(input.strides, strides[number % 4], sizeof strides[0]);
    memcpy(data, &input, sizeof input);
    return sizeof input;
}
