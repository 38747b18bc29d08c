/* Takes its input in parts: "count" of bytes answers {"parts": n, "bytes": n}, "upper" gives each part of a text back in capitals, as
 * it comes, "first" takes one part and ends, "keep" keeps all parts of a text until the last and puts them together, "sum" adds up
 * the elements of arrays, "peek" does not wait. A whole input counts as one part. */
#include <ctype.h>
#include <lao/ext/stream.h>
#include <time.h>

#include "tensors.h"

static const lao_stream_host_t *streams;

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    static int one;
    (void)config, (void)error;
    streams = host->get_extension(host, LAO_EXT_STREAM);
    *instance = (lao_instance_t *)&one;
    return streams != NULL ? LAO_OK : LAO_UNSUPPORTED;
}

static void LAO_CALL destroy(lao_instance_t *instance) { (void)instance; }

static void LAO_CALL nothing(lao_value_t *value) { (void)value; }

/* The next part: LAO_STREAM_*. */
static uint32_t next(const lao_request_t *request, uint32_t *taken, lao_value_t *part, uint32_t flags) {
    memset(part, 0, sizeof *part);
    part->struct_size = sizeof *part;
    if (request->input_count > 0) {
        if ((*taken)++ > 0) {
            return LAO_STREAM_STOP;
        }
        *part = *request->inputs[0];
        part->release = nothing;
        return LAO_STREAM_CONTINUE;
    }
    return streams->pull(request->call, part, flags);
}

static lao_status_t ended(uint32_t answer, const lao_request_t *request, lao_error_t *error) {
    if (lao_cancelled(request)) {
        return LAO_CANCELLED;
    }
    return answer == LAO_STREAM_STOP ? LAO_OK : lao_fail(error, LAO_FAILED, "its input broke off");
}

static lao_status_t count(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    json_t json = {.size = 0};
    unsigned long long parts = 0, bytes = 0;
    uint32_t taken = 0, answer;
    lao_value_t part;
    while ((answer = next(request, &taken, &part, 0)) == LAO_STREAM_CONTINUE) {
        parts++;
        bytes += part.size;
        part.release(&part);
        if (int_param(request, "pause_ms", 0) > 0) {
            nanosleep(&(struct timespec){.tv_nsec = int_param(request, "pause_ms", 0) * 1000000}, NULL);
        }
    }
    if (ended(answer, request, error) != LAO_OK) {
        return ended(answer, request, error);
    }
    json_add(&json, "{\"parts\":%llu,\"bytes\":%llu}", parts, bytes);
    return give_json(request, response, &json);
}

static lao_status_t upper(const lao_request_t *request, lao_error_t *error) {
    uint32_t taken = 0, answer;
    lao_value_t part;
    while ((answer = next(request, &taken, &part, 0)) == LAO_STREAM_CONTINUE) {
        lao_value_t out = {.struct_size = sizeof out, .kind = LAO_KIND_TEXT, .file_handle = -1};
        char *text = the_host->alloc(the_host, part.size + 1, 0);
        uint64_t index;
        for (index = 0; index < part.size; index++) {
            text[index] = (char)toupper(((const unsigned char *)part.data)[index]);
        }
        out.data = out.owner = text;
        out.size = part.size;
        out.release = release_host;
        atomic_fetch_add(&host_made, 1);
        part.release(&part);
        if (streams->push(request->call, &out, 0) != LAO_STREAM_CONTINUE) {
            return LAO_OK;
        }
    }
    return ended(answer, request, error);
}

static lao_status_t first(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    uint32_t taken = 0, answer;
    lao_value_t part;
    lao_status_t status;
    answer = next(request, &taken, &part, 0);
    if (answer != LAO_STREAM_CONTINUE) {
        return answer == LAO_STREAM_STOP ? give_text(request, response, "") : ended(answer, request, error);
    }
    status = give_data(request, response, LAO_KIND_TEXT, part.data, part.size);
    part.release(&part);
    return status;
}

static lao_status_t keep(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    static _Thread_local lao_value_t kept[1000];
    static _Thread_local char whole[1 << 20];
    uint32_t taken = 0, answer, parts = 0, index;
    size_t size = 0;
    while (parts < COUNT_OF(kept) && (answer = next(request, &taken, &kept[parts], 0)) == LAO_STREAM_CONTINUE) {
        parts++;
    }
    for (index = 0; index < parts; index++) {
        if (size + kept[index].size <= sizeof whole) {
            memcpy(whole + size, kept[index].data, kept[index].size);
            size += kept[index].size;
        }
        kept[index].release(&kept[index]);
    }
    (void)error;
    return give_data(request, response, LAO_KIND_TEXT, whole, size);
}

static lao_status_t sum(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    json_t json = {.size = 0};
    uint32_t taken = 0, answer;
    double total = 0;
    lao_value_t part;
    while ((answer = next(request, &taken, &part, 0)) == LAO_STREAM_CONTINUE) {
        const lao_tensor_t *tensor = &part.tensor->tensor;
        const double *from = (const double *)((const char *)tensor->data + tensor->byte_offset);
        int64_t row, column;
        for (row = 0; row < tensor->shape[0]; row++) {
            for (column = 0; column < tensor->shape[1]; column++) {
                total += from[row * tensor->strides[0] + column * tensor->strides[1]] * (double)(column + 1);
            }
        }
        part.release(&part);
    }
    if (ended(answer, request, error) != LAO_OK) {
        return ended(answer, request, error);
    }
    json_add(&json, "%.1f", total);
    return give_json(request, response, &json);
}

static lao_status_t peek(const lao_request_t *request, lao_response_t *response) {
    json_t json = {.size = 0};
    uint32_t taken = 0, answer, waits = 0, parts = 0;
    lao_value_t part;
    while ((answer = next(request, &taken, &part, LAO_STREAM_NO_WAIT)) != LAO_STREAM_STOP && !lao_cancelled(request)) {
        if (answer == LAO_STREAM_CONTINUE) {
            parts++;
            part.release(&part);
        } else if (answer == LAO_STREAM_WAIT) {
            waits++;
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        } else {
            break;
        }
    }
    json_add(&json, "{\"parts\":%u,\"waited\":%d}", parts, waits > 0);
    return give_json(request, response, &json);
}

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    (void)instance;
    switch (request->capability) {
    case 0:
        return count(request, response, error);
    case 1:
        return upper(request, error);
    case 2:
        return first(request, response, error);
    case 3:
        return keep(request, response, error);
    case 4:
        return sum(request, response, error);
    default:
        return peek(request, response);
    }
}

#define CAPABILITY(title, input, output, out)                                                                          \
    &(const lao_capability_t){.struct_size = sizeof(lao_capability_t),                                                 \
                              .flags = LAO_CAPABILITY_STREAMS_IN | (out),                                              \
                              .name = (title),                                                                         \
                              .input_kind = (input),                                                                   \
                              .output_kind = (output)}

static const lao_capability_t *const capabilities[] = {
    CAPABILITY("count", LAO_KIND_BINARY, LAO_KIND_JSON, 0),
    CAPABILITY("upper", LAO_KIND_TEXT, LAO_KIND_TEXT, LAO_CAPABILITY_STREAMS_OUT),
    CAPABILITY("first", LAO_KIND_TEXT, LAO_KIND_TEXT, 0),
    CAPABILITY("keep", LAO_KIND_TEXT, LAO_KIND_TEXT, 0),
    CAPABILITY("sum", LAO_KIND_TENSOR, LAO_KIND_JSON, 0),
    CAPABILITY("peek", LAO_KIND_TEXT, LAO_KIND_JSON, 0)};

PLUGIN("parts", LAO_THREADS_FULL, .shutdown = NULL)
