/* One call on its way to a plugin, wherever that runs. */
#ifndef LAO_CORE_CALL_H
#define LAO_CORE_CALL_H

#include <lao/plugin.h>

#include "error.h"
#include "flight.h"

/* Where the parts of a streaming call go. */
typedef struct lao__sink {
    /* Answers LAO_STREAM_*; with CONTINUE and with STOP the part is the sink's. */
    uint32_t (*push)(struct lao__sink *sink, lao_value_t *part, uint32_t flags);
} lao__sink_t;

/* Where a call that takes its input in parts gets them. */
typedef struct lao__source {
    /* Answers LAO_STREAM_*; with CONTINUE the part is the caller's. Waits within the deadline of `flight` and its cancel. */
    uint32_t (*pull)(struct lao__source *source, lao_value_t *part, uint32_t flags, const lao__flight_t *flight);
} lao__source_t;

/* Several requests of one capability, for lao.batch/1. Each element ends by itself: with LAO_OK and an output, or with another
 * status and an error. */
typedef struct lao__batch {
    uint32_t count; /* at least 1 */
    lao_value_t *const *inputs;
    lao_value_t *outputs;
    lao_status_t *statuses;
    lao__error_t *errors;
} lao__batch_t;

/* Filled by the caller, valid during the call. The tag makes it what lao_call_t points to. */
struct lao_call {
    uint32_t capability;
    uint32_t input_count;
    lao_value_t *const *inputs;
    uint32_t param_count;
    const lao_param_t *const *params;
    const char *params_json; /* NULL: none */
    uint64_t params_json_size;
    int64_t timeout_ns;  /* from now on; 0 = the target's */
    int64_t deadline_ns; /* absolute; LAO__NO_DEADLINE = none; the earlier of both holds */
    const _Atomic uint32_t *cancel_flag; /* set by whoever cancelled `token` before the call began; may be NULL */
    uint64_t token;
    const uint32_t *cancel_word; /* in a worker: the host's; NULL: the flight's */
    lao__sink_t *sink; /* NULL: the call does not stream */
    lao__source_t *source; /* NULL: its input is whole */
    lao__batch_t *batch; /* NULL: it is one request; else `inputs` and the output are not used */
    uint32_t output_kind; /* declared; set by the target */
    lao__flight_t *flight; /* set by the target */
    const struct lao__tenant *tenant; /* whose call it is; set by the instance */
};

/* Checks a part and hands it to the call's sink. LAO_STREAM_ERROR when the part is not valid or the call does not
 * stream. The part stays the caller's with ERROR and WAIT only. */
uint32_t lao__call_push(lao_call_t *call, lao_value_t *part, uint32_t flags);

/* Gets the next part of the call's input: lao.stream/1. */
uint32_t lao__call_pull(lao_call_t *call, lao_value_t *part, uint32_t flags);

/* Releases the outputs of the first `count` elements that have one. */
void lao__batch_release(lao__batch_t *batch, uint32_t count);

/* Releases an output as lao/value.h says, once; the value is of kind NONE then. */
void lao__value_release(lao_value_t *value);

/* A flag of the host's own for an output of kind text or binary: its bytes are in memory that a worker can still change,
 * so that whoever looks at them twice copies them first. */
#define LAO__VALUE_CHANGEABLE UINT32_C(0x80000000)

#endif
