/* y = 2 x + 1 by ONNX Runtime: input and output are two float32 in a "binary". ONNX Runtime's header is in no package that
 * one could build against, so the few functions of its table that are needed are called by their published places. */
#include "support.h"

#include <dlfcn.h>

/* A model with one MatMul and one Add. */
static const unsigned char model[] = {
    8,  8,  58, 128, 1,   10, 17, 10, 1,  120, 10,  1,  119, 18, 1,   109, 34, 6,  77,  97, 116, 77, 117, 108,
    10, 14, 10, 1,   109, 10, 1,  98, 18, 1,   121, 34, 3,   65, 100, 100, 18, 1,  103, 42, 27,  8,  2,   8,
    2,  16, 1,  34,  16,  0,  0,  0,  64, 0,   0,   0,  0,   0,  0,   0,   0,  0,  0,   0,  64,  66, 1,   119,
    42, 17, 8,  2,   16,  1,  34, 8,  0,  0,   128, 63, 0,   0,  128, 63,  66, 1,  98,  90, 19,  10, 1,   120,
    18, 14, 10, 12,  8,   1,  18, 8,  10, 2,   8,   1,  10,  2,  8,   2,   98, 19, 10,  1,  121, 18, 14,  10,
    12, 8,  1,  18,  8,   10, 2,  8,  1,  10,  2,   8,  2,   66, 4,   10,  0,  16, 13};

enum { /* places in OrtApi */
       GET_ERROR_MESSAGE = 2,
       CREATE_ENV = 3,
       CREATE_SESSION_FROM_ARRAY = 8,
       RUN = 9,
       CREATE_SESSION_OPTIONS = 10,
       SET_INTRA_OP_THREADS = 24,
       CREATE_TENSOR_WITH_DATA = 49,
       GET_TENSOR_DATA = 51,
       CREATE_CPU_MEMORY_INFO = 69
};

typedef struct ort_base {
    const void *const *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
} ort_base_t;

typedef void *(*create_env_fn)(int level, const char *name, void **environment);
typedef void *(*create_options_fn)(void **options);
typedef void *(*set_threads_fn)(void *options, int count);
typedef void *(*create_session_fn)(void *environment, const void *bytes, size_t size, void *options, void **session);
typedef void *(*create_memory_fn)(int allocator, int kind, void **memory);
typedef void *(*create_tensor_fn)(void *memory, void *data, size_t size, const int64_t *shape, size_t rank, int type,
                                  void **tensor);
typedef void *(*run_fn)(void *session, void *options, const char *const *inputs, void *const *tensors, size_t count,
                        const char *const *outputs, size_t output_count, void **results);
typedef void *(*get_data_fn)(void *tensor, void **data);
typedef const char *(*get_message_fn)(const void *status);

struct lao_instance {
    const lao_host_t *host;
    const void *const *api;
    void *session;
    void *memory;
};

#define ORT(type, place) ((type)(uintptr_t)instance->api[place])

static lao_status_t failed(const lao_instance_t *instance, void *status, lao_error_t *error) {
    return lao_fail(error, LAO_FAILED, ORT(get_message_fn, GET_ERROR_MESSAGE)(status));
}

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **created,
                                    lao_error_t *error) {
    lao_instance_t *instance = calloc(1, sizeof *instance);
    void *library = dlopen("libonnxruntime.so.1", RTLD_NOW); /* loaded before this plugin, and found by its SONAME */
    ort_base_t *(*get_base)(void) = NULL;
    void *environment;
    void *options;
    void *status;
    (void)config;
    if (library == NULL) {
        return lao_fail(error, LAO_FAILED, dlerror());
    }
    *(void **)&get_base = dlsym(library, "OrtGetApiBase");
    instance->host = host;
    instance->api = get_base()->get_api(17);
    status = ORT(create_env_fn, CREATE_ENV)(2, "lao", &environment);
    if (status == NULL) {
        status = ORT(create_options_fn, CREATE_SESSION_OPTIONS)(&options);
    }
    if (status == NULL) {
        status = ORT(set_threads_fn, SET_INTRA_OP_THREADS)(options, 2);
    }
    if (status == NULL) {
        status = ORT(create_session_fn, CREATE_SESSION_FROM_ARRAY)(environment, model, sizeof model, options,
                                                                   &instance->session);
    }
    if (status == NULL) {
        status = ORT(create_memory_fn, CREATE_CPU_MEMORY_INFO)(1, 0, &instance->memory);
    }
    *created = instance;
    return status == NULL ? LAO_OK : failed(instance, status, error);
}

static void LAO_CALL destroy(lao_instance_t *instance) { free(instance); /* the session ends with the process */ }

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    static const int64_t shape[] = {1, 2};
    static const char *const input_name = "x";
    static const char *const output_name = "y";
    float numbers[2];
    void *input = NULL;
    void *result = NULL;
    void *data = NULL;
    void *status;
    if (request->inputs[0]->size != sizeof numbers) {
        return lao_fail(error, LAO_INVALID_INPUT, "two float32 are wanted");
    }
    memcpy(numbers, request->inputs[0]->data, sizeof numbers);
    status =
        ORT(create_tensor_fn, CREATE_TENSOR_WITH_DATA)(instance->memory, numbers, sizeof numbers, shape, 2, 1, &input);
    if (status == NULL) {
        status = ORT(run_fn, RUN)(instance->session, NULL, &input_name, &input, 1, &output_name, 1, &result);
    }
    if (status == NULL) {
        status = ORT(get_data_fn, GET_TENSOR_DATA)(result, &data);
    }
    return status == NULL ? give_data(request, response, LAO_KIND_BINARY, data, sizeof numbers)
                          : failed(instance, status, error);
}

static const lao_capability_t compute = {
    .struct_size = sizeof compute, .name = "compute", .input_kind = LAO_KIND_BINARY, .output_kind = LAO_KIND_BINARY};
static const lao_capability_t *const capabilities[] = {&compute};
static const lao_plugin_t plugin = {.struct_size = sizeof plugin,
                                    .abi_version = LAO_ABI_VERSION,
                                    .name = "onnx",
                                    .version = "1.0.0",
                                    .capability_count = COUNT_OF(capabilities),
                                    .capabilities = capabilities,
                                    .create = create,
                                    .destroy = destroy,
                                    .call = call};

LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    the_host = host;
    return &plugin;
}
