/* The host's end of one worker process: start it, exchange frames with it, notice its death, end it. */
#ifndef LAO_IPC_WORKER_LINK_H
#define LAO_IPC_WORKER_LINK_H

#include "../core/call.h"
#include "../core/monitor.h"
#include "frame_writer.h"
#include "process.h"
#include "region.h"
#include "shared_buffer.h"
#include "wakeup.h"

#define LAO__REGION_BYTES ((uint64_t)16 << 30) /* address space of a region; memory is taken as it is touched */
#define LAO__REGION_KEPT_BYTES ((uint64_t)256 << 20) /* what a request region keeps warm */

/* What the worker prints: the newest bytes. Shared by the workers of one plugin. */
typedef struct lao__output_log {
    pthread_mutex_t lock;
    char bytes[16384];
    uint64_t written; /* ever */
} lao__output_log_t;

typedef struct lao__worker_link {
    pthread_mutex_t lock; /* one exchange at a time */
    lao__process_t process;
    bool running;
    bool started_before; /* a further start is a restart */
    lao__memory_file_t signals;
    lao__memory_file_t requests;
    lao__region_t *responses;
    uint32_t sent; /* sequences */
    uint32_t seen;
    uint64_t *sent_buffers; /* ids of shared buffers that the worker has */
    uint32_t sent_buffer_count;
    uint32_t sent_buffer_capacity;
    lao__watch_t death;
    lao__watch_t output;
    lao__output_log_t *log;
    _Atomic bool dead; /* `end` is set */
    lao__process_end_t end;
} lao__worker_link_t;

void lao__worker_link_init(lao__worker_link_t *link, lao__output_log_t *log);
void lao__worker_link_deinit(lao__worker_link_t *link);

/* Starts the process. The rest of this header needs the link's lock, but for deinit. */
lao_status_t lao__worker_link_start(lao__worker_link_t *link, const char *executable, lao__error_t *error);

/* Kills the process, if it lives, and takes everything of it down; outputs that are held stay readable. */
void lao__worker_link_stop(lao__worker_link_t *link);

/* The request to fill; the writer behind it starts after the frame. */
lao__frame_request_t *lao__worker_link_request(lao__worker_link_t *link, uint32_t operation,
                                               lao__frame_writer_t *writer);

/* Writes an input: by reference where it lies in a shared buffer, by copy otherwise. The reference that keeps such a
 * buffer alive goes to `*buffer`; NULL otherwise. */
lao_status_t lao__worker_link_put_input(lao__worker_link_t *link, lao__frame_writer_t *writer, const lao_value_t *input,
                                        lao__frame_value_t *frame, lao__shared_buffer_t **buffer, lao__error_t *error);

/* Publishes the request and waits for the response, of which `*response` is the checked private copy (its value's shape
 * and strides up to the rank). Past the deadline, or once cancelled, the worker has `grace_ns` to answer, then it is
 * killed: LAO_TIMED_OUT or LAO_CANCELLED. LAO_CRASHED when it died, LAO_PROTOCOL_VIOLATION when it answered what it must
 * not; in all these cases the link is stopped. */
lao_status_t lao__worker_link_exchange(lao__worker_link_t *link, const lao__flight_t *flight, int64_t grace_ns,
                                       lao__frame_response_t *response, lao__error_t *error);

/* Copies up to `size` of the newest output bytes; returns how many. */
uint32_t lao__output_log_tail(lao__output_log_t *log, char *bytes, uint32_t size);

#endif
