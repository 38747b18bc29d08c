/* What the plugins share that attack their channel: a second view of the memory between worker and host, and answers that
 * are forged in it, past the worker's own code. While `attack` runs, its lane is the host's first, which waits. */
#ifndef LAO_TESTS_HOSTILE_CHANNEL_H
#define LAO_TESTS_HOSTILE_CHANNEL_H

#include "hostile.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../../../native/ipc/frame.h"
#include "../../../native/ipc/wakeup.h"

enum { SIGNALS_FILE = 4, REQUESTS_FILE = 5, RESPONSES_FILE = 6, CHANNEL_BYTES = 1 << 20 };

static lao__signal_page_t *signals;
static const lao__frame_request_t *request_frame;
static lao__frame_response_t *answer_frame;
static char *answers; /* the region that the answer's offsets count from */

HOSTILE_FN void open_channel(void) {
    if (signals == NULL) {
        signals = mmap(NULL, LAO__SIGNAL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, SIGNALS_FILE, 0);
        request_frame = mmap(NULL, LAO__FRAME_INLINE, PROT_READ, MAP_SHARED, REQUESTS_FILE, 0);
        answers = mmap(NULL, CHANNEL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, RESPONSES_FILE, 0);
        answer_frame = (lao__frame_response_t *)answers;
    }
    if (signals == MAP_FAILED || request_frame == MAP_FAILED || answers == MAP_FAILED) {
        perror("there is no channel");
        abort();
    }
}

/* Writes the answer that a sound worker would give to the call that runs: `{}`. Each attack spoils it. */
HOSTILE_FN void forge_answer(void) {
    open_channel();
    memset(answer_frame, 0, sizeof *answer_frame);
    answer_frame->operation = LAO__FRAME_RESULT;
    answer_frame->sequence = request_frame->sequence;
    answer_frame->lease = LAO__NO_LEASE;
    answer_frame->value.kind = LAO_KIND_JSON;
    answer_frame->value.rank = -1;
    answer_frame->value.data = (lao__frame_span_t){LAO__FRAME_BYTES, 2};
    memcpy(answers + LAO__FRAME_BYTES, "{}", 2);
}

/* The same with a float32 tensor of 2 x 3. */
HOSTILE_FN void forge_tensor(void) {
    lao__frame_value_t *value;
    forge_answer();
    value = &answer_frame->value;
    value->kind = LAO_KIND_TENSOR;
    value->data.size = 24;
    value->rank = 2;
    value->dtype = (lao_dtype_t){LAO_DTYPE_FLOAT, 32, 1};
    value->shape[0] = 2, value->shape[1] = 3;
    value->strides[0] = 3, value->strides[1] = 1;
    answer_frame->lease = 0;
}

/* Wakes the host with this sequence. */
HOSTILE_FN void publish(uint32_t sequence) {
    atomic_exchange(&signals->lanes[0].to_host.word, sequence << 1);
    syscall(SYS_futex, &signals->lanes[0].to_host.word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* Keeps the worker from answering. */
HOSTILE_FN lao_status_t say_nothing_more(void) {
    while (request_frame != NULL) {
        sleep_ms(1000);
    }
    return LAO_FAILED;
}

/* Hands the forged answer over, and nothing else. */
HOSTILE_FN lao_status_t send_forged(void) {
    publish(request_frame->sequence);
    return say_nothing_more();
}

#endif
