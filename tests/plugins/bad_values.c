/* A plugin with a sound table whose answers are wrong, one capability for each way: the host must refuse the answer with
 * a clear reason, release nothing twice, and go on working ("good" answers soundly, "released" says how often release
 * ran). */
#include "support.h"

static atomic_uint_fast64_t releases;
static char memory[64] = "sixty-four bytes";
static const uint64_t near_the_end = UINT64_MAX - 8;

static void LAO_CALL count_release(lao_value_t *value) {
    (void)value;
    atomic_fetch_add(&releases, 1);
}

/* A tensor as each defect finds it: int32, 2 x 3, C order, in `memory`. Rebuilt for each call. */
static int64_t shape[2], strides[2];
static lao_managed_tensor_t managed;

static void LAO_CALL count_delete(lao_managed_tensor_t *tensor) {
    (void)tensor;
    atomic_fetch_add(&releases, 1);
}

static lao_tensor_t *give_sound_tensor(lao_value_t *output) {
    shape[0] = 2, shape[1] = 3, strides[0] = 3, strides[1] = 1;
    memset(&managed, 0, sizeof managed);
    managed.dlpack_major = 1;
    managed.deleter = count_delete;
    managed.tensor = (lao_tensor_t){.data = memory,
                                    .device = {.device_type = LAO_DEVICE_CPU},
                                    .rank = 2,
                                    .dtype = {.code = LAO_DTYPE_INT, .bits = 32, .lanes = 1},
                                    .shape = shape,
                                    .strides = strides};
    output->kind = LAO_KIND_TENSOR;
    output->data = NULL;
    output->size = 0;
    output->tensor = &managed;
    output->release = NULL; /* the deleter releases it */
    return &managed.tensor;
}

/* Each body starts from a sound text output of 16 bytes with a release; `output`, `response` and, in ARRAY bodies,
 * `tensor` are there to be spoiled. */
#define DEFECTS(BYTES, ARRAY)                                                                                          \
    BYTES(good, TEXT, (void)0)                                                                                         \
    BYTES(null_data, TEXT, output->data = NULL)                                                                        \
    BYTES(size_near_max, TEXT, output->size = near_the_end)                                                            \
    BYTES(size_near_max_binary, BINARY, (output->kind = LAO_KIND_BINARY, output->size = near_the_end))                 \
    BYTES(wrong_kind, TEXT, output->kind = LAO_KIND_BINARY)                                                            \
    BYTES(kind_any, TEXT, output->kind = LAO_KIND_ANY)                                                                 \
    BYTES(kind_unknown, TEXT, output->kind = 77)                                                                       \
    BYTES(kind_none, TEXT, output->kind = LAO_KIND_NONE)                                                               \
    BYTES(text_not_utf8, TEXT, output->data = "ab\xc3\x28 not utf8...")                                                \
    BYTES(text_overlong, TEXT, output->data = "overlong \xc0\xaf ......")                                              \
    BYTES(text_surrogate, TEXT, output->data = "half \xed\xa0\x80 pair....")                                           \
    BYTES(json_not_utf8, JSON, (output->kind = LAO_KIND_JSON, output->data = "\"ab\xff\xfe..........\""))              \
    BYTES(json_broken, JSON, (output->kind = LAO_KIND_JSON, output->data = "{\"a\": [1, 2, }.."))                      \
    BYTES(metadata_size_near_max, TEXT, (output->metadata = memory, output->metadata_size = near_the_end))             \
    BYTES(metadata_null, TEXT, output->metadata_size = 5)                                                              \
    BYTES(metadata_not_json, TEXT, (output->metadata = "{oops", output->metadata_size = 5))                            \
    BYTES(file_without_path, FILE, (output->kind = LAO_KIND_FILE, output->data = NULL, output->size = 0))              \
    BYTES(text_as_tensor, TENSOR, output->kind = LAO_KIND_TENSOR)                                                      \
    BYTES(count_above_capacity, TEXT, response->output_count = response->output_capacity + 1)                          \
    BYTES(count_huge, TEXT, response->output_count = UINT32_MAX)                                                       \
    BYTES(count_zero, TEXT, response->output_count = 0)                                                                \
    BYTES(release_missing, TEXT, output->release = NULL)                                                               \
    ARRAY(rank_negative, tensor->rank = -1)                                                                            \
    ARRAY(rank_huge, tensor->rank = INT32_MAX)                                                                         \
    ARRAY(rank_33, tensor->rank = LAO_TENSOR_MAX_RANK + 1)                                                             \
    ARRAY(shape_null, tensor->shape = NULL)                                                                            \
    ARRAY(dimension_negative, shape[1] = -3)                                                                           \
    ARRAY(shape_overflows, shape[0] = shape[1] = INT64_C(1) << 40)                                                     \
    ARRAY(size_overflows, (shape[0] = INT64_C(1) << 31, shape[1] = INT64_C(1) << 31))                                  \
    ARRAY(dtype_code_unknown, tensor->dtype.code = 99)                                                                 \
    ARRAY(dtype_bits_zero, tensor->dtype.bits = 0)                                                                     \
    ARRAY(dtype_bits_odd, tensor->dtype.bits = 13)                                                                     \
    ARRAY(dtype_lanes_zero, tensor->dtype.lanes = 0)                                                                   \
    ARRAY(strides_overflow, strides[0] = INT64_MAX)                                                                    \
    ARRAY(strides_overflow_negative, strides[0] = INT64_MIN)                                                           \
    ARRAY(offset_overflows, tensor->byte_offset = near_the_end)                                                        \
    ARRAY(tensor_data_null, tensor->data = NULL)                                                                       \
    ARRAY(tensor_device_unknown, tensor->device.device_type = 1234)                                                    \
    ARRAY(tensor_on_cuda, tensor->device.device_type = LAO_DEVICE_CUDA)                                                \
    BYTES(never_written, TEXT, (output->size = 3ull << 30, output->data = the_host->alloc(the_host, output->size, 0))) \
    BYTES(never_written_binary, BINARY,                                                                                \
          (output->kind = LAO_KIND_BINARY, output->size = 3ull << 30,                                                  \
           output->data = the_host->alloc(the_host, output->size, 0)))                                                 \
    ARRAY(tensor_null, output->tensor = NULL)                                                                          \
    ARRAY(tensor_dlpack_major, managed.dlpack_major = 2)                                                               \
    ARRAY(tensor_as_text, output->kind = LAO_KIND_TEXT)                                                                \
    BYTES(status_unknown, TEXT, return 12345)                                                                          \
    BYTES(status_unknown_text, TEXT, return lao_fail(error, 12345, "a text that must survive"))                        \
    BYTES(status_host_only, TEXT, return LAO_CRASHED)                                                                  \
    BYTES(status_max, TEXT, return UINT32_MAX)                                                                         \
    BYTES(error_size_lies, TEXT, (error->text_size = UINT32_MAX, response->output_count = 0); return LAO_FAILED)       \
    BYTES(error_text_stolen, TEXT, error->text = (char *)8; error->text_size = 100; return LAO_FAILED)                 \
    BYTES(error_not_utf8, TEXT, return lao_fail(error, LAO_FAILED, "bad \xff\xfe text"))                               \
    BYTES(outputs_on_failure, TEXT, return LAO_FAILED)                                                                 \
    BYTES(released, JSON, {                                                                                            \
        json_t json = {.size = 0};                                                                                     \
        json_add(&json, "%" PRIu64, (uint64_t)atomic_load(&releases));                                                 \
        return give_json(request, response, &json);                                                                    \
    })

#define BYTES_CAPABILITY(title, output, body)                                                                          \
    &(const lao_capability_t){.struct_size = sizeof(lao_capability_t),                                                 \
                              .name = #title,                                                                          \
                              .input_kind = LAO_KIND_NONE,                                                             \
                              .output_kind = LAO_KIND_##output},
#define ARRAY_CAPABILITY(title, body) BYTES_CAPABILITY(title, TENSOR, body)
static const lao_capability_t *const capabilities[] = {DEFECTS(BYTES_CAPABILITY, ARRAY_CAPABILITY)};

#define BYTES_NUMBER(title, output, body) number_##title,
#define ARRAY_NUMBER(title, body) number_##title,
enum { DEFECTS(BYTES_NUMBER, ARRAY_NUMBER) };

#define BYTES_CASE(title, kind, body)                                                                                  \
    case number_##title: {                                                                                             \
        body;                                                                                                          \
        break;                                                                                                         \
    }
#define ARRAY_CASE(title, body)                                                                                        \
    case number_##title: {                                                                                             \
        lao_tensor_t *tensor = give_sound_tensor(output);                                                              \
        (void)tensor;                                                                                                  \
        body;                                                                                                          \
        break;                                                                                                         \
    }

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    (void)instance;
    lao_value_t *output = response->outputs[0];
    response->output_count = 1;
    output->kind = LAO_KIND_TEXT;
    output->data = memory;
    output->size = 16;
    output->release = count_release;
    switch (request->capability) { DEFECTS(BYTES_CASE, ARRAY_CASE) }
    return LAO_OK;
}

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    (void)host, (void)config, (void)error;
    *instance = (lao_instance_t *)&managed;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *instance) { (void)instance; }

static const lao_plugin_t plugin = {.struct_size = sizeof plugin,
                                    .abi_version = LAO_ABI_VERSION,
                                    .name = "bad-values",
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
