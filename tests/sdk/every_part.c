/* A plugin that uses every part of the C helpers. */
#define _POSIX_C_SOURCE 200809L
#include <lao/plugin_c.h>
#include <stdatomic.h>
#include <threads.h>
#include <unistd.h>

struct lao_instance {
    const lao_host_t *host;
    mtx_t lock;
    uint32_t threads;
    int64_t start;
    double scale;
    int loud;
    char *name;
    uint64_t name_size;
    atomic_llong count;
    lao_text_t heard; /* JSON strings, parted by commas */
};

/* --- Instances --- */

static const lao_field_t settings[] = {LAO_INT_IN("start", 1, "Where it starts", 0, DBL_MAX),
                                       LAO_NUMBER("scale", 1, ""), LAO_BOOL("loud", 0, ""),
                                       LAO_TEXT_OF("name", "nobody", "Whose it is", 1, DBL_MAX), LAO_END};

static lao_status_t configure(lao_instance_t *self, const lao_config_t *config, lao_error_t *error) {
    uint64_t size = 0;
    char *name = lao_setting_text(config, settings, "name", &size);
    if (name == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    if (strcmp(name, "nemo") == 0) {
        free(name);
        return lao_fail(error, LAO_INVALID_CONFIG, "`name` must not be nemo");
    }
    mtx_lock(&self->lock);
    free(self->name);
    self->name = name;
    self->name_size = size;
    self->start = lao_setting_int(config, settings, "start");
    self->scale = lao_setting_number(config, settings, "scale");
    self->loud = lao_setting_bool(config, settings, "loud");
    mtx_unlock(&self->lock);
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *self) {
    mtx_destroy(&self->lock);
    free(self->name);
    free(self->heard.at);
    free(self);
}

static lao_status_t create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                           lao_error_t *error) {
    lao_instance_t *self = calloc(1, sizeof *self);
    lao_status_t status;
    if (self == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    self->host = host;
    self->threads = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    if (config->max_threads > 0 && config->max_threads < self->threads) {
        self->threads = config->max_threads;
    }
    mtx_init(&self->lock, mtx_plain);
    status = configure(self, config, error);
    if (status != LAO_OK) {
        destroy(self);
        return status;
    }
    *instance = self;
    return LAO_OK;
}

static lao_status_t LAO_CALL health(lao_instance_t *self, lao_error_t *error) {
    int ill;
    mtx_lock(&self->lock);
    ill = strcmp(self->name, "ill") == 0;
    mtx_unlock(&self->lock);
    return ill ? lao_fail(error, LAO_FAILED, "it feels ill") : LAO_OK;
}

static lao_status_t LAO_CALL save(lao_instance_t *self, lao_value_t *state, lao_error_t *error) {
    char text[32];
    lao_response_t response = {.struct_size = sizeof response, .output_capacity = 1, .outputs = &state};
    int size = snprintf(text, sizeof text, "%lld", atomic_load(&self->count));
    (void)error;
    return lao_give_copy(self->host, &response, LAO_KIND_BINARY, text, (uint64_t)size);
}

static lao_status_t load(lao_instance_t *self, const void *data, uint64_t size, lao_error_t *error) {
    int64_t count;
    lao_json_t digits = {data, size};
    if (!lao_json_integer(digits, &count)) {
        return lao_fail(error, LAO_INVALID_INPUT, "this is no state");
    }
    atomic_store(&self->count, count);
    return LAO_OK;
}

static lao_status_t LAO_CALL on_event(lao_instance_t *self, const char *callback, const char *name, const char *json,
                                      uint64_t json_size, lao_error_t *error) {
    lao_text_t line = {0};
    if (strcmp(name, "refused") == 0) {
        return lao_fail(error, LAO_UNSUPPORTED, "this event is not for me");
    }
    lao_text_put(&line, callback != NULL ? callback : "");
    lao_text_put(&line, " ");
    lao_text_put(&line, name);
    lao_text_put(&line, " ");
    lao_text_add(&line, json, json_size);
    mtx_lock(&self->lock);
    lao_text_put(&self->heard, self->heard.size > 0 ? "," : "");
    lao_text_quote(&self->heard, line.at, line.size);
    mtx_unlock(&self->lock);
    free(line.at);
    return LAO_OK;
}

static void LAO_CALL shut_down(void) {}

/* --- Capabilities --- */

static const lao_field_t name_field = LAO_FIELD(LAO_PARAM_TEXT, LAO_FIELD_REQUIRED, "", "", NULL);
static const lao_field_t params_fields[] = {LAO_TEXT("text", "a\"b", "A text"),
                                            LAO_BOOL("flag", 1, ""),
                                            LAO_INT_IN("count", 3, "A number", 0, 10),
                                            LAO_NUMBER("ratio", 0.5, ""),
                                            LAO_LIST("names", &name_field, "Some names"),
                                            LAO_FIELD(LAO_PARAM_INT, LAO_FIELD_OPTIONAL, "nothing", "", NULL),
                                            LAO_END};
static const lao_field_t config_fields[] = {LAO_FIELD(LAO_PARAM_INT, LAO_FIELD_REQUIRED, "start", "", NULL),
                                            LAO_FIELD(LAO_PARAM_DOUBLE, LAO_FIELD_REQUIRED, "scale", "", NULL),
                                            LAO_FIELD(LAO_PARAM_BOOL, LAO_FIELD_REQUIRED, "loud", "", NULL),
                                            LAO_FIELD(LAO_PARAM_TEXT, LAO_FIELD_REQUIRED, "name", "", NULL), LAO_END};
static const lao_field_t scaled_fields[] = {LAO_NUMBER("factor", 2, ""), LAO_END};
static const lao_field_t silence_fields[] = {LAO_INT_IN("frames", 4, "How much", 0, 1e6), LAO_END};
static const lao_field_t lengths_fields[] = {LAO_INT_IN("times", 1, "Counted so often", 1, 9), LAO_END};
static const lao_field_t noted_fields[] = {LAO_FIELD(LAO_PARAM_TEXT, LAO_FIELD_REQUIRED, "text", "What", NULL),
                                           LAO_END};

static lao_status_t give_text(const lao_instance_t *self, lao_response_t *response, uint32_t kind, lao_text_t *text) {
    lao_status_t status = text->failed ? (lao_status_t)LAO_OUT_OF_MEMORY
                                       : lao_give_copy(self->host, response, kind, text->at, text->size);
    free(text->at);
    return status;
}

static lao_status_t config(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                           lao_error_t *error) {
    lao_text_t json = {0};
    (void)request, (void)error;
    mtx_lock(&self->lock);
    lao_text_putf(&json, "{\"start\":%" PRId64 ",\"scale\":", self->start);
    lao_text_number(&json, self->scale);
    lao_text_putf(&json, ",\"loud\":%s,\"name\":", self->loud ? "true" : "false");
    lao_text_quote(&json, self->name, self->name_size);
    lao_text_put(&json, "}");
    mtx_unlock(&self->lock);
    return give_text(self, response, LAO_KIND_JSON, &json);
}

static lao_status_t params(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                           lao_error_t *error) {
    lao_text_t json = {0};
    uint64_t size;
    const char *text = lao_arg_text(request, params_fields, "text", &size);
    const lao_json_t names = lao_arg_json(request, params_fields, "names");
    (void)error;
    lao_text_put(&json, "{\"text\":");
    lao_text_quote(&json, text, size);
    lao_text_putf(&json, ",\"flag\":%s", lao_arg_bool(request, params_fields, "flag") ? "true" : "false");
    lao_text_putf(&json, ",\"count\":%" PRId64 ",\"ratio\":", lao_arg_int(request, params_fields, "count"));
    lao_text_number(&json, lao_arg_number(request, params_fields, "ratio"));
    lao_text_put(&json, ",\"names\":");
    lao_text_add(&json, names.at, names.size);
    lao_text_putf(&json, ",\"nothing\":%s}", lao_param_find(request, "nothing") != NULL ? "true" : "false");
    return give_text(self, response, LAO_KIND_JSON, &json);
}

static lao_status_t twice(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                          lao_error_t *error) {
    const lao_value_t *input = request->inputs[0];
    char *room = lao_room(self->host, 2 * input->size);
    (void)error;
    if (room == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    if (input->size > 0) {
        memcpy(room, input->data, (size_t)input->size);
        memcpy(room + input->size, input->data, (size_t)input->size);
    }
    return lao_give(self->host, response, LAO_KIND_TEXT, room, 2 * input->size);
}

static lao_status_t reversed(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                             lao_error_t *error) {
    const lao_value_t *input = request->inputs[0];
    char *room = lao_room(self->host, input->size);
    (void)error;
    if (room == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    for (uint64_t i = 0; i < input->size; i++) {
        room[i] = ((const char *)input->data)[input->size - 1 - i];
    }
    return lao_give(self->host, response, LAO_KIND_BINARY, room, input->size);
}

static lao_status_t inverted(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                             lao_error_t *error) {
    static const lao_dtype_t uint8 = {LAO_DTYPE_UINT, 8, 1};
    lao_array_t image;
    uint8_t *to;
    lao_status_t status = lao_array_of(request->inputs[0], uint8, &image, error);
    if (status != LAO_OK) {
        return status;
    }
    to = lao_give_tensor(self->host, response, LAO_KIND_IMAGE, uint8, image.rank, image.shape);
    if (to == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    lao_array_copy(&image, to);
    for (int64_t i = 0; i < image.count; i++) {
        to[i] = (uint8_t)(255 - to[i]);
    }
    return LAO_OK;
}

static lao_status_t scaled(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                           lao_error_t *error) {
    static const lao_dtype_t float64 = {LAO_DTYPE_FLOAT, 64, 1};
    lao_array_t tensor;
    double *to, factor = lao_arg_number(request, scaled_fields, "factor");
    lao_status_t status = lao_array_of(request->inputs[0], float64, &tensor, error);
    if (status != LAO_OK) {
        return status;
    }
    to = lao_give_tensor(self->host, response, LAO_KIND_TENSOR, float64, tensor.rank, tensor.shape);
    if (to == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    lao_array_copy(&tensor, to);
    for (int64_t i = 0; i < tensor.count; i++) {
        to[i] *= factor;
    }
    return LAO_OK;
}

static lao_status_t silence(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    static const lao_dtype_t float32 = {LAO_DTYPE_FLOAT, 32, 1};
    const int64_t shape[] = {lao_arg_int(request, silence_fields, "frames"), 2};
    float *to = lao_give_tensor(self->host, response, LAO_KIND_AUDIO, float32, 2, shape);
    (void)error;
    if (to == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    memset(to, 0, (size_t)shape[0] * 2 * sizeof *to);
    response->outputs[0]->sample_rate_hz = 8000;
    return LAO_OK;
}

static lao_status_t echo(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                         lao_error_t *error) {
    const lao_value_t *input = request->inputs[0];
    if (input->tensor != NULL) {
        return lao_fail(error, LAO_UNSUPPORTED, "it echoes what is no array");
    }
    return lao_give_copy(self->host, response, input->kind, input->data, input->size);
}

static lao_status_t words(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                          lao_error_t *error) {
    const char *at = request->inputs[0]->data;
    const char *end = at + request->inputs[0]->size;
    (void)response;
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = space != NULL ? space : end;
        uint32_t answer;
        if (lao_cancelled(request)) {
            return LAO_CANCELLED;
        }
        answer = lao_send_copy(self->host, request, LAO_KIND_TEXT, at, (uint64_t)(stop - at));
        if (answer == LAO_STREAM_ERROR) {
            return lao_fail(error, LAO_UNSUPPORTED, "this part was refused");
        }
        if (answer == LAO_STREAM_STOP) {
            return LAO_OK;
        }
        at = stop + 1;
    }
    return LAO_OK;
}

static lao_status_t joined(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                           lao_error_t *error) {
    lao_text_t all = {0};
    lao_value_t part;
    uint32_t whole = 0, answer;
    lao_text_put(&all, "");
    while ((answer = lao_receive(self->host, request, &whole, &part)) == LAO_STREAM_CONTINUE) {
        const int is_text = part.kind == LAO_KIND_TEXT;
        if (is_text) {
            lao_text_add(&all, part.data, part.size);
            lao_text_put(&all, ";");
        }
        lao_value_release(&part);
        if (!is_text) {
            free(all.at);
            return lao_fail(error, LAO_INVALID_INPUT, "a part is no text");
        }
    }
    if (lao_cancelled(request) || answer == LAO_STREAM_ERROR) {
        free(all.at);
        return lao_cancelled(request) ? (lao_status_t)LAO_CANCELLED
                                      : lao_fail(error, LAO_INVALID_INPUT, "the stream of the input broke off");
    }
    return give_text(self, response, LAO_KIND_TEXT, &all);
}

/* Hands out a part that is twice as loud. */
static lao_status_t send_louder(const lao_instance_t *self, const lao_request_t *request, const lao_value_t *input,
                                uint32_t *answer, lao_error_t *error) {
    static const lao_dtype_t float32 = {LAO_DTYPE_FLOAT, 32, 1};
    lao_value_t part = {.struct_size = sizeof part, .file_handle = -1}, *slot = &part;
    lao_response_t response = {.struct_size = sizeof response, .output_capacity = 1, .outputs = &slot};
    lao_array_t audio;
    float *to;
    lao_status_t status = input->kind == LAO_KIND_AUDIO ? lao_array_of(input, float32, &audio, error)
                                                        : lao_fail(error, LAO_INVALID_INPUT, "a part is no audio");
    if (status != LAO_OK) {
        return status;
    }
    to = lao_give_tensor(self->host, &response, LAO_KIND_AUDIO, float32, audio.rank, audio.shape);
    if (to == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    part.sample_rate_hz = input->sample_rate_hz;
    lao_array_copy(&audio, to);
    for (int64_t i = 0; i < audio.count; i++) {
        to[i] *= 2;
    }
    *answer = lao_send(self->host, request, &part);
    return *answer == LAO_STREAM_ERROR ? lao_fail(error, LAO_UNSUPPORTED, "this part was refused") : LAO_OK;
}

static lao_status_t louder(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                           lao_error_t *error) {
    uint32_t whole = 0, answer = LAO_STREAM_CONTINUE;
    lao_value_t part;
    (void)response;
    while (answer == LAO_STREAM_CONTINUE && lao_receive(self->host, request, &whole, &part) == LAO_STREAM_CONTINUE) {
        lao_status_t status = send_louder(self, request, &part, &answer, error);
        lao_value_release(&part);
        if (status != LAO_OK) {
            return status;
        }
    }
    return lao_cancelled(request) ? LAO_CANCELLED : LAO_OK;
}

static lao_status_t picture(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    lao_status_t status = lao_give_copy(self->host, response, LAO_KIND_BINARY, "P5 1 1 255 \x7f", 12);
    (void)request, (void)error;
    return status != LAO_OK ? status
                            : lao_label(response->outputs[0], "image/x-portable-graymap", "{\"width\":1,\"height\":1}");
}

static lao_status_t media_type(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                               lao_error_t *error) {
    const char *text = request->inputs[0]->media_type != NULL ? request->inputs[0]->media_type : "";
    (void)error;
    return lao_give_copy(self->host, response, LAO_KIND_TEXT, text, strlen(text));
}

static lao_status_t flipped(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    static const lao_dtype_t known[] = {{LAO_DTYPE_UINT, 8, 1}, {LAO_DTYPE_UINT, 16, 1}, {LAO_DTYPE_FLOAT, 32, 1}};
    const lao_value_t *input = request->inputs[0];
    lao_array_t image;
    lao_status_t status = LAO_OK;
    int index;
    char *to;
    for (index = 0; index < 3; index++) {
        status = lao_array_of(input, known[index], &image, error);
        if (status == LAO_OK) {
            break;
        }
    }
    if (status != LAO_OK) {
        return status;
    }
    to = lao_give_tensor(self->host, response, LAO_KIND_IMAGE, known[index], image.rank, image.shape);
    if (to == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    /* Left to right: the same elements from the last column on. */
    image.first += (image.shape[1] - 1) * image.strides[1] * image.item;
    image.strides[1] = -image.strides[1];
    lao_array_copy(&image, to);
    response->outputs[0]->channel_order = input->channel_order;
    return LAO_OK;
}

static lao_status_t reel(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                         lao_error_t *error) {
    static const lao_dtype_t uint8 = {LAO_DTYPE_UINT, 8, 1};
    lao_array_t video;
    uint8_t *to;
    lao_status_t status = lao_array_of(request->inputs[0], uint8, &video, error);
    if (status != LAO_OK) {
        return status;
    }
    to = lao_give_tensor(self->host, response, LAO_KIND_VIDEO, uint8, video.rank, video.shape);
    if (to == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    lao_array_copy(&video, to);
    return LAO_OK;
}

static int is(const lao_value_t *text, const char *word) {
    return text->size == strlen(word) && memcmp(text->data, word, (size_t)text->size) == 0;
}

static void lengths(lao_instance_t *self, uint32_t count, const lao_request_t *const *requests,
                    lao_response_t *const *responses, lao_error_t *const *errors, lao_status_t *statuses) {
    for (uint32_t i = 0; i < count; i++) {
        const lao_value_t *input = requests[i]->inputs[0];
        char json[80];
        if (is(input, "bad")) {
            statuses[i] = lao_fail(errors[i], LAO_INVALID_INPUT, "this one is bad");
        } else if (is(input, "none")) {
            statuses[i] = lao_fail(errors[i], LAO_FAILED, "the plugin gave no answer to this request");
        } else if (is(input, "doomed")) {
            statuses[i] = lao_fail(errors[i], LAO_UNSUPPORTED, "the batch went wrong");
        } else {
            const int64_t bytes = (int64_t)input->size * lao_arg_int(requests[i], lengths_fields, "times");
            int size = snprintf(json, sizeof json, "{\"bytes\":%" PRId64 ",\"together\":%" PRIu32 "}", bytes, count);
            statuses[i] = lao_give_copy(self->host, responses[i], LAO_KIND_JSON, json, (uint64_t)size);
        }
    }
}

static lao_status_t thread_count(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                                 lao_error_t *error) {
    char json[48];
    int size = snprintf(json, sizeof json, "{\"threads\":%" PRIu32 "}", self->threads);
    (void)request, (void)error;
    return lao_give_copy(self->host, response, LAO_KIND_JSON, json, (uint64_t)size);
}

static lao_status_t counted(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                            lao_error_t *error) {
    char json[48];
    int size = snprintf(json, sizeof json, "{\"count\":%lld}", atomic_fetch_add(&self->count, 1) + 1);
    (void)request, (void)error;
    return lao_give_copy(self->host, response, LAO_KIND_JSON, json, (uint64_t)size);
}

static lao_status_t note(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                         lao_error_t *error) {
    lao_text_t json = {0};
    lao_status_t status;
    lao_progress(self->host, request, 0.5, "half");
    self->host->log(self->host, LAO_LOG_INFO, "noting", 6);
    lao_text_put(&json, "{\"text\":");
    lao_text_quote(&json, request->inputs[0]->data, request->inputs[0]->size);
    lao_text_put(&json, "}");
    status = lao_emit(self->host, "noted", json.at, json.size);
    free(json.at);
    if (status != LAO_OK) {
        return lao_fail(error, status, "the event was refused");
    }
    return lao_give_copy(self->host, response, LAO_KIND_TEXT, "noted", 5);
}

static lao_status_t heard(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                          lao_error_t *error) {
    lao_text_t json = {0};
    (void)request, (void)error;
    lao_text_put(&json, "{\"heard\":[");
    mtx_lock(&self->lock);
    lao_text_add(&json, self->heard.at, self->heard.size);
    mtx_unlock(&self->lock);
    lao_text_put(&json, "]}");
    return give_text(self, response, LAO_KIND_JSON, &json);
}

static lao_status_t thrown(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                           lao_error_t *error) {
    const lao_value_t *what = request->inputs[0];
    (void)self, (void)response;
    if (is(what, "unsupported")) {
        return lao_fail(error, LAO_UNSUPPORTED, "not this");
    }
    if (is(what, "memory")) {
        return lao_fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    if (is(what, "barrier")) {
        return 4711; /* no status of the ABI */
    }
    return lao_fail(error, LAO_FAILED, "it went wrong: ä");
}

#ifndef WITHOUT_WAIT
static lao_status_t wait_for_ever(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    (void)response, (void)error;
    for (;;) {
        if (lao_cancelled(request)) {
            return LAO_CANCELLED;
        }
        if (self->host->now_ns(self->host) > request->deadline_ns) {
            return LAO_TIMED_OUT;
        }
    }
}
#endif

static const lao_capability_entry_t capabilities[] = {
    {"config", "Its settings", LAO_KIND_NONE, LAO_KIND_JSON, .output_fields = config_fields, .run = config},
    {"params", "Its parameters", LAO_KIND_NONE, LAO_KIND_JSON, .params = params_fields, .run = params},
    {"twice", "Says it twice", LAO_KIND_TEXT, LAO_KIND_TEXT, LAO_CAPABILITY_IDEMPOTENT, .run = twice},
    {"reversed", "The bytes backwards", LAO_KIND_BINARY, LAO_KIND_BINARY, .run = reversed},
    {"inverted", "Light to dark", LAO_KIND_IMAGE, LAO_KIND_IMAGE, .run = inverted},
    {"scaled", "All numbers times a factor", LAO_KIND_TENSOR, LAO_KIND_TENSOR, .params = scaled_fields, .run = scaled},
    {"silence", "Silence", LAO_KIND_NONE, LAO_KIND_AUDIO, .params = silence_fields, .run = silence},
    {"echo", "Anything back", LAO_KIND_ANY, LAO_KIND_ANY, .run = echo},
    {"words", "The words one by one", LAO_KIND_TEXT, LAO_KIND_TEXT, LAO_CAPABILITY_STREAMS_OUT, .run = words},
    {"joined", "The parts of a text joined", LAO_KIND_TEXT, LAO_KIND_TEXT, LAO_CAPABILITY_STREAMS_IN, .run = joined},
    {"louder", "Twice as loud, part by part", LAO_KIND_AUDIO, LAO_KIND_AUDIO,
     LAO_CAPABILITY_STREAMS_IN | LAO_CAPABILITY_STREAMS_OUT, .run = louder},
    {"picture", "One grey pixel, encoded", LAO_KIND_NONE, LAO_KIND_BINARY, .run = picture},
    {"media_type", "What the bytes are", LAO_KIND_BINARY, LAO_KIND_TEXT, .run = media_type},
    {"flipped", "Left to right, in any depth", LAO_KIND_IMAGE, LAO_KIND_IMAGE, .run = flipped},
    {"reel", "The same video", LAO_KIND_VIDEO, LAO_KIND_VIDEO, .run = reel},
    {"lengths", "How long texts are, many at once", LAO_KIND_TEXT, LAO_KIND_JSON, .max_batch = 8,
     .params = lengths_fields, .run_batch = lengths},
    {"threads", "How many threads it would use", LAO_KIND_NONE, LAO_KIND_JSON, .run = thread_count},
    {"count", "How often it was asked", LAO_KIND_NONE, LAO_KIND_JSON, .run = counted},
    {"note", "Emits an event", LAO_KIND_TEXT, LAO_KIND_TEXT, .run = note},
    {"heard", "The events that were delivered", LAO_KIND_NONE, LAO_KIND_JSON, .run = heard},
    {"thrown", "Fails", LAO_KIND_TEXT, LAO_KIND_TEXT, .run = thrown},
#ifndef WITHOUT_WAIT
    {"wait", "Does not end by itself", LAO_KIND_NONE, LAO_KIND_TEXT, .run = wait_for_ever},
#endif
    {0}};

static const lao_event_entry_t events[] = {{"noted", "When something was noted", noted_fields}, {0}};

static const lao_declaration_t declaration = {
    .name = "every-part",
    .version = "1.2.3",
    .description = "Every part of the SDK",
    .thread_role = LAO_THREADS_FULL,
    .state_version = 3,
    .capabilities = capabilities,
    .settings = settings,
    .events = events,
    .create = create,
    .destroy = destroy,
    .configure = configure,
    .health = health,
    .save = save,
    .load = load,
    .on_event = on_event,
    .shutdown = shut_down,
};

const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) { return lao_declare(host, &declaration); }
