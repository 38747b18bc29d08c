/* The plugin under test: `text` and `binary` come back, `look` tells an array's first length, `spin` works for a while. */
#include <lao/lao.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const lao_host_t *the_host;

static void LAO_CALL release(lao_value_t *value) { the_host->free(the_host, value->owner); }

static lao_status_t give(lao_response_t *response, uint32_t kind, const void *data, uint64_t size) {
    lao_value_t *output = response->outputs[0];
    void *copy = the_host->alloc(the_host, size, 0);
    if (copy == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    memcpy(copy, data, size);
    output->kind = kind;
    output->data = output->owner = copy;
    output->size = size;
    output->release = release;
    response->output_count = 1;
    return LAO_OK;
}

typedef struct array {
    lao_managed_tensor_t tensor;
    int64_t shape[1];
} array_t;

static void LAO_CALL release_array(lao_value_t *value) {
    the_host->free(the_host, value->tensor->tensor.data);
    free(value->tensor);
}

/* A copy of the bytes as an array, born where the host can read it. */
static lao_status_t give_array(lao_response_t *response, const void *data, uint64_t size) {
    lao_value_t *output = response->outputs[0];
    array_t *array = calloc(1, sizeof *array);
    void *copy = the_host->alloc(the_host, size, 64);
    if (array == NULL || copy == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    memcpy(copy, data, size);
    array->shape[0] = (int64_t)size;
    array->tensor.dlpack_major = 1;
    array->tensor.tensor.data = copy;
    array->tensor.tensor.device.device_type = LAO_DEVICE_CPU;
    array->tensor.tensor.rank = 1;
    array->tensor.tensor.dtype = (lao_dtype_t){.code = LAO_DTYPE_UINT, .bits = 8, .lanes = 1};
    array->tensor.tensor.shape = array->shape;
    output->kind = LAO_KIND_TENSOR;
    output->tensor = &array->tensor;
    output->release = release_array;
    response->output_count = 1;
    return LAO_OK;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    const lao_value_t *input = request->input_count == 1 ? request->inputs[0] : NULL;
    char digits[24];
    int64_t end;
    int size;
    (void)instance;
    (void)error;
    switch (request->capability) {
    case 0:
    case 1:
        return give(response, input->kind, input->data, input->size);
    case 2:
        size = snprintf(digits, sizeof digits, "%lld", (long long)input->tensor->tensor.shape[0]);
        return give(response, LAO_KIND_TEXT, digits, (uint64_t)size);
    case 3:
    case 4:
        for (end = now_ns() + (request->capability == 3 ? 20000 : 5000000); now_ns() < end;) {
        }
        return give(response, LAO_KIND_TEXT, "x", 1);
    default:
        return give_array(response, input->data, input->size);
    }
}

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    (void)host;
    (void)config;
    (void)error;
    *instance = NULL;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *instance) { (void)instance; }

#define CAPABILITY(title, in, out)                                                                                     \
    {.struct_size = sizeof(lao_capability_t), .name = title, .input_kind = in, .output_kind = out}

static const lao_capability_t text = CAPABILITY("text", LAO_KIND_TEXT, LAO_KIND_TEXT);
static const lao_capability_t binary = CAPABILITY("binary", LAO_KIND_BINARY, LAO_KIND_BINARY);
static const lao_capability_t look = CAPABILITY("look", LAO_KIND_TENSOR, LAO_KIND_TEXT);
static const lao_capability_t spin = CAPABILITY("spin", LAO_KIND_NONE, LAO_KIND_TEXT);
static const lao_capability_t work = CAPABILITY("work", LAO_KIND_NONE, LAO_KIND_TEXT); /* 5 ms */
static const lao_capability_t array = CAPABILITY("array", LAO_KIND_BINARY, LAO_KIND_TENSOR);
static const lao_capability_t *const capabilities[] = {&text, &binary, &look, &spin, &work, &array};

static const lao_plugin_t plugin = {
    .struct_size = sizeof plugin,
    .abi_version = LAO_ABI_VERSION,
    .name = "rival-echo",
    .version = "1.0.0",
    .thread_role = LAO_THREADS_FULL,
    .capability_count = 6,
    .capabilities = capabilities,
    .create = create,
    .destroy = destroy,
    .call = call,
};

const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    the_host = host;
    return &plugin;
}
