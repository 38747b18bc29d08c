/* One lane of a worker: the frames of one call at a time. A worker whose plugin may run several calls at once has
 * several. */
#ifndef LAO_IPC_LANE_H
#define LAO_IPC_LANE_H

#include "../core/call.h"
#include "frame_writer.h"
#include "shared_buffer.h"

/* Larger inputs do not go into the region for requests; nor do those that would take half of the lane's share of it. */
#define LAO__APART_BYTES ((uint64_t)256 << 20)

struct lao__worker_link;

typedef struct lao__lane {
    struct lao__worker_link *link;
    uint32_t index;
    _Atomic uint32_t busy; /* somebody has it */
    uint32_t sent;         /* sequences */
    uint32_t seen;
    int64_t took_ns;       /* from the last request to its answer, about; 0: there was none */
} lao__lane_t;

/* All of this needs the lane, and a worker that is not taken down meanwhile: link->users counts the caller. */

/* The request to fill; the writer behind it starts after the frame. */
lao__frame_request_t *lao__lane_request(lao__lane_t *lane, uint32_t operation, lao__frame_writer_t *writer);

/* Writes an input: by reference where it lies in a shared buffer, by copy otherwise (a large one into a shared
 * buffer made for it). The reference that keeps such a buffer alive goes to `*buffer`; NULL otherwise. */
lao_status_t lao__lane_put_input(lao__lane_t *lane, lao__frame_writer_t *writer, const lao_value_t *input,
                                 lao__frame_value_t *frame, lao__shared_buffer_t **buffer, lao__error_t *error);

/* Where an answer's part of the input goes. */
lao__frame_value_t *lao__lane_part(lao__lane_t *lane);

/* Turns the last request into the answer to a part: its inputs stay as they are, since the call still reads them. */
void lao__lane_put_answer(lao__lane_t *lane, uint32_t answer);

/* Publishes the request and waits for the response, of which `*response` is the checked private copy (its value's shape
 * and strides up to the rank). Past the deadline, or once `flight` (may be NULL) is cancelled, the worker has `grace_ns`
 * to answer, then it is ended: LAO_TIMED_OUT or LAO_CANCELLED. When it died: LAO_CRASHED, LAO_LIMIT_EXCEEDED, or
 * LAO_WORKER_RESTARTED where another call was the reason. LAO_PROTOCOL_VIOLATION when it answered what it must not; it
 * is ended then as well. */
lao_status_t lao__lane_exchange(lao__lane_t *lane, int64_t deadline_ns, const lao__flight_t *flight, int64_t grace_ns,
                                lao__frame_response_t *response, lao__error_t *error);

/* Sets the cancel word of the call that is in the lane; one that begins just now may miss it. */
void lao__lane_cancel(lao__lane_t *lane);

/* Between two parts of a stream: a call that is late or cancelled has `grace_ns` from the first time that this sees it
 * (kept in `*kill_ns`, LAO__NO_DEADLINE at first), however fast its parts come; then its worker is ended as above. */
lao_status_t lao__lane_check_late(lao__lane_t *lane, const lao__flight_t *flight, int64_t grace_ns, int64_t *kill_ns,
                                  lao__error_t *error);

/* The deadline passed before the answer came: nobody gets it any more. */
bool lao__lane_is_late(const lao__lane_t *lane);

/* Ends the worker for what it did on this lane; `error` says it. */
lao_status_t lao__lane_violated(lao__lane_t *lane, lao__error_t *error);

#endif
