/* Streams, progress and events in single calls. Each asks for its service anew, so that a right that was taken away is
 * gone. */
#ifndef LAO_C_SERVICES_H
#define LAO_C_SERVICES_H

#include "../ext/events.h"
#include "../ext/services.h"
#include "../ext/stream.h"
#include "give.h"

/* Says how far a call is; nothing happens when nobody listens. [thread: call] */
static inline void lao_progress(const lao_host_t *host, const lao_request_t *request, double fraction,
                                const char *text) {
    const lao_progress_host_t *service = (const lao_progress_host_t *)host->get_extension(host, LAO_EXT_PROGRESS);
    if (service != NULL) {
        service->report(request->call, fraction, text);
    }
}

/* Emits an event that the manifest declares; `json` is its data. [thread: any] */
static inline lao_status_t lao_emit(const lao_host_t *host, const char *name, const char *json, uint64_t size) {
    const lao_events_host_t *service = (const lao_events_host_t *)host->get_extension(host, LAO_EXT_EVENTS);
    return service != NULL ? service->emit(host, name, json, size) : (lao_status_t)LAO_PERMISSION_DENIED;
}

static inline void lao_value_release(lao_value_t *value) {
    if (value->release != NULL) {
        value->release(value);
        value->release = NULL;
    }
}

/* Hands one part to the consumer; the part is gone then, whatever is answered (LAO_STREAM_*). [thread: call] */
static inline uint32_t lao_send(const lao_host_t *host, const lao_request_t *request, lao_value_t *part) {
    const lao_stream_host_t *service = (const lao_stream_host_t *)host->get_extension(host, LAO_EXT_STREAM);
    const uint32_t answer = service != NULL ? service->push(request->call, part, 0) : (uint32_t)LAO_STREAM_ERROR;
    if (answer == LAO_STREAM_ERROR) {
        lao_value_release(part);
    }
    return answer;
}

/* The same with a copy of `size` bytes. */
static inline uint32_t lao_send_copy(const lao_host_t *host, const lao_request_t *request, uint32_t kind,
                                     const void *data, uint64_t size) {
    lao_value_t part, *slot = &part;
    lao_response_t response;
    memset(&part, 0, sizeof part);
    memset(&response, 0, sizeof response);
    part.struct_size = sizeof part;
    part.file_handle = -1;
    response.struct_size = sizeof response;
    response.output_capacity = 1;
    response.outputs = &slot;
    if (lao_give_copy(host, &response, kind, data, size) != LAO_OK) {
        return LAO_STREAM_ERROR;
    }
    return lao_send(host, request, &part);
}

/* The next part of an input that comes in parts; the plugin releases `part` with lao_value_release. An input that came
 * whole is the first part: `*whole` counts them, and begins as 0. LAO_STREAM_CONTINUE; LAO_STREAM_STOP: there is no more,
 * or the call was cancelled; LAO_STREAM_ERROR. [thread: call] */
static inline uint32_t lao_receive(const lao_host_t *host, const lao_request_t *request, uint32_t *whole,
                                   lao_value_t *part) {
    const lao_stream_host_t *service = (const lao_stream_host_t *)host->get_extension(host, LAO_EXT_STREAM);
    memset(part, 0, sizeof *part);
    part->struct_size = sizeof *part;
    part->file_handle = -1;
    if (*whole < request->input_count) {
        const lao_value_t *input = request->inputs[(*whole)++];
        memcpy(part, input, input->struct_size < sizeof *part ? input->struct_size : sizeof *part);
        part->struct_size = sizeof *part;
        part->release = NULL; /* it stays the caller's */
        return LAO_STREAM_CONTINUE;
    }
    return service != NULL ? service->pull(request->call, part, 0) : (uint32_t)LAO_STREAM_ERROR;
}

#endif /* LAO_C_SERVICES_H */
