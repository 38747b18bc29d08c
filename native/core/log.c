#include "log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct {
    pthread_mutex_t lock;
    lao__log_line_t lines[LAO__LOG_LINES];
    uint64_t written; /* lines ever written */
    uint64_t taken;   /* lines ever taken or dropped */
    uint64_t dropped;
} journal = {.lock = PTHREAD_MUTEX_INITIALIZER};

void lao__log_write(const char *plugin, uint32_t level, const char *text, uint64_t size) {
    lao__log_line_t *line;
    size_t kept = size < LAO__LOG_LINE_BYTES - 1 ? (size_t)size : LAO__LOG_LINE_BYTES - 1;
    pthread_mutex_lock(&journal.lock);
    if (journal.written - journal.taken == LAO__LOG_LINES) {
        journal.taken++;
        journal.dropped++;
    }
    line = &journal.lines[journal.written % LAO__LOG_LINES];
    journal.written++;
    line->level = level;
    snprintf(line->plugin, sizeof line->plugin, "%s", plugin);
    memcpy(line->text, text, kept);
    line->text[kept] = '\0';
    pthread_mutex_unlock(&journal.lock);
}

bool lao__log_take(lao__log_line_t *line) {
    bool found;
    pthread_mutex_lock(&journal.lock);
    found = journal.taken < journal.written;
    if (found) {
        *line = journal.lines[journal.taken % LAO__LOG_LINES];
        journal.taken++;
    }
    pthread_mutex_unlock(&journal.lock);
    return found;
}

uint64_t lao__log_dropped(void) {
    uint64_t dropped;
    pthread_mutex_lock(&journal.lock);
    dropped = journal.dropped;
    pthread_mutex_unlock(&journal.lock);
    return dropped;
}
