#include "stream.h"

#include <lao/ext/stream.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "condition.h"

struct lao__stream {
    lao__sink_t sink; /* first: the sink is the stream */
    lao__target_t *target;
    lao_call_t *call;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    lao_value_t queue[LAO__STREAM_QUEUE];
    uint32_t first;
    uint32_t count;
    bool stopped; /* the consumer wants no more */
    _Atomic uint32_t cancelled; /* the same, for a call that has not begun yet */
    bool ended;   /* the call has returned */
    lao_status_t status;
    lao_value_t last;
    lao__error_t error;
};

static uint32_t push(lao__sink_t *sink, lao_value_t *part, uint32_t flags) {
    lao__stream_t *stream = (lao__stream_t *)sink;
    uint32_t answer = LAO_STREAM_CONTINUE;
    pthread_mutex_lock(&stream->lock);
    while (stream->count == LAO__STREAM_QUEUE && !stream->stopped && (flags & LAO_STREAM_NO_WAIT) == 0) {
        lao__condition_wait(&stream->changed, &stream->lock, lao__now_ns() + 20000000);
        if (lao__flight_cancelled(stream->call->flight) != LAO__CANCEL_NONE) {
            break;
        }
    }
    if (stream->stopped || lao__flight_cancelled(stream->call->flight) != LAO__CANCEL_NONE) {
        answer = LAO_STREAM_STOP;
    } else if (stream->count == LAO__STREAM_QUEUE) {
        answer = LAO_STREAM_WAIT;
    } else {
        stream->queue[(stream->first + stream->count) % LAO__STREAM_QUEUE] = *part;
        stream->count++;
        pthread_cond_broadcast(&stream->changed);
    }
    pthread_mutex_unlock(&stream->lock);
    if (answer == LAO_STREAM_STOP) {
        lao__value_release(part);
    }
    return answer;
}

static void *run(void *context) {
    lao__stream_t *stream = context;
    lao_value_t last;
    lao_status_t status;
    memset(&last, 0, sizeof last);
    status = lao__target_call(stream->target, stream->call, &last, &stream->error);
    pthread_mutex_lock(&stream->lock);
    stream->status = status;
    stream->ended = true;
    if (status == LAO_OK) {
        stream->last = last;
    }
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
    return NULL;
}

lao_status_t lao__stream_open(lao__target_t *target, lao_call_t *call, lao__stream_t **opened, lao__error_t *error) {
    lao__stream_t *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    stream->sink.push = push;
    stream->target = target;
    stream->call = call;
    if (call->token == 0) {
        call->token = lao__flight_token();
    }
    call->cancel_flag = &stream->cancelled;
    call->sink = &stream->sink;
    pthread_mutex_init(&stream->lock, NULL);
    lao__condition_init(&stream->changed);
    if (pthread_create(&stream->thread, NULL, run, stream) != 0) {
        free(stream);
        return lao__fail(error, LAO_SYSTEM, "no thread could be started for the stream");
    }
    *opened = stream;
    return LAO_OK;
}

/* Under the lock. The queue is served before the end is told. */
static lao_status_t take(lao__stream_t *stream, lao_value_t *part, lao__error_t *error) {
    if (stream->count > 0) {
        *part = stream->queue[stream->first];
        stream->first = (stream->first + 1) % LAO__STREAM_QUEUE;
        stream->count--;
        pthread_cond_broadcast(&stream->changed);
        return LAO_OK;
    }
    *part = stream->last;
    memset(&stream->last, 0, sizeof stream->last);
    if (stream->status != LAO_OK) {
        lao__error_copy(error, &stream->error);
    }
    return stream->status;
}

lao_status_t lao__stream_next(lao__stream_t *stream, int64_t idle_ns, lao_value_t *part, lao__error_t *error) {
    lao_status_t status;
    int64_t until_ns;
    bool late = false;
    if (__builtin_add_overflow(lao__now_ns(), idle_ns, &until_ns)) {
        until_ns = LAO__NO_DEADLINE;
    }
    memset(part, 0, sizeof *part);
    pthread_mutex_lock(&stream->lock);
    while (stream->count == 0 && !stream->ended && !late) {
        lao__condition_wait(&stream->changed, &stream->lock, until_ns);
        late = lao__now_ns() >= until_ns;
    }
    if (stream->count == 0 && !stream->ended) {
        status = LAO__STREAM_IDLE;
    } else {
        status = take(stream, part, error);
    }
    pthread_mutex_unlock(&stream->lock);
    return status;
}

void lao__stream_destroy(lao__stream_t *stream) {
    pthread_mutex_lock(&stream->lock);
    stream->stopped = true;
    atomic_store(&stream->cancelled, 1);
    if (!stream->ended) {
        lao__target_cancel(stream->target, stream->call->token);
    }
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
    pthread_join(stream->thread, NULL);
    for (; stream->count > 0; stream->count--) {
        lao__value_release(&stream->queue[stream->first]);
        stream->first = (stream->first + 1) % LAO__STREAM_QUEUE;
    }
    if (stream->status == LAO_OK) {
        lao__value_release(&stream->last);
    }
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}
