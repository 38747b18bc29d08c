/* Takes several requests in one call. "size" answers a text with {"batch": how many came together, "index": its place among
 * them, "bytes": its length, "unit": the parameter}; a text "fail" fails, "crash" ends the process, "many" gives two outputs, "odd"
 * an output of another kind, "sleep" takes `sleep_ms`. "sum" adds an array up. "twice" gives an array back, doubled. "single" takes
 * no batches. */
#ifndef THREAD_ROLE
#define THREAD_ROLE FULL
#endif
#include <lao/ext/batch.h>
#include <time.h>

#include "tensors.h"

STATELESS

static int says(const lao_value_t *input, const char *word) {
    return input->size == strlen(word) && memcmp(input->data, word, input->size) == 0;
}

static lao_status_t size_of(const lao_request_t *request, uint32_t index, uint32_t count, lao_response_t *response,
                            lao_error_t *error) {
    const lao_value_t *input = request->inputs[0];
    json_t json = {.size = 0};
    lao_status_t status;
    if (says(input, "fail")) {
        return lao_fail(error, LAO_INVALID_INPUT, "it is told to fail");
    }
    if (says(input, "crash")) {
        abort();
    }
    if (says(input, "sleep")) {
        int64_t end = the_host->now_ns(the_host) + int_param(request, "sleep_ms", 100) * 1000000;
        while (the_host->now_ns(the_host) < end) {
            if (lao_cancelled(request) && !int_param(request, "deaf", 0)) {
                return LAO_CANCELLED;
            }
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
    json_add(&json, "{\"batch\":%u,\"index\":%u,\"bytes\":%u,\"unit\":%d}", count, index, (unsigned)input->size,
             (int)int_param(request, "unit", 0));
    status = give_json(request, response, &json);
    if (says(input, "many")) {
        response->output_count = 2;
    }
    if (says(input, "odd")) {
        response->outputs[0]->kind = LAO_KIND_BINARY;
    }
    return status;
}

static lao_status_t add_up(const lao_request_t *request, lao_response_t *response) {
    const lao_tensor_t *tensor = &request->inputs[0]->tensor->tensor;
    const float *from = (const float *)((const char *)tensor->data + tensor->byte_offset);
    int64_t stride = tensor->strides != NULL ? tensor->strides[0] : 1;
    json_t json = {.size = 0};
    double sum = 0;
    int64_t index;
    for (index = 0; index < tensor->shape[0]; index++) {
        sum += from[index * stride];
    }
    json_add(&json, "%.1f", sum);
    return give_json(request, response, &json);
}

static lao_status_t twice(const lao_request_t *request, lao_response_t *response) {
    const lao_tensor_t *tensor = &request->inputs[0]->tensor->tensor;
    const float *from = (const float *)((const char *)tensor->data + tensor->byte_offset);
    int64_t stride = tensor->strides != NULL ? tensor->strides[0] : 1;
    lao_dtype_t dtype = {.code = LAO_DTYPE_FLOAT, .bits = 32, .lanes = 1};
    lao_managed_tensor_t *made = give_tensor(request, response, LAO_KIND_TENSOR, dtype, 1, tensor->shape);
    int64_t index;
    if (made == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    for (index = 0; index < tensor->shape[0]; index++) {
        ((float *)made->tensor.data)[index] = 2 * from[index * stride];
    }
    return LAO_OK;
}

static lao_status_t run(const lao_request_t *request, uint32_t index, uint32_t count, lao_response_t *response,
                        lao_error_t *error) {
    switch (request->capability) {
    case 1:
        return add_up(request, response);
    case 2:
        return twice(request, response);
    default:
        return size_of(request, index, count, response, error);
    }
}

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    (void)instance;
    return run(request, 0, 1, response, error);
}

static void LAO_CALL call_batch(lao_instance_t *instance, uint32_t count, const lao_request_t *const *requests,
                                lao_response_t *const *responses, lao_error_t *const *errors, lao_status_t *statuses) {
    uint32_t index;
    (void)instance;
    for (index = 0; index < count; index++) {
        statuses[index] = run(requests[index], index, count, responses[index], errors[index]);
    }
}

static const lao_batch_plugin_t batch = {.struct_size = sizeof batch, .call_batch = call_batch};

static const void *LAO_CALL get_extension(const char *id) {
#if defined(WITHOUT_EXTENSION)
    (void)id;
    return NULL;
#else
    return strcmp(id, LAO_EXT_BATCH) == 0 ? &batch : NULL;
#endif
}

#define CAPABILITY(title, input, output, most)                                                                         \
    &(const lao_capability_t){.struct_size = sizeof(lao_capability_t),                                                 \
                              .flags = LAO_CAPABILITY_IDEMPOTENT,                                                      \
                              .name = (title),                                                                         \
                              .input_kind = (input),                                                                   \
                              .output_kind = (output),                                                                 \
                              .max_batch = (most)}

static const lao_capability_t *const capabilities[] = {
    CAPABILITY("size", LAO_KIND_TEXT, LAO_KIND_JSON, 4), CAPABILITY("sum", LAO_KIND_TENSOR, LAO_KIND_JSON, 8),
    CAPABILITY("twice", LAO_KIND_TENSOR, LAO_KIND_TENSOR, 1000), CAPABILITY("single", LAO_KIND_TEXT, LAO_KIND_JSON, 0)};

PLUGIN("batch", PASTE(LAO_THREADS_, THREAD_ROLE), .get_extension = get_extension)
