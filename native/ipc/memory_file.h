/* Memory that two processes map: an anonymous file, sealed so that nobody can shrink it under the other. */
#ifndef LAO_IPC_MEMORY_FILE_H
#define LAO_IPC_MEMORY_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/error.h"

typedef struct lao__memory_file {
    int descriptor; /* -1: none */
    char *base;     /* NULL: not mapped */
    uint64_t size;  /* bytes; pages take memory only once they are touched */
} lao__memory_file_t;

/* Creates and maps a file. `warm_bytes` of it are touched at once. With `read_only_for_others`, mappings made from now on
 * cannot write. */
lao_status_t lao__memory_file_create(lao__memory_file_t *file, const char *name, uint64_t size, uint64_t warm_bytes,
                                     bool read_only_for_others, lao__error_t *error);

/* Maps a file that was received, after checking that it is sealed against shrinking and at least `size` bytes long; all
 * of it with size 0. Takes over the descriptor. */
lao_status_t lao__memory_file_map(lao__memory_file_t *file, int descriptor, uint64_t size, bool writable,
                                  lao__error_t *error);

/* Gives the memory of [from, to) back to the system; it reads as zero afterwards. */
void lao__memory_file_trim(lao__memory_file_t *file, uint64_t from, uint64_t to);

/* Bytes that have memory behind them: pages that were never touched are not there yet. */
uint64_t lao__memory_file_touched(const lao__memory_file_t *file);

void lao__memory_file_close(lao__memory_file_t *file);

#endif
