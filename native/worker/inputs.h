/* What the host hands to the worker: values read in place, large ones from memory files of their own. */
#ifndef LAO_WORKER_INPUTS_H
#define LAO_WORKER_INPUTS_H

#include "../ipc/frame.h"

/* One input, as the plugin sees it. */
typedef struct lao__input {
    lao_value_t value;
    uint64_t file_id; /* of the file that came with it; 0: none */
    lao_managed_tensor_t tensor;
    int64_t shape[LAO_TENSOR_MAX_RANK];
    int64_t strides[LAO_TENSOR_MAX_RANK];
} lao__input_t;

/* A call's input, or those of a batch, and its parameters; valid until the next request. */
typedef struct lao__inputs {
    lao__input_t one;
    lao__input_t *batch; /* NULL: it is none */
    lao_value_t *values[LAO__FRAME_MAX_BATCH];
    uint32_t value_count;
    lao_param_t params[LAO__FRAME_MAX_PARAMS];
    const lao_param_t *param_pointers[LAO__FRAME_MAX_PARAMS];
} lao__inputs_t;

/* Reads the input, or the inputs of a batch, and the parameters of a call. `region` is where requests lie, `control` the socket over which memory
 * files come. */
lao_status_t lao__inputs_read(const lao__frame_request_t *request, char *region, uint64_t region_size, int control,
                              lao__inputs_t *inputs, lao__error_t *error);

/* Reads the part of an input that an answer brought, as a value of its own that the plugin may keep. */
lao_status_t lao__inputs_read_part(const lao__frame_request_t *request, char *region, uint64_t region_size, int control,
                                   lao_value_t *part, lao__error_t *error);

/* Unmaps a memory file that the host has no use for any more. */
void lao__inputs_forget(uint64_t id);

/* Closes the files that came with a call, and drops what was made for it. */
void lao__inputs_end(lao__inputs_t *inputs);

#endif
