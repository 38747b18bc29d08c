/* Answers twice, out of turn, to what nobody asked, and before it is asked. */
#include "channel.h"

static void *answer_the_next(void *sequence) {
    sleep_ms(50); /* the worker has answered this call by then */
    answer_frame->sequence = (uint32_t)(uintptr_t)sequence;
    publish((uint32_t)(uintptr_t)sequence);
    return NULL;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    uint32_t sequence;
    (void)error;
    forge_answer();
    sequence = request_frame->sequence;
    if (input_is(request, "twice")) {
        publish(sequence); /* the worker answers the third time */
        publish(sequence);
    } else if (input_is(request, "again")) {
        publish(sequence - 1); /* what was answered before */
        sleep_ms(20);
    } else if (input_is(request, "ahead")) {
        publish(sequence + 1);
        return say_nothing_more();
    } else if (input_is(request, "far")) {
        publish(sequence + 1000000);
        return say_nothing_more();
    } else if (input_is(request, "sequence")) {
        answer_frame->sequence = sequence + 1;
        return send_forged();
    } else if (input_is(request, "operation")) {
        answer_frame->operation = 77;
        return send_forged();
    } else if (input_is(request, "part")) {
        answer_frame->operation = LAO__FRAME_PART;
        return send_forged();
    } else if (input_is(request, "dead")) {
        atomic_store(&signals->lanes[0].to_host.word, LAO__SIGNAL_DEAD);
        syscall(SYS_futex, &signals->lanes[0].to_host.word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
        return say_nothing_more();
    } else if (input_is(request, "status")) { /* a failure that only the host can state */
        answer_frame->status = LAO_CRASHED;
        return send_forged();
    } else { /* "early" */
        pthread_t thread;
        if (pthread_create(&thread, NULL, answer_the_next, (void *)(uintptr_t)(sequence + 1)) != 0) {
            return LAO_FAILED;
        }
        pthread_detach(thread);
    }
    return give_report(response);
}

HOSTILE_PLUGIN("forged-replies")
