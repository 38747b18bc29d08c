/* What the host hands to the worker: values read in place, large ones from memory files of their own. */
#ifndef LAO_WORKER_INPUTS_H
#define LAO_WORKER_INPUTS_H

#include "../ipc/frame.h"

/* A call's input and parameters, as the plugin sees them; valid until the next request. */
typedef struct lao__inputs {
    lao_value_t value;
    lao_value_t *values[1];
    uint32_t value_count;
    uint64_t file_id; /* of the file that came with it; 0: none */
    lao_managed_tensor_t tensor;
    int64_t shape[LAO_TENSOR_MAX_RANK];
    int64_t strides[LAO_TENSOR_MAX_RANK];
    lao_param_t params[LAO__FRAME_MAX_PARAMS];
    const lao_param_t *param_pointers[LAO__FRAME_MAX_PARAMS];
} lao__inputs_t;

/* Reads the input and the parameters of a call. `region` is where requests lie, `control` the socket over which memory
 * files come. */
lao_status_t lao__inputs_read(const lao__frame_request_t *request, char *region, uint64_t region_size, int control,
                              lao__inputs_t *inputs, lao__error_t *error);

/* Unmaps a memory file that the host has no use for any more. */
void lao__inputs_forget(uint64_t id);

/* Closes the file that came with a call. */
void lao__inputs_end(lao__inputs_t *inputs);

#endif
