/* Remembers where the array of its last output lies, and writes there after it handed it out. The parameters `reversed`
 * and `transposed` turn the array's axes around, `rows` and `columns` are its shape. "file" gives the parameter `path`. */
#include "tensors.h"

static void *block;
static size_t block_size;

static lao_status_t fill(const lao_request_t *request, lao_response_t *response, uint32_t kind) {
    int64_t shape[2] = {int_param(request, "rows", 4), int_param(request, "columns", 3)};
    lao_dtype_t dtype = {.code = LAO_DTYPE_FLOAT, .bits = 32, .lanes = 1};
    lao_managed_tensor_t *made = give_tensor(request, response, kind, dtype, 2, shape);
    if (made == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    float *to = made->tensor.data;
    for (int64_t i = 0; i < shape[0] * shape[1]; i++) {
        to[i] = (float)i;
    }
    block = made->tensor.data;
    block_size = (size_t)(shape[0] * shape[1]) * sizeof *to;
    if (int_param(request, "transposed", 0)) {
        int64_t rows = made->tensor.shape[0], stride = made->tensor.strides[0];
        made->tensor.shape[0] = made->tensor.shape[1], made->tensor.shape[1] = rows;
        made->tensor.strides[0] = made->tensor.strides[1], made->tensor.strides[1] = stride;
    }
    if (int_param(request, "reversed", 0) && made->tensor.shape[0] > 0) {
        made->tensor.byte_offset = (uint64_t)((made->tensor.shape[0] - 1) * made->tensor.strides[0]) * sizeof *to;
        made->tensor.strides[0] = -made->tensor.strides[0];
    }
    return LAO_OK;
}

STATELESS

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    (void)instance, (void)error;
    switch (request->capability) {
    case 0:
        return fill(request, response, LAO_KIND_TENSOR);
    case 1:
        return fill(request, response, LAO_KIND_IMAGE);
    case 2:
        return fill(request, response, LAO_KIND_AUDIO);
    case 4: {
        const char *path = text_param(request, "path", "");
        return give_data(request, response, LAO_KIND_FILE, path, strlen(path));
    }
    default:
        memset(block, 0xEE, block_size);
        return give_text(request, response, "written");
    }
}

#define CAPABILITY(title, kind)                                                                                        \
    &(const lao_capability_t){                                                                                         \
        .struct_size = sizeof(lao_capability_t), .name = (title), .input_kind = LAO_KIND_NONE, .output_kind = (kind)}

static const lao_capability_t *const capabilities[] = {
    CAPABILITY("tensor", LAO_KIND_TENSOR), CAPABILITY("image", LAO_KIND_IMAGE), CAPABILITY("audio", LAO_KIND_AUDIO),
    CAPABILITY("scribble", LAO_KIND_TEXT), CAPABILITY("file", LAO_KIND_FILE)};

PLUGIN("keeper", LAO_THREADS_INSTANCE, .shutdown = NULL)
