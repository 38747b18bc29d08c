#include "output_log.h"

#include <string.h>

void lao__output_log_init(lao__output_log_t *log) {
    pthread_mutex_init(&log->lock, NULL);
    log->written = 0;
}

void lao__output_log_deinit(lao__output_log_t *log) { pthread_mutex_destroy(&log->lock); }

void lao__output_log_write(lao__output_log_t *log, const char *bytes, uint64_t size) {
    pthread_mutex_lock(&log->lock);
    while (size > 0) {
        uint64_t at = log->written % sizeof log->bytes;
        uint64_t room = sizeof log->bytes - at;
        uint64_t part = size < room ? size : room;
        memcpy(log->bytes + at, bytes, (size_t)part);
        log->written += part;
        bytes += part;
        size -= part;
    }
    pthread_mutex_unlock(&log->lock);
}

uint32_t lao__output_log_tail(lao__output_log_t *log, char *bytes, uint32_t size) {
    uint64_t kept;
    uint64_t index;
    pthread_mutex_lock(&log->lock);
    kept = log->written < sizeof log->bytes ? log->written : sizeof log->bytes;
    kept = kept < size ? kept : size;
    for (index = 0; index < kept; index++) {
        bytes[index] = log->bytes[(log->written - kept + index) % sizeof log->bytes];
    }
    pthread_mutex_unlock(&log->lock);
    return (uint32_t)kept;
}

void lao__output_log_count(lao__output_log_t *log, uint64_t *written, uint64_t *dropped) {
    pthread_mutex_lock(&log->lock);
    *written = log->written;
    *dropped = log->written > sizeof log->bytes ? log->written - sizeof log->bytes : 0;
    pthread_mutex_unlock(&log->lock);
}
