#include "worker_link.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/clock.h"

#define LOOK_NS 20000000          /* a waiter looks at its cancel word this often */
#define LATE_DEATH_NS 2000000000  /* a killed process is gone by then */

/* --- What the worker prints --- */

static void log_bytes(lao__output_log_t *log, const char *bytes, size_t size) {
    size_t index;
    pthread_mutex_lock(&log->lock);
    for (index = 0; index < size; index++) {
        log->bytes[log->written++ % sizeof log->bytes] = bytes[index];
    }
    pthread_mutex_unlock(&log->lock);
}

uint32_t lao__output_log_tail(lao__output_log_t *log, char *bytes, uint32_t size) {
    uint64_t kept;
    uint32_t index;
    pthread_mutex_lock(&log->lock);
    kept = log->written < sizeof log->bytes ? log->written : sizeof log->bytes;
    kept = kept < size ? kept : size;
    for (index = 0; index < kept; index++) {
        bytes[index] = log->bytes[(log->written - kept + index) % sizeof log->bytes];
    }
    pthread_mutex_unlock(&log->lock);
    return (uint32_t)kept;
}

/* Reads what is there, at most a pipe full at a time: a worker that never stops printing must not keep us here. */
static bool drain_output(lao__worker_link_t *link) {
    char bytes[4096];
    int round;
    for (round = 0; round < 16; round++) {
        ssize_t size = read(link->process.output, bytes, sizeof bytes);
        if (size <= 0) {
            return size < 0 && (errno == EAGAIN || errno == EINTR);
        }
        log_bytes(link->log, bytes, (size_t)size);
    }
    return true;
}

static bool output_ready(lao__watch_t *watch) { return drain_output(watch->context); }

/* --- Life and death --- */

static lao__signal_page_t *page_of(lao__worker_link_t *link) { return (lao__signal_page_t *)link->signals.base; }

static bool death_ready(lao__watch_t *watch) {
    lao__worker_link_t *link = watch->context;
    drain_output(link);
    link->end = lao__process_reap(&link->process);
    atomic_store(&link->dead, true);
    lao__signal_kill(&page_of(link)->to_host);
    return false;
}

void lao__worker_link_init(lao__worker_link_t *link, lao__output_log_t *log) {
    memset(link, 0, sizeof *link);
    pthread_mutex_init(&link->lock, NULL);
    link->log = log;
    link->process.handle = link->process.control = link->process.output = -1;
    link->signals.descriptor = link->requests.descriptor = -1;
}

static void drop_memory(lao__worker_link_t *link) {
    if (link->responses != NULL) {
        lao__region_orphan(link->responses);
        lao__region_release(link->responses);
        link->responses = NULL;
    }
    lao__memory_file_close(&link->signals);
    lao__memory_file_close(&link->requests);
    lao__process_close(&link->process);
    link->sent_buffer_count = 0;
}

void lao__worker_link_deinit(lao__worker_link_t *link) {
    drop_memory(link);
    free(link->sent_buffers);
    pthread_mutex_destroy(&link->lock);
}

static lao_status_t make_memory(lao__worker_link_t *link, lao__error_t *error) {
    lao_status_t status = lao__memory_file_create(&link->signals, "lao-signals", 4096, 4096, false, error);
    if (status == LAO_OK) {
        status =
            lao__memory_file_create(&link->requests, "lao-requests", LAO__REGION_BYTES, LAO__FRAME_INLINE, true, error);
    }
    if (status == LAO_OK) {
        status = lao__region_create(LAO__REGION_BYTES, LAO__FRAME_INLINE, &link->responses, error);
    }
    return status;
}

lao_status_t lao__worker_link_start(lao__worker_link_t *link, const char *executable, lao__error_t *error) {
    lao_status_t status = make_memory(link, error);
    if (status == LAO_OK) {
        status = lao__process_start(executable, link->signals.descriptor, link->requests.descriptor,
                                    link->responses->file.descriptor, &link->process, error);
    }
    if (status != LAO_OK) {
        drop_memory(link);
        return status;
    }
    link->sent = 0;
    link->seen = 0;
    link->running = true;
    atomic_store(&link->dead, false);
    memset(&link->end, 0, sizeof link->end);
    link->death = (lao__watch_t){.descriptor = link->process.handle, .ready = death_ready, .context = link};
    link->output = (lao__watch_t){.descriptor = link->process.output, .ready = output_ready, .context = link};
    lao__monitor_add_watch(&link->death);
    lao__monitor_add_watch(&link->output);
    return LAO_OK;
}

void lao__worker_link_stop(lao__worker_link_t *link) {
    int64_t until_ns = lao__now_ns() + LATE_DEATH_NS;
    if (!link->running) {
        return;
    }
    if (!atomic_load(&link->dead)) {
        lao__process_kill(&link->process);
        while (!atomic_load(&link->dead) && lao__now_ns() < until_ns) {
            usleep(100);
        }
    }
    /* A process that somebody traces is dead before its parent may reap it. */
    while (atomic_load(&link->dead) && !link->end.known && lao__now_ns() < until_ns) {
        link->end = lao__process_reap(&link->process);
        usleep(100);
    }
    lao__monitor_remove_watch(&link->death);
    lao__monitor_remove_watch(&link->output);
    drop_memory(link);
    link->running = false;
}

/* --- Requests --- */

lao__frame_request_t *lao__worker_link_request(lao__worker_link_t *link, uint32_t operation,
                                               lao__frame_writer_t *writer) {
    lao__frame_request_t *request = (lao__frame_request_t *)link->requests.base;
    memset(request, 0, offsetof(lao__frame_request_t, releases));
    request->operation = operation;
    request->input.kind = LAO_KIND_NONE;
    writer->base = link->requests.base;
    writer->at = LAO__FRAME_BYTES;
    writer->limit = link->requests.size;
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

lao_status_t lao__worker_link_put_input(lao__worker_link_t *link, lao__frame_writer_t *writer, const lao_value_t *input,
                                        lao__frame_value_t *frame, lao__shared_buffer_t **buffer, lao__error_t *error) {
    uint64_t size;
    const char *payload = lao__frame_payload(input, &size);
    lao_status_t status = lao__frame_put_head(writer, input, frame, error);
    *buffer = NULL;
    if (status != LAO_OK) {
        return status;
    }
    *buffer = size > 0 ? lao__shared_buffer_find(payload, size) : NULL;
    if (*buffer != NULL && send_buffer(link, *buffer)) {
        lao__frame_place_t place = {(*buffer)->id, (uint64_t)(payload - (*buffer)->file.base)};
        lao__frame_put_place(input, place, frame);
        return LAO_OK;
    }
    if (*buffer != NULL) {
        lao__shared_buffer_release(*buffer);
        *buffer = NULL;
    }
    return lao__frame_put_payload(writer, input, frame, error);
}

/* Tells the worker, with the next request, which buffers are gone. */
static void put_forgotten(lao__worker_link_t *link, lao__frame_request_t *request) {
    uint32_t index = 0;
    while (index < link->sent_buffer_count && request->forget_count < LAO__FRAME_RELEASES) {
        if (lao__shared_buffer_is_gone(link->sent_buffers[index])) {
            request->forgotten[request->forget_count++] = link->sent_buffers[index];
            link->sent_buffers[index] = link->sent_buffers[--link->sent_buffer_count];
        } else {
            index++;
        }
    }
}

/* --- Exchange --- */

static lao_status_t died(lao__worker_link_t *link, lao__error_t *error) {
    lao__process_end_t end = link->end;
    lao__worker_link_stop(link);
    if (!end.known) {
        lao__fail(error, LAO_CRASHED, "its worker process died");
    } else if (end.signal != 0) {
        const char *name = sigabbrev_np(end.signal);
        lao__fail(error, LAO_CRASHED, "its worker process was ended by SIG%s", name != NULL ? name : "?");
    } else {
        lao__fail(error, LAO_CRASHED, "its worker process exited with code %d in the middle of a call", end.exit_code);
    }
    error->signal = end.signal;
    error->exit_code = end.exit_code;
    return LAO_CRASHED;
}

static lao_status_t broke_protocol(lao__worker_link_t *link, lao__error_t *error) {
    lao__worker_link_stop(link);
    return error->status;
}

/* The wait, with its three steps: the cancel word, the grace period, the end of the worker. */
static lao_status_t wait_for_response(lao__worker_link_t *link, const lao__flight_t *flight, int64_t grace_ns,
                                      lao__error_t *error) {
    lao__frame_request_t *request = (lao__frame_request_t *)link->requests.base;
    lao__signal_t *signal = &page_of(link)->to_host;
    int64_t deadline_ns = flight->deadline_ns;
    int64_t kill_ns = LAO__NO_DEADLINE;
    uint32_t reason = LAO__CANCEL_NONE;
    uint32_t sequence;
    while (true) {
        int64_t now_ns = lao__now_ns();
        int64_t next_ns = now_ns + LOOK_NS;
        int64_t step_ns = reason == LAO__CANCEL_NONE ? deadline_ns : kill_ns;
        if (lao__signal_wait(signal, link->seen, next_ns < step_ns ? next_ns : step_ns, &sequence) ==
            LAO__WAIT_CHANGED) {
            break;
        }
        now_ns = lao__now_ns();
        if (reason == LAO__CANCEL_NONE) {
            reason = now_ns >= deadline_ns ? (uint32_t)LAO__CANCEL_DEADLINE : lao__flight_cancelled(flight);
            if (reason != LAO__CANCEL_NONE) {
                __atomic_store_n(&request->cancel, reason, __ATOMIC_RELEASE);
                kill_ns = now_ns + grace_ns;
            }
        } else if (now_ns >= kill_ns) {
            lao__worker_link_stop(link);
            return reason == LAO__CANCEL_DEADLINE
                       ? lao__fail(error, LAO_TIMED_OUT, "the deadline passed; its worker was ended")
                       : lao__fail(error, LAO_CANCELLED, "the call was cancelled; its worker was ended");
        }
    }
    if (sequence == LAO__SIGNAL_DEAD >> 1) {
        return died(link, error);
    }
    if (sequence != lao__signal_next(link->seen)) {
        lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker answered out of turn");
        return broke_protocol(link, error);
    }
    link->seen = sequence;
    return LAO_OK;
}

static lao_status_t copy_response(lao__worker_link_t *link, lao__frame_response_t *response, lao__error_t *error) {
    const lao__frame_response_t *shared = (const lao__frame_response_t *)link->responses->file.base;
    uint64_t size = link->responses->file.size;
    memcpy(response, shared, offsetof(lao__frame_response_t, value));
    lao__frame_copy_value(&response->value, &shared->value);
    if (response->sequence != link->sent ||
        (response->operation != LAO__FRAME_RESULT && response->operation != LAO__FRAME_PART)) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker sent a frame that answers nothing");
    }
    if (!lao__frame_span_fits(response->error, size)) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker's error text lies outside of its memory");
    }
    if (response->value.memory != 0) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker named memory that is not its own");
    }
    return lao__frame_check_value(&response->value, size, size, error);
}

lao_status_t lao__worker_link_exchange(lao__worker_link_t *link, const lao__flight_t *flight, int64_t grace_ns,
                                       lao__frame_response_t *response, lao__error_t *error) {
    lao__frame_request_t *request = (lao__frame_request_t *)link->requests.base;
    lao_status_t status;
    request->release_count = lao__region_take_pending(link->responses, request->releases, LAO__FRAME_RELEASES);
    if (link->sent_buffer_count > 0) {
        put_forgotten(link, request);
    }
    link->sent = lao__signal_next(link->sent);
    request->sequence = link->sent;
    lao__signal_publish(&page_of(link)->to_worker, link->sent);
    status = wait_for_response(link, flight, grace_ns, error);
    if (status != LAO_OK) {
        return status;
    }
    status = copy_response(link, response, error);
    return status == LAO_OK ? LAO_OK : broke_protocol(link, error);
}
