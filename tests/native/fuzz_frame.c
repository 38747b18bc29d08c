/* A response of arbitrary bytes. Whatever is accepted is taken over and used as the host does it; the sanitizers watch,
 * and the memory ends where the region does. */
#include "core/check.h"
#include "core/utf8.h"
#include "fuzz.h"
#include "ipc/answer.h"
#include "ipc/frame.h"
#include "ipc/frame_writer.h"

enum { REGION = 8192 };

/* What an input says besides the frame. */
typedef struct head {
    uint8_t stable;
    uint8_t declared_kind;
    uint8_t unused[6];
} head_t;

static volatile uint64_t sink;

static void read_all(const void *data, uint64_t size) {
    for (uint64_t index = 0; index < size; index++) {
        sink += ((const uint8_t *)data)[index];
    }
}

/* Every byte that the value claims to have, by the same way as a caller goes. */
static void use_output(const lao_value_t *value) {
    if (value->media_type != NULL) {
        read_all(value->media_type, strlen(value->media_type));
    }
    read_all(value->metadata, value->metadata_size);
    if (value->tensor == NULL) {
        read_all(value->data, value->size);
        return;
    }
    const lao_tensor_t *tensor = &value->tensor->tensor;
    lao__error_t error;
    lao__extent_t extent;
    FUZZ_CHECK(lao__check_layout(tensor->rank, tensor->shape, tensor->strides, tensor->dtype, &extent, &error) ==
               LAO_OK);
    FUZZ_CHECK(extent.lowest <= 0 && extent.highest >= 0);
    FUZZ_CHECK((uint64_t)(extent.highest - extent.lowest) <= REGION);
    if (extent.element_count > 0) {
        read_all((const char *)tensor->data + tensor->byte_offset + extent.lowest,
                 (uint64_t)(extent.highest - extent.lowest));
    }
}

/* As the host reads what is shared: a copy, which is checked, and nothing but the copy. */
static lao_status_t copy_checked(lao__frame_response_t *copy, const lao__frame_response_t *shared,
                                 lao__error_t *error) {
    memset(copy, 0x5A, sizeof *copy); /* what the copy leaves alone is rubbish */
    memcpy(copy, shared, offsetof(lao__frame_response_t, value));
    lao__frame_copy_value(&copy->value, &shared->value);
    if (!lao__frame_span_fits(copy->error, REGION) || copy->value.memory != 0) {
        return LAO_PROTOCOL_VIOLATION;
    }
    return lao__frame_check_value(&copy->value, REGION, REGION, error);
}

static void take(const head_t *head, lao__region_t *region, const lao__frame_response_t *response) {
    static lao__worker_link_t link;
    lao_value_t output;
    lao__error_t error;
    link.responses = region;
    if (response->status != LAO_OK) {
        lao_status_t status = lao__answer_take_error(&link, response, &error);
        FUZZ_CHECK(status != LAO_OK && status != LAO_CRASHED);
        FUZZ_CHECK(error.size < LAO__ERROR_CAPACITY && error.text[error.size] == '\0');
        return;
    }
    if (lao__answer_take_output(&link, response, head->stable % 2 != 0, &output, &error) != LAO_OK ||
        output.kind == LAO_KIND_NONE) {
        return;
    }
    if (lao__check_output(&output, head->declared_kind % 10, &error) == LAO_OK) {
        use_output(&output);
    }
    lao__value_release(&output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lao__frame_response_t shared;
    static lao__region_t region = {.lock = PTHREAD_MUTEX_INITIALIZER, .living = true};
    lao__frame_response_t response;
    lao__error_t error;
    head_t head = {0};
    size_t rest;
    char *memory = malloc(REGION); /* of its exact size: a read beyond it is seen */
    if (memory == NULL) {
        return 0;
    }
    memcpy(&head, data, size < sizeof head ? size : sizeof head);
    data += size < sizeof head ? size : sizeof head;
    size -= size < sizeof head ? size : sizeof head;
    memset(&shared, 0, sizeof shared);
    memcpy(&shared, data, size < sizeof shared ? size : sizeof shared);
    rest = size < REGION ? size : REGION;
    memset(memory, 'a', REGION);
    memcpy(memory, data, rest);
    region.file = (lao__memory_file_t){.descriptor = -1, .base = memory, .size = REGION};
    atomic_store(&region.references, 2);
    region.pending_count = 0;
    if (copy_checked(&response, &shared, &error) == LAO_OK) {
        take(&head, &region, &response);
        FUZZ_CHECK(atomic_load(&region.references) == 2); /* nothing is held any more */
    }
    free(memory);
    return 0;
}

static void seed_tensor(lao__frame_value_t *value, uint32_t kind) {
    value->kind = kind;
    value->data = (lao__frame_span_t){4096, 48};
    value->rank = 2;
    value->dtype = (lao_dtype_t){LAO_DTYPE_FLOAT, 32, 1};
    value->shape[0] = 4, value->shape[1] = 3;
    value->strides[0] = 3, value->strides[1] = 1;
}

size_t fuzz_seed(unsigned number, uint8_t *data, size_t capacity) {
    head_t head = {.stable = (uint8_t)(number % 2), .declared_kind = LAO_KIND_ANY};
    lao__frame_response_t response;
    memset(&response, 0, sizeof response);
    response.operation = LAO__FRAME_RESULT;
    response.lease = LAO__NO_LEASE;
    response.value.rank = -1;
    switch (number / 2) {
    case 0:
        response.value.kind = LAO_KIND_TEXT;
        response.value.data = (lao__frame_span_t){4096, 100};
        response.value.media_type = (lao__frame_span_t){100, 12};
        response.value.metadata = (lao__frame_span_t){200, 50};
        break;
    case 1:
        response.lease = 3;
        seed_tensor(&response.value, LAO_KIND_TENSOR);
        break;
    case 2:
        response.lease = 3;
        seed_tensor(&response.value, LAO_KIND_AUDIO);
        response.value.strides[0] = -3;
        response.value.first_element = 36;
        break;
    case 3:
        response.status = LAO_FAILED;
        response.error = (lao__frame_span_t){4096, 200};
        break;
    case 4:
        response.value.kind = LAO_KIND_VIDEO;
        response.value.data = (lao__frame_span_t){8000, 192};
        break;
    default:
        return 0;
    }
    if (capacity < sizeof head + sizeof response) {
        return 0;
    }
    memcpy(data, &head, sizeof head);
    memcpy(data + sizeof head, &response, sizeof response);
    return sizeof head + sizeof response;
}
