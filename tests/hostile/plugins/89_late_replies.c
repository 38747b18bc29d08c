/* Answers after its time: when it is told to stop, or never told or not. The next call must not get what this one was to. */
#include "channel.h"

static void await_cancel(void) {
    while (__atomic_load_n(&request_frame->cancel, __ATOMIC_ACQUIRE) == 0) {
        sleep_ms(1);
    }
}

static void *answer_for_ever(void *sequence) {
    for (;;) {
        publish((uint32_t)(uintptr_t)sequence);
        sleep_ms(1);
    }
    return NULL;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)error;
    open_channel();
    await_cancel();
    if (input_is(request, "in_grace")) {
        report_string("late", "yes");
        return give_report(response);
    }
    if (input_is(request, "forged_in_grace")) {
        forge_answer();
        publish(request_frame->sequence);
        sleep_ms(20);
        return give_report(response);
    }
    if (input_is(request, "again_and_again")) {
        pthread_t thread;
        uint32_t sequence = request_frame->sequence;
        if (pthread_create(&thread, NULL, answer_for_ever, (void *)(uintptr_t)sequence) == 0) {
            pthread_detach(thread);
        }
        return give_report(response);
    }
    for (;;) { /* "never" */
        sleep_ms(1000);
    }
}

HOSTILE_PLUGIN("late-replies")
