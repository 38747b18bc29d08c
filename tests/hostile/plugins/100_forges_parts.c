/* Forges what goes to and fro in a call: parts of an output, questions for parts of an input, the answers of a batch, and
 * a saved state. What is forged stands in the input, or, for a state, in what "attack" was told last. */
#include "channel.h"

#include <lao/ext/batch.h>
#include <lao/ext/state.h>

#define LAST_TEXT 64

static char told[LAST_TEXT]; /* how the state is to be forged */

/* Sends the forged answer as one of several, and waits for the host to go on. */
static void send_part(uint32_t operation, uint32_t status) {
    uint32_t sequence = request_frame->sequence;
    answer_frame->operation = operation;
    answer_frame->status = status;
    answer_frame->sequence = sequence;
    publish(sequence);
    while (*(const volatile uint32_t *)&request_frame->sequence == sequence) {
        sleep_ms(1);
    }
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)error;
    snprintf(told, sizeof told, "%s", input_text(request));
    forge_answer();
    if (input_is(request, "pull")) {
        answer_frame->operation = LAO__FRAME_PULL;
        return send_forged();
    }
    return give_report(response); /* a variant of a state: `save` is asked for it */
}

/* --- An input in parts --- */

static lao_status_t pull_for_ever(uint32_t flags) {
    while (request_frame != NULL) {
        forge_answer();
        send_part(LAO__FRAME_PULL, flags);
    }
    return LAO_FAILED;
}

static lao_status_t pull(const lao_request_t *request) {
    const lao_param_t *how = request->param_count > 0 ? request->params[0] : NULL;
    forge_answer();
    if (how == NULL || how->size != 4 || memcmp(how->data, "part", 4) != 0) {
        return pull_for_ever(how != NULL ? UINT32_MAX : 0);
    }
    answer_frame->operation = LAO__FRAME_PART; /* it gives no parts */
    return send_forged();
}

/* --- A batch --- */

static void LAO_CALL call_batch(lao_instance_t *instance, uint32_t count, const lao_request_t *const *requests,
                                lao_response_t *const *responses, lao_error_t *const *errors, lao_status_t *statuses) {
    const lao_request_t *request = requests[0];
    uint32_t parts = input_is(request, "many") ? count + 1 : input_is(request, "few") ? count - 1 : count;
    uint32_t index;
    (void)instance, (void)responses, (void)errors, (void)statuses;
    for (index = 0; index < parts; index++) {
        forge_answer();
        if (input_is(request, "kind")) {
            answer_frame->value.kind = LAO_KIND_TEXT;
        } else if (input_is(request, "outside")) {
            answer_frame->value.data.offset = UINT64_MAX - 1;
        }
        send_part(input_is(request, "pull") ? LAO__FRAME_PULL : LAO__FRAME_PART, LAO_OK);
    }
    forge_answer();
    if (!input_is(request, "value")) {
        answer_frame->value.kind = LAO_KIND_NONE;
    }
    (void)send_forged();
}

/* --- A state --- */

static lao_status_t LAO_CALL save(lao_instance_t *instance, lao_value_t *state, lao_error_t *error) {
    (void)instance, (void)state, (void)error;
    forge_answer();
    answer_frame->value.kind = LAO_KIND_BINARY;
    answer_frame->value.metadata = (lao__frame_span_t){LAO__FRAME_BYTES, sizeof(uint32_t)};
    if (strcmp(told, "version") == 0) {
        answer_frame->value.metadata.size = 3;
    } else if (strcmp(told, "kind") == 0) {
        answer_frame->value.kind = LAO_KIND_TEXT;
    } else if (strcmp(told, "none") == 0) {
        answer_frame->value.kind = LAO_KIND_NONE;
    } else if (strcmp(told, "outside") == 0) {
        answer_frame->value.data.size = UINT64_MAX / 2;
    } else if (strcmp(told, "part") == 0) {
        answer_frame->operation = LAO__FRAME_PART;
    }
    return send_forged();
}

static lao_status_t LAO_CALL load(lao_instance_t *instance, const void *data, uint64_t size, uint32_t version,
                                  lao_error_t *error) {
    (void)instance, (void)data, (void)size, (void)version, (void)error;
    return LAO_OK;
}

/* --- The plugin --- */

static const void *LAO_CALL get_extension(const char *id) {
    static const lao_batch_plugin_t batch = {.struct_size = sizeof batch, .call_batch = call_batch};
    static const lao_state_plugin_t state = {
        .struct_size = sizeof state, .state_version = 1, .save = save, .load = load};
    return strcmp(id, LAO_EXT_BATCH) == 0 ? (const void *)&batch
                                          : (strcmp(id, LAO_EXT_STATE) == 0 ? (const void *)&state : NULL);
}

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    return request->capability == 2 ? pull(request) : call_hostile(instance, request, response, error);
}

static const lao_capability_t capabilities[] = {
    {.struct_size = sizeof(lao_capability_t),
     .name = "attack",
     .input_kind = LAO_KIND_TEXT,
     .output_kind = LAO_KIND_JSON,
     .max_batch = 16},
    {.struct_size = sizeof(lao_capability_t),
     .name = "echo",
     .input_kind = LAO_KIND_TEXT,
     .output_kind = LAO_KIND_TEXT},
    {.struct_size = sizeof(lao_capability_t),
     .flags = LAO_CAPABILITY_STREAMS_IN,
     .name = "pull",
     .input_kind = LAO_KIND_TEXT,
     .output_kind = LAO_KIND_JSON},
};
static const lao_capability_t *const all[] = {&capabilities[0], &capabilities[1], &capabilities[2]};
static const lao_plugin_t plugin = {.struct_size = sizeof plugin,
                                    .abi_version = LAO_ABI_VERSION,
                                    .name = "forges-parts",
                                    .version = "1.0.0",
                                    .thread_role = LAO_THREADS_INSTANCE,
                                    .capability_count = 3,
                                    .capabilities = all,
                                    .create = create_quietly,
                                    .destroy = destroy_quietly,
                                    .call = call,
                                    .get_extension = get_extension};

LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    the_host = host;
    return &plugin;
}
