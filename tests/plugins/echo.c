/* A sound plugin that shows every part of a call: all kinds of value, parameters, configuration, errors, cancelling,
 * deadlines, streams, concurrency, and outputs whose releases can be counted.
 *
 * THREAD_ROLE (unsafe, instance or full) is the thread role that it declares; what it does is safe under all three.
 * Every capability understands the parameter `allocator` ("host" or "malloc"), those with a tensor as output also
 * `owner` ("value" or "deleter"). */
#include "tensors.h"

#include <sys/syscall.h>
#include <unistd.h>

#ifndef THREAD_ROLE
#define THREAD_ROLE full
#endif
#define ROLE_unsafe LAO_THREADS_UNSAFE
#define ROLE_instance LAO_THREADS_INSTANCE
#define ROLE_full LAO_THREADS_FULL

struct lao_instance {
    char *config, *resource_dir, *data_dir; /* copies; the directories may be NULL */
    atomic_int_fast64_t running;            /* calls of `overlap` inside this instance now */
    atomic_uint_fast64_t calls;             /* all calls so far */
};

static atomic_int_fast64_t library_running;
static atomic_uint_fast64_t instances_made, instances_ended;

typedef lao_status_t (*capability_fn)(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                                      lao_error_t *error);

/* --- values --- */

/* Hands back text, json, binary or a file path, with its media type and metadata, all copied into one block. */
static lao_status_t echo_data(const lao_request_t *request, lao_response_t *response, const lao_value_t *input) {
    lao_value_t *output = response->outputs[0];
    size_t media_size = input->media_type != NULL ? strlen(input->media_type) + 1 : 0;
    if (media_size == 0 && input->metadata == NULL) {
        return give_data(request, response, input->kind, input->data, input->size);
    }
    int from_host;
    char *block = make_block(request, input->size + media_size + input->metadata_size, &from_host);
    if (block == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    char *media = block + input->size, *metadata = media + media_size;
    if (input->size > 0) {
        memcpy(block, input->data, input->size);
    }
    if (media_size > 0) {
        memcpy(media, input->media_type, media_size);
        output->media_type = media;
    }
    if (input->metadata != NULL) {
        memcpy(metadata, input->metadata, input->metadata_size);
        output->metadata = metadata;
        output->metadata_size = input->metadata_size;
    }
    output->kind = input->kind;
    output->data = block;
    output->size = input->size;
    output->owner = block;
    output->release = from_host ? release_host : release_malloc;
    response->output_count = 1;
    return LAO_OK;
}

/* Hands back a copy in C order of a tensor, image, audio or decoded video. */
static lao_status_t echo_tensor(const lao_request_t *request, lao_response_t *response, const lao_value_t *input) {
    const lao_tensor_t *from = &input->tensor->tensor;
    lao_managed_tensor_t *made = give_tensor_with(request, response, input->kind, from->dtype, from->rank, from->shape,
                                                  input->metadata, input->metadata_size);
    if (made == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    walk_t walk;
    walk_begin(&walk, from);
    char *to = made->tensor.data;
    int64_t count = element_count(from);
    if (is_c_order(from)) {
        memcpy(to, first_element(from), (size_t)count * walk.element);
    } else {
        for (int64_t i = 0; i < count; i++, walk_next(&walk)) {
            memcpy(to + (size_t)i * walk.element, walk_element(&walk), walk.element);
        }
    }
    lao_value_t *output = response->outputs[0];
    output->sample_rate_hz = input->sample_rate_hz;
    output->color_space = input->color_space;
    output->channel_order = input->channel_order;
    return LAO_OK;
}

static lao_status_t echo(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                         lao_error_t *error) {
    (void)self;
    if (request->input_count != 1) {
        return lao_fail(error, LAO_INVALID_INPUT, "it takes one input");
    }
    const lao_value_t *input = request->inputs[0];
    return input->tensor != NULL ? echo_tensor(request, response, input) : echo_data(request, response, input);
}

/* Where a tensor is and what it looks like, with the sum of its elements in C order. */
static lao_status_t sum(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                        lao_error_t *error) {
    (void)self;
    if (request->input_count != 1 || request->inputs[0]->tensor == NULL) {
        return lao_fail(error, LAO_INVALID_INPUT, "it takes one tensor");
    }
    const lao_managed_tensor_t *managed = request->inputs[0]->tensor;
    const lao_tensor_t *tensor = &managed->tensor;
    json_t json = {.size = 0};
    walk_t walk;
    walk_begin(&walk, tensor);
    double total = 0;
    int64_t count = element_count(tensor);
    for (int64_t i = 0; i < count; i++, walk_next(&walk)) {
        total += element_value(walk_element(&walk), tensor->dtype);
    }
    json_add(&json, "{\"sum\":%.17g,\"address\":%" PRIuPTR ",\"c_order\":%s,\"read_only\":%s,\"rank\":%d", total,
             (uintptr_t)first_element(tensor), is_c_order(tensor) ? "true" : "false",
             managed->flags & LAO_TENSOR_READ_ONLY ? "true" : "false", (int)tensor->rank);
    json_add(&json, ",\"code\":%d,\"bits\":%d,\"shape\":[", tensor->dtype.code, tensor->dtype.bits);
    for (int32_t axis = 0; axis < tensor->rank; axis++) {
        json_add(&json, "%s%" PRId64, axis > 0 ? "," : "", tensor->shape[axis]);
    }
    json_add(&json, "],\"strides\":[");
    for (int32_t axis = 0; axis < tensor->rank; axis++) {
        json_add(&json, "%s%" PRId64, axis > 0 ? "," : "", walk.strides[axis]);
    }
    json_add(&json, "]}");
    return give_json(request, response, &json);
}

/* A look at an array without touching its elements: costs the same for every size. */
static lao_status_t look(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                         lao_error_t *error) {
    (void)self;
    if (request->input_count != 1 || request->inputs[0]->tensor == NULL) {
        return lao_fail(error, LAO_INVALID_INPUT, "it takes one tensor");
    }
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, element_count(&request->inputs[0]->tensor->tensor));
    return give_text(request, response, text);
}

/* A ramp of float32, `rows` x `columns`, 0, 1, 2, ... in C order. `transposed` swaps its strides, `reversed` turns the
 * first axis around (negative stride), `read_only` sets the flag. */
static lao_status_t ramp(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                         lao_error_t *error) {
    (void)self;
    int64_t shape[2] = {int_param(request, "rows", 2), int_param(request, "columns", 3)};
    if (shape[0] < 0 || shape[1] < 0 || shape[0] > 1 << 20 || shape[1] > 1 << 20) {
        return lao_fail(error, LAO_INVALID_PARAMETER, "rows and columns are from 0 to 1048576");
    }
    lao_dtype_t dtype = {.code = LAO_DTYPE_FLOAT, .bits = 32, .lanes = 1};
    lao_managed_tensor_t *made = give_tensor(request, response, LAO_KIND_TENSOR, dtype, 2, shape);
    if (made == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    float *to = made->tensor.data;
    for (int64_t i = 0; i < shape[0] * shape[1]; i++) {
        to[i] = (float)i;
    }
    if (int_param(request, "transposed", 0)) {
        int64_t *axes[] = {made->tensor.shape, made->tensor.strides};
        for (size_t i = 0; i < COUNT_OF(axes); i++) {
            int64_t first = axes[i][0];
            axes[i][0] = axes[i][1];
            axes[i][1] = first;
        }
    }
    if (int_param(request, "reversed", 0) && made->tensor.shape[0] > 0) {
        made->tensor.byte_offset = (uint64_t)((made->tensor.shape[0] - 1) * made->tensor.strides[0]) * sizeof *to;
        made->tensor.strides[0] = -made->tensor.strides[0];
    }
    if (int_param(request, "read_only", 0)) {
        made->flags |= LAO_TENSOR_READ_ONLY;
    }
    return LAO_OK;
}

/* Keeps the input beyond the call if the host allows that, and releases it before returning. */
static lao_status_t take(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                         lao_error_t *error) {
    (void)self;
    if (request->input_count != 1) {
        return lao_fail(error, LAO_INVALID_INPUT, "it takes one input");
    }
    lao_value_t *input = request->inputs[0];
    lao_status_t status = give_text(request, response, input->flags & LAO_VALUE_TRANSFERABLE ? "taken" : "not offered");
    if (status == LAO_OK && input->flags & LAO_VALUE_TRANSFERABLE) {
        input->flags |= LAO_VALUE_TAKEN;
        if (input->release != NULL) {
            input->release(input);
        } else if (input->tensor != NULL && input->tensor->deleter != NULL) {
            input->tensor->deleter(input->tensor);
        }
    }
    return status;
}

/* --- what the call was given --- */

/* {"typed": {...}, "json": ...}: the typed parameters, and the JSON form of the same as the host wrote it. */
static lao_status_t params(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                           lao_error_t *error) {
    (void)self, (void)error;
    json_t json = {.size = 0};
    json_add(&json, "{\"typed\":{");
    for (uint32_t i = 0; i < request->param_count; i++) {
        const lao_param_t *param = request->params[i];
        json_add(&json, "%s\"%s\":[%u,", i > 0 ? "," : "", param->name, (unsigned)param->type);
        switch (param->type) {
        case LAO_PARAM_BOOL:
            json_add(&json, "%s", param->integer ? "true" : "false");
            break;
        case LAO_PARAM_INT:
            json_add(&json, "%" PRId64, param->integer);
            break;
        case LAO_PARAM_DOUBLE:
            json_add(&json, "%.17g", param->number);
            break;
        case LAO_PARAM_TEXT:
            json_add_string(&json, param->data, param->size);
            break;
        case LAO_PARAM_JSON:
            json_add(&json, "%.*s", (int)param->size, (const char *)param->data);
            break;
        default: /* bytes: their number */
            json_add(&json, "%" PRIu64, param->size);
        }
        json_add(&json, "]");
    }
    json_add(&json, "},\"json\":%.*s}", request->params_json != NULL ? (int)request->params_json_size : 4,
             request->params_json != NULL ? request->params_json : "null");
    return give_json(request, response, &json);
}

static void add_path(json_t *json, const char *key, const char *path) {
    json_add(json, ",\"%s\":", key);
    if (path == NULL) {
        json_add(json, "null");
    } else {
        json_add_string(json, path, strlen(path));
    }
}

static lao_status_t config(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                           lao_error_t *error) {
    (void)error;
    json_t json = {.size = 0};
    json_add(&json, "{\"config\":%s", self->config);
    add_path(&json, "resource_dir", self->resource_dir);
    add_path(&json, "data_dir", self->data_dir);
    json_add(&json, "}");
    return give_json(request, response, &json);
}

static lao_status_t deadline(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                             lao_error_t *error) {
    (void)self, (void)error;
    if (request->deadline_ns == INT64_MAX) {
        return give_text(request, response, "none");
    }
    char text[32];
    snprintf(text, sizeof text, "%.3f", (double)(request->deadline_ns - the_host->now_ns(the_host)) / 1e9);
    return give_text(request, response, text);
}

/* Where this ran: {"pid", "thread", "calls" of this instance with this one, "instances" alive in the library}. */
static lao_status_t where(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                          lao_error_t *error) {
    (void)error;
    json_t json = {.size = 0};
    uint64_t alive = atomic_load(&instances_made) - atomic_load(&instances_ended);
    json_add(&json, "{\"pid\":%ld,\"thread\":%ld,\"calls\":%" PRIu64 ",\"instances\":%" PRIu64 "}", (long)getpid(),
             (long)syscall(SYS_gettid), (uint64_t)atomic_load(&self->calls), alive);
    return give_json(request, response, &json);
}

/* --- failing and waiting --- */

/* Returns the parameter `status` with `message` as its text; status 0 gives the text "fine". */
static lao_status_t fail(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                         lao_error_t *error) {
    (void)self;
    lao_status_t status = (lao_status_t)int_param(request, "status", LAO_FAILED);
    if (status == LAO_OK) {
        return give_text(request, response, "fine");
    }
    return lao_fail(error, status, text_param(request, "message", NULL));
}

/* Waits until `ms` have passed, by default for ever, or until it is cancelled; `deaf` does not look at the cancel word
 * (but still ends after `ms`). */
static lao_status_t wait_capability(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                                    lao_error_t *error) {
    (void)self;
    int64_t ms = int_param(request, "ms", -1), end = ms < 0 ? INT64_MAX : now_ns() + ms * 1000000;
    int64_t deaf = int_param(request, "deaf", 0);
    while (now_ns() < end) {
        if (!deaf && lao_cancelled(request)) {
            return lao_fail(error, LAO_CANCELLED, "cancelled while waiting");
        }
        sleep_ns(200000);
    }
    return give_text(request, response, "waited");
}

/* Works, without sleeping, for `us` microseconds. */
static lao_status_t spin_us(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    (void)self, (void)error;
    int64_t end = now_ns() + int_param(request, "us", 20) * 1000;
    while (now_ns() < end) {
    }
    return give_text(request, response, "spun");
}

/* The highest number of calls of `overlap` at the same time, as this call saw it in `ms` milliseconds:
 * {"library": n, "instance": n}. */
static lao_status_t overlap(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    (void)error;
    int64_t end = now_ns() + int_param(request, "ms", 20) * 1000000;
    int64_t most_library = 0, most_instance = 0;
    atomic_fetch_add(&library_running, 1);
    atomic_fetch_add(&self->running, 1);
    do {
        int64_t in_library = atomic_load(&library_running), in_instance = atomic_load(&self->running);
        most_library = in_library > most_library ? in_library : most_library;
        most_instance = in_instance > most_instance ? in_instance : most_instance;
        sleep_ns(100000);
    } while (now_ns() < end);
    atomic_fetch_sub(&self->running, 1);
    atomic_fetch_sub(&library_running, 1);
    json_t json = {.size = 0};
    json_add(&json, "{\"library\":%" PRId64 ",\"instance\":%" PRId64 "}", most_library, most_instance);
    return give_json(request, response, &json);
}

/* --- streams --- */

static void LAO_CALL release_part(lao_value_t *value) { release_malloc(value); }

/* Pushes `count` parts, "part 0", "part 1", ..., and then, with `last`, returns the text "last". With `pad` each part
 * has that many bytes more. `fail_at` returns LAO_FAILED instead of pushing that part. A stop ends it early. */
static lao_status_t stream(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                           lao_error_t *error) {
    (void)self;
    const lao_stream_host_t *host_stream = the_host->get_extension(the_host, LAO_EXT_STREAM);
    if (host_stream == NULL) {
        return lao_fail(error, LAO_UNSUPPORTED, "this host does not offer lao.stream/1");
    }
    int64_t count = int_param(request, "count", 3), fail_at = int_param(request, "fail_at", -1);
    size_t pad = (size_t)int_param(request, "pad", 0);
    for (int64_t i = 0; i < count; i++) {
        if (i == fail_at) {
            return lao_fail(error, LAO_FAILED, "failed in the middle of the stream");
        }
        char *text = calloc(1, 40 + pad);
        if (text == NULL) {
            return LAO_OUT_OF_MEMORY;
        }
        int size = snprintf(text, 40, "part %" PRId64, i);
        memset(text + size, '.', pad);
        atomic_fetch_add(&malloc_made, 1);
        lao_value_t part = {.struct_size = sizeof part,
                            .kind = LAO_KIND_TEXT,
                            .data = text,
                            .size = (uint64_t)size + pad,
                            .file_handle = -1,
                            .owner = text,
                            .release = release_part};
        uint32_t answer = host_stream->push(request->call, &part, 0);
        if (answer == LAO_STREAM_STOP) { /* the part is the host's all the same */
            return lao_fail(error, LAO_CANCELLED, "nobody wanted more parts");
        }
        if (answer != LAO_STREAM_CONTINUE) {
            release_part(&part);
            return lao_fail(error, LAO_FAILED, "the host refused a part");
        }
        sleep_ns(int_param(request, "pause_ms", 0) * 1000000);
    }
    return int_param(request, "last", 0) ? give_text(request, response, "last") : LAO_OK;
}

/* --- host services --- */

static lao_status_t log_line(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                             lao_error_t *error) {
    (void)self, (void)error;
    const char *text = text_param(request, "text", "a line");
    the_host->log(the_host, (uint32_t)int_param(request, "level", LAO_LOG_INFO), text, strlen(text));
    return give_text(request, response, "logged");
}

/* Which extensions the host offers to this plugin: a JSON object of id to true or false. */
static lao_status_t extensions(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                               lao_error_t *error) {
    (void)self, (void)error;
    static const char *const ids[] = {LAO_EXT_STREAM, LAO_EXT_EVENTS,    LAO_EXT_PROGRESS, LAO_EXT_SCRATCH,
                                      LAO_EXT_FILES,  LAO_EXT_HTTP,      LAO_EXT_COMMANDS, LAO_EXT_CALLS,
                                      LAO_EXT_BATCH,  LAO_EXT_LIFECYCLE, LAO_EXT_STATE,    "lao.unknown/9"};
    json_t json = {.size = 0};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        json_add(&json, "%s\"%s\":%s", i > 0 ? "," : "{", ids[i],
                 the_host->get_extension(the_host, ids[i]) != NULL ? "true" : "false");
    }
    json_add(&json, "}");
    return give_json(request, response, &json);
}

/* {"host": {"made", "released"}, "malloc": {...}}: outputs so far, without the one of this call. */
static lao_status_t released(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                             lao_error_t *error) {
    (void)self, (void)error;
    json_t json = {.size = 0};
    json_add(&json, "{\"host\":{\"made\":%" PRIu64 ",\"released\":%" PRIu64 "},", (uint64_t)atomic_load(&host_made),
             (uint64_t)atomic_load(&host_released));
    json_add(&json, "\"malloc\":{\"made\":%" PRIu64 ",\"released\":%" PRIu64 "}}", (uint64_t)atomic_load(&malloc_made),
             (uint64_t)atomic_load(&malloc_released));
    return give_json(request, response, &json);
}

/* --- the table --- */

#define CAPABILITIES(X)                                                                                                \
    X("text", TEXT, TEXT, echo, LAO_CAPABILITY_IDEMPOTENT)                                                             \
    X("json", JSON, JSON, echo, 0)                                                                                     \
    X("binary", BINARY, BINARY, echo, 0)                                                                               \
    X("file", FILE, FILE, echo, 0)                                                                                     \
    X("tensor", TENSOR, TENSOR, echo, 0)                                                                               \
    X("image", IMAGE, IMAGE, echo, 0)                                                                                  \
    X("audio", AUDIO, AUDIO, echo, 0)                                                                                  \
    X("video", VIDEO, VIDEO, echo, 0)                                                                                  \
    X("any", ANY, ANY, echo, 0)                                                                                        \
    X("sum", TENSOR, JSON, sum, 0)                                                                                     \
    X("look", TENSOR, TEXT, look, 0)                                                                                   \
    X("ramp", NONE, TENSOR, ramp, 0)                                                                                   \
    X("take", ANY, TEXT, take, 0)                                                                                      \
    X("params", NONE, JSON, params, 0)                                                                                 \
    X("config", NONE, JSON, config, 0)                                                                                 \
    X("deadline", NONE, TEXT, deadline, 0)                                                                             \
    X("where", NONE, JSON, where, 0)                                                                                   \
    X("fail", NONE, TEXT, fail, 0)                                                                                     \
    X("wait", NONE, TEXT, wait_capability, 0)                                                                          \
    X("spin_us", NONE, TEXT, spin_us, 0)                                                                               \
    X("overlap", NONE, JSON, overlap, 0)                                                                               \
    X("stream", NONE, TEXT, stream, LAO_CAPABILITY_STREAMS_OUT)                                                        \
    X("log", NONE, TEXT, log_line, 0)                                                                                  \
    X("extensions", NONE, JSON, extensions, 0)                                                                         \
    X("released", NONE, JSON, released, 0)

#define CAPABILITY(title, input, output, function, bits)                                                               \
    &(const lao_capability_t){.struct_size = sizeof(lao_capability_t),                                                 \
                              .flags = (bits),                                                                         \
                              .name = (title),                                                                         \
                              .description = "the capability " title " of the fixture",                                \
                              .input_kind = LAO_KIND_##input,                                                          \
                              .output_kind = LAO_KIND_##output},
#define FUNCTION(title, input, output, function, bits) function,

static const lao_capability_t *const capabilities[] = {CAPABILITIES(CAPABILITY)};
static const capability_fn functions[] = {CAPABILITIES(FUNCTION)};

static char *copy_string(const char *text) { return text != NULL ? strdup(text) : NULL; }

/* Fails with the message "told to" when the configuration holds "refuse". */
static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *given, lao_instance_t **instance,
                                    lao_error_t *error) {
    (void)host;
    if (strstr(given->json, "\"refuse\"") != NULL) {
        return lao_fail(error, LAO_INVALID_CONFIG, "told to refuse");
    }
    lao_instance_t *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    made->config = copy_string(given->json);
    made->resource_dir = copy_string(given->resource_dir);
    made->data_dir = copy_string(given->data_dir);
    atomic_fetch_add(&instances_made, 1);
    *instance = made;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *instance) {
    free(instance->config);
    free(instance->resource_dir);
    free(instance->data_dir);
    free(instance);
    atomic_fetch_add(&instances_ended, 1);
}

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    if (request->capability >= COUNT_OF(functions)) {
        return LAO_UNKNOWN_CAPABILITY;
    }
    atomic_fetch_add(&instance->calls, 1);
    return functions[request->capability](instance, request, response, error);
}

static const lao_plugin_t plugin = {.struct_size = sizeof plugin,
                                    .abi_version = LAO_ABI_VERSION,
                                    .name = "echo",
                                    .version = "1.2.3",
                                    .description = "Hands back what it is given",
                                    .thread_role = PASTE(ROLE_, THREAD_ROLE),
                                    .capability_count = COUNT_OF(capabilities),
                                    .capabilities = capabilities,
                                    .create = create,
                                    .destroy = destroy,
                                    .call = call};

LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    the_host = host;
    return &plugin;
}
