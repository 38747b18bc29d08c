/* Frames: what the two sides write for each other at the start of their regions. Pure: sizes and bounds only.
 *
 * A frame lies in memory that its writer can change at any time: it is copied once, the copy is checked, and only the
 * copy is used. */
#ifndef LAO_IPC_FRAME_H
#define LAO_IPC_FRAME_H

#include <lao/value.h>
#include <stdbool.h>

#include "../core/check.h"

#define LAO__FRAME_BYTES 4096u        /* room for the frame itself */
#define LAO__FRAME_INLINE 65536u      /* small payloads follow it, up to this offset */
#define LAO__FRAME_RELEASES 64u       /* leases given back with one request */
#define LAO__FRAME_MAX_PARAMS 1024u
#define LAO__FRAME_MAX_BATCH 256u /* requests in one call */
#define LAO__NO_LEASE UINT32_MAX

enum { /* request.operation */
       LAO__FRAME_OPEN = 1,
       LAO__FRAME_CALL = 2,
       LAO__FRAME_ANSWER = 3, /* to a part */
       LAO__FRAME_CLOSE = 4,
       LAO__FRAME_CONFINE = 5, /* before OPEN; `config` is the sandbox's plan */
       LAO__FRAME_BATCH = 6, /* a CALL with several inputs; one PART answers each, then comes a RESULT without value */
       LAO__FRAME_OPERATE =
           7 /* `capability`: the operation, `answer`: a version, `path`: a callback, `config`: an event */
};

enum { /* request.streams */
       LAO__FRAME_STREAMS_OUT = 1u, /* the host takes parts of the output */
       LAO__FRAME_STREAMS_IN = 2u /* it has the input in parts */
};

enum { /* response.operation */
       LAO__FRAME_RESULT = 1,
       LAO__FRAME_PART = 2,
       LAO__FRAME_PULL =
           3 /* asks for a part of the input, `status` being lao.stream/1's flags; an ANSWER brings it in `input` */
};

/* Bytes within the sender's region. */
typedef struct lao__frame_span {
    uint64_t offset;
    uint64_t size;
} lao__frame_span_t;

/* Where a lane's frames begin in a region that `lanes` of them share: host and worker must agree. */
static inline uint64_t lao__frame_slice(uint64_t region_size, uint32_t lanes) {
    return region_size / lanes / LAO__FRAME_BYTES * LAO__FRAME_BYTES;
}

/* One value. The payload of a tensor are the bytes it reaches, in C order or as its strides say. */
typedef struct lao__frame_value {
    uint32_t kind; /* NONE: no value */
    uint32_t sample_rate_hz;
    uint32_t color_space;
    uint32_t channel_order;
    uint64_t memory; /* 0: the sender's region; else the id of a shared memory file (requests only) */
    lao__frame_span_t data;
    lao__frame_span_t media_type; /* with its terminator */
    lao__frame_span_t metadata;
    uint64_t tensor_flags;
    uint64_t first_element; /* bytes from data.offset to element 0 */
    int32_t rank; /* -1: not a tensor */
    lao_dtype_t dtype;
    int64_t shape[LAO_TENSOR_MAX_RANK]; /* only the first `rank` are written and read */
    int64_t strides[LAO_TENSOR_MAX_RANK];
} lao__frame_value_t;

typedef struct lao__frame_param {
    uint32_t type;
    uint32_t name_size; /* with its terminator */
    int64_t integer;
    double number;
    uint64_t name;
    lao__frame_span_t data;
} lao__frame_param_t;

typedef struct lao__frame_request {
    uint32_t operation;
    uint32_t sequence;
    uint32_t cancel; /* the call's cancel word, written atomically while the call runs */
    uint32_t capability;
    int64_t deadline_ns;
    uint32_t streams; /* LAO__FRAME_STREAMS_* */
    uint32_t answer; /* ANSWER: LAO_STREAM_* */
    uint32_t release_count; /* leases that the host is done with */
    uint32_t forget_count; /* shared memory files that are gone */
    uint32_t param_count;
    uint32_t lanes; /* OPEN: how many calls the host would make at the same time */
    uint32_t services; /* OPEN: LAO__SERVICE_* that the plugin may use */
    uint32_t max_threads; /* OPEN: that the plugin may have; 0 = no bound */
    uint32_t batch_count; /* BATCH: 1 to LAO__FRAME_MAX_BATCH */
    lao__frame_span_t batch; /* BATCH: a lao__frame_value_t for each input, instead of `input` */
    lao__frame_span_t params; /* lao__frame_param_t */
    lao__frame_span_t params_json; /* CALL */
    lao__frame_span_t path; /* OPEN; this and the next three with terminator */
    lao__frame_span_t config;
    lao__frame_span_t resource_dir;
    lao__frame_span_t data_dir;
    uint32_t releases[LAO__FRAME_RELEASES];
    uint64_t forgotten[LAO__FRAME_RELEASES];
    lao__frame_value_t input;
} lao__frame_request_t;

typedef struct lao__frame_response {
    uint32_t operation;
    uint32_t sequence;
    uint32_t status;
    uint32_t lease; /* LAO__NO_LEASE: the payload may be overwritten by the next frame */
    lao__frame_span_t error;
    lao__frame_value_t value;
} lao__frame_response_t;

_Static_assert(sizeof(lao__frame_request_t) <= LAO__FRAME_BYTES, "the request fits its room");
_Static_assert(sizeof(lao__frame_response_t) <= LAO__FRAME_BYTES, "the response fits its room");

/* Bytes of a value's frame that are in use, given its rank: what has to be copied. */
static inline uint32_t lao__frame_head_bytes(void) { return (uint32_t)offsetof(lao__frame_value_t, shape); }

/* True when the span lies within `region_size`. */
bool lao__frame_span_fits(lao__frame_span_t span, uint64_t region_size);

/* Copies a value's frame out of shared memory: the head, then shape and strides of the rank that the copy states. */
void lao__frame_copy_value(lao__frame_value_t *copy, const lao__frame_value_t *shared);

/* Checks a private copy against the size of the memory that its payload lies in, and of the region that its texts lie
 * in. LAO_PROTOCOL_VIOLATION with the reason otherwise. */
lao_status_t lao__frame_check_value(const lao__frame_value_t *value, uint64_t memory_size, uint64_t region_size,
                                    lao__error_t *error);

#endif
