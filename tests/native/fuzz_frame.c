/* libFuzzer target: a response frame of arbitrary bytes, and a layout and a text of the same bytes. Whatever is accepted
 * is used as the host uses it; the sanitizers watch. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/text_buffer.h"
#include "core/utf8.h"
#include "ipc/frame.h"
#include "ipc/frame_writer.h"

enum { REGION = 8192 };

static volatile char sink;

static void read_span(const char *region, lao__frame_span_t span) {
    if (span.size > 0) {
        sink = region[span.offset];
        sink = region[span.offset + span.size - 1];
    }
}

static void use_value(const lao__frame_value_t *frame, char *region) {
    lao_value_t value;
    lao_managed_tensor_t tensor;
    int64_t shape[LAO_TENSOR_MAX_RANK], strides[LAO_TENSOR_MAX_RANK];
    uint64_t size;
    const char *payload;
    if (frame->kind == LAO_KIND_NONE) {
        return;
    }
    read_span(region, frame->data);
    read_span(region, frame->media_type);
    read_span(region, frame->metadata);
    lao__frame_to_value(frame, region, region, &value, &tensor, shape, strides);
    payload = lao__frame_payload(&value, &size);
    if (size > 0) {
        sink = payload[0];
        sink = payload[size - 1];
    }
}

static void check_text(const char *text, size_t size) {
    lao__text_buffer_t buffer = {0};
    lao__text_add_json(&buffer, text, size);
    if (buffer.failed || !lao__utf8_valid(buffer.text, buffer.size)) {
        abort(); /* what is written as JSON is UTF-8 whatever came in */
    }
    free(buffer.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lao__frame_response_t shared;
    lao__frame_value_t copy;
    lao__error_t error;
    char *region = malloc(REGION); /* of its exact size: a read beyond it is seen */
    size_t used = size < sizeof shared ? size : sizeof shared;
    if (region == NULL) {
        return 0;
    }
    memset(region, 0, REGION);
    memset(&shared, 0, sizeof shared);
    if (size > 0) {
        memcpy(&shared, data, used);
        memcpy(region, data, size < REGION ? size : REGION);
    }
    lao__frame_copy_value(&copy, &shared.value);
    if (lao__frame_check_value(&copy, REGION, REGION, &error) == LAO_OK) {
        use_value(&copy, region);
    }
    if (lao__frame_span_fits(shared.error, REGION)) {
        read_span(region, shared.error);
    }
    check_text((const char *)data, size);
    free(region);
    return 0;
}
