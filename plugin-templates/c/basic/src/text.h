/* What the plugin does with text, apart from everything about plugins. All text is UTF-8. */
#ifndef TEXT_H
#define TEXT_H

#include <stdint.h>

enum { MODE_UPPER, MODE_LOWER, MODE_TITLE, MODE_REVERSE, MODE_SLUG, MODE_COUNT };

typedef struct counts {
    uint64_t bytes;
    uint64_t characters;
    uint64_t words; /* parted by white space */
    uint64_t lines;
} counts_t;

/* The mode of that name, or -1. */
int text_mode(const char *name);

/* Writes the changed text to `to`, which has room for twice `size`, and returns its size in bytes. */
uint64_t text_change(int mode, const char *text, uint64_t size, char *to);

/* Moves `*text` and `*size` past the white space around. */
void text_trim(const char **text, uint64_t *size);

counts_t text_count(const char *text, uint64_t size);

#endif
