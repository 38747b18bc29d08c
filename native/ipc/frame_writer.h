/* Writes values into a region: texts and payloads are copied unless they lie in shared memory already. */
#ifndef LAO_IPC_FRAME_WRITER_H
#define LAO_IPC_FRAME_WRITER_H

#include "frame.h"

typedef struct lao__frame_writer {
    char *base;
    uint64_t at;    /* next free byte */
    uint64_t limit; /* one past the last */
} lao__frame_writer_t;

/* Where a payload lies already. */
typedef struct lao__frame_place {
    uint64_t memory; /* as in lao__frame_value_t */
    uint64_t offset;
} lao__frame_place_t;

/* Copies `size` bytes to an aligned place; false when there is no room. */
bool lao__frame_put(lao__frame_writer_t *writer, const void *data, uint64_t size, uint64_t alignment,
                    lao__frame_span_t *span);

/* Copies a text with its terminator; NULL takes no room and leaves `*span`. False when there is no room. */
bool lao__frame_put_text(lao__frame_writer_t *writer, const char *text, lao__frame_span_t *span);

/* The bytes that a value's payload covers: data for most kinds, the reach of a tensor. `*size` 0 when it has none. */
const void *lao__frame_payload(const lao_value_t *value, uint64_t *size);

/* Bytes that writing the payload takes, at most. */
uint64_t lao__frame_payload_room(const lao_value_t *value);

/* Writes everything but the payload: head, shape, strides, media type, metadata. LAO_LIMIT_EXCEEDED without room. */
lao_status_t lao__frame_put_head(lao__frame_writer_t *writer, const lao_value_t *value, lao__frame_value_t *frame,
                                 lao__error_t *error);

/* After the head: names the place where the payload lies. */
void lao__frame_put_place(const lao_value_t *value, lao__frame_place_t place, lao__frame_value_t *frame);

/* After the head: copies the payload. A tensor that reaches over more memory than its elements take is packed into C
 * order. */
lao_status_t lao__frame_put_payload(lao__frame_writer_t *writer, const lao_value_t *value, lao__frame_value_t *frame,
                                    lao__error_t *error);

/* Makes a value out of a checked private copy: pointers into the memory at `memory` and the region at `region`. `tensor`,
 * `shape` and `strides` are the caller's and live as long as the value. */
void lao__frame_to_value(const lao__frame_value_t *frame, char *memory, char *region, lao_value_t *value,
                         lao_managed_tensor_t *tensor, int64_t *shape, int64_t *strides);

#endif
