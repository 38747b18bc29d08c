#include "lane.h"

#include <stdlib.h>
#include <string.h>

#include "../core/clock.h"
#include "worker_link.h"

#define LOOK_NS 20000000 /* a waiter looks at its cancel word this often */
#define VAIN_WAKES 32    /* in one call; signals are a reason for a few, and only a hostile worker for more */
#define REST_NS 1000000  /* between two looks from then on */

static uint64_t slice_of(const lao__lane_t *lane) {
    return lao__frame_slice(lane->link->requests.size, lane->link->lane_count);
}

static lao__frame_request_t *request_of(const lao__lane_t *lane) {
    return (lao__frame_request_t *)(lane->link->requests.base + lane->index * slice_of(lane));
}

static lao__lane_signals_t *signals_of(const lao__lane_t *lane) {
    return &((lao__signal_page_t *)lane->link->signals.base)->lanes[lane->index];
}

/* --- Requests --- */

lao__frame_request_t *lao__lane_request(lao__lane_t *lane, uint32_t operation, lao__frame_writer_t *writer) {
    lao__frame_request_t *request = request_of(lane);
    uint64_t begin = lane->index * slice_of(lane);
    memset(request, 0, offsetof(lao__frame_request_t, releases));
    request->operation = operation;
    request->input.kind = LAO_KIND_NONE;
    writer->base = lane->link->requests.base;
    writer->at = begin + LAO__FRAME_BYTES;
    writer->limit = begin + slice_of(lane);
    return request;
}

static bool has_buffer(const lao__worker_link_t *link, uint64_t id) {
    uint32_t index;
    for (index = 0; index < link->sent_buffer_count; index++) {
        if (link->sent_buffers[index] == id) {
            return true;
        }
    }
    return false;
}

static bool send_buffer(lao__worker_link_t *link, const lao__shared_buffer_t *buffer) {
    if (has_buffer(link, buffer->id)) {
        return true;
    }
    if (link->sent_buffer_count == link->sent_buffer_capacity) {
        uint32_t capacity = link->sent_buffer_capacity == 0 ? 16 : link->sent_buffer_capacity * 2;
        uint64_t *larger = realloc(link->sent_buffers, capacity * sizeof *larger);
        if (larger == NULL) {
            return false;
        }
        link->sent_buffers = larger;
        link->sent_buffer_capacity = capacity;
    }
    if (!lao__process_send(link->process.control, buffer->id, buffer->file.size, buffer->file.descriptor)) {
        return false;
    }
    link->sent_buffers[link->sent_buffer_count++] = buffer->id;
    return true;
}

/* Copies a large input into a memory file of its own, which ends with the call: of the region for requests, sealed against
 * writers, the kernel takes no memory back. */
static lao_status_t put_apart(const lao_value_t *input, lao__frame_value_t *frame, lao__shared_buffer_t **buffer,
                              lao__error_t *error) {
    lao__frame_writer_t writer = {.at = 0, .limit = lao__frame_payload_room(input)};
    lao_status_t status = lao__shared_buffer_create(writer.limit, buffer, error);
    if (status == LAO_OK) {
        writer.base = (*buffer)->file.base;
        status = lao__frame_put_payload(&writer, input, frame, error);
        frame->memory = (*buffer)->id;
    }
    return status;
}

static bool goes_apart(const lao__lane_t *lane, const lao__frame_writer_t *writer, const lao_value_t *input) {
    uint64_t room = lao__frame_payload_room(input);
    return room > LAO__FRAME_INLINE / 2 &&
           (room > LAO__APART_BYTES || room > slice_of(lane) / 2 || room > (writer->limit - writer->at) / 2);
}

static bool send_safely(lao__worker_link_t *link, const lao__shared_buffer_t *buffer) {
    bool sent;
    pthread_mutex_lock(&link->buffers_lock);
    sent = send_buffer(link, buffer);
    pthread_mutex_unlock(&link->buffers_lock);
    return sent;
}

/* Sends an open file ahead of the request that names it; 0 where that is not possible, and the path has to do. */
static uint64_t send_file(lao__worker_link_t *link, int descriptor) {
    uint64_t id = lao__shared_buffer_id();
    return lao__process_send(link->process.control, id, 0, descriptor) ? id : 0;
}

lao_status_t lao__lane_put_input(lao__lane_t *lane, lao__frame_writer_t *writer, const lao_value_t *input,
                                 lao__frame_value_t *frame, lao__shared_buffer_t **buffer, lao__error_t *error) {
    uint64_t size;
    const char *payload = lao__frame_payload(input, &size);
    lao_status_t status = lao__frame_put_head(writer, input, frame, error);
    *buffer = NULL;
    if (status != LAO_OK) {
        return status;
    }
    *buffer = size > 0 ? lao__shared_buffer_find(payload, size) : NULL;
    if (*buffer == NULL && goes_apart(lane, writer, input)) {
        status = put_apart(input, frame, buffer, error);
        if (status == LAO_OK && !send_safely(lane->link, *buffer)) {
            status = lao__fail(error, LAO_SYSTEM, "the memory of a large input cannot be sent");
        }
        return status;
    }
    if (*buffer != NULL && send_safely(lane->link, *buffer)) {
        lao__frame_place_t place = {(*buffer)->id, (uint64_t)(payload - (*buffer)->file.base)};
        lao__frame_put_place(input, place, frame);
        return LAO_OK;
    }
    if (*buffer != NULL) {
        lao__shared_buffer_release(*buffer);
        *buffer = NULL;
    }
    status = lao__frame_put_payload(writer, input, frame, error);
    if (status == LAO_OK && input->kind == LAO_KIND_FILE && input->file_handle >= 0) {
        frame->memory = send_file(lane->link, (int)input->file_handle);
    }
    return status;
}

lao__frame_value_t *lao__lane_part(lao__lane_t *lane) { return &request_of(lane)->input; }

void lao__lane_put_answer(lao__lane_t *lane, uint32_t answer) {
    lao__frame_request_t *request = request_of(lane);
    request->operation = LAO__FRAME_ANSWER;
    request->answer = answer;
    request->forget_count = 0;
}

void lao__lane_cancel(lao__lane_t *lane) {
    __atomic_store_n(&request_of(lane)->cancel, (uint32_t)LAO__CANCEL_ASKED, __ATOMIC_RELEASE);
}

bool lao__lane_is_late(const lao__lane_t *lane) {
    return __atomic_load_n(&request_of(lane)->cancel, __ATOMIC_RELAXED) == (uint32_t)LAO__CANCEL_DEADLINE;
}

/* Tells the worker, with the next request, which buffers are gone. */
static void put_forgotten(lao__worker_link_t *link, lao__frame_request_t *request) {
    uint32_t index = 0;
    pthread_mutex_lock(&link->buffers_lock);
    while (index < link->sent_buffer_count && request->forget_count < LAO__FRAME_RELEASES) {
        if (lao__shared_buffer_is_gone(link->sent_buffers[index])) {
            request->forgotten[request->forget_count++] = link->sent_buffers[index];
            link->sent_buffers[index] = link->sent_buffers[--link->sent_buffer_count];
        } else {
            index++;
        }
    }
    pthread_mutex_unlock(&link->buffers_lock);
}

/* --- Exchange --- */

lao_status_t lao__lane_violated(lao__lane_t *lane, lao__error_t *error) {
    lao__worker_link_end(lane->link, 0, LAO__END_VIOLATION, lane->index);
    return error->status;
}

static void rest_until(int64_t until_ns, int64_t now_ns) {
    int64_t left_ns = until_ns - now_ns < REST_NS ? until_ns - now_ns : REST_NS;
    struct timespec rest = lao__timespec_of(left_ns);
    nanosleep(&rest, NULL);
}

static _Atomic uint32_t waiting; /* threads of this process whose answers did not come at once */

/* Watches for the answer as long as that pays. Capabilities take about as long each time: where that is not long, the
 * wake-up after the answer is worth avoiding, unless others have work for this CPU. `*is_counted`: the caller is among those
 * that wait. */
static bool comes_soon(const lao__lane_t *lane, lao__signal_t *signal, int64_t left_ns, bool *is_counted,
                       uint32_t *sequence) {
    bool is_quick = lane->took_ns > 0 && lane->took_ns < LAO__LONGEST_SPIN_NS && left_ns > LAO__LONGEST_SPIN_NS;
    if (lao__signal_watch(signal, lane->seen, left_ns < LAO__SPIN_NS ? left_ns : LAO__SPIN_NS, sequence)) {
        return true;
    }
    if (*is_counted) {
        return false;
    }
    *is_counted = true;
    return atomic_fetch_add(&waiting, 1) == 0 && is_quick &&
           lao__signal_watch(signal, lane->seen, LAO__LONGEST_SPIN_NS - LAO__SPIN_NS, sequence);
}

/* The wait, with its three steps: the cancel word, the grace period, the end of the worker. */
static lao_status_t wait_for_response(lao__lane_t *lane, int64_t deadline_ns, const lao__flight_t *flight,
                                      int64_t grace_ns, bool woke_it, lao__error_t *error) {
    lao__frame_request_t *request = request_of(lane);
    lao__signal_t *signal = &signals_of(lane)->to_host;
    int64_t now_ns = lao__now_ns();
    const int64_t began_ns = now_ns;
    bool is_counted = false;
    int64_t kill_ns = LAO__NO_DEADLINE;
    uint32_t reason = LAO__CANCEL_NONE;
    uint32_t vain_wakes = 0;
    uint32_t sequence;
    while (true) {
        int64_t next_ns = now_ns + LOOK_NS;
        int64_t step_ns = reason == LAO__CANCEL_NONE ? deadline_ns : kill_ns;
        int64_t until_ns = next_ns < step_ns ? next_ns : step_ns;
        if (!woke_it && vain_wakes == 0 && comes_soon(lane, signal, until_ns - now_ns, &is_counted, &sequence)) {
            break;
        }
        if (lao__signal_park(signal, lane->seen, until_ns, &sequence) == LAO__WAIT_CHANGED) {
            break;
        }
        now_ns = lao__now_ns();
        if (now_ns < until_ns &&
            ++vain_wakes > VAIN_WAKES) { /* it is woken without end: it turns in no circles for that */
            rest_until(until_ns, now_ns);
            now_ns = lao__now_ns();
        }
        if (reason == LAO__CANCEL_NONE) {
            reason = now_ns >= deadline_ns ? (uint32_t)LAO__CANCEL_DEADLINE
                                           : (flight != NULL ? lao__flight_cancelled(flight) : 0);
            if (reason != LAO__CANCEL_NONE) {
                __atomic_store_n(&request->cancel, reason, __ATOMIC_RELEASE);
                kill_ns = now_ns + grace_ns;
            }
        } else if (now_ns >= kill_ns) {
            lao__worker_link_end(lane->link, 0, reason == LAO__CANCEL_DEADLINE ? LAO__END_DEADLINE : LAO__END_CANCELLED,
                                 lane->index);
            kill_ns = now_ns + grace_ns; /* where even killing takes its time */
        }
    }
    if (is_counted) {
        atomic_fetch_sub(&waiting, 1);
    }
    if (sequence == LAO__SIGNAL_DEAD >> 1) {
        if (!atomic_load(&lane->link->dead)) { /* the worker wrote the mark itself */
            lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker claims to be dead");
            return lao__lane_violated(lane, error);
        }
        return lao__worker_link_explain(lane->link, lane->index, error);
    }
    if (sequence != lao__signal_next(lane->seen)) {
        lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker answered out of turn");
        return lao__lane_violated(lane, error);
    }
    lane->seen = sequence;
    lane->took_ns = woke_it || is_counted ? lao__now_ns() - began_ns : LAO__SPIN_NS;
    return LAO_OK;
}

lao_status_t lao__lane_check_late(lao__lane_t *lane, const lao__flight_t *flight, int64_t grace_ns, int64_t *kill_ns,
                                  lao__error_t *error) {
    int64_t now_ns = lao__now_ns();
    bool late = now_ns >= flight->deadline_ns;
    uint32_t reason = late ? (uint32_t)LAO__CANCEL_DEADLINE : lao__flight_cancelled(flight);
    if (reason == LAO__CANCEL_NONE) {
        return LAO_OK;
    }
    if (*kill_ns == LAO__NO_DEADLINE) {
        __atomic_store_n(&request_of(lane)->cancel, reason, __ATOMIC_RELEASE);
        *kill_ns = now_ns + grace_ns;
    }
    if (now_ns < *kill_ns) {
        return LAO_OK;
    }
    lao__worker_link_end(lane->link, 0, reason == LAO__CANCEL_DEADLINE ? LAO__END_DEADLINE : LAO__END_CANCELLED,
                         lane->index);
    return lao__worker_link_explain(lane->link, lane->index, error);
}

static lao_status_t copy_response(lao__lane_t *lane, lao__frame_response_t *response, lao__error_t *error) {
    const lao__memory_file_t *file = &lane->link->responses->file;
    const lao__frame_response_t *shared =
        (const lao__frame_response_t *)(file->base + (uint64_t)lane->index * LAO__FRAME_INLINE);
    memcpy(response, shared, offsetof(lao__frame_response_t, value));
    lao__frame_copy_value(&response->value, &shared->value);
    if (response->sequence != lane->sent || response->operation < LAO__FRAME_RESULT ||
        response->operation > LAO__FRAME_PULL) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker sent a frame that answers nothing");
    }
    if (!lao__frame_span_fits(response->error, file->size)) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker's error text lies outside of its memory");
    }
    if (response->value.memory != 0) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker named memory that is not its own");
    }
    return lao__frame_check_value(&response->value, file->size, file->size, error);
}

lao_status_t lao__lane_exchange(lao__lane_t *lane, int64_t deadline_ns, const lao__flight_t *flight, int64_t grace_ns,
                                lao__frame_response_t *response, lao__error_t *error) {
    lao__frame_request_t *request = request_of(lane);
    lao_status_t status;
    bool woke_it;
    request->release_count = lao__region_take_pending(lane->link->responses, request->releases, LAO__FRAME_RELEASES);
    if (atomic_load_explicit(&lane->link->sent_buffer_count, memory_order_relaxed) > 0) {
        put_forgotten(lane->link, request);
    }
    lane->sent = lao__signal_next(lane->sent);
    request->sequence = lane->sent;
    woke_it = lao__signal_publish(&signals_of(lane)->to_worker, lane->sent);
    status = wait_for_response(lane, deadline_ns, flight, grace_ns, woke_it, error);
    if (status != LAO_OK) {
        return status;
    }
    status = copy_response(lane, response, error);
    return status == LAO_OK ? LAO_OK : lao__lane_violated(lane, error);
}
