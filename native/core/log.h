/* The bounded log of plugins that run in this process: the newest lines, and a count of those that were dropped. */
#ifndef LAO_CORE_LOG_H
#define LAO_CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAO__LOG_LINES 512u
#define LAO__LOG_LINE_BYTES 512u

typedef struct lao__log_line {
    uint32_t level;
    char plugin[64];
    char text[LAO__LOG_LINE_BYTES]; /* cut, NUL-terminated */
} lao__log_line_t;

void lao__log_write(const char *plugin, uint32_t level, const char *text, uint64_t size);

/* Takes the oldest line out; false when there is none. */
bool lao__log_take(lao__log_line_t *line);

/* Lines that were dropped because nobody took them. */
uint64_t lao__log_dropped(void);

#endif
