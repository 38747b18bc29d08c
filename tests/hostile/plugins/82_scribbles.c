/* A thread that writes over what it shares with the host, while calls go on. The input says what: "NAME SEED PAUSE_US" is
 * one field of `fields`, or "everything" at random, with so long between two writes; "fields" lists their names. */
#define HOSTILE_OUTPUT_KIND LAO_KIND_ANY
#include "channel.h"

typedef struct field {
    const char *name;
    size_t offset; /* in the signals if `in_signals`, else in the answers */
    size_t size;
    bool in_signals;
} field_t;

#define SIGNAL(member, type) {#member, offsetof(lao__signal_page_t, member), sizeof(type), true}
#define ANSWER(member)                                                                                                 \
    {#member, offsetof(lao__frame_response_t, member), sizeof(((lao__frame_response_t *)0)->member), false}

static const field_t fields[] = {
    SIGNAL(lanes[0].to_worker.word, uint32_t),
    SIGNAL(lanes[0].to_worker.producer_cpu, uint32_t),
    SIGNAL(lanes[0].to_host.word, uint32_t),
    SIGNAL(lanes[0].to_host.producer_cpu, uint32_t),
    SIGNAL(lanes[1].to_host.word, uint32_t), /* of a lane that it does not have */
    SIGNAL(crashed_lane, uint32_t),
    ANSWER(operation),
    ANSWER(sequence),
    ANSWER(status),
    ANSWER(lease),
    ANSWER(error.offset),
    ANSWER(error.size),
    ANSWER(value.kind),
    ANSWER(value.sample_rate_hz),
    ANSWER(value.color_space),
    ANSWER(value.channel_order),
    ANSWER(value.memory),
    ANSWER(value.data.offset),
    ANSWER(value.data.size),
    ANSWER(value.media_type.offset),
    ANSWER(value.media_type.size),
    ANSWER(value.metadata.offset),
    ANSWER(value.metadata.size),
    ANSWER(value.tensor_flags),
    ANSWER(value.first_element),
    ANSWER(value.rank),
    ANSWER(value.dtype),
    ANSWER(value.shape[0]),
    ANSWER(value.shape[1]),
    ANSWER(value.strides[0]),
    ANSWER(value.strides[1]),
    {"payload", LAO__FRAME_BYTES, 64, false},
    {"arena", LAO__MAX_LANES * LAO__FRAME_INLINE, 4096, false},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const uint64_t numbers[] = {0,         1,          2,    3,     4,          UINT32_MAX, UINT64_MAX,
                                   INT64_MAX, 1u << 31,   4096, 65536, 1ull << 34, 1ull << 40, 1ull << 63,
                                   INT32_MAX, 0xFFFFFFFE, 33,   10,    77,         4098,       24};

static const field_t *target; /* NULL: any */
static uint64_t state;
static long pause_us;

static uint64_t next(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

static void scribble_on(const field_t *field) {
    volatile char *base = field->in_signals ? (volatile char *)signals : (volatile char *)answers;
    uint64_t choice = next();
    uint64_t number = choice % 4 == 0 ? next() : numbers[(choice >> 8) % (sizeof numbers / sizeof *numbers)];
    size_t size = field->size < sizeof number ? field->size : sizeof number;
    size_t at = field->offset + (choice >> 32) % (field->size / size) * size;
    memcpy((char *)(uintptr_t)base + at, &number, size);
}

static void *scribble(void *unused) {
    (void)unused;
    for (;;) {
        scribble_on(target != NULL ? target : &fields[next() % FIELDS]);
        if (pause_us > 0) {
            nanosleep(&(struct timespec){0, pause_us * 1000}, NULL);
        }
    }
    return NULL;
}

static lao_status_t list_fields(lao_response_t *response) {
    for (size_t index = 0; index < FIELDS; index++) {
        report_number(fields[index].name, (long long)fields[index].size);
    }
    return give_report(response);
}

static lao_status_t give_matrix(lao_response_t *response) {
    static float elements[6] = {0, 1, 2, 3, 4, 5};
    static int64_t shape[2] = {2, 3};
    static lao_managed_tensor_t tensor;
    lao_value_t *output = response->outputs[0];
    memset(&tensor, 0, sizeof tensor);
    tensor.dlpack_major = 1;
    tensor.tensor = (lao_tensor_t){.data = elements,
                                   .device = {.device_type = LAO_DEVICE_CPU},
                                   .rank = 2,
                                   .dtype = {.code = LAO_DTYPE_FLOAT, .bits = 32, .lanes = 1},
                                   .shape = shape};
    output->kind = LAO_KIND_TENSOR;
    output->tensor = &tensor;
    response->output_count = 1;
    return LAO_OK;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    char name[64];
    unsigned long long seed;
    pthread_t thread;
    if (input_is(request, "fields")) {
        return list_fields(response);
    }
    if (input_is(request, "matrix")) {
        return give_matrix(response);
    }
    if (sscanf(input_text(request), "%63s %llu %ld", name, &seed, &pause_us) != 3) {
        return lao_fail(error, LAO_INVALID_INPUT, "which field?");
    }
    for (size_t index = 0; index < FIELDS; index++) {
        target = strcmp(fields[index].name, name) == 0 ? &fields[index] : target;
    }
    open_channel();
    state = seed * 7919 + 1;
    if (pthread_create(&thread, NULL, scribble, NULL) != 0) {
        return LAO_FAILED;
    }
    pthread_detach(thread);
    return give_report(response);
}

HOSTILE_PLUGIN("scribbles")
