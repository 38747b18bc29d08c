/* Frames: what is written comes back the same, and nothing that a hostile writer states is believed unchecked. */
#include "ipc/frame.h"

#include "expect.h"
#include "ipc/frame_writer.h"

enum { REGION = 1 << 16 };

static _Alignas(64) char region[REGION];
static lao__error_t error;

static lao__frame_writer_t new_writer(void) {
    memset(region, 0xEE, sizeof region);
    return (lao__frame_writer_t){.base = region, .at = 0, .limit = REGION};
}

/* A value that went through a frame, with the memory that its tensor needs. */
typedef struct arrived {
    lao__frame_value_t frame;
    lao_value_t value;
    lao_managed_tensor_t tensor;
    int64_t shape[LAO_TENSOR_MAX_RANK], strides[LAO_TENSOR_MAX_RANK];
} arrived_t;

static arrived_t *send(const lao_value_t *value) {
    static arrived_t it;
    lao__frame_value_t shared, *copy = &it.frame;
    lao__frame_writer_t writer = new_writer();
    memset(&it, 0xEE, sizeof it);
    EXPECT_EQUAL(lao__frame_put_head(&writer, value, &shared, &error), LAO_OK);
    EXPECT_EQUAL(lao__frame_put_payload(&writer, value, &shared, &error), LAO_OK);
    lao__frame_copy_value(copy, &shared);
    EXPECT_EQUAL(lao__frame_check_value(copy, REGION, REGION, &error), LAO_OK);
    lao__frame_to_value(copy, region, region, &it.value, &it.tensor, it.shape, it.strides);
    EXPECT_EQUAL(it.value.kind, value->kind);
    return &it;
}

/* --- values there and back --- */

static void data_there_and_back(void) {
    static const char text[] = "text with a \0 in it";
    for (uint32_t kind = LAO_KIND_TEXT; kind <= LAO_KIND_FILE; kind++) {
        lao_value_t value = {.struct_size = sizeof value,
                             .kind = kind,
                             .data = text,
                             .size = sizeof text - 1,
                             .media_type = "text/plain",
                             .metadata = "{\"a\":1}",
                             .metadata_size = 7};
        arrived_t *it = send(&value);
        EXPECT_EQUAL(it->value.size, sizeof text - 1);
        EXPECT(memcmp(it->value.data, text, sizeof text - 1) == 0);
        EXPECT_TEXT(it->value.media_type, "text/plain");
        EXPECT(it->value.metadata_size == 7 && memcmp(it->value.metadata, "{\"a\":1}", 7) == 0);
        EXPECT(it->value.tensor == NULL && it->value.file_handle == -1);
    }
    lao_value_t empty = {.struct_size = sizeof empty, .kind = LAO_KIND_TEXT};
    arrived_t *it = send(&empty);
    EXPECT_EQUAL(it->value.size, 0);
    EXPECT(it->value.media_type == NULL && it->value.metadata == NULL);
}

static int32_t numbers[4 * 5 * 6];

static lao_managed_tensor_t tensor_of(int32_t rank, int64_t *shape, int64_t *strides, uint64_t first) {
    return (lao_managed_tensor_t){.dlpack_major = 1,
                                  .tensor = {.data = numbers,
                                             .device = {LAO_DEVICE_CPU, 0},
                                             .rank = rank,
                                             .dtype = {LAO_DTYPE_INT, 32, 1},
                                             .shape = shape,
                                             .strides = strides,
                                             .byte_offset = first * sizeof *numbers}};
}

static int32_t element(const lao_tensor_t *tensor, const int64_t *index) {
    const char *at = (const char *)tensor->data + tensor->byte_offset;
    int32_t number;
    int64_t step = 1;
    for (int32_t axis = tensor->rank - 1; axis >= 0; axis--) {
        int64_t stride = tensor->strides != NULL ? tensor->strides[axis] : step;
        at += index[axis] * stride * (int64_t)sizeof number;
        step *= tensor->shape[axis];
    }
    memcpy(&number, at, sizeof number);
    return number;
}

/* Sends a tensor and compares every element. */
static void compare(int32_t rank, int64_t *shape, int64_t *strides, uint64_t first) {
    lao_managed_tensor_t managed = tensor_of(rank, shape, strides, first);
    lao_value_t value = {.struct_size = sizeof value, .kind = LAO_KIND_TENSOR, .tensor = &managed};
    int64_t index[LAO_TENSOR_MAX_RANK] = {0};
    arrived_t *it = send(&value);
    int32_t axis;
    EXPECT_EQUAL(it->value.tensor->tensor.rank, rank);
    EXPECT(lao__frame_payload_room(&value) >= it->frame.data.size);
    for (axis = 0; axis < rank; axis++) {
        EXPECT_EQUAL(it->shape[axis], shape[axis]);
        if (shape[axis] == 0) {
            return;
        }
    }
    do {
        EXPECT_EQUAL(element(&it->value.tensor->tensor, index), element(&managed.tensor, index));
        for (axis = rank - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--) {
            index[axis] = 0;
        }
    } while (axis >= 0);
}

static void tensors_there_and_back(void) {
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        numbers[i] = (int32_t)(i * 7919);
    }
    compare(0, NULL, NULL, 5);                                                     /* a scalar */
    compare(3, (int64_t[]){4, 5, 6}, NULL, 0);                                     /* C order */
    compare(3, (int64_t[]){4, 5, 6}, (int64_t[]){30, 6, 1}, 0);                    /* the same, said */
    compare(3, (int64_t[]){6, 5, 4}, (int64_t[]){1, 6, 30}, 0);                    /* Fortran order */
    compare(2, (int64_t[]){4, 5}, (int64_t[]){30, 6}, 3);                          /* a slice with gaps */
    compare(2, (int64_t[]){4, 3}, (int64_t[]){-30, 2}, 90);                        /* turned around */
    compare(2, (int64_t[]){4, 5}, (int64_t[]){-30, -6}, 90 + 24);                  /* both axes */
    compare(2, (int64_t[]){50, 60}, (int64_t[]){0, 0}, 7);                         /* one element everywhere */
    compare(2, (int64_t[]){3, 5}, (int64_t[]){0, 1}, 0);                           /* one row three times */
    compare(2, (int64_t[]){10, 3}, (int64_t[]){1, 1}, 0);                          /* overlapping windows */
    compare(2, (int64_t[]){1, 6}, (int64_t[]){INT64_MAX, 1}, 0);                   /* a stride that is never taken */
    compare(3, (int64_t[]){3, 0, 2}, NULL, 0);                                     /* empty */
    compare(4, (int64_t[]){2, 1, 2, 3}, (int64_t[]){60, 0, 12, 2}, 1);
}

static void what_does_not_fit(void) {
    lao__frame_value_t frame;
    lao_value_t value = {.struct_size = sizeof value, .kind = LAO_KIND_TEXT, .data = region, .size = 100};
    for (uint64_t room = 0; room < 200; room++) {
        static char target[200];
        memset(target, '#', sizeof target);
        lao__frame_writer_t writer = {.base = target, .at = 0, .limit = room};
        EXPECT_EQUAL(lao__frame_put_head(&writer, &value, &frame, &error), LAO_OK);
        lao_status_t status = lao__frame_put_payload(&writer, &value, &frame, &error);
        EXPECT_EQUAL(status, room >= 100 ? LAO_OK : LAO_LIMIT_EXCEEDED);
        for (uint64_t i = room; i < sizeof target; i++) {
            EXPECT(target[i] == '#');
        }
    }
    value.metadata = region, value.metadata_size = 1000;
    lao__frame_writer_t writer = {.base = region, .at = 10, .limit = 500};
    EXPECT_EQUAL(lao__frame_put_head(&writer, &value, &frame, &error), LAO_LIMIT_EXCEEDED);
    int64_t shape[2] = {100, 2}, strides[2] = {0, 1};
    lao_managed_tensor_t managed = tensor_of(2, shape, strides, 0);
    lao_value_t tensor = {.struct_size = sizeof tensor, .kind = LAO_KIND_TENSOR, .tensor = &managed};
    writer = (lao__frame_writer_t){.base = region, .at = 1, .limit = 64 + 7};
    EXPECT_EQUAL(lao__frame_put_payload(&writer, &tensor, &frame, &error), LAO_LIMIT_EXCEEDED);
}

static void device_memory_does_not_cross(void) {
    int64_t shape[1] = {4};
    lao__frame_value_t frame;
    lao_managed_tensor_t managed = tensor_of(1, shape, NULL, 0);
    lao_value_t value = {.struct_size = sizeof value, .kind = LAO_KIND_TENSOR, .tensor = &managed};
    lao__frame_writer_t writer = new_writer();
    managed.tensor.device.device_type = LAO_DEVICE_CUDA;
    EXPECT_EQUAL(lao__frame_put_head(&writer, &value, &frame, &error), LAO_UNSUPPORTED);
    EXPECT_CONTAINS(error.text, "device");
    managed.tensor.device.device_type = LAO_DEVICE_CUDA_HOST; /* pinned, but the host's */
    EXPECT_EQUAL(lao__frame_put_head(&writer, &value, &frame, &error), LAO_OK);
}

static void spans(void) {
    EXPECT(lao__frame_span_fits((lao__frame_span_t){0, 0}, 0));
    EXPECT(lao__frame_span_fits((lao__frame_span_t){10, 0}, 10));
    EXPECT(lao__frame_span_fits((lao__frame_span_t){0, 10}, 10));
    EXPECT(!lao__frame_span_fits((lao__frame_span_t){11, 0}, 10));
    EXPECT(!lao__frame_span_fits((lao__frame_span_t){1, 10}, 10));
    EXPECT(!lao__frame_span_fits((lao__frame_span_t){UINT64_MAX, 2}, 10));
    EXPECT(!lao__frame_span_fits((lao__frame_span_t){2, UINT64_MAX}, 10));
    EXPECT(!lao__frame_span_fits((lao__frame_span_t){UINT64_MAX, UINT64_MAX}, UINT64_MAX - 1));
}

/* --- hostile frames --- */

/* A sound int32 tensor of 2 x 3 at offset 64, which each case spoils. */
static lao__frame_value_t sound(void) {
    lao__frame_value_t frame;
    memset(&frame, 0, sizeof frame);
    frame.kind = LAO_KIND_TENSOR;
    frame.data = (lao__frame_span_t){64, 24};
    frame.rank = 2;
    frame.dtype = (lao_dtype_t){LAO_DTYPE_INT, 32, 1};
    frame.shape[0] = 2, frame.shape[1] = 3, frame.strides[0] = 3, frame.strides[1] = 1;
    return frame;
}

static void expect_refused(const lao__frame_value_t *frame, const char *reason) {
    EXPECT_EQUAL(lao__frame_check_value(frame, REGION, REGION, &error), LAO_PROTOCOL_VIOLATION);
    EXPECT_CONTAINS(error.text, reason);
}

#define REFUSED(spoil, reason)                                                                                         \
    do {                                                                                                               \
        lao__frame_value_t frame = sound();                                                                            \
        spoil;                                                                                                         \
        expect_refused(&frame, reason);                                                                                \
    } while (0)

static void hostile_frames(void) {
    lao__frame_value_t frame = sound();
    EXPECT_EQUAL(lao__frame_check_value(&frame, REGION, REGION, &error), LAO_OK);
    REFUSED(frame.kind = LAO_KIND_ANY, "kind 8");
    REFUSED(frame.kind = UINT32_MAX, "kind 4294967295");
    REFUSED(frame.data.offset = REGION, "outside of its memory");
    REFUSED(frame.data.offset = UINT64_MAX - 7, "outside of its memory");
    REFUSED(frame.data.size = UINT64_MAX, "outside of its memory");
    REFUSED(frame.data.size = REGION - 63, "outside of its memory");
    REFUSED(frame.data.size = 23, "reaches outside");
    REFUSED(frame.data.size = 0, "reaches outside");
    REFUSED(frame.first_element = 1, "reaches outside");
    REFUSED(frame.first_element = UINT64_MAX, "reaches outside");
    REFUSED(frame.strides[1] = -1, "reaches outside");
    REFUSED(frame.strides[0] = INT64_MAX, "overflows");
    REFUSED(frame.strides[0] = INT64_MIN, "overflows");
    REFUSED(frame.strides[0] = INT64_MAX / 8, "overflows");
    REFUSED(frame.shape[0] = 3, "reaches outside");
    REFUSED(frame.shape[0] = -2, "length -2");
    REFUSED((frame.shape[0] = frame.shape[1] = INT64_MAX), "overflows");
    REFUSED(frame.rank = LAO_TENSOR_MAX_RANK + 1, "rank 33");
    REFUSED(frame.rank = INT32_MAX, "rank 2147483647");
    REFUSED(frame.rank = -1, "carries no tensor");
    REFUSED(frame.rank = INT32_MIN, "carries no tensor");
    REFUSED(frame.dtype.bits = 0, "dtype");
    REFUSED(frame.dtype.bits = 64, "reaches outside");
    REFUSED(frame.dtype.lanes = 65535, "dtype");
    REFUSED(frame.kind = LAO_KIND_TEXT, "carries a tensor");
    REFUSED(frame.media_type = ((lao__frame_span_t){REGION - 1, 2}), "texts");
    REFUSED(frame.media_type = ((lao__frame_span_t){0, 4096}), "texts");
    REFUSED(frame.metadata = ((lao__frame_span_t){UINT64_MAX, 1}), "texts");
    REFUSED(frame.metadata = ((lao__frame_span_t){0, LAO__MAX_METADATA_BYTES + 1}), "texts");
}

/* Whoever believes an accepted frame stays within the region: every element of it is read (a sanitizer watches a region
 * of its exact size). */
static void touch(const lao__frame_value_t *frame, char *memory, uint64_t size) {
    static volatile char sink;
    lao__extent_t extent;
    if (frame->kind == LAO_KIND_NONE) {
        return;
    }
    if (frame->metadata.size > 0) {
        sink = memory[frame->metadata.offset];
        sink = memory[frame->metadata.offset + frame->metadata.size - 1];
    }
    if (frame->media_type.size > 0) {
        sink = memory[frame->media_type.offset + frame->media_type.size - 1];
    }
    if (frame->data.size > 0) {
        sink = memory[frame->data.offset];
        sink = memory[frame->data.offset + frame->data.size - 1];
    }
    if (frame->rank < 0) {
        return;
    }
    EXPECT_EQUAL(lao__check_layout(frame->rank, frame->shape, frame->strides, frame->dtype, &extent, &error), LAO_OK);
    if (extent.element_count > 0) {
        uint64_t first = frame->data.offset + frame->first_element;
        EXPECT(first + (uint64_t)extent.highest <= size);
        sink = memory[first + (uint64_t)extent.lowest];
        sink = memory[first + (uint64_t)extent.highest - 1];
    }
    (void)sink;
}

/* A million frames, each a sound one with a few fields, bytes or bits changed. The seed is fixed: a failure replays. */
static void mutated_frames(void) {
    static const uint64_t interesting[] = {0,
                                           1,
                                           2,
                                           63,
                                           64,
                                           65,
                                           4095,
                                           4096,
                                           REGION,
                                           REGION - 1,
                                           REGION + 1,
                                           UINT32_MAX,
                                           INT32_MAX,
                                           UINT64_MAX,
                                           INT64_MAX,
                                           1u << 31,
                                           UINT64_C(1) << 40,
                                           UINT64_C(1) << 63};
    enum { SIZE = 4096 };
    char *memory = malloc(SIZE);
    uint64_t seed = 0x1a0f00d;
    int accepted = 0;
    EXPECT(memory != NULL);
    memset(memory, 1, SIZE);
    for (int round = 0; round < 1000000; round++) {
        lao__frame_value_t shared = sound(), frame;
        char *bytes = (char *)&shared;
        size_t used = lao__frame_head_bytes() + 2 * sizeof(int64_t);
        memset(&frame, 0x5A, sizeof frame); /* what the copy leaves alone is rubbish */
        for (uint64_t changes = next_random(&seed) % 4; changes > 0; changes--) {
            uint64_t number = interesting[next_random(&seed) % (sizeof interesting / sizeof *interesting)];
            size_t at = next_random(&seed) % used;
            switch (next_random(&seed) % 4) {
            case 0:
                bytes[at] ^= (char)(1 << next_random(&seed) % 8);
                break;
            case 1:
                bytes[at] = (char)next_random(&seed);
                break;
            case 2:
                memcpy(bytes + at / 8 * 8, &number, 8);
                break;
            default:
                shared.strides[next_random(&seed) % 2] = (int64_t)next_random(&seed) % 64 - 32;
            }
        }
        lao__frame_copy_value(&frame, &shared);
        if (lao__frame_check_value(&frame, SIZE, SIZE, &error) == LAO_OK) {
            accepted++;
            touch(&frame, memory, SIZE);
        }
    }
    EXPECT(accepted > 100000);
    free(memory);
}

/* Frames of nothing but noise. */
static void random_frames(void) {
    uint64_t seed = 0xdecade;
    for (int round = 0; round < 200000; round++) {
        lao__frame_value_t shared, frame;
        uint64_t *words = (uint64_t *)&shared;
        for (size_t i = 0; i < sizeof shared / sizeof *words; i++) {
            words[i] = next_random(&seed) >> next_random(&seed) % 64;
        }
        shared.rank = (int32_t)(next_random(&seed) % 5) - 1;
        shared.kind = (uint32_t)(next_random(&seed) % 10);
        lao__frame_copy_value(&frame, &shared);
        if (lao__frame_check_value(&frame, REGION, REGION, &error) == LAO_OK) {
            touch(&frame, region, REGION);
        }
    }
}

int main(void) {
    RUN(data_there_and_back);
    RUN(tensors_there_and_back);
    RUN(what_does_not_fit);
    RUN(device_memory_does_not_cross);
    RUN(spans);
    RUN(hostile_frames);
    RUN(mutated_frames);
    RUN(random_frames);
    return 0;
}
