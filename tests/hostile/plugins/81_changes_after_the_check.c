/* Changes the length of its answers all the while, so that whoever reads it twice reads two. The input is what it changes
 * between: "near" are two lengths that are both sound, "far" a sound one and one beyond its memory, "offset" the same of
 * the place, "rank" that of an array's. It goes on after the call. */
#include "channel.h"

static _Atomic int changing;
static volatile uint64_t *field;
static volatile int32_t *rank;
static uint64_t one, other;

static void *change(void *unused) {
    (void)unused;
    while (atomic_load_explicit(&changing, memory_order_relaxed)) {
        if (rank != NULL) {
            *rank = -1;
            *rank = 3;
        } else {
            *field = one;
            *field = other;
        }
    }
    return NULL;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    pthread_t thread;
    (void)error;
    open_channel();
    field = &answer_frame->value.data.size;
    one = 4, other = 8;
    if (input_is(request, "far")) {
        other = UINT64_C(1) << 40;
    } else if (input_is(request, "offset")) {
        field = &answer_frame->value.data.offset;
        one = LAO__FRAME_BYTES, other = UINT64_C(1) << 40;
    } else if (input_is(request, "rank")) {
        rank = &answer_frame->value.rank;
    }
    atomic_store(&changing, 1);
    if (pthread_create(&thread, NULL, change, NULL) != 0) {
        return LAO_FAILED;
    }
    pthread_detach(thread);
    return give_report(response);
}

HOSTILE_PLUGIN("changes-after-the-check")
