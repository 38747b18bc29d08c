/* What the workers of one plugin print: the newest bytes, and a count of those that nobody can read any more. */
#ifndef LAO_IPC_OUTPUT_LOG_H
#define LAO_IPC_OUTPUT_LOG_H

#include <pthread.h>
#include <stdint.h>

#define LAO__OUTPUT_LOG_BYTES 16384u

typedef struct lao__output_log {
    pthread_mutex_t lock;
    char bytes[LAO__OUTPUT_LOG_BYTES];
    uint64_t written; /* ever */
} lao__output_log_t;

void lao__output_log_init(lao__output_log_t *log);
void lao__output_log_deinit(lao__output_log_t *log);
void lao__output_log_write(lao__output_log_t *log, const char *bytes, uint64_t size);

/* Copies up to `size` of the newest bytes; returns how many. */
uint32_t lao__output_log_tail(lao__output_log_t *log, char *bytes, uint32_t size);

/* Bytes ever written, and how many of them were pushed out by newer ones. */
void lao__output_log_count(lao__output_log_t *log, uint64_t *written, uint64_t *dropped);

#endif
